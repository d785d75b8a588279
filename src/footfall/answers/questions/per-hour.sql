-- Interactions per hour.
-- Grain: one row per hour of the time zone and its offset that has interactions; an hour that the clock repeats is two; the oldest first.
-- Group: How much
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with instants as (
    select
        at,
        pg_catalog.sum(interaction_count) as interaction_count
    from interactions_over_time(
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz,
        until => :'until'::timestamptz,
        action => nullif(:'action', '')::text,
        user_id => to_user_id(:'user_id'::text),
        product_id => to_product_id(:'product_id'::text)
    )
    group by at
),
clocks as (
    select
        at,
        at at time zone :'time_zone'::text as local_time,
        interaction_count
    from instants
),
hours as (
    -- Both columns are the beginning of the hour: its instant, by the offset of the interaction, and the clock's time.
    select
        at - (local_time - pg_catalog.date_trunc('hour'::text, local_time)) as instant,
        pg_catalog.date_trunc('hour'::text, local_time) as local_hour,
        pg_catalog.sum(interaction_count)::bigint as interaction_count
    from clocks
    group by instant, local_hour
),
offsets as (
    select
        instant,
        local_hour,
        local_hour - (instant at time zone 'UTC'::text) as utc_offset,
        interaction_count
    from hours
)
select
    -- Written as text: where a clock is set by half an hour, no instant of the zone shows the full hour.
    pg_catalog.to_char(local_hour, 'YYYY-MM-DD"T"HH24:MI:SS')
    || case when utc_offset < interval '0' then '-' else '+' end
    || pg_catalog.to_char(
        greatest(utc_offset, -utc_offset),
        case when pg_catalog.date_part('second'::text, utc_offset) = 0::double precision then 'HH24:MI' else 'HH24:MI:SS' end
    ) as hour,
    interaction_count
from offsets
order by instant, local_hour
limit nullif(:'limit', '')::bigint;
