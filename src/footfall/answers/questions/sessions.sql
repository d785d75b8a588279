-- Sessions per day, week or month: interactions of one user with no longer time than `gap` between two of them.
-- Grain: one row per day, week or month (`per`) of the data in the range, empty ones too; the oldest first.
-- Group: What people do
-- A session ends where the user does nothing for longer than `gap`; a gap of exactly `gap` does not end it.
-- It is never cut at midnight, and belongs to the period of its first interaction.
-- The range picks the sessions that begin in it. Without one it is the last 30 days of the data. Of a session that
-- runs on behind the range, a day more is seen.
-- The length of a session is from its first interaction to its last, so 0 where there is one alone.
-- With `action`, `user_id` or `product_id`, sessions are made of these interactions alone.
-- Where more than half of the interactions are at midnight, days alone are known, and a gap below a day is refused.
-- `who` is the first day of a period and gives the users whose sessions begin in it.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?per} \else \set per day \endif
\if :{?gap} \else \set gap '30 minutes' \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with asked as not materialized (
    select
        case
            when :'since'::timestamptz = '-infinity' and :'until'::timestamptz = 'infinity'
                then (
                    select
                        first_instant(
                            ((ends.data_until at time zone :'time_zone'::text)::date - 29)::timestamp,
                            :'time_zone'::text
                        )
                    from data_ends() as ends
                )
            else :'since'::timestamptz
        end as since,
        :'until'::timestamptz as until,
        -- In seconds, so that a day is 24 hours even where the clock is set.
        pg_catalog.make_interval(secs => extract(epoch from :'gap'::interval)::double precision) as gap
),
midnights as (
    -- Whether more than half of the interactions of the range lie in quarter hours that begin at midnight.
    select
        2::numeric * pg_catalog.sum(q.interaction_count) filter (
            where (q.quarter_hour at time zone 'UTC'::text)::time = '00:00'
            or (q.quarter_hour at time zone :'time_zone'::text)::time = '00:00'
        ) > pg_catalog.sum(q.interaction_count) as are_many
    from interactions_per_quarter_hour as q
    cross join asked
    where
        q.quarter_hour > asked.since - interval '15 minutes'
        and q.quarter_hour < asked.until
),
checked as materialized (
    select
        case
            when :'per'::text not in ('day', 'week', 'month') then refuse('per is day, week or month'::text)
            when asked.gap < interval '0' then refuse('gap is a time such as 30 minutes, not a negative one'::text)
            when
                asked.gap < interval '24 hours'
                and (select midnights.are_many from midnights)
                and (
                    select
                        2 * pg_catalog.count(*) filter (
                            where (r.timestamp at time zone 'UTC'::text)::time = '00:00'
                            or (r.timestamp at time zone :'time_zone'::text)::time = '00:00'
                        ) > pg_catalog.count(*)
                    from user_interactions_raw as r
                    where
                        r.timestamp >= asked.since
                        and r.timestamp < asked.until
                )
                then refuse(
                    'more than half of the interactions are at midnight: files with days alone tell no sessions; ask with a gap of a day or more'::text
                )
        end as refused
    from asked
),
marked as (
    select
        r.user_id,
        r.timestamp,
        coalesce(r.timestamp - pg_catalog.lag(r.timestamp) over mine > asked.gap, true) as is_start,
        coalesce(pg_catalog.lead(r.timestamp) over mine - r.timestamp > asked.gap, true) as is_end,
        pg_catalog.row_number() over mine as number
    from user_interactions_raw as r
    cross join asked
    where
        (select checked.refused is null from checked)
        and r.timestamp >= asked.since - asked.gap
        and (:'until'::timestamptz = 'infinity' or r.timestamp < asked.until + interval '24 hours')
        and (nullif(:'action', '') is null or r.action = nullif(:'action', ''))
        and (nullif(:'user_id', '') is null or r.user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
    window mine as (partition by r.user_id order by r.timestamp)
),
edges as (
    -- The two edges of a session are enough to know its times and its count.
    select
        user_id,
        timestamp,
        is_start,
        is_end,
        number,
        pg_catalog.lag(timestamp) over mine as timestamp_before,
        pg_catalog.lag(number) over mine as number_before
    from marked
    where
        is_start
        or is_end
    window mine as (partition by user_id order by number)
),
sessions as (
    select
        user_id,
        case when is_start then timestamp else timestamp_before end as begins,
        timestamp as ends,
        case when is_start then 1::bigint else number - number_before + 1 end as interaction_count
    from edges
    where is_end
),
placed as (
    select
        sessions.user_id,
        sessions.begins,
        sessions.ends,
        sessions.interaction_count,
        extract(epoch from sessions.ends - sessions.begins)::double precision as seconds,
        pg_catalog.date_trunc(:'per'::text, sessions.begins at time zone :'time_zone'::text)::date as period
    from sessions
    cross join asked
    where
        sessions.begins >= asked.since
        and sessions.begins < asked.until
),
counted as (
    select
        period,
        pg_catalog.count(*) as session_count,
        pg_catalog.count(distinct user_id) as user_count,
        pg_catalog.sum(interaction_count)::double precision / pg_catalog.count(*)::double precision as interactions_per_session,
        pg_catalog.count(*) filter (where interaction_count = 1) as single_count,
        pg_catalog.percentile_disc(0.5::double precision) within group (order by seconds) as median_seconds,
        pg_catalog.percentile_disc(0.9::double precision) within group (order by seconds) as p90_seconds
    from placed
    group by period
)
\if :{?who}
select
    user_id,
    pg_catalog.min(begins) as first_at,
    pg_catalog.max(ends) as last_at,
    pg_catalog.sum(interaction_count)::bigint as interaction_count
from placed
where pg_catalog.to_char(period, 'YYYY-MM-DD') = :'who'::text
group by user_id
order by user_id
-- A limit is computed even where there is no row, so that a wrong `who` is always refused.
limit case
    when :'who'::text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then nullif(:'limit', '')::bigint
    else refuse('who is the first day of a period, such as 2024-03-25'::text)::bigint
end;
\else
select
    periods.period,
    coalesce(counted.session_count, 0::bigint) as session_count,
    coalesce(counted.user_count, 0::bigint) as user_count,
    counted.interactions_per_session,
    coalesce(counted.single_count, 0::bigint) as single_count,
    counted.median_seconds,
    counted.p90_seconds,
    periods.is_complete
from asked
cross join lateral periods(:'per'::text, :'time_zone'::text, asked.since, asked.until) as periods
left join counted
    on counted.period = periods.period
order by periods.period
limit nullif(:'limit', '')::bigint;
\endif
