-- name: try_watcher_lock
select pg_catalog.pg_try_advisory_xact_lock(%(watchers)s, %(folder)s) as is_held

-- name: still_there
select true as is_there
