-- name: offset_changes
with days as (
    select unnest(generate_series(timestamp '1970-01-01', $1::date::timestamp, interval 1 day)) as day
),
offsets as (
    select
        day,
        (epoch(timezone($2, day::timestamptz)) - epoch(day))::bigint as offset_s
    from days
),
changes as (
    select
        day,
        offset_s,
        lag(offset_s) over (order by day) as before_s
    from offsets
)
select
    day::date as day,
    offset_s
from changes
where offset_s is distinct from before_s
order by day
