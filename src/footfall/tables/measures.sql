-- name: ledger
-- One reading of the ledger. Rows are those of loads that stand; seconds are of all loads that ever were.
select
    pg_catalog.count(*) filter (where status = 'loaded') as loads_loaded,
    pg_catalog.count(*) filter (where status = 'failed') as loads_failed,
    pg_catalog.count(*) filter (where status = 'undone') as loads_undone,
    coalesce(pg_catalog.sum(rows_loaded) filter (where status = 'loaded'), 0)::bigint as rows_loaded,
    coalesce(pg_catalog.sum(rows_duplicate) filter (where status = 'loaded'), 0)::bigint as rows_duplicate,
    coalesce(pg_catalog.sum(rows_rejected) filter (where status = 'loaded'), 0)::bigint as rows_rejected,
    coalesce(pg_catalog.sum(rows_skipped) filter (where status = 'loaded'), 0)::bigint as rows_skipped,
    coalesce(pg_catalog.sum(extract(epoch from finished_at - started_at)), 0)::double precision as load_s,
    extract(epoch from pg_catalog.max(finished_at) filter (where status = 'loaded'))::double precision as last_loaded_s,
    extract(epoch from pg_catalog.max(finished_at) filter (where status = 'failed'))::double precision as last_failed_s,
    extract(
        epoch from pg_catalog.now() - pg_catalog.max(finished_at) filter (where status = 'loaded')
    )::double precision as last_load_age_s
from loads

-- name: forgotten
select coalesce(pg_catalog.sum(rows_forgotten) filter (where status = 'loaded'), 0)::bigint as rows_forgotten
from loads

-- name: latest
-- The newest interaction up to now: a single row that is dated into the future would hide that all others are old. The
-- key of the roll-up gives the last two quarter hours, since the last one may have only rows that are later than now.
-- The index on time finds the rows in them.
select extract(epoch from pg_catalog.max(r.timestamp))::double precision as newest_interaction_s
from user_interactions_raw as r
where
    r.timestamp <= pg_catalog.now()
    and r.timestamp >= (
        select pg_catalog.min(last_two.quarter_hour)
        from (
            select distinct q.quarter_hour
            from interactions_per_quarter_hour as q
            where q.quarter_hour <= pg_catalog.now()
            order by q.quarter_hour desc
            limit 2
        ) as last_two
    )

-- name: newest_file
select pg_catalog.max(modified_ns)::double precision / 1e9::double precision as newest_file_s
from source_files

-- name: quarantine
-- Only the problems of open rows are counted. Most rows have one problem, so only the further ones are expanded.
with counted as (
    select
        r.problems->0->>'code'::text as code,
        pg_catalog.count(*) filter (where r.replayed_by is null) as rows_open,
        pg_catalog.count(*) filter (where r.replayed_by is not null) as rows_closed,
        pg_catalog.count(*) filter (where r.replayed_by is null) as rows_rejected
    from rejected_interactions as r
    group by r.problems->0->>'code'::text
    union all
    select
        p.problem->>'code'::text as code,
        0::bigint as rows_open,
        0::bigint as rows_closed,
        pg_catalog.count(*) as rows_rejected
    from rejected_interactions as r
    cross join lateral pg_catalog.jsonb_array_elements(r.problems - 0) as p (problem)
    where
        pg_catalog.jsonb_array_length(r.problems) > 1
        and r.replayed_by is null
    group by p.problem->>'code'::text
)
select
    code,
    pg_catalog.sum(rows_open)::bigint as rows_open,
    pg_catalog.sum(rows_closed)::bigint as rows_closed,
    pg_catalog.sum(rows_rejected)::bigint as rows_rejected
from counted
group by code

-- name: quarantine_key
select
    (select pg_catalog.count(*) from loads) as loads,
    (select coalesce(pg_catalog.max(load_id), 0) from loads) as last_load_id,
    (select pg_catalog.count(*) from operations) as operations,
    (select coalesce(pg_catalog.max(operation_id), 0) from operations) as last_operation_id

-- name: verification
select
    (details->>'drift_count'::text)::double precision as drift_count,
    extract(epoch from finished_at)::double precision as verified_s
from operations
where verb = 'verify'
order by operation_id desc
limit 1

-- name: lock
-- held_s is null for a role that may not see since when the writer lock is held.
select
    pg_catalog.count(*) filter (where not l.granted) as waiting,
    extract(epoch from pg_catalog.max(
        pg_catalog.clock_timestamp() - l.waitstart) filter (where not l.granted)
    )::double precision as wait_s,
    pg_catalog.count(*) filter (where l.granted) as writers,
    extract(epoch from pg_catalog.max(
        pg_catalog.clock_timestamp() - a.xact_start) filter (where l.granted)
    )::double precision as held_s
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a
    on a.pid = l.pid
where
    l.locktype = 'advisory'
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and l.classid = %(footfall)s::oid
    and l.objid = %(schema)s::oid

-- name: sizes
-- A table that somebody has locked exclusively, or waits to lock so, is left out: asking for its size would have to
-- wait.
select
    c.relname as name,
    pg_catalog.pg_total_relation_size(c.oid::regclass) as size_bytes
from pg_catalog.pg_class as c
where
    c.relnamespace = (select n.oid from pg_catalog.pg_namespace as n where n.nspname = pg_catalog.current_schema())
    and c.relname = any(%(names)s::text[])
    and not exists (
        select
        from pg_catalog.pg_locks as l
        where
            l.relation = c.oid
            and l.mode = 'AccessExclusiveLock'
            and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    )
