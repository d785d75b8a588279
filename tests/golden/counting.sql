-- name: create_counts
create table pairs (user_id bigint, product_id bigint);
create table quarter_hours (quarter_hour timestamp, action varchar, interaction_count bigint)

-- name: add_pairs
insert into pairs
select
    user_id,
    product_id
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
    count(*) as interaction_count
from pairs
group by user_id, product_id;
drop table pairs

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
    sum(interaction_count)::bigint as interaction_count
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
