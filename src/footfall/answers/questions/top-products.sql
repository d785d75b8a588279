-- The products with most interactions.
-- Grain: one row per product; the one with most interactions first, of equals the one with the lowest id.
-- Group: How much
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit 5 \endif

with kept as (
    -- Read from the roll-up, where no filter asks for a property that it does not have.
    select
        product_id,
        interaction_count
    from interactions_per_product
    where
        :'since'::timestamptz = '-infinity'
        and :'until'::timestamptz = 'infinity'
        and nullif(:'action', '') is null
        and nullif(:'user_id', '') is null
        and (nullif(:'product_id', '') is null or product_id = to_product_id(:'product_id'::text))
    order by interaction_count desc, product_id
    limit nullif(:'limit', '')::bigint
),
paired as (
    -- Read from the counts per user and product, where one user is asked for.
    select
        product_id,
        interaction_count
    from interactions
    where
        :'since'::timestamptz = '-infinity'
        and :'until'::timestamptz = 'infinity'
        and nullif(:'action', '') is null
        and user_id = to_user_id(:'user_id'::text)
        and (nullif(:'product_id', '') is null or product_id = to_product_id(:'product_id'::text))
    order by interaction_count desc, product_id
    limit nullif(:'limit', '')::bigint
),
recounted as (
    -- Counted row by row, where a time or an action is asked for.
    select
        product_id,
        pg_catalog.count(*) as interaction_count
    from user_interactions_raw
    where
        (
            :'since'::timestamptz <> '-infinity'
            or :'until'::timestamptz <> 'infinity'
            or nullif(:'action', '') is not null
        )
        and timestamp >= :'since'
        and timestamp < :'until'
        and (nullif(:'action', '') is null or action = nullif(:'action', ''))
        and (nullif(:'user_id', '') is null or user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or product_id = to_product_id(:'product_id'::text))
    group by product_id
    order by interaction_count desc, product_id
    limit nullif(:'limit', '')::bigint
)
select
    product_id,
    interaction_count
from kept
union all
select
    product_id,
    interaction_count
from paired
union all
select
    product_id,
    interaction_count
from recounted
order by interaction_count desc, product_id;
