-- name: merge_rows
with added as (
    insert into user_interactions_raw (interaction_id, user_id, product_id, action, timestamp, load_id)
    select
        interaction_id,
        user_id,
        product_id,
        action,
        timestamp,
        load_id
    from "pg_temp"."staging_footfall_rows"
    order by interaction_id
    on conflict (interaction_id) do nothing
    returning user_id, product_id, action, timestamp, load_id
),
counts as (
    insert into interactions (user_id, product_id, interaction_count)
    select
        user_id,
        product_id,
        pg_catalog.count(*)
    from added
    group by user_id, product_id
    order by user_id, product_id
    on conflict (user_id, product_id) do update
        set interaction_count = interactions.interaction_count + excluded.interaction_count
),
quarter_hours as (
    insert into interactions_per_quarter_hour (quarter_hour, action, interaction_count)
    select
        pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
        action collate "C",
        pg_catalog.count(*)
    from added
    group by quarter_hour, action collate "C"
    order by quarter_hour, action
    on conflict (quarter_hour, action) do update
        set interaction_count = interactions_per_quarter_hour.interaction_count + excluded.interaction_count
),
users as (
    insert into interactions_per_user (user_id, interaction_count, first_at, last_at)
    select
        user_id,
        pg_catalog.count(*),
        pg_catalog.min(timestamp) as first_at,
        pg_catalog.max(timestamp) as last_at
    from added
    group by user_id
    order by user_id
    on conflict (user_id) do update
        set interaction_count = interactions_per_user.interaction_count + excluded.interaction_count,
            first_at = least(interactions_per_user.first_at, excluded.first_at),
            last_at = greatest(interactions_per_user.last_at, excluded.last_at)
),
products as (
    insert into interactions_per_product (product_id, interaction_count)
    select
        product_id,
        pg_catalog.count(*)
    from added
    group by product_id
    order by product_id
    on conflict (product_id) do update
        set interaction_count = interactions_per_product.interaction_count + excluded.interaction_count
),
days_of_users as (
    insert into user_days (day, user_id, interaction_count, quarters)
    select
        (timestamp at time zone 'UTC')::date as day,
        user_id,
        pg_catalog.count(*),
        pg_catalog.bit_or(pg_catalog.set_bit(pg_catalog.repeat('0', 96)::bit(96), (pg_catalog.date_part('epoch', pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') - pg_catalog.date_bin('24 hours', timestamp, '0001-01-01 00:00:00+00')) / 900::double precision)::integer, 1)) as quarters
    from added
    where exists (select from footfall_options where name = 'user-days' and is_on)
    group by day, user_id
    order by day, user_id
    on conflict (day, user_id) do update
        set interaction_count = user_days.interaction_count + excluded.interaction_count,
            quarters = user_days.quarters | excluded.quarters
)
select
    load_id,
    pg_catalog.count(*) as rows_added
from added
group by load_id

-- name: merge_out_of_order
with added as (
    insert into user_interactions_raw (interaction_id, user_id, product_id, action, timestamp, load_id)
    select distinct on (interaction_id)
        interaction_id,
        user_id,
        product_id,
        action,
        timestamp,
        load_id
    from "pg_temp"."staging_footfall_out_of_order"
    order by interaction_id, load_id, line_number
    on conflict (interaction_id) do nothing
    returning user_id, product_id, action, timestamp, load_id
),
counts as (
    insert into interactions (user_id, product_id, interaction_count)
    select
        user_id,
        product_id,
        pg_catalog.count(*)
    from added
    group by user_id, product_id
    order by user_id, product_id
    on conflict (user_id, product_id) do update
        set interaction_count = interactions.interaction_count + excluded.interaction_count
),
quarter_hours as (
    insert into interactions_per_quarter_hour (quarter_hour, action, interaction_count)
    select
        pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
        action collate "C",
        pg_catalog.count(*)
    from added
    group by quarter_hour, action collate "C"
    order by quarter_hour, action
    on conflict (quarter_hour, action) do update
        set interaction_count = interactions_per_quarter_hour.interaction_count + excluded.interaction_count
),
users as (
    insert into interactions_per_user (user_id, interaction_count, first_at, last_at)
    select
        user_id,
        pg_catalog.count(*),
        pg_catalog.min(timestamp) as first_at,
        pg_catalog.max(timestamp) as last_at
    from added
    group by user_id
    order by user_id
    on conflict (user_id) do update
        set interaction_count = interactions_per_user.interaction_count + excluded.interaction_count,
            first_at = least(interactions_per_user.first_at, excluded.first_at),
            last_at = greatest(interactions_per_user.last_at, excluded.last_at)
),
products as (
    insert into interactions_per_product (product_id, interaction_count)
    select
        product_id,
        pg_catalog.count(*)
    from added
    group by product_id
    order by product_id
    on conflict (product_id) do update
        set interaction_count = interactions_per_product.interaction_count + excluded.interaction_count
),
days_of_users as (
    insert into user_days (day, user_id, interaction_count, quarters)
    select
        (timestamp at time zone 'UTC')::date as day,
        user_id,
        pg_catalog.count(*),
        pg_catalog.bit_or(pg_catalog.set_bit(pg_catalog.repeat('0', 96)::bit(96), (pg_catalog.date_part('epoch', pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') - pg_catalog.date_bin('24 hours', timestamp, '0001-01-01 00:00:00+00')) / 900::double precision)::integer, 1)) as quarters
    from added
    where exists (select from footfall_options where name = 'user-days' and is_on)
    group by day, user_id
    order by day, user_id
    on conflict (day, user_id) do update
        set interaction_count = user_days.interaction_count + excluded.interaction_count,
            quarters = user_days.quarters | excluded.quarters
)
select
    load_id,
    pg_catalog.count(*) as rows_added
from added
group by load_id

-- name: match_rows
insert into "pg_temp"."staging_footfall_matched" (load_id, line_number, first_load_id, interaction_id, is_same)
select
    s.load_id,
    s.line_number,
    r.load_id,
    r.interaction_id,
    (r.user_id, r.product_id, r.action, r.timestamp) = (s.user_id, s.product_id, s.action, s.timestamp)
from "pg_temp"."staging_footfall_rows" as s
join user_interactions_raw as r
    on r.interaction_id = s.interaction_id
where r.load_id <> s.load_id

-- name: match_out_of_order
insert into "pg_temp"."staging_footfall_matched" (load_id, line_number, first_load_id, interaction_id, is_same)
select
    s.load_id,
    s.line_number,
    r.load_id,
    r.interaction_id,
    (r.user_id, r.product_id, r.action, r.timestamp) = (s.user_id, s.product_id, s.action, s.timestamp)
from "pg_temp"."staging_footfall_out_of_order" as s
join user_interactions_raw as r
    on r.interaction_id = s.interaction_id

-- name: analyze_tables
analyze (skip_locked)
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product,
    user_days
