-- name: rights
-- What the role may read beside the counts.
select
    pg_catalog.has_column_privilege('loads'::text, 'finished_at'::text, 'select'::text) as may_read_figures,
    (
        pg_catalog.has_table_privilege('loads'::text, 'select'::text)
        and pg_catalog.has_table_privilege('load_overlaps'::text, 'select'::text)
    ) as may_read_ledger,
    pg_catalog.has_table_privilege('rejected_interactions'::text, 'select'::text) as may_read_rejected

-- name: summary
-- The ledger in one row; rows_* are of the loads that stand.
select
    pg_catalog.count(*) as load_count,
    pg_catalog.count(*) filter (where status = 'loaded') as loaded_count,
    pg_catalog.count(*) filter (where status = 'failed') as failed_count,
    pg_catalog.count(*) filter (where status = 'undone') as undone_count,
    coalesce(pg_catalog.max(load_id), 0) as last_load_id,
    pg_catalog.max(finished_at) filter (where status = 'loaded') as last_loaded_at,
    coalesce(pg_catalog.sum(rows_read) filter (where status = 'loaded'), 0)::bigint as rows_read,
    coalesce(pg_catalog.sum(rows_loaded) filter (where status = 'loaded'), 0)::bigint as rows_loaded,
    coalesce(pg_catalog.sum(rows_duplicate) filter (where status = 'loaded'), 0)::bigint as rows_duplicate,
    coalesce(pg_catalog.sum(rows_rejected) filter (where status = 'loaded'), 0)::bigint as rows_rejected,
    coalesce(pg_catalog.sum(rows_skipped) filter (where status = 'loaded'), 0)::bigint as rows_skipped
from loads

-- name: kept
-- How many interactions the counts hold, between which days of the time zone, and between which times they are
-- complete.
select
    (
        select coalesce(pg_catalog.sum(interaction_count), 0)::bigint
        from interactions_per_action
    ) as interaction_count,
    (data_since at time zone %(time_zone)s::text)::date as first_day,
    (latest_at at time zone %(time_zone)s::text)::date as last_day,
    data_since at time zone %(time_zone)s::text as whole_from,
    data_until at time zone %(time_zone)s::text as whole_to
from data_ends()

-- name: state
-- A digest that is the same as long as no load came or went.
select pg_catalog.encode(
    pg_catalog.sha256(
        pg_catalog.convert_to(
            coalesce(
                pg_catalog.string_agg(
                    load_id::text || ' ' || status || ' ' || digest || ' ' || rows_loaded::text, e'\n'::text order by load_id
                ),
                ''::text
            ),
            'UTF8'::name
        )
    ),
    'hex'::text
) as state
from loads
where status <> 'failed'

-- name: load
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
    started_at,
    finished_at,
    footfall_version
from loads
where load_id = %(load_id)s::integer

-- name: loads
-- The ledger, the newest load first, of one status or of all.
select
    load_id,
    source,
    status,
    error,
    rows_read,
    rows_loaded,
    rows_duplicate,
    rows_rejected,
    rows_skipped,
    finished_at
from loads
where %(status)s::text is null or status = %(status)s::text
order by load_id desc
limit %(limit)s::bigint

-- name: open_failures
-- Files of which nothing is loaded: the last attempt failed, and no load that stands has the same bytes. That load may
-- be older, where --again tried to replace it and failed. Each row has the number of all such files in `files`.
with last_attempts as (
    select pg_catalog.max(load_id) as load_id
    from loads
    group by source
)
select
    f.source,
    f.error,
    pg_catalog.count(*) over () as files
from last_attempts as a
join loads as f
    on f.load_id = a.load_id
where
    f.status = 'failed'
    and not exists (
        select
        from loads as l
        where
            l.status = 'loaded'
            and l.digest = f.digest
    )
order by f.load_id desc
limit %(limit)s::bigint

-- name: figures
-- The same for a role that may not read the names of files.
select
    load_id,
    null::text as source,
    status,
    null::text as error,
    rows_read,
    rows_loaded,
    rows_duplicate,
    rows_rejected,
    rows_skipped,
    finished_at
from loads
where %(status)s::text is null or status = %(status)s::text
order by load_id desc
limit %(limit)s::bigint

-- name: overlaps
-- The loads with which a load shares interactions, whichever of the two was first.
select
    o.load_id,
    o.first_load_id,
    l.source,
    o.rows_duplicate,
    o.rows_conflict
from load_overlaps as o
join loads as l
    on l.load_id = case when o.load_id = %(load_id)s::integer then o.first_load_id else o.load_id end
where
    o.load_id = %(load_id)s::integer
    or o.first_load_id = %(load_id)s::integer
order by o.rows_duplicate + o.rows_conflict desc, o.load_id, o.first_load_id
limit 100

-- name: rejected_states
-- How many rejected rows are open, and how many a replay or a mended file closed: of one load or of all.
select
    pg_catalog.count(*) filter (where replayed_by is null) as rows_open,
    pg_catalog.count(*) filter (where replayed_by is not null) as rows_closed
from rejected_interactions
where %(load_id)s::integer is null or load_id = %(load_id)s::integer

-- name: problems
-- Rejected rows by problem; a row with two problems stands under both.
select
    p.problem->>'code'::text as code,
    p.problem->>'field'::text as field,
    pg_catalog.count(*) as rows_rejected,
    pg_catalog.count(distinct r.load_id) as load_count,
    pg_catalog.min(p.problem->>'value'::text) as example
from rejected_interactions as r
cross join lateral pg_catalog.jsonb_array_elements(r.problems) as p (problem)
where %(load_id)s::integer is null or r.load_id = %(load_id)s::integer
group by 1, 2
order by rows_rejected desc, code, field

-- name: days
-- The days, in the time zone, of which a load brought interactions.
select
    (timestamp at time zone %(time_zone)s::text)::date as day,
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
where load_id = %(load_id)s::integer
group by day
order by day

-- name: running
-- Who writes now, as far as this role may know: who holds the writer lock, and how much that session has copied.
select
    l.pid,
    a.usename as role,
    a.application_name as application,
    a.xact_start as began_at,
    c.bytes_processed as bytes_done,
    nullif(c.bytes_total, 0) as bytes_total,
    c.tuples_processed as rows_done
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a
    on a.pid = l.pid
left join pg_catalog.pg_stat_progress_copy as c
    on c.pid = l.pid
where
    l.locktype = 'advisory'
    and l.granted
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and l.classid = %(footfall)s::oid
    and l.objid = %(schema)s::oid
order by l.pid
