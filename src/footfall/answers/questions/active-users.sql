-- Distinct users per day, week or month: each counts once in each.
-- Grain: one row per day, week or month (`per`) that has interactions, named by its first day; the oldest first.
-- Group: Who
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?per} \else \set per day \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

select
    pg_catalog.date_trunc(:'per', timestamp at time zone :'time_zone')::date as day,
    pg_catalog.count(distinct user_id) as user_count
from user_interactions_raw
where
    timestamp >= :'since'
    and timestamp < :'until'
    and (nullif(:'action', '') is null or action = nullif(:'action', ''))
    and (nullif(:'user_id', '') is null or user_id = to_user_id(:'user_id'::text))
    and (nullif(:'product_id', '') is null or product_id = to_product_id(:'product_id'::text))
group by day
order by day
limit nullif(:'limit', '')::bigint;
