-- What the engines ask DuckDB, the kernel apart.

-- name: plain_line
select getvariable('plain_line') as plain_line

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

-- name: rejected
select
    line_number,
    line as raw_line,
    raw_bytes,
    size_bytes as raw_size_bytes,
    to_json(problems)::varchar as problems
from rejected
order by line_number

-- name: padded_ids
select
    line_number >> $1 as file_number,
    padded_id,
    count(*) as rows
from (select line_number, unnest(padded_ids) as padded_id from odd)
group by file_number, padded_id
order by file_number, padded_id

-- name: null_words
select
    line_number >> $1 as file_number,
    action,
    count(*) as rows
from odd
group by file_number, action
order by file_number, action

-- name: conflicts
select
    l.line_number as line_number,
    l.line as raw_line,
    l.raw_bytes as raw_bytes,
    l.size_bytes as raw_size_bytes,
    to_json([{
        'code': 'conflicting-duplicate', 'field': 'interaction_id', 'value': j.interaction_id::varchar
    }])::varchar as problems,
    j.interaction_id as interaction_id
from lines as l
join judged as j
    on j.line_number = l.line_number
order by l.line_number

-- name: create_seen
create table seen (file_number integer, line_number bigint, interaction_id bigint, content ubigint)

-- name: add_seen
insert into seen
select
    $1,
    line_number,
    interaction_id,
    hash(user_id, product_id, action, timestamp)
from rows

-- name: forget
delete from seen
where file_number = $1

-- name: pass_on
update seen
set file_number = $1
where file_number = $2

-- name: find_repeats
with firsts as (
    select
        interaction_id,
        min((file_number, line_number)) as place,
        min(file_number) as file_number,
        arg_min(content, (file_number, line_number)) as content
    from seen
    group by interaction_id
    having count(*) > 1
)
select
    s.file_number as file_number,
    count(*) filter (where s.content = f.content) as rows_duplicate,
    count(*) filter (where s.content <> f.content) as rows_conflict,
    min(s.line_number) filter (where s.content <> f.content) as line_number,
    arg_min(s.interaction_id, s.line_number) filter (where s.content <> f.content) as interaction_id,
    count(*) filter (where f.file_number = s.file_number) as rows_repeated
from seen as s
join firsts as f
    on f.interaction_id = s.interaction_id
where (s.file_number, s.line_number) <> f.place
group by s.file_number
order by s.file_number

-- name: offset_changes
with days as (
    select unnest(generate_series(timestamp '1970-01-01', $1::date::timestamp, interval 1 day)) as day
),
offsets as (
    select
        day,
        (epoch(timezone($2, day::timestamptz)) - epoch(day))::bigint as offset_s
    from days
),
changes as (
    select
        day,
        offset_s,
        lag(offset_s) over (order by day) as before_s
    from offsets
)
select
    day::date as day,
    offset_s
from changes
where offset_s is distinct from before_s
order by day
