-- name: lock_tables
lock table
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product,
    user_days,
    loads,
    rejected_interactions,
    load_overlaps,
    load_duplicates,
    operations,
    footfall_migrations
in access share mode nowait

-- name: totals
select
    raw.rows_raw,
    raw.ids,
    pairs.keys as pairs,
    pairs.sum_of as interactions,
    quarter_hours.sum_of as interactions_per_quarter_hour,
    users.sum_of as interactions_per_user,
    products.sum_of as interactions_per_product,
    days_of_users.sum_of as user_days
from (
    select
        pg_catalog.count(*) as rows_raw,
        pg_catalog.count(distinct interaction_id) as ids
    from user_interactions_raw
) as raw
cross join (
    select
        pg_catalog.count(*) as keys,
        coalesce(pg_catalog.sum(interaction_count), 0::numeric) as sum_of
    from interactions
) as pairs
cross join (
    select
        pg_catalog.count(*) as keys,
        coalesce(pg_catalog.sum(interaction_count), 0::numeric) as sum_of
    from interactions_per_quarter_hour
) as quarter_hours
cross join (
    select
        pg_catalog.count(*) as keys,
        coalesce(pg_catalog.sum(interaction_count), 0::numeric) as sum_of
    from interactions_per_user
) as users
cross join (
    select
        pg_catalog.count(*) as keys,
        coalesce(pg_catalog.sum(interaction_count), 0::numeric) as sum_of
    from interactions_per_product
) as products
cross join (
    select
        pg_catalog.count(*) as keys,
        coalesce(pg_catalog.sum(interaction_count), 0::numeric) as sum_of
    from user_days
) as days_of_users

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
    d.column_of || coalesce('user_id ' || user_id::text || ', product_id ' || product_id::text, 'a key with a null') as key,
    d.kept,
    d.recount,
    pg_catalog.count(*) over () as drift_count
from "interactions" as k
full join recount as r
    using ("user_id", "product_id")
cross join lateral (
    values
        (''::text, pg_catalog.to_jsonb(k.interaction_count), pg_catalog.to_jsonb(r.interaction_count))
) as d (column_of, kept, recount)
where
    (k.interaction_count) is distinct from (r.interaction_count)
    and d.kept is distinct from d.recount
    and (d.column_of = '' or (k.interaction_count is not null and r.interaction_count is not null))
order by "user_id", "product_id", d.column_of
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
    d.column_of || coalesce('quarter_hour ' || (quarter_hour at time zone 'UTC')::text || ' UTC, action ' || action, 'a key with a null') as key,
    d.kept,
    d.recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_quarter_hour" as k
full join recount as r
    using ("quarter_hour", "action")
cross join lateral (
    values
        (''::text, pg_catalog.to_jsonb(k.interaction_count), pg_catalog.to_jsonb(r.interaction_count))
) as d (column_of, kept, recount)
where
    (k.interaction_count) is distinct from (r.interaction_count)
    and d.kept is distinct from d.recount
    and (d.column_of = '' or (k.interaction_count is not null and r.interaction_count is not null))
order by "quarter_hour", "action", d.column_of
limit 20

-- name: drift_interactions_per_user
with recount as (
    select
    user_id,
    pg_catalog.count(*) as interaction_count,
    pg_catalog.min(timestamp) as first_at,
    pg_catalog.max(timestamp) as last_at
from user_interactions_raw
group by user_id
)
select
    d.column_of || coalesce('user_id ' || user_id::text, 'a key with a null') as key,
    d.kept,
    d.recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_user" as k
full join recount as r
    using ("user_id")
cross join lateral (
    values
        (''::text, pg_catalog.to_jsonb(k.interaction_count), pg_catalog.to_jsonb(r.interaction_count)),
        ('first_at of ', pg_catalog.to_jsonb(k.first_at), pg_catalog.to_jsonb(r.first_at)),
        ('last_at of ', pg_catalog.to_jsonb(k.last_at), pg_catalog.to_jsonb(r.last_at))
) as d (column_of, kept, recount)
where
    (k.interaction_count, k.first_at, k.last_at) is distinct from (r.interaction_count, r.first_at, r.last_at)
    and d.kept is distinct from d.recount
    and (d.column_of = '' or (k.interaction_count is not null and r.interaction_count is not null))
order by "user_id", d.column_of
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
    d.column_of || coalesce('product_id ' || product_id::text, 'a key with a null') as key,
    d.kept,
    d.recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_product" as k
full join recount as r
    using ("product_id")
cross join lateral (
    values
        (''::text, pg_catalog.to_jsonb(k.interaction_count), pg_catalog.to_jsonb(r.interaction_count))
) as d (column_of, kept, recount)
where
    (k.interaction_count) is distinct from (r.interaction_count)
    and d.kept is distinct from d.recount
    and (d.column_of = '' or (k.interaction_count is not null and r.interaction_count is not null))
order by "product_id", d.column_of
limit 20

