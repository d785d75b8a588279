-- One user: its days, with the actions of each day and its last interaction.
-- Grain: one row per day of the time zone on which the user has interactions; the newest first.
-- Group: One user or product
-- Needs: user_id
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id 1 \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with mine as (
    select
        (timestamp at time zone :'time_zone')::date as day,
        action,
        product_id,
        timestamp,
        interaction_id
    from user_interactions_raw
    where
        user_id = to_user_id(:'user_id'::text)
        and (nullif(:'product_id', '') is null or product_id = to_product_id(:'product_id'::text))
        and timestamp >= :'since'
        and timestamp < :'until'
        and (nullif(:'action', '') is null or action = nullif(:'action', ''))
),
by_action as (
    select
        day,
        action,
        pg_catalog.count(*) as interaction_count
    from mine
    group by day, action
),
by_day as (
    select
        day,
        pg_catalog.string_agg(
            action || ' ' || interaction_count::text, ', ' order by interaction_count desc, action collate "C"
        ) as actions,
        pg_catalog.sum(interaction_count)::bigint as interaction_count
    from by_action
    group by day
),
lasts as (
    select distinct on (day)
        day,
        action as last_action,
        product_id as last_product_id,
        timestamp as last_at
    from mine
    order by day, timestamp desc, interaction_id desc
)
select
    by_day.day,
    by_day.actions,
    lasts.last_action,
    lasts.last_product_id,
    lasts.last_at,
    by_day.interaction_count
from by_day
join lasts
    on lasts.day = by_day.day
order by by_day.day desc
limit nullif(:'limit', '')::bigint;
