-- The options of a schema. {table}, {key} and {measures} are those of a kept count.

-- name: options_on
select name
from footfall_options
where is_on

-- name: set_option
insert into footfall_options (name, is_on)
values (%(name)s::text, %(is_on)s::boolean)
on conflict (name) do update
    set is_on = excluded.is_on

-- name: empty
delete from {table}

-- name: prepare
-- At least 256 MB to group rows in, and never less than the server's setting.
select
    pg_catalog.set_config(
        'work_mem',
        (greatest(
            pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')), pg_catalog.pg_size_bytes('256MB')
        ) / 1024::bigint)::text || 'kB',
        true
    ) as work_mem

-- name: fill
insert into {table} ({key}, interaction_count{measures})
select
    {key},
    interaction_count{measures}
from (
    {recount}
) as r
order by {key}

-- name: analyze
analyze {table}
