-- name: create_counts
create table pairs (user_id bigint, product_id bigint, instant timestamp);
create table quarter_hours (quarter_hour timestamp, action varchar, interaction_count bigint);
create table days_of_users (day date, user_id bigint, quarter utinyint)

-- name: add_pairs
insert into pairs
select
    user_id,
    product_id,
    timestamp as instant
from rows

-- name: add_days_of_users
insert into days_of_users
select
    timestamp::date as day,
    user_id,
    hour(timestamp) * 4 + minute(timestamp) // 15 as quarter
from rows

-- name: add_quarter_hours
insert into quarter_hours
select
    time_bucket(interval '15 minutes', timestamp, timestamp '0001-01-01') as quarter_hour,
    action,
    count(*)
from rows
group by quarter_hour, action

-- name: count_pairs
create table counts as
select
    user_id,
    product_id,
    count(*) as interaction_count,
    min(instant) as first_at,
    max(instant) as last_at
from pairs
group by user_id, product_id;
drop table pairs

-- name: count_days_of_users
create table counted_days_of_users as
select
    day,
    user_id,
    count(*) as interaction_count,
    bit_or(1::hugeint << (95 - quarter)::integer) as quarters
from days_of_users
group by day, user_id;
drop table days_of_users

-- name: interactions
select
    user_id,
    product_id,
    interaction_count
from counts
order by user_id, product_id

-- name: interactions_per_quarter_hour
select
    quarter_hour,
    action,
    sum(interaction_count)::bigint as interaction_count
from quarter_hours
group by quarter_hour, action
order by quarter_hour, action

-- name: interactions_per_user
select
    user_id,
    sum(interaction_count)::bigint as interaction_count,
    min(first_at) as first_at,
    max(last_at) as last_at
from counts
group by user_id
order by user_id

-- name: interactions_per_product
select
    product_id,
    sum(interaction_count)::bigint as interaction_count
from counts
group by product_id
order by product_id

-- name: user_days
select
    day,
    user_id,
    interaction_count,
    quarters
from counted_days_of_users
order by day, user_id
