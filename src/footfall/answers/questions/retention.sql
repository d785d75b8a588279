-- Of the users of each cohort, how many came back in its n-th period: a cohort is the period of the first interaction.
-- Grain: one row per cohort and period number, 0 to `periods`, as far as the data reach; then, without a cohort, their average.
-- Group: Who
-- Screen: cohort, cohort_size, period_number, user_count, share, is_complete
-- Cells: DATE, DATE:NUMBER
-- A user belongs to the cohort of the period of her first interaction ever; with `start_action`, of the first
-- such. With `recurring` she belongs to that of each period in which she did it.
-- With `return_action` only such interactions count as coming back, from the instant of the start on. With another
-- `start_action`, period 0 has those who did the one after the other within the same period.
-- `action` and `product_id` narrow what counts as coming back, and with `first_of` filtered also what counts as a
-- start.
-- With `mode` on, a user came back if she is there in the n-th period; with on-or-after, in it or a later one.
-- With `clock` calendar, periods are days, weeks from Monday and months of the time zone. With rolling they are 24
-- hours, 168 hours and 30 days from the user's own start.
-- `user_count` is null where the period is not complete. The average is over the complete cells, weighted by size, so
-- that it may rise from one period to the next: it is of fewer cohorts.
-- `may_include_older` marks cohorts before the first complete period of the data: who looks new there may have come
-- before the data begin.
-- The range picks the cohorts. What lies before and behind it is read, too.
-- `who` is a cell, such as 2024-03-04:2, and gives its users; 2024-03-04 gives those of the whole cohort.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?per} \else \set per week \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?start_action} \else \set start_action '' \endif
\if :{?return_action} \else \set return_action '' \endif
\if :{?action} \else \set action '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?first_of} \else \set first_of all \endif
\if :{?recurring} \else \set recurring '' \endif
\if :{?mode} \else \set mode on \endif
\if :{?clock} \else \set clock calendar \endif
\if :{?periods} \else \set periods 12 \endif
\if :{?limit} \else \set limit '' \endif

