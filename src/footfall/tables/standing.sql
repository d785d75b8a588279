-- name: sums
-- The ledger in one row; rows_* are of the loads that stand. `state` is the same as long as no load came or went.
select
    pg_catalog.count(*) filter (where status = 'loaded') as loaded_count,
    pg_catalog.count(*) filter (where status = 'failed') as failed_count,
    pg_catalog.count(*) filter (where status = 'undone') as undone_count,
    pg_catalog.max(load_id) filter (where status = 'loaded') as last_load_id,
    pg_catalog.max(finished_at) filter (where status = 'loaded') as last_loaded_at,
    coalesce(pg_catalog.sum(rows_read) filter (where status = 'loaded'), 0::numeric)::bigint as rows_read,
    coalesce(pg_catalog.sum(rows_loaded) filter (where status = 'loaded'), 0::numeric)::bigint as rows_loaded,
    coalesce(pg_catalog.sum(rows_duplicate) filter (where status = 'loaded'), 0::numeric)::bigint as rows_duplicate,
    coalesce(pg_catalog.sum(rows_rejected) filter (where status = 'loaded'), 0::numeric)::bigint as rows_rejected,
    coalesce(pg_catalog.sum(rows_skipped) filter (where status = 'loaded'), 0::numeric)::bigint as rows_skipped,
    pg_catalog.encode(
        pg_catalog.sha256(
            pg_catalog.convert_to(
                coalesce(
                    pg_catalog.string_agg(
                        load_id::text || ' ' || status || ' ' || digest || ' ' || rows_loaded::text, e'\n'::text order by load_id
                    ) filter (where status <> 'failed'),
                    ''::text
                ),
                'UTF8'::name
            )
        ),
        'hex'::text
    ) as state,
    pg_catalog.has_table_privilege('rejected_interactions'::text, 'select'::text) as may_read_rejected
from loads

-- name: kept
-- What the counts hold, and where the data end: days and times of the time zone.
select
    coalesce(
        (select pg_catalog.sum(interaction_count) from interactions_per_quarter_hour), 0::numeric
    )::bigint as interaction_count,
    (data_since at time zone %(time_zone)s::text)::timestamp as first_at,
    (data_until at time zone %(time_zone)s::text)::timestamp as last_at
from data_ends()

-- name: open_failures
-- Files of which nothing is loaded: the last attempt failed, and no later load brought the same bytes or the same name.
select
    f.load_id,
    f.source,
    f.error,
    f.finished_at
from loads as f
where
    f.status = 'failed'
    and not exists (
        select
        from loads as l
        where
            l.load_id > f.load_id
            and (l.source = f.source or (l.status = 'loaded' and l.digest = f.digest))
    )
order by f.load_id desc
limit %(limit)s::bigint

-- name: problems
-- Rejected rows by problem, of the loads that stand; a row with two problems stands under both.
select
    p.problem->>'code' as code,
    p.problem->>'field' as field,
    pg_catalog.count(*) as rows_rejected,
    pg_catalog.count(distinct r.load_id) as file_count
from rejected_interactions as r
cross join lateral pg_catalog.jsonb_array_elements(r.problems) as p (problem)
group by 1, 2
order by rows_rejected desc, code, field
limit %(limit)s::bigint
