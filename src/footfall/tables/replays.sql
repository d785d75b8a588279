-- name: loads
select
    l.load_id,
    l.source,
    l.digest,
    l.header,
    l.definition,
    l.status,
    coalesce(r.rows_open, 0::bigint) as rows_open,
    coalesce(r.rows_closed, 0::bigint) as rows_closed
from loads as l
left join (
    select
        load_id,
        pg_catalog.count(*) filter (where replayed_by is null) as rows_open,
        pg_catalog.count(*) filter (where replayed_by is not null) as rows_closed
    from rejected_interactions
    where %(load_ids)s::integer[] is null or load_id = any(%(load_ids)s::integer[])
    group by load_id
) as r
    on r.load_id = l.load_id
where
    case
        when %(load_ids)s::integer[] is null then l.status = 'loaded' and r.rows_open > 0
        else l.load_id = any(%(load_ids)s::integer[])
    end
order by l.load_id

-- name: rows
select
    line_number,
    item,
    raw_line,
    raw_bytes,
    raw_size_bytes,
    around,
    problems,
    replayed_by
from rejected_interactions
where
    load_id = %(load_id)s::integer
    and (line_number, item) > (%(line_number)s::bigint, %(item)s::bigint)
    and (%(with_closed)s::boolean or replayed_by is null)
order by line_number, item
limit %(limit)s::bigint

-- name: stands
select exists (
    select
    from loads
    where
        load_id = %(load_id)s::integer
        and status = 'loaded'
) as stands

-- name: close
update rejected_interactions as r
set replayed_by = %(closed_by)s::integer
from rows from (
    pg_catalog.unnest(%(line_numbers)s::bigint[]),
    pg_catalog.unnest(%(items)s::bigint[])
) as closed (line_number, item)
where
    r.load_id = %(load_id)s::integer
    and r.line_number = closed.line_number
    and r.item = closed.item
    and r.replayed_by is null

-- name: stand_for
-- Close each rejected row of a mended file whose row in the mended load is open, since that row stands for both.
update rejected_interactions as r
set replayed_by = r.load_id
from
    rows from (
        pg_catalog.unnest(%(line_numbers)s::bigint[]),
        pg_catalog.unnest(%(items)s::bigint[]),
        pg_catalog.unnest(%(of_line_numbers)s::bigint[]),
        pg_catalog.unnest(%(of_items)s::bigint[])
    ) as pairs (line_number, item, of_line_number, of_item),
    rejected_interactions as o
where
    r.load_id = %(load_id)s::integer
    and r.line_number = pairs.line_number
    and r.item = pairs.item
    and o.load_id = %(replay_of)s::integer
    and o.line_number = pairs.of_line_number
    and o.item = pairs.of_item
    and o.replayed_by is null

-- name: places
select
    line_number,
    item
from rejected_interactions
where load_id = %(load_id)s::integer

-- name: open_rows
select pg_catalog.count(*) as rows_open
from rejected_interactions
where
    load_id = %(load_id)s::integer
    and replayed_by is null

-- name: forget_conflicts
with none_left as (
    delete from load_overlaps
    where
        load_id = %(load_id)s::integer
        and rows_duplicate = 0
)
update load_overlaps
set rows_conflict = 0
where
    load_id = %(load_id)s::integer
    and rows_duplicate > 0
    and rows_conflict > 0

-- name: reopen
update rejected_interactions
set replayed_by = null
where replayed_by = any(%(load_ids)s::integer[])

-- name: replays
with recursive mending as (
    select l.load_id
    from loads as l
    where
        l.replay_of = any(%(load_ids)s::integer[])
        and l.status = 'loaded'
    union
    select l.load_id
    from mending as m
    join loads as l
        on l.replay_of = m.load_id
    where l.status = 'loaded'
)
select load_id
from mending
where load_id <> all(%(load_ids)s::integer[])
order by load_id
