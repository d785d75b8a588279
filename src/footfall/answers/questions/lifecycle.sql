-- The users of each period by where they come from: new, returning, resurrecting; and those who are gone: dormant.
-- Grain: one row per day, week (from Monday) or month (`per`) and state, named by its first day; the oldest first.
-- Group: Who
-- Cells: DATE:new, DATE:returning, DATE:resurrecting, DATE:dormant
-- New users have their first interaction ever in the period. With `first_of` filtered it is the first that the filters
-- let through.
-- Returning users are active in it and in the period before. Resurrecting users are active in it and earlier, and not
-- in the period before.
-- Dormant users were active in the period before, and are not in this one. The other three together are the active
-- users of the period.
-- Dormant is null where the period is not complete: on a Monday morning everybody would look so.
-- The range picks the periods, each as a whole. What lies before it is read, too.
-- `who` is a period and a state, such as 2024-03-04:new, and gives these users.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?per} \else \set per week \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?first_of} \else \set first_of all \endif
\if :{?limit} \else \set limit '' \endif

with active as (
    select
        a.user_id,
        a.period
    from user_periods(
        per => :'per'::text,
        time_zone => :'time_zone'::text,
        since => '-infinity'::timestamptz,
        until => 'infinity'::timestamptz,
        action => nullif(:'action', '')::text,
        product_id => to_product_id(:'product_id'::text)
    ) as a
),
around as (
    select
        active.user_id,
        active.period,
        pg_catalog.lag(active.period) over by_user as period_before,
        pg_catalog.lead(active.period) over by_user as period_after
    from active
    window by_user as (partition by active.user_id order by active.period)
),
states as (
    select
        a.user_id,
        a.period,
        case
            when a.period_before = (a.period - ('1 ' || :'per'::text)::interval)::date then 'returning'
            when
                a.period_before is not null
                or (
                    :'first_of' <> 'filtered'
                    and (:'action'::text || :'product_id'::text) <> ''
                    and p.first_at < first_instant(a.period::timestamp, :'time_zone'::text)
                )
                then 'resurrecting'
            else 'new'
        end as state
    from around as a
    left join interactions_per_user as p
        on p.user_id = a.user_id
        and a.period_before is null
        and :'first_of' <> 'filtered'
        and (:'action'::text || :'product_id'::text) <> ''
    union all
    select
        a.user_id,
        (a.period + ('1 ' || :'per'::text)::interval)::date,
        'dormant'
    from around as a
    where
        a.period_after is null
        or a.period_after > a.period + ('1 ' || :'per'::text)::interval
),
counted as (
    select
        s.period,
        s.state,
        pg_catalog.count(*) as user_count
    from states as s
    group by s.period, s.state
),
shown as (
    -- Periods around the range are also asked for, so that the range cuts none of the periods shown.
    select
        coalesce(p.period, c.period) as period,
        coalesce(p.is_complete, false) as is_complete
    from periods(
        per => :'per'::text,
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz - 2 * ('1 ' || :'per'::text)::interval,
        until => :'until'::timestamptz + 2 * ('1 ' || :'per'::text)::interval
    ) as p
    full join (
        select distinct counted.period
        from counted
        where counted.state <> 'dormant'
    ) as c
        on c.period = p.period
    where
        :'since'::timestamptz < :'until'::timestamptz
        and first_instant(coalesce(p.period, c.period)::timestamp, :'time_zone'::text) < :'until'::timestamptz
        and first_instant(
            coalesce(p.period, c.period) + ('1 ' || :'per'::text)::interval, :'time_zone'::text
        ) > :'since'::timestamptz
)
\if :{?who}
select
    s.user_id,
    p.first_at,
    p.last_at,
    p.interaction_count
from states as s
join shown
    on shown.period = s.period
    and (s.state <> 'dormant' or shown.is_complete)
left join interactions_per_user as p
    on p.user_id = s.user_id
where
    s.period = pg_catalog.split_part(:'who', ':', 1)::date
    and s.state = pg_catalog.split_part(:'who', ':', 2)
order by p.interaction_count desc, s.user_id
limit nullif(:'limit', '')::bigint;
\else
select
    shown.period,
    n.state,
    case when n.state <> 'dormant' or shown.is_complete then coalesce(c.user_count, 0) end as user_count,
    shown.is_complete
from shown
cross join (values (1, 'new'), (2, 'returning'), (3, 'resurrecting'), (4, 'dormant')) as n (place, state)
left join counted as c
    on c.period = shown.period
    and c.state = n.state
order by shown.period, n.place
limit nullif(:'limit', '')::bigint;
\endif
