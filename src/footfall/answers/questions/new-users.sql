-- Users per day of their first interaction ever; with --action or --product, of the first such.
-- Grain: one row per day of the time zone on which a user was seen first; the oldest first.
-- Group: Who
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with firsts as (
    select
        user_id,
        pg_catalog.min(timestamp) as first_at
    from user_interactions_raw
    where
        timestamp < :'until'
        and (nullif(:'action', '') is null or action = nullif(:'action', ''))
        and (nullif(:'user_id', '') is null or user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or product_id = to_product_id(:'product_id'::text))
    group by user_id
    having pg_catalog.min(timestamp) >= :'since'
)
select
    (first_at at time zone :'time_zone')::date as day,
    pg_catalog.count(*) as user_count
from firsts
group by day
order by day
limit nullif(:'limit', '')::bigint;
