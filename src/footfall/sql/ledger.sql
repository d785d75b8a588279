-- The ledger: what was loaded, when, from where, with which result.

-- name: next_load_id
select nextval(pg_get_serial_sequence('loads', 'load_id'))::integer as load_id

-- name: find_loaded
select
    load_id,
    finished_at as loaded_at
from loads
where
    digest = %(digest)s
    and status = 'loaded'

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
    %(rows_duplicate)s, %(rows_rejected)s, %(contract)s, %(started_at)s, clock_timestamp(), %(footfall_version)s
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
    (%(load_id)s::integer is null or r.load_id = %(load_id)s)
    and (%(source)s::text is null or l.source = %(source)s)
    and (%(code)s::text is null or r.problems @> jsonb_build_array(jsonb_build_object('code', %(code)s::text)))
order by r.load_id, r.line_number
limit %(limit)s
