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
in access share mode nowait

-- name: totals
select
    (select pg_catalog.count(*) from user_interactions_raw) as rows_raw,
    (select pg_catalog.count(*) from interactions) as pairs

-- name: drift_interactions
with recount as (
    select
    user_id,
    product_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by user_id, product_id
)
select
    'user_id ' || user_id::text || ', product_id ' || product_id::text as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    pg_catalog.count(*) over () as drift_count
from "interactions" as k
full join recount as r
    using ("user_id", "product_id")
where k.interaction_count is distinct from r.interaction_count
order by "user_id", "product_id"
limit 20

-- name: drift_interactions_per_quarter_hour
with recount as (
    select
    pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
    action collate "C",
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by quarter_hour, action collate "C"
)
select
    'quarter_hour ' || (quarter_hour at time zone 'UTC')::text || ' UTC, action ' || action as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_quarter_hour" as k
full join recount as r
    using ("quarter_hour", "action")
where k.interaction_count is distinct from r.interaction_count
order by "quarter_hour", "action"
limit 20

-- name: drift_interactions_per_user
with recount as (
    select
    user_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by user_id
)
select
    'user_id ' || user_id::text as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_user" as k
full join recount as r
    using ("user_id")
where k.interaction_count is distinct from r.interaction_count
order by "user_id"
limit 20

-- name: drift_interactions_per_product
with recount as (
    select
    product_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by product_id
)
select
    'product_id ' || product_id::text as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_product" as k
full join recount as r
    using ("product_id")
where k.interaction_count is distinct from r.interaction_count
order by "product_id"
limit 20

-- name: repair_interactions
with recount as (
    select
    user_id,
    product_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by user_id, product_id
),
removed as (
    delete from "interactions" as k
    where not exists (
        select
        from recount as r
        where ("r"."user_id", "r"."product_id") = ("k"."user_id", "k"."product_id")
    )
    returning 1
),
mended as (
    insert into "interactions" ("user_id", "product_id", interaction_count)
    select
        "user_id", "product_id",
        interaction_count
    from recount
    on conflict ("user_id", "product_id") do update
        set interaction_count = excluded.interaction_count
        where "interactions".interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select pg_catalog.count(*) from removed) + (select pg_catalog.count(*) from mended) as rows_mended

-- name: repair_interactions_per_quarter_hour
with recount as (
    select
    pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
    action collate "C",
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by quarter_hour, action collate "C"
),
removed as (
    delete from "interactions_per_quarter_hour" as k
    where not exists (
        select
        from recount as r
        where ("r"."quarter_hour", "r"."action") = ("k"."quarter_hour", "k"."action")
    )
    returning 1
),
mended as (
    insert into "interactions_per_quarter_hour" ("quarter_hour", "action", interaction_count)
    select
        "quarter_hour", "action",
        interaction_count
    from recount
    on conflict ("quarter_hour", "action") do update
        set interaction_count = excluded.interaction_count
        where "interactions_per_quarter_hour".interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select pg_catalog.count(*) from removed) + (select pg_catalog.count(*) from mended) as rows_mended

-- name: repair_interactions_per_user
with recount as (
    select
    user_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by user_id
),
removed as (
    delete from "interactions_per_user" as k
    where not exists (
        select
        from recount as r
        where ("r"."user_id") = ("k"."user_id")
    )
    returning 1
),
mended as (
    insert into "interactions_per_user" ("user_id", interaction_count)
    select
        "user_id",
        interaction_count
    from recount
    on conflict ("user_id") do update
        set interaction_count = excluded.interaction_count
        where "interactions_per_user".interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select pg_catalog.count(*) from removed) + (select pg_catalog.count(*) from mended) as rows_mended

-- name: repair_interactions_per_product
with recount as (
    select
    product_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by product_id
),
removed as (
    delete from "interactions_per_product" as k
    where not exists (
        select
        from recount as r
        where ("r"."product_id") = ("k"."product_id")
    )
    returning 1
),
mended as (
    insert into "interactions_per_product" ("product_id", interaction_count)
    select
        "product_id",
        interaction_count
    from recount
    on conflict ("product_id") do update
        set interaction_count = excluded.interaction_count
        where "interactions_per_product".interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select pg_catalog.count(*) from removed) + (select pg_catalog.count(*) from mended) as rows_mended
