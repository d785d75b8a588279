-- name: state
-- A digest that is the same as long as no load came or went.
select pg_catalog.encode(
    pg_catalog.sha256(
        pg_catalog.convert_to(
            coalesce(
                pg_catalog.string_agg(
                    load_id::text || ' ' || status || ' ' || digest || ' ' || rows_loaded::text, e'\n'::text order by load_id
                ),
                ''::text
            ),
            'UTF8'::name
        )
    ),
    'hex'::text
) as state
from loads
where status <> 'failed'

-- name: ends
-- Where the data begin and end, by the clock of the time zone; nulls without interactions.
select
    data_since at time zone %(time_zone)s::text as first_at,
    data_until at time zone %(time_zone)s::text as last_at
from data_ends()

-- name: open_failures
-- Files of which nothing is loaded: the last attempt failed, and no later load brought the same bytes or the same name.
select
    f.source,
    f.error
from loads as f
where
    f.status = 'failed'
    and not exists (
        select
        from loads as l
        where
            l.load_id > f.load_id
            and (l.source = f.source or (l.status = 'loaded' and l.digest = f.digest))
    )
order by f.load_id desc
limit %(limit)s::bigint
