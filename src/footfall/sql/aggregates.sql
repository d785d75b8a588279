-- The counts: recounted, compared, mended.

-- name: lock_tables
lock table user_interactions_raw, interactions, loads, rejected_interactions, load_overlaps in access share mode

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
