-- What a question is asked with, worked out by the server that answers it.

-- name: resolve_bounds
-- The bounds as the session's time zone shows them. A time without an offset is one of that time zone.
with given as (
    select
        coalesce(
            %(since)s::timestamptz,
            first_instant(%(since_local)s::timestamp, pg_catalog.current_setting('TimeZone'))
        ) as since,
        coalesce(
            %(until)s::timestamptz,
            first_instant(%(until_local)s::timestamp, pg_catalog.current_setting('TimeZone'))
        ) as until
)
select
    since::text as since,
    until::text as until,
    since > until as are_reversed
from given

-- name: offset_changes
-- When the offset of a time zone changes, by the server's data: the days in UTC at whose beginning it is another.
with offsets as (
    select
        day,
        pg_catalog.date_part('epoch'::text, (day at time zone 'UTC' at time zone %(time_zone)s::text) - day)::bigint as offset_s
    from pg_catalog.generate_series('1970-01-01'::timestamp, %(until)s::timestamp, '1 day'::interval) as day
),
changes as (
    select
        day,
        offset_s,
        pg_catalog.lag(offset_s) over (order by day) as before_s
    from offsets
)
select
    day::date as day,
    offset_s
from changes
where offset_s is distinct from before_s
order by day
