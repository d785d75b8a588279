-- In these statements `s` is a row that is staged. {joined} is what it is compared with, and {is_repeated} says whether
-- its id may have come before in the file: a number that is not above those of all ranges before, or another id that
-- the run has more than once. {is_below} says whether its id may be in the table.

-- name: count_rows
select
    s.range,
    pg_catalog.count(*) as rows_first,
    pg_catalog.count(*) filter (where {is_repeated}) as rows_repeated,
    pg_catalog.count(*) filter (where not ({is_repeated}) and {is_below}) as rows_below,
    pg_catalog.min(s.ctid)::text as first_place,
    pg_catalog.max(s.ctid)::text as last_place
from {rows} as s
{joined}
group by s.range

-- name: count_others
select
    range,
    pg_catalog.count(*) as rows_staged
from {name}
group by range

-- name: join_floors
left join rows from (
    pg_catalog.unnest(%(ranges)s::integer[]),
    pg_catalog.unnest(%(floors)s::bigint[])
) as f (range, floor_id)
    on f.range = s.range

-- name: is_repeated_number
s.interaction_id <= f.floor_id

-- name: is_below_number
s.interaction_id <= %(floor_id)s::bigint

-- name: join_repeated
left join {repeated} as p
    on p.interaction_id = s.interaction_id

-- name: is_repeated_id
p.interaction_id is not null

-- name: find_repeated
create unlogged table {repeated} as
select s.interaction_id
from (
    select interaction_id from {rows}
    union all
    select interaction_id from {out_of_order}
) as s
group by s.interaction_id
having pg_catalog.count(*) > 1

-- name: analyze
analyze {name}

-- name: drop
drop table {name}

-- name: move
insert into {name} (load_id, line_number, interaction_id, user_id, product_id, action, timestamp)
select
    s.load_id,
    s.line_number,
    s.interaction_id,
    s.user_id,
    s.product_id,
    s.action,
    s.timestamp
from {rows} as s
{joined}
{condition}

-- name: if_below
where not ({is_repeated}) and {is_below}

-- name: if_repeated
where {is_repeated}

-- name: send
insert into user_interactions_raw (interaction_id, user_id, product_id, action, timestamp, load_id)
select
    s.interaction_id,
    s.user_id,
    s.product_id,
    s.action,
    s.timestamp,
    s.load_id
from {rows} as s
{joined}
where
    s.range = %(range)s::integer
    and s.ctid >= %(first)s::tid
    and s.ctid < %(after)s::tid
    and {is_sent}

-- name: is_above
s.interaction_id > %(above)s::bigint

-- name: is_not_repeated
not ({is_repeated})

-- name: read_sent
-- The columns that are counted, each as one value; what an insert would return costs the server five times as much.
select
    pg_catalog.count(*) as keys,
    {columns}
from {rows} as s
{joined}
where
    s.ctid >= %(first)s::tid
    and s.ctid < %(after)s::tid
    and not ({is_repeated})
    and not ({is_below})

-- name: settings
-- The pages of a range are read where they lie.
select pg_catalog.set_config('enable_tidscan', 'on', true) as enable_tidscan

-- name: remove_rows
delete from {name} where range = any(%(ranges)s::integer[])