with starts as (
    -- The first interaction of each user, whatever the filters.
    select
        p.user_id,
        pg_catalog.date_trunc(:'per', p.first_at at time zone :'time_zone')::date as cohort,
        p.first_at as started_at
    from interactions_per_user as p
    where
        nullif(:'recurring', '') is null
        and nullif(:'start_action', '') is null
        and (:'first_of' <> 'filtered' or (:'action'::text || :'product_id'::text) = '')
    union all
    -- The first interaction that is a start, per user or, with `recurring`, per user and period.
    select
        r.user_id,
        pg_catalog.date_trunc(:'per', pg_catalog.min(r.timestamp) at time zone :'time_zone')::date,
        pg_catalog.min(r.timestamp)
    from user_interactions_raw as r
    where
        (
            nullif(:'recurring', '') is not null
            or nullif(:'start_action', '') is not null
            or (:'first_of' = 'filtered' and (:'action'::text || :'product_id'::text) <> '')
        )
        and (nullif(:'start_action', '') is null or r.action = nullif(:'start_action', ''))
        and (
            :'first_of' <> 'filtered'
            or (
                (nullif(:'action', '') is null or r.action = nullif(:'action', ''))
                and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
            )
        )
    group by
        r.user_id,
        case
            when nullif(:'recurring', '') is not null
                then pg_catalog.date_trunc(:'per', r.timestamp at time zone :'time_zone')
        end
),
returns as (
    -- The periods of each user are enough unless both the start and the return have a condition: only then may a return
    -- lie before the start.
    select
        a.user_id,
        a.period,
        'infinity'::timestamptz as last_at
    from user_periods(
        per => :'per'::text,
        time_zone => :'time_zone'::text,
        since => '-infinity'::timestamptz,
        until => 'infinity'::timestamptz,
        action => coalesce(nullif(:'return_action', ''), nullif(:'action', ''))::text,
        product_id => to_product_id(:'product_id'::text)
    ) as a
    where
        :'clock' = 'calendar'
        and (
            (:'return_action'::text || :'action'::text || :'product_id'::text) = ''
            or (:'start_action' = '' and (:'first_of' <> 'filtered' or (:'action'::text || :'product_id'::text) = ''))
        )
    union all
    select
        r.user_id,
        pg_catalog.date_trunc(:'per', r.timestamp at time zone :'time_zone')::date,
        pg_catalog.max(r.timestamp)
    from user_interactions_raw as r
    where
        :'clock' = 'calendar'
        and (:'return_action'::text || :'action'::text || :'product_id'::text) <> ''
        and (:'start_action' <> '' or (:'first_of' = 'filtered' and (:'action'::text || :'product_id'::text) <> ''))
        and ((:'return_action'::text || :'action'::text) = '' or r.action = coalesce(nullif(:'return_action', ''), :'action'))
        and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
    group by 1, 2
),
returned as (
    select
        s.cohort,
        s.user_id,
        case :'per'
            when 'day' then r.period - s.cohort
            when 'week' then (r.period - s.cohort) / 7
            else (
                (extract(year from r.period) - extract(year from s.cohort)) * 12
                + extract(month from r.period) - extract(month from s.cohort)
            )::integer
        end as number
    from starts as s
    join returns as r
        on r.user_id = s.user_id
        and r.period >= s.cohort
        and r.last_at >= s.started_at
    where :'clock' = 'calendar'
    union all
    select distinct
        s.cohort,
        s.user_id,
        pg_catalog.floor(
            extract(epoch from r.timestamp - s.started_at)
            / case :'per' when 'day' then 86400::numeric when 'week' then 604800::numeric else 2592000::numeric end
        )::integer
    from starts as s
    join user_interactions_raw as r
        on r.user_id = s.user_id
        and r.timestamp >= s.started_at
    where
        :'clock' = 'rolling'
        and ((:'return_action'::text || :'action'::text) = '' or r.action = coalesce(nullif(:'return_action', ''), :'action'))
        and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
),
-- A user is counted in the cells from first_number to last_number.
spans as (
    select
        returned.cohort,
        returned.user_id,
        returned.number as first_number,
        returned.number as last_number
    from returned
    where
        :'mode' = 'on'
        and returned.number <= :'periods'::integer
    union all
    select
        returned.cohort,
        returned.user_id,
        0,
        pg_catalog.max(returned.number)
    from returned
    where :'mode' = 'on-or-after'
    group by returned.cohort, returned.user_id
),
sizes as materialized (
    -- Counted first, so that the bounds of a cohort are computed once, and not once per user.
    select
        s.cohort,
        pg_catalog.count(*) as cohort_size
    from starts as s
    group by s.cohort
),
cohorts as (
    select
        sizes.cohort,
        sizes.cohort_size,
        first_instant(sizes.cohort::timestamp, :'time_zone'::text) as begins,
        first_instant(sizes.cohort + ('1 ' || :'per'::text)::interval, :'time_zone'::text) as ends
    from sizes
),
cells as (
    select
        c.cohort,
        c.cohort_size,
        n.number,
        p.begins,
        case :'clock'
            when 'calendar' then p.begins >= e.data_since and p.ends <= e.data_until
            else p.ends <= e.data_until
        end as is_complete,
        p.begins <= e.data_until as has_begun
    from cohorts as c
    cross join pg_catalog.generate_series(0, :'periods'::integer) as n (number)
    cross join data_ends() as e
    cross join lateral (
        -- The n-th period of the calendar; or, with `clock` rolling, the time that holds the n-th period of each user.
        select
            first_instant(c.cohort + n.number * ('1 ' || :'per'::text)::interval, :'time_zone'::text) as begins,
            first_instant(c.cohort + (n.number + 1) * ('1 ' || :'per'::text)::interval, :'time_zone'::text) as ends
        where :'clock' = 'calendar'
        union all
        select
            c.begins + n.number * l.length,
            c.ends + (n.number + 1) * l.length
        from (
            select case :'per' when 'day' then interval '24 hours' when 'week' then interval '168 hours' else interval '720 hours' end
        ) as l (length)
        where :'clock' = 'rolling'
    ) as p
    where
        :'since'::timestamptz < :'until'::timestamptz
        and c.begins < :'until'::timestamptz
        and c.ends > :'since'::timestamptz
),
span_counts as (
    select
        spans.cohort,
        spans.first_number,
        spans.last_number,
        pg_catalog.count(*) as user_count
    from spans
    group by spans.cohort, spans.first_number, spans.last_number
),
counted as (
    select
        cells.cohort,
        cells.number,
        cells.cohort_size,
        cells.is_complete,
        case
            when cells.is_complete then coalesce(pg_catalog.sum(s.user_count), 0)::bigint
        end as user_count
    from cells
    left join span_counts as s
        on s.cohort = cells.cohort
        and cells.number between s.first_number and s.last_number
    where cells.has_begun or cells.number = 0
    group by cells.cohort, cells.number, cells.cohort_size, cells.is_complete
),
averaged as (
    select
        counted.number,
        pg_catalog.sum(counted.cohort_size)::bigint as cohort_size,
        pg_catalog.sum(counted.user_count)::bigint as user_count,
        pg_catalog.count(*) as cohort_count
    from counted
    where counted.is_complete
    group by counted.number
),
-- The first period that the data cover wholly: the one in which they begin, or the next.
first_periods as (
    select pg_catalog.min(p.period) as first_complete
    from data_ends() as e
    cross join lateral (
        select (
            pg_catalog.date_trunc(:'per', e.data_since at time zone :'time_zone') + n.number * ('1 ' || :'per'::text)::interval
        )::date as period
        from pg_catalog.generate_series(0, 1) as n (number)
    ) as p
    where
        first_instant(p.period::timestamp, :'time_zone'::text) >= e.data_since
        and first_instant(p.period + ('1 ' || :'per'::text)::interval, :'time_zone'::text) <= e.data_until
),
answered as (
    select
        counted.cohort,
        counted.cohort_size,
        counted.number,
        counted.user_count,
        counted.is_complete,
        1 as cohort_count,
        counted.cohort < coalesce(f.first_complete, 'infinity') as may_include_older
    from counted
    cross join first_periods as f
    union all
    select
        null,
        averaged.cohort_size,
        averaged.number,
        averaged.user_count,
        true,
        averaged.cohort_count,
        null
    from averaged
)
\if :{?who}
select
    w.user_id,
    p.first_at,
    p.last_at,
    p.interaction_count
from (
    select spans.user_id
    from spans
    join cells
        on cells.cohort = spans.cohort
        and cells.number between spans.first_number and spans.last_number
    where
        cells.is_complete
        and cells.cohort = pg_catalog.split_part(:'who', ':', 1)::date
        and cells.number = nullif(pg_catalog.split_part(:'who', ':', 2), '')::integer
    union all
    select s.user_id
    from starts as s
    join cells
        on cells.cohort = s.cohort
        and cells.number = 0
    where
        s.cohort = pg_catalog.split_part(:'who', ':', 1)::date
        and pg_catalog.split_part(:'who', ':', 2) = ''
) as w
left join interactions_per_user as p
    on p.user_id = w.user_id
order by p.interaction_count desc, w.user_id
limit nullif(:'limit', '')::bigint;
\else
select
    answered.cohort,
    answered.cohort_size,
    answered.number as period_number,
    answered.user_count,
    answered.user_count::double precision / nullif(answered.cohort_size, 0)::double precision as share,
    answered.is_complete,
    answered.cohort_count,
    answered.may_include_older
from answered
order by answered.cohort nulls last, answered.number
limit nullif(:'limit', '')::bigint;
\endif
