-- The counts: recounted, compared, mended.

-- name: lock_tables
lock table
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product,
    loads,
    rejected_interactions,
    load_overlaps
in access share mode

-- name: totals
select
    (select count(*) from user_interactions_raw) as rows_raw,
    (select count(*) from interactions) as pairs

-- name: drift_interactions
with recount as (
    select
        user_id,
        product_id,
        count(*) as interaction_count
    from user_interactions_raw
    group by user_id, product_id
)
select
    'user_id ' || user_id || ', product_id ' || product_id as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    count(*) over () as drift_count
from interactions as k
full join recount as r
    using (user_id, product_id)
where k.interaction_count is distinct from r.interaction_count
order by user_id, product_id
limit 20

-- name: drift_interactions_per_quarter_hour
with recount as (
    select
        date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
        action,
        count(*) as interaction_count
    from user_interactions_raw
    group by 1, 2
)
select
    'quarter_hour ' || (quarter_hour at time zone 'UTC') || ' UTC, action ' || action as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    count(*) over () as drift_count
from interactions_per_quarter_hour as k
full join recount as r
    using (quarter_hour, action)
where k.interaction_count is distinct from r.interaction_count
order by quarter_hour, action
limit 20

-- name: drift_interactions_per_user
with recount as (
    select
        user_id,
        count(*) as interaction_count
    from user_interactions_raw
    group by 1
)
select
    'user_id ' || user_id as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    count(*) over () as drift_count
from interactions_per_user as k
full join recount as r
    using (user_id)
where k.interaction_count is distinct from r.interaction_count
order by user_id
limit 20

-- name: drift_interactions_per_product
with recount as (
    select
        product_id,
        count(*) as interaction_count
    from user_interactions_raw
    group by 1
)
select
    'product_id ' || product_id as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    count(*) over () as drift_count
from interactions_per_product as k
full join recount as r
    using (product_id)
where k.interaction_count is distinct from r.interaction_count
order by product_id
limit 20

-- name: drift_ledger
with recount as (
    select
        load_id,
        count(*) as rows_loaded
    from user_interactions_raw
    group by load_id
)
select
    'load_id ' || load_id as key,
    l.rows_loaded as kept,
    r.rows_loaded as recount,
    count(*) over () as drift_count
from (select load_id, rows_loaded from loads where status = 'loaded') as l
full join recount as r
    using (load_id)
where coalesce(l.rows_loaded, -1) <> coalesce(r.rows_loaded, case when l.load_id is null then -2 else 0 end)
order by load_id
limit 20

-- name: drift_quarantine
with recount as (
    select
        load_id,
        count(*) as rows_rejected
    from rejected_interactions
    group by load_id
)
select
    'load_id ' || load_id as key,
    l.rows_rejected as kept,
    r.rows_rejected as recount,
    count(*) over () as drift_count
from (select load_id, rows_rejected from loads where status = 'loaded') as l
full join recount as r
    using (load_id)
where coalesce(l.rows_rejected, -1) <> coalesce(r.rows_rejected, case when l.load_id is null then -2 else 0 end)
order by load_id
limit 20

-- name: repair_interactions
with recount as (
    select
        user_id,
        product_id,
        count(*) as interaction_count
    from user_interactions_raw
    group by user_id, product_id
),
removed as (
    delete from interactions as k
    where not exists (
        select
        from recount as r
        where
            r.user_id = k.user_id
            and r.product_id = k.product_id
    )
    returning 1
),
mended as (
    insert into interactions (user_id, product_id, interaction_count)
    select
        user_id,
        product_id,
        interaction_count
    from recount
    on conflict (user_id, product_id) do update
        set interaction_count = excluded.interaction_count
        where interactions.interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select count(*) from removed) + (select count(*) from mended) as rows_mended

-- name: repair_interactions_per_quarter_hour
with recount as (
    select
        date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
        action,
        count(*) as interaction_count
    from user_interactions_raw
    group by 1, 2
),
removed as (
    delete from interactions_per_quarter_hour as k
    where not exists (
        select
        from recount as r
        where
            r.quarter_hour = k.quarter_hour
            and r.action = k.action
    )
    returning 1
),
mended as (
    insert into interactions_per_quarter_hour (quarter_hour, action, interaction_count)
    select
        quarter_hour,
        action,
        interaction_count
    from recount
    on conflict (quarter_hour, action) do update
        set interaction_count = excluded.interaction_count
        where interactions_per_quarter_hour.interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select count(*) from removed) + (select count(*) from mended) as rows_mended

-- name: repair_interactions_per_user
with recount as (
    select
        user_id,
        count(*) as interaction_count
    from user_interactions_raw
    group by 1
),
removed as (
    delete from interactions_per_user as k
    where not exists (
        select
        from recount as r
        where
            r.user_id = k.user_id
    )
    returning 1
),
mended as (
    insert into interactions_per_user (user_id, interaction_count)
    select
        user_id,
        interaction_count
    from recount
    on conflict (user_id) do update
        set interaction_count = excluded.interaction_count
        where interactions_per_user.interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select count(*) from removed) + (select count(*) from mended) as rows_mended

-- name: repair_interactions_per_product
with recount as (
    select
        product_id,
        count(*) as interaction_count
    from user_interactions_raw
    group by 1
),
removed as (
    delete from interactions_per_product as k
    where not exists (
        select
        from recount as r
        where
            r.product_id = k.product_id
    )
    returning 1
),
mended as (
    insert into interactions_per_product (product_id, interaction_count)
    select
        product_id,
        interaction_count
    from recount
    on conflict (product_id) do update
        set interaction_count = excluded.interaction_count
        where interactions_per_product.interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select count(*) from removed) + (select count(*) from mended) as rows_mended
