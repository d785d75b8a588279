-- Distinct users of each day (dau), of the 7 days (wau) and of the 30 days (mau) that end with it, each counted once.
-- Grain: one row per day of the time zone, days without interactions too; the oldest first.
-- Group: Who
-- Cells: DATE, DATE:dau, DATE:wau, DATE:mau
-- `wau_count` is null on the first 6 days of the data and `mau_count` on the first 29: what was before is not known.
-- The range picks the days, each as a whole. The days before are read, too.
-- `who` is a day, such as 2024-03-04, and gives its users; 2024-03-04:wau and 2024-03-04:mau give those of the 7 or 30
-- days that end with it.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with asked as (
    -- The first and the last day that are shown.
    select
        (:'since'::timestamptz at time zone :'time_zone')::date as first_day,
        ((:'until'::timestamptz - interval '1 microsecond') at time zone :'time_zone')::date as last_day
    where :'since'::timestamptz < :'until'::timestamptz
),
active as (
    select
        a.user_id,
        a.period as day
    from user_periods(
        per => 'day'::text,
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz - interval '768 hours',
        until => :'until'::timestamptz + interval '48 hours',
        action => nullif(:'action', '')::text,
        product_id => to_product_id(:'product_id'::text)
    ) as a
),
around as (
    select
        active.day,
        pg_catalog.lag(active.day) over by_user as day_before,
        pg_catalog.lead(active.day) over by_user as day_after
    from active
    window by_user as (partition by active.user_id order by active.day)
),
-- A user enters the windows on the day of an interaction, and leaves each of them a window's length later. Both are
-- counted, unless another interaction lies within that length.
came as (
    select
        around.day,
        pg_catalog.count(*) as dau_count,
        pg_catalog.count(*) filter (where around.day_before is null or around.day - around.day_before >= 7) as wau_count,
        pg_catalog.count(*) filter (where around.day_before is null or around.day - around.day_before >= 30) as mau_count
    from around
    group by around.day
),
went as (
    select
        around.day,
        pg_catalog.count(*) filter (where around.day_after is null or around.day_after - around.day >= 7) as wau_count,
        pg_catalog.count(*) filter (where around.day_after is null or around.day_after - around.day >= 30) as mau_count
    from around
    group by around.day
),
changes as (
    select
        came.day,
        came.dau_count,
        came.wau_count,
        came.mau_count,
        null::boolean as is_complete
    from came
    union all
    select
        went.day + 7,
        0,
        -went.wau_count,
        0,
        null
    from went
    union all
    select
        went.day + 30,
        0,
        0,
        -went.mau_count,
        null
    from went
    union all
    select
        p.period,
        0,
        0,
        0,
        p.is_complete
    from periods(
        per => 'day'::text,
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz - interval '48 hours',
        until => :'until'::timestamptz + interval '48 hours'
    ) as p
),
running as (
    select
        c.day,
        pg_catalog.sum(c.dau_count)::bigint as dau_count,
        (pg_catalog.sum(pg_catalog.sum(c.wau_count)) over by_day)::bigint as wau_count,
        (pg_catalog.sum(pg_catalog.sum(c.mau_count)) over by_day)::bigint as mau_count,
        pg_catalog.bool_or(c.is_complete) as is_complete
    from changes as c
    group by c.day
    window by_day as (order by c.day)
),
shown as (
    select
        r.day,
        r.dau_count,
        case when r.day - e.first_day >= 6 then r.wau_count end as wau_count,
        case when r.day - e.first_day >= 29 then r.mau_count end as mau_count,
        coalesce(r.is_complete, false) as is_complete
    from running as r
    cross join asked
    cross join (
        select (data_since at time zone :'time_zone')::date as first_day
        from data_ends()
    ) as e
    where
        r.day between asked.first_day and asked.last_day
        and (r.is_complete is not null or r.dau_count > 0)
)
\if :{?who}
select
    w.user_id,
    p.first_at,
    p.last_at,
    p.interaction_count
from (
    select distinct active.user_id
    from active
    join shown
        on shown.day = pg_catalog.split_part(:'who', ':', 1)::date
        and active.day between shown.day - (
            case pg_catalog.split_part(:'who', ':', 2)
                when 'mau' then 29
                when 'wau' then 6
                else 0
            end
        ) and shown.day
    where
        case pg_catalog.split_part(:'who', ':', 2)
            when 'mau' then shown.mau_count
            when 'wau' then shown.wau_count
            else shown.dau_count
        end is not null
) as w
left join interactions_per_user as p
    on p.user_id = w.user_id
order by p.interaction_count desc, w.user_id
limit nullif(:'limit', '')::bigint;
\else
select
    shown.day,
    shown.dau_count,
    shown.wau_count,
    shown.mau_count,
    shown.dau_count::double precision / nullif(shown.mau_count, 0)::double precision as dau_share_of_mau,
    shown.is_complete
from shown
order by shown.day
limit nullif(:'limit', '')::bigint;
\endif
