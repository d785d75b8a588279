-- The ledger: what was loaded, when, from where, with which result.

-- name: next_load_ids
select pg_catalog.nextval(pg_catalog.pg_get_serial_sequence('loads', 'load_id'))::integer as load_id
from pg_catalog.generate_series(1, %(files)s)

-- name: find_loaded
select
    digest,
    load_id,
    finished_at as loaded_at,
    contract
from loads
where
    digest = any(%(digests)s::text[])
    and status = 'loaded'

-- name: may_ask_source_files
select pg_catalog.has_table_privilege('source_files', 'select') as may_ask

-- name: may_keep_source_files
-- A list of rights in one call asks for any of them.
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

-- name: is_loaded
select exists (
    select
    from loads
    where
        load_id = %(load_id)s
        and status = 'loaded'
) as is_loaded

-- name: record
insert into loads (
    load_id, source, digest, size_bytes, status, error, rows_read, rows_loaded, rows_duplicate, rows_rejected,
    contract, started_at, finished_at, footfall_version
)
values (
    %(load_id)s, %(source)s, %(digest)s, %(size_bytes)s, %(status)s, %(error)s, %(rows_read)s, %(rows_loaded)s,
    %(rows_duplicate)s, %(rows_rejected)s, %(contract)s, %(started_at)s, pg_catalog.clock_timestamp(),
    %(footfall_version)s
)

-- name: loads
select
    load_id,
    source,
    digest,
    size_bytes,
    status,
    error,
    rows_read,
    rows_loaded,
    rows_duplicate,
    rows_rejected,
    contract,
    started_at,
    finished_at,
    footfall_version
from loads
order by load_id desc
limit %(limit)s

-- name: rejects
select
    r.load_id,
    l.source,
    r.line_number,
    r.raw_line,
    r.raw_size_bytes,
    r.problems
from rejected_interactions as r
join loads as l
    on l.load_id = r.load_id
where
    (%(load_id)s::integer is null or r.load_id = %(load_id)s::integer)
    and (%(source)s::text is null or l.source = %(source)s::text)
    and (
        %(code)s::text is null
        or r.problems @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('code', %(code)s::text))
    )
order by r.load_id, r.line_number
limit %(limit)s