-- name: drift_user_days
with recount as (
    select
    (timestamp at time zone 'UTC')::date as day,
    user_id,
    pg_catalog.count(*) as interaction_count,
    pg_catalog.bit_or(pg_catalog.set_bit(pg_catalog.repeat('0', 96)::bit(96), (pg_catalog.date_part('epoch', pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') - pg_catalog.date_bin('24 hours', timestamp, '0001-01-01 00:00:00+00')) / 900::double precision)::integer, 1)) as quarters
from user_interactions_raw
where exists (select from footfall_options where name = 'user-days' and is_on)
group by day, user_id
)
select
    d.column_of || coalesce('day ' || day::text || ', user_id ' || user_id::text, 'a key with a null') as key,
    d.kept,
    d.recount,
    pg_catalog.count(*) over () as drift_count
from "user_days" as k
full join recount as r
    using ("day", "user_id")
cross join lateral (
    values
        (''::text, pg_catalog.to_jsonb(k.interaction_count), pg_catalog.to_jsonb(r.interaction_count)),
        ('quarters of ', pg_catalog.to_jsonb(k.quarters), pg_catalog.to_jsonb(r.quarters))
) as d (column_of, kept, recount)
where
    (k.interaction_count, k.quarters) is distinct from (r.interaction_count, r.quarters)
    and d.kept is distinct from d.recount
    and (d.column_of = '' or (k.interaction_count is not null and r.interaction_count is not null))
order by "day", "user_id", d.column_of
limit 20

-- name: doubled_interactions
-- What is there more than once under its key.
select
    'rows of ' || 'user_id ' || user_id::text || ', product_id ' || product_id::text as key,
    pg_catalog.count(*) as kept,
    1::bigint as recount,
    pg_catalog.count(*) over () as drift_count
from "interactions"
where true
group by "user_id", "product_id"
having pg_catalog.count(*) > 1
order by "user_id", "product_id"
limit 20

-- name: doubled_interactions_per_quarter_hour
-- What is there more than once under its key.
select
    'rows of ' || 'quarter_hour ' || (quarter_hour at time zone 'UTC')::text || ' UTC, action ' || action as key,
    pg_catalog.count(*) as kept,
    1::bigint as recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_quarter_hour"
where true
group by "quarter_hour", "action"
having pg_catalog.count(*) > 1
order by "quarter_hour", "action"
limit 20

-- name: doubled_interactions_per_user
-- What is there more than once under its key.
select
    'rows of ' || 'user_id ' || user_id::text as key,
    pg_catalog.count(*) as kept,
    1::bigint as recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_user"
where true
group by "user_id"
having pg_catalog.count(*) > 1
order by "user_id"
limit 20

-- name: doubled_interactions_per_product
-- What is there more than once under its key.
select
    'rows of ' || 'product_id ' || product_id::text as key,
    pg_catalog.count(*) as kept,
    1::bigint as recount,
    pg_catalog.count(*) over () as drift_count
from "interactions_per_product"
where true
group by "product_id"
having pg_catalog.count(*) > 1
order by "product_id"
limit 20

-- name: doubled_user_days
-- What is there more than once under its key.
select
    'rows of ' || 'day ' || day::text || ', user_id ' || user_id::text as key,
    pg_catalog.count(*) as kept,
    1::bigint as recount,
    pg_catalog.count(*) over () as drift_count
from "user_days"
where true
group by "day", "user_id"
having pg_catalog.count(*) > 1
order by "day", "user_id"
limit 20

-- name: remove_wrong_interactions
-- What the counts are mended by reads no index, since a broken one may be why they differ.
delete from "interactions" as k
where not exists (
    select
    from (
        select
    user_id,
    product_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by user_id, product_id
    ) as r
    where
        ("r"."user_id", "r"."product_id") = ("k"."user_id", "k"."product_id")
        and (r.interaction_count) = (k.interaction_count)
)

-- name: remove_wrong_interactions_per_quarter_hour
-- What the counts are mended by reads no index, since a broken one may be why they differ.
delete from "interactions_per_quarter_hour" as k
where not exists (
    select
    from (
        select
    pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
    action collate "C",
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by quarter_hour, action collate "C"
    ) as r
    where
        ("r"."quarter_hour", "r"."action") = ("k"."quarter_hour", "k"."action")
        and (r.interaction_count) = (k.interaction_count)
)

-- name: remove_wrong_interactions_per_user
-- What the counts are mended by reads no index, since a broken one may be why they differ.
delete from "interactions_per_user" as k
where not exists (
    select
    from (
        select
    user_id,
    pg_catalog.count(*) as interaction_count,
    pg_catalog.min(timestamp) as first_at,
    pg_catalog.max(timestamp) as last_at
from user_interactions_raw
group by user_id
    ) as r
    where
        ("r"."user_id") = ("k"."user_id")
        and (r.interaction_count, r.first_at, r.last_at) = (k.interaction_count, k.first_at, k.last_at)
)

-- name: remove_wrong_interactions_per_product
-- What the counts are mended by reads no index, since a broken one may be why they differ.
delete from "interactions_per_product" as k
where not exists (
    select
    from (
        select
    product_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by product_id
    ) as r
    where
        ("r"."product_id") = ("k"."product_id")
        and (r.interaction_count) = (k.interaction_count)
)

-- name: remove_wrong_user_days
-- What the counts are mended by reads no index, since a broken one may be why they differ.
delete from "user_days" as k
where not exists (
    select
    from (
        select
    (timestamp at time zone 'UTC')::date as day,
    user_id,
    pg_catalog.count(*) as interaction_count,
    pg_catalog.bit_or(pg_catalog.set_bit(pg_catalog.repeat('0', 96)::bit(96), (pg_catalog.date_part('epoch', pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') - pg_catalog.date_bin('24 hours', timestamp, '0001-01-01 00:00:00+00')) / 900::double precision)::integer, 1)) as quarters
from user_interactions_raw
where exists (select from footfall_options where name = 'user-days' and is_on)
group by day, user_id
    ) as r
    where
        ("r"."day", "r"."user_id") = ("k"."day", "k"."user_id")
        and (r.interaction_count, r.quarters) = (k.interaction_count, k.quarters)
)

-- name: remove_doubled_interactions
delete from "interactions"
where ("user_id", "product_id") in (
    select "user_id", "product_id"
    from "interactions"
    group by "user_id", "product_id"
    having pg_catalog.count(*) > 1
)

-- name: remove_doubled_interactions_per_quarter_hour
delete from "interactions_per_quarter_hour"
where ("quarter_hour", "action") in (
    select "quarter_hour", "action"
    from "interactions_per_quarter_hour"
    group by "quarter_hour", "action"
    having pg_catalog.count(*) > 1
)

-- name: remove_doubled_interactions_per_user
delete from "interactions_per_user"
where ("user_id") in (
    select "user_id"
    from "interactions_per_user"
    group by "user_id"
    having pg_catalog.count(*) > 1
)

-- name: remove_doubled_interactions_per_product
delete from "interactions_per_product"
where ("product_id") in (
    select "product_id"
    from "interactions_per_product"
    group by "product_id"
    having pg_catalog.count(*) > 1
)

-- name: remove_doubled_user_days
delete from "user_days"
where ("day", "user_id") in (
    select "day", "user_id"
    from "user_days"
    group by "day", "user_id"
    having pg_catalog.count(*) > 1
)

-- name: add_missing_interactions
insert into "interactions" ("user_id", "product_id", interaction_count)
select
    "r"."user_id", "r"."product_id",
    r.interaction_count
from (
    select
    user_id,
    product_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by user_id, product_id
) as r
where not exists (
    select
    from "interactions" as k
    where ("k"."user_id", "k"."product_id") = ("r"."user_id", "r"."product_id")
)
order by "r"."user_id", "r"."product_id"

-- name: add_missing_interactions_per_quarter_hour
insert into "interactions_per_quarter_hour" ("quarter_hour", "action", interaction_count)
select
    "r"."quarter_hour", "r"."action",
    r.interaction_count
from (
    select
    pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
    action collate "C",
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by quarter_hour, action collate "C"
) as r
where not exists (
    select
    from "interactions_per_quarter_hour" as k
    where ("k"."quarter_hour", "k"."action") = ("r"."quarter_hour", "r"."action")
)
order by "r"."quarter_hour", "r"."action"

-- name: add_missing_interactions_per_user
insert into "interactions_per_user" ("user_id", interaction_count, first_at, last_at)
select
    "r"."user_id",
    r.interaction_count, r.first_at, r.last_at
from (
    select
    user_id,
    pg_catalog.count(*) as interaction_count,
    pg_catalog.min(timestamp) as first_at,
    pg_catalog.max(timestamp) as last_at
from user_interactions_raw
group by user_id
) as r
where not exists (
    select
    from "interactions_per_user" as k
    where ("k"."user_id") = ("r"."user_id")
)
order by "r"."user_id"

-- name: add_missing_interactions_per_product
insert into "interactions_per_product" ("product_id", interaction_count)
select
    "r"."product_id",
    r.interaction_count
from (
    select
    product_id,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by product_id
) as r
where not exists (
    select
    from "interactions_per_product" as k
    where ("k"."product_id") = ("r"."product_id")
)
order by "r"."product_id"

-- name: add_missing_user_days
insert into "user_days" ("day", "user_id", interaction_count, quarters)
select
    "r"."day", "r"."user_id",
    r.interaction_count, r.quarters
from (
    select
    (timestamp at time zone 'UTC')::date as day,
    user_id,
    pg_catalog.count(*) as interaction_count,
    pg_catalog.bit_or(pg_catalog.set_bit(pg_catalog.repeat('0', 96)::bit(96), (pg_catalog.date_part('epoch', pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') - pg_catalog.date_bin('24 hours', timestamp, '0001-01-01 00:00:00+00')) / 900::double precision)::integer, 1)) as quarters
from user_interactions_raw
where exists (select from footfall_options where name = 'user-days' and is_on)
group by day, user_id
) as r
where not exists (
    select
    from "user_days" as k
    where ("k"."day", "k"."user_id") = ("r"."day", "r"."user_id")
)
order by "r"."day", "r"."user_id"
