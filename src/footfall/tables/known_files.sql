-- name: may_ask_source_files
select pg_catalog.has_table_privilege('source_files', 'select') as may_ask

-- name: may_keep_source_files
-- has_table_privilege with a list is true if any right of the list is held, so each right is asked for alone.
select
    pg_catalog.has_table_privilege('source_files', 'select')
    and pg_catalog.has_table_privilege('source_files', 'insert')
    and pg_catalog.has_table_privilege('source_files', 'update') as may_keep

-- name: source_files
select
    f.path,
    f.device,
    f.inode,
    f.size_bytes,
    f.modified_ns,
    f.changed_ns,
    f.digest,
    l.load_id,
    l.finished_at as loaded_at,
    l.contract
from source_files as f
join loads as l
    on l.digest = f.digest
where
    f.path = any(%(paths)s::bytea[])
    and l.status = 'loaded'

-- name: keep_source_files
insert into source_files (path, device, inode, size_bytes, modified_ns, changed_ns, digest, seen_at)
select
    path,
    device,
    inode,
    size_bytes,
    modified_ns,
    changed_ns,
    digest,
    pg_catalog.clock_timestamp()
from rows from (
    pg_catalog.unnest(%(paths)s::bytea[]),
    pg_catalog.unnest(%(devices)s::numeric[]),
    pg_catalog.unnest(%(inodes)s::numeric[]),
    pg_catalog.unnest(%(sizes)s::bigint[]),
    pg_catalog.unnest(%(modified)s::bigint[]),
    pg_catalog.unnest(%(changed)s::bigint[]),
    pg_catalog.unnest(%(digests)s::text[])
) as seen (path, device, inode, size_bytes, modified_ns, changed_ns, digest)
order by path
on conflict (path) do update
    set (device, inode, size_bytes, modified_ns, changed_ns, digest, seen_at) = (
        excluded.device, excluded.inode, excluded.size_bytes, excluded.modified_ns, excluded.changed_ns,
        excluded.digest, excluded.seen_at
    )
