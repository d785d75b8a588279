-- What the users of a product also used: for each other product the users of both, their share and the lift.
-- Grain: one row per other product that at least `minimum` users of this one used; the most users first, of equals the lowest id.
-- Group: What people do
-- Needs: product_id
-- Who: product_id
-- A user of a product is who interacted with it at least once, within the range and with the action.
-- `share` is the share of this product's users who also used the other. `lift` is `share` divided by the share of all
-- users who used the other: 1 is what chance would bring.
-- Products with fewer than `minimum` users in common are left out: a few users make any lift. There are 20 rows unless
-- `limit` says otherwise.
-- `who` is another product and gives the users of both, with their interactions with the two.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?product_id} \else \set product_id 1 \endif
\if :{?minimum} \else \set minimum 20 \endif
\if :{?limit} \else \set limit '' \endif

with kept_mine as materialized (
    -- Read from the counts per user and product, where no filter asks for a property that they do not have.
    select user_id
    from interactions
    where
        :'since'::timestamptz = '-infinity'
        and :'until'::timestamptz = 'infinity'
        and nullif(:'action', '') is null
        and product_id = to_product_id(:'product_id'::text)
),
kept as (
    -- One pass over all pairs: the users of each product, and those of them who are users of this one.
    select
        i.product_id,
        pg_catalog.count(m.user_id) as user_count,
        pg_catalog.count(*) as other_count,
        (select pg_catalog.count(*) from kept_mine) as mine_count,
        (select pg_catalog.count(*) from interactions_per_user) as all_count
    from interactions as i
    left join kept_mine as m
        on m.user_id = i.user_id
    where
        :'since'::timestamptz = '-infinity'
        and :'until'::timestamptz = 'infinity'
        and nullif(:'action', '') is null
        and i.product_id <> to_product_id(:'product_id'::text)
    group by i.product_id
),
pairs as materialized (
    -- Counted row by row, where a time or an action is asked for.
    select
        user_id,
        product_id
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
    group by user_id, product_id
),
recounted_mine as materialized (
    select user_id
    from pairs
    where product_id = to_product_id(:'product_id'::text)
),
recounted as (
    select
        p.product_id,
        pg_catalog.count(m.user_id) as user_count,
        pg_catalog.count(*) as other_count,
        (select pg_catalog.count(*) from recounted_mine) as mine_count,
        (select pg_catalog.count(distinct user_id) from pairs) as all_count
    from pairs as p
    left join recounted_mine as m
        on m.user_id = p.user_id
    where p.product_id <> to_product_id(:'product_id'::text)
    group by p.product_id
),
counted as (
    select
        product_id,
        user_count,
        other_count,
        mine_count,
        all_count
    from kept
    union all
    select
        product_id,
        user_count,
        other_count,
        mine_count,
        all_count
    from recounted
)
\if :{?who}
select
    user_id,
    pg_catalog.min(timestamp) as first_at,
    pg_catalog.max(timestamp) as last_at,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
where
    user_id in (
        select user_id
        from kept_mine
        union all
        select user_id
        from recounted_mine
    )
    and product_id in (to_product_id(:'product_id'::text), to_product_id(:'who'::text))
    and timestamp >= :'since'
    and timestamp < :'until'
    and (nullif(:'action', '') is null or action = nullif(:'action', ''))
group by user_id
having pg_catalog.bool_or(product_id = to_product_id(:'who'::text))
order by user_id
limit nullif(:'limit', '')::bigint;
\else
select
    product_id,
    user_count,
    user_count::double precision / mine_count::double precision as share,
    (user_count::double precision * all_count::double precision)
    / (mine_count::double precision * other_count::double precision) as lift
from counted
where user_count >= greatest(:'minimum'::bigint, 1::bigint)
order by user_count desc, product_id
limit coalesce(nullif(:'limit', ''), '20')::bigint;
\endif
