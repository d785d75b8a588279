-- Interactions per day.
-- Grain: one row per day of the time zone that has interactions; the oldest first.
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
)
select
    (at at time zone :'time_zone')::date as day,
    pg_catalog.sum(interaction_count)::bigint as interaction_count
from instants
group by day
order by day
limit nullif(:'limit', '')::bigint;
