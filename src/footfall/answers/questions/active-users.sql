-- Distinct users per day, week or month: each counts once in each, by what she did within the range.
-- Grain: one row per day, week (from Monday) or month (`per`), named by its first day, empty ones too; the oldest first.
-- Group: Who
-- Cells: DATE
-- `is_complete` is false where the data begin or end within the period, or where the range cuts it.
-- With `compare` previous, `previous_user_count` is the count of the period as many places before as periods are
-- listed, cut as these are.
-- `who` is the first day of a period and gives its users. Their first and last interaction and their number are those
-- of all time.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?per} \else \set per day \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?compare} \else \set compare '' \endif
\if :{?limit} \else \set limit '' \endif

with active as (
    select
        a.user_id,
        a.period
    from user_periods(
        per => :'per'::text,
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz,
        until => :'until'::timestamptz,
        action => nullif(:'action', '')::text,
        product_id => to_product_id(:'product_id'::text)
    ) as a
    where nullif(:'user_id', '') is null or a.user_id = to_user_id(:'user_id'::text)
),
counted as (
    select
        active.period,
        pg_catalog.count(*) as user_count
    from active
    group by active.period
),
shown as (
    -- Rows may be dated after the end of the data, and `periods` does not list their periods: hence the full join.
    select
        coalesce(p.period, c.period) as period,
        coalesce(c.user_count, 0) as user_count,
        coalesce(p.is_complete, false) as is_complete
    from periods(
        per => :'per'::text,
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz,
        until => :'until'::timestamptz
    ) as p
    full join counted as c
        on c.period = p.period
),
-- The range before: this one, up to the end of the data, moved back by as many periods as are shown, by the clock of
-- the time zone. Where the clock skips midnight, the first instant of a day shows a later time, so that a bound at that
-- instant is moved as the midnight of its day.
earlier as (
    select
        n.span,
        l.data_since,
        first_instant(
            case
                when first_instant(l.day_of_since, :'time_zone'::text) = l.since then l.day_of_since
                else l.since at time zone :'time_zone'
            end - n.span,
            :'time_zone'::text
        ) as since,
        first_instant(
            case
                when first_instant(l.day_of_until, :'time_zone'::text) = l.until then l.day_of_until
                else l.until at time zone :'time_zone'
            end - n.span,
            :'time_zone'::text
        ) as until
    from (
        select pg_catalog.count(*)::double precision * ('1 ' || :'per'::text)::interval as span
        from shown
    ) as n
    cross join (
        select
            b.data_since,
            b.since,
            b.until,
            pg_catalog.date_trunc('day', b.since at time zone :'time_zone') as day_of_since,
            pg_catalog.date_trunc('day', b.until at time zone :'time_zone') as day_of_until
        from (
            select
                e.data_since,
                nullif(:'since'::timestamptz, '-infinity') as since,
                least(:'until'::timestamptz, e.data_until + interval '1 microsecond') as until
            from data_ends() as e
        ) as b
    ) as l
    where
        :'compare' = 'previous'
        and l.since is not null
),
earlier_counted as (
    select
        (a.period + e.span)::date as period,
        pg_catalog.count(*) as user_count
    from earlier as e
    cross join lateral user_periods(
        per => :'per'::text,
        time_zone => :'time_zone'::text,
        since => e.since,
        until => e.until,
        action => nullif(:'action', '')::text,
        product_id => to_product_id(:'product_id'::text)
    ) as a
    where nullif(:'user_id', '') is null or a.user_id = to_user_id(:'user_id'::text)
    group by 1
)
\if :{?who}
select
    active.user_id,
    p.first_at,
    p.last_at,
    p.interaction_count
from active
left join interactions_per_user as p
    on p.user_id = active.user_id
where active.period = :'who'::date
order by p.interaction_count desc, active.user_id
limit nullif(:'limit', '')::bigint;
\else
select
    shown.period as day,
    shown.user_count,
    shown.is_complete,
    case
        -- Null where the earlier period lies wholly before the data, since nothing is known of it.
        when (e.data_since at time zone :'time_zone')::date < (shown.period + ('1 ' || :'per'::text)::interval - e.span)::date
            then coalesce(c.user_count, 0)
    end as previous_user_count
from shown
left join earlier as e
    on true
left join earlier_counted as c
    on c.period = shown.period
order by shown.period
limit nullif(:'limit', '')::bigint;
\endif
