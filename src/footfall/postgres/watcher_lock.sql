-- name: try_watcher_lock
select pg_catalog.pg_try_advisory_xact_lock(%(watchers)s, %(folder)s) as is_held

-- name: watcher
-- The session that watches the same folder.
select
    l.pid,
    a.usename as role,
    a.application_name as application
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a
    on a.pid = l.pid
where
    l.locktype = 'advisory'
    and l.granted
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and l.classid = %(watchers)s::oid
    and l.objid = %(folder)s::oid
    and l.pid <> pg_catalog.pg_backend_pid()
order by l.pid
limit 1

-- name: still_there
select true as is_there
