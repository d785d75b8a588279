-- Loads that are taken back: find them, mark them in the ledger, and remove their rows of the quarantine.

-- name: find_loads
select
    load_id,
    source,
    status,
    rows_loaded,
    rows_rejected,
    rows_forgotten,
    replay_of
from loads
where load_id = any(%(load_ids)s::integer [])
order by load_id

-- name: mark_undone
update loads
set
    status = 'undone',
    undone_at = pg_catalog.clock_timestamp()
where load_id = any(%(load_ids)s::integer [])

-- name: remove_rejected
delete from rejected_interactions
where load_id = any(%(load_ids)s::integer [])
