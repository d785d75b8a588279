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

-- name: find_by_beginning
select
    load_id,
    source,
    digest,
    finished_at as loaded_at
from loads
where
    pg_catalog.starts_with(digest, %(digest_begins)s::text)
    and status = 'loaded'
order by load_id
limit 1

-- name: is_loaded
select exists (
    select
    from loads
    where
        load_id = %(load_id)s
        and status = 'loaded'
) as is_loaded

-- name: is_failure_known
-- Whether the newest entry of this source is the same failure of the same bytes, by the same rules.
select exists (
    select
    from loads as l
    where
        l.load_id = (
            select pg_catalog.max(newest.load_id)
            from loads as newest
            where newest.source = %(source)s::text
        )
        and l.status = 'failed'
        and l.digest = %(digest)s::text
        and l.error = %(error)s::text
        and l.contract = %(contract)s::text
        and l.footfall_version = %(footfall_version)s::text
) as is_known

-- name: record
insert into loads (
    load_id, source, digest, size_bytes, status, error, rows_read, rows_loaded, rows_duplicate, rows_rejected,
    rows_skipped, replay_of, header, definition, contract, started_at, finished_at, footfall_version
)
values (
    %(load_id)s, %(source)s, %(digest)s, %(size_bytes)s, %(status)s, %(error)s, %(rows_read)s, %(rows_loaded)s,
    %(rows_duplicate)s, %(rows_rejected)s, %(rows_skipped)s, %(replay_of)s, %(header)s, %(definition)s, %(contract)s, %(started_at)s,
    pg_catalog.clock_timestamp(), %(footfall_version)s
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
    rows_skipped,
    definition,
    contract,
    started_at,
    finished_at,
    footfall_version
from loads
order by load_id desc
limit %(limit)s

-- name: mark_repair
update loads
set status = status
where load_id = (select pg_catalog.max(newest.load_id) from loads as newest)
