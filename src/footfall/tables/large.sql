-- The statements about one kept count have the names of KeptCount in braces, as those of counts.sql.

-- name: settings
-- A chunk of pages is read directly, by one process, so that the values of every column come in the same order.
select
    pg_catalog.set_config('enable_tidscan', 'on', true) as enable_tidscan,
    pg_catalog.set_config('max_parallel_workers_per_gather', '0', true) as max_parallel_workers_per_gather

-- name: pages
select
    pg_catalog.pg_relation_size({name}::pg_catalog.regclass)
    / pg_catalog.current_setting('block_size')::bigint as pages

-- name: keys
-- Each column of the key as one value: its fields in the server's binary form, one after the other.
select
    pg_catalog.count(*) as keys,
    {columns}
from {table}
where
    ctid >= %(first)s::tid
    and ctid < %(after)s::tid

-- name: fields
pg_catalog.string_agg({send}, ''::bytea) as {column}

-- name: lengths
pg_catalog.string_agg(pg_catalog.int4send(pg_catalog.octet_length({column})), ''::bytea) as {lengths}

-- name: create_known
create {kind} table {known} (like {table}) {on_commit}

-- name: copy_known
copy {known} ({key}, interaction_count{measures}) from stdin (format binary)

-- name: analyze_known
analyze {known}

-- name: add_known
update {table}
set interaction_count = {table}.interaction_count + excluded.interaction_count{joined_measures}
from {known} as excluded
where ({table_key}) = ({excluded_key})

-- name: copy_new
copy {table} ({key}, interaction_count{measures}) from stdin (format binary)

-- name: drop_known
drop table {known}
