-- How often each action was done.
-- Grain: one row per action; the most frequent first.
-- Group: How much
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

select
    action,
    pg_catalog.sum(interaction_count)::bigint as interaction_count
from interactions_over_time(
    time_zone => 'UTC'::text,
    since => :'since'::timestamptz,
    until => :'until'::timestamptz,
    action => nullif(:'action', '')::text,
    user_id => to_user_id(:'user_id'::text),
    product_id => to_product_id(:'product_id'::text)
)
group by action
order by interaction_count desc, action collate "C"
limit nullif(:'limit', '')::bigint;
