-- name: offset_changes
-- The days whose offset, at 00:00 UTC and by the server's time zone data, differs from that of the day before.
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
