-- name: create_users
create {kind} table {users} (user_id {user_id} not null) {on_commit}

-- name: copy_users
copy {users} (user_id) from stdin (format binary)

-- name: of_users
delete from user_interactions_raw as r
using {users} as u
where r.user_id = u.user_id

-- name: note_forgotten
update loads as l
set rows_forgotten = l.rows_forgotten + g.rows_removed
from rows from (
    pg_catalog.unnest(%(load_ids)s::integer[]),
    pg_catalog.unnest(%(rows_removed)s::bigint[])
) as g (load_id, rows_removed)
where l.load_id = g.load_id

-- name: blank
-- The sums of load_overlaps still count a blanked conflict, so its problem stays, but without its value.
update rejected_interactions as r
set
    raw_line = '',
    raw_bytes = null,
    raw_size_bytes = 0::bigint,
    around = null,
    problems = case
        when r.problems @> '[{"code": "conflicting-duplicate"}]'::jsonb
            then %(problems)s::jsonb
                || '[{"code": "conflicting-duplicate", "field": "interaction_id", "value": null}]'::jsonb
        else %(problems)s::jsonb
    end
from rows from (
    pg_catalog.unnest(%(line_numbers)s::bigint[]),
    pg_catalog.unnest(%(items)s::bigint[])
) as b (line_number, item)
where
    r.load_id = %(load_id)s::integer
    and r.line_number = b.line_number
    and r.item = b.item

-- name: lock
lock table {tables} in share update exclusive mode

-- name: analyze
-- The planner's samples of a table hold ids of users, so they are made again.
analyze {tables}

-- name: loads_with_text
select
    l.load_id,
    l.source,
    l.digest,
    l.header,
    l.definition
from loads as l
where exists (
    select
    from rejected_interactions as r
    where
        r.load_id = l.load_id
        and r.raw_size_bytes > 0::bigint
)
order by l.load_id
