-- name: analyze
analyze {name}

-- name: insert
with added as (
    insert into user_interactions_raw (interaction_id, user_id, product_id, action, timestamp, load_id)
    select {distinct}
        interaction_id,
        user_id,
        product_id,
        action,
        timestamp,
        load_id
    from {source}
    order by {order}
    on conflict (interaction_id) do nothing
    returning user_id, product_id, action, timestamp, load_id
),
{deltas}
select
    load_id,
    pg_catalog.count(*) as rows_added
from added
group by load_id

-- name: match
insert into {matched} (load_id, line_number, first_load_id, interaction_id, is_same)
select
    s.load_id,
    s.line_number,
    r.load_id,
    r.interaction_id,
    (r.user_id, r.product_id, r.action, r.timestamp) = (s.user_id, s.product_id, s.action, s.timestamp)
from {source} as s
join user_interactions_raw as r
    on r.interaction_id = s.interaction_id
{condition}

-- name: matches
select
    load_id,
    pg_catalog.count(*) filter (where is_same) as rows_same,
    pg_catalog.count(*) filter (where not is_same) as rows_conflict,
    pg_catalog.count(*) filter (where first_load_id = load_id) as rows_own
from {matched}
group by load_id

-- name: conflict_lines
copy (
    select
        load_id,
        line_number
    from {matched}
    where not is_same
    order by load_id, line_number
) to stdout (format binary)

-- name: record_overlaps
-- A row out of order that was inserted finds itself in the table, which is no overlap.
with came_in as (
    select
        load_id,
        rows_added
    from rows from (
        pg_catalog.unnest(%(load_ids)s::integer[]),
        pg_catalog.unnest(%(rows_added)s::bigint[])
    ) as added (load_id, rows_added)
),
met as (
    select
        m.load_id,
        m.first_load_id,
        pg_catalog.count(*) filter (where m.is_same) - coalesce(
            (
                select c.rows_added
                from came_in as c
                where
                    c.load_id = m.load_id
                    and c.load_id = m.first_load_id
            ),
            0::bigint
        ) as rows_duplicate,
        pg_catalog.count(*) filter (where not m.is_same) as rows_conflict
    from {matched} as m
    group by m.load_id, m.first_load_id
)
insert into load_overlaps (load_id, first_load_id, rows_duplicate, rows_conflict)
select
    load_id,
    first_load_id,
    rows_duplicate,
    rows_conflict
from met
where
    rows_duplicate <> 0
    or rows_conflict <> 0
order by load_id, first_load_id

-- name: record_duplicates
-- There is an element for each row, so that the number of elements is that of the overlap. A part has the rows of a
-- range of lines, so that rows in the order of the file need no sort.
insert into load_duplicates (load_id, first_load_id, part, interaction_ids)
select
    load_id,
    first_load_id,
    line_number / 65536::bigint as part,
    pg_catalog.array_agg(interaction_id)
from {matched}
where
    is_same
    and first_load_id <> load_id
group by load_id, first_load_id, part

-- name: is_analyze_due
select
    %(rows)s::double precision >= 0.1::double precision * c.reltuples::double precision
    and pg_catalog.pg_has_role(c.relowner, 'USAGE') as is_due
from pg_catalog.pg_class as c
where c.oid = 'user_interactions_raw'::pg_catalog.regclass::oid

-- name: analyze_tables
analyze (skip_locked)
    {tables}
