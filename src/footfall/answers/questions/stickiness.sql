-- Users by the number of different days on which they were active within the range, or within each period of it.
-- Grain: one row per number of days that somebody has; with `over_time`, per period and number of days; the oldest first.
-- Group: Who
-- Cells: NUMBER, DATE:NUMBER
-- With `per` week or month, different weeks (from Monday) or months are counted instead of days. Who has none is not
-- counted.
-- With `over_time` days are counted within each week, or month with `per`; `period` is its first day. Without it,
-- `period` and `is_complete` are null.
-- `who` is a number of days, such as 3, and gives the users who have it; with `over_time` it is 2024-03-04:3.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?per} \else \set per '' \endif
\if :{?over_time} \else \set over_time '' \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with active as (
    select
        a.user_id,
        a.period,
        case
            when :'over_time' <> ''
                then pg_catalog.date_trunc(coalesce(nullif(:'per', ''), 'week'), a.period::timestamp)::date
        end as frame
    from user_periods(
        per => case when :'over_time' <> '' then 'day' else coalesce(nullif(:'per', ''), 'day') end::text,
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz,
        until => :'until'::timestamptz,
        action => nullif(:'action', '')::text,
        product_id => to_product_id(:'product_id'::text)
    ) as a
),
counted as (
    select
        active.user_id,
        active.frame,
        pg_catalog.count(*) as days_active
    from active
    group by active.user_id, active.frame
)
\if :{?who}
select
    c.user_id,
    p.first_at,
    p.last_at,
    p.interaction_count
from counted as c
left join interactions_per_user as p
    on p.user_id = c.user_id
where
    c.days_active = pg_catalog.split_part(:'who', ':', -1)::bigint
    and (
        :'over_time' = ''
        or c.frame = nullif(pg_catalog.regexp_replace(:'who', ':?[0-9]+$', ''), '')::date
    )
order by p.interaction_count desc, c.user_id
limit nullif(:'limit', '')::bigint;
\else
select
    c.days_active,
    pg_catalog.count(*) as user_count,
    pg_catalog.count(*)::double precision
    / (pg_catalog.sum(pg_catalog.count(*)) over (partition by c.frame))::double precision as share,
    c.frame as period,
    case when c.frame is not null then coalesce(pg_catalog.bool_or(p.is_complete), false) end as is_complete
from counted as c
left join periods(
    per => coalesce(nullif(:'per', ''), 'week')::text,
    time_zone => :'time_zone'::text,
    since => :'since'::timestamptz,
    until => :'until'::timestamptz
) as p
    on p.period = c.frame
group by c.frame, c.days_active
order by c.frame, c.days_active
limit nullif(:'limit', '')::bigint;
\endif
