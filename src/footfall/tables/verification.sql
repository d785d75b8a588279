-- What can be proven of interactions, ledger, quarantine and overlaps: of each load that stands, its sums.

-- name: words_user_interactions_raw
'interaction_id ' || interaction_id::text

-- name: words_rejected_interactions
'load_id ' || load_id::text || ', line_number ' || line_number::text
|| case when item = 0::bigint then '' else ', item ' || item::text end

-- name: words_loads
'load_id ' || load_id::text

-- name: words_load_overlaps
'load_id ' || load_id::text || ', first_load_id ' || first_load_id::text

-- name: words_digests
'the loaded digest ' || digest

-- name: is_loaded
status = 'loaded'

-- name: drift_rows_loaded
with recount as (
    select
        load_id,
        pg_catalog.count(*) as rows_loaded
    from user_interactions_raw
    group by load_id
)
select
    'load_id ' || load_id::text as key,
    l.rows_loaded as kept,
    r.rows_loaded as recount,
    pg_catalog.count(*) over () as drift_count
from (select load_id, rows_loaded - rows_forgotten as rows_loaded from loads where status = 'loaded') as l
full join recount as r
    using (load_id)
where coalesce(l.rows_loaded, -1) <> coalesce(r.rows_loaded, case when l.load_id is null then -2 else 0 end)
order by load_id
limit 20

-- name: drift_rows_read
-- A load that failed has no counts.
select
    'rows_read of load_id ' || load_id::text as key,
    rows_read as kept,
    case when status = 'loaded' then rows_loaded + rows_duplicate + rows_rejected + rows_skipped end as recount,
    pg_catalog.count(*) over () as drift_count
from loads
where
    (
        status = 'loaded'
        and rows_read is distinct from rows_loaded + rows_duplicate + rows_rejected + rows_skipped
    )
    or (
        status = 'failed'
        and pg_catalog.num_nonnulls(rows_read, rows_loaded, rows_duplicate, rows_rejected, rows_skipped) > 0
    )
order by load_id
limit 20

-- name: drift_rows_rejected
with recount as (
    select
        load_id,
        pg_catalog.count(*) as rows_rejected
    from rejected_interactions
    group by load_id
)
select
    'load_id ' || load_id::text as key,
    l.rows_rejected as kept,
    r.rows_rejected as recount,
    pg_catalog.count(*) over () as drift_count
from (select load_id, rows_rejected from loads where status = 'loaded') as l
full join recount as r
    using (load_id)
where coalesce(l.rows_rejected, -1) <> coalesce(r.rows_rejected, case when l.load_id is null then -2 else 0 end)
order by load_id
limit 20

-- name: drift_replays
-- A rejected row that is closed names the load that mended it, which stands: a load that mends the load of the row, or,
-- for a row that is still wrong in a mended file, that load itself. A replay read the rows that it closed.
with closed as (
    select
        load_id,
        replayed_by,
        pg_catalog.count(*) as rows_closed
    from rejected_interactions
    where replayed_by is not null
    group by load_id, replayed_by
),
differing as (
    select
        'rejected rows of load_id ' || c.load_id::text || ', replayed_by ' || c.replayed_by::text as key,
        c.load_id,
        c.rows_closed as kept,
        0::bigint as recount
    from closed as c
    where not exists (
        select
        from loads as l
        where
            l.load_id = c.replayed_by
            and l.status = 'loaded'
            and (
                l.replay_of = c.load_id
                or (l.replay_of is not null and l.load_id = c.load_id)
            )
    )
    union all
    select
        'rows_read of load_id ' || l.load_id::text || ', a replay',
        l.load_id,
        l.rows_read,
        coalesce(c.rows_closed, 0::bigint)
    from loads as l
    left join closed as c
        on c.replayed_by = l.load_id
        and c.load_id = l.replay_of
    where
        l.status = 'loaded'
        and pg_catalog.starts_with(l.digest, 'replay of load ')
        and l.rows_read <> coalesce(c.rows_closed, 0::bigint)
)
select
    key,
    kept,
    recount,
    pg_catalog.count(*) over () as drift_count
from differing
order by load_id, key
limit 20

-- name: drift_overlaps
-- The overlaps of a load must add up to its duplicates, and to its conflicts. A load that others overlap must have
-- loaded rows.
with loaded as (
    select
        load_id,
        rows_loaded,
        rows_duplicate
    from loads
    where status = 'loaded'
),
sums as (
    select
        load_id,
        pg_catalog.sum(rows_duplicate)::bigint as rows_duplicate,
        pg_catalog.sum(rows_conflict)::bigint as rows_conflict
    from load_overlaps
    group by load_id
),
conflicts as (
    select
        load_id,
        pg_catalog.count(*) as rows_conflict
    from rejected_interactions
    where problems @> '[{"code": "conflicting-duplicate"}]'::jsonb
    group by load_id
),
differing as (
    select
        'rows_duplicate of load_id ' || l.load_id::text as key,
        l.load_id,
        l.rows_duplicate as kept,
        coalesce(o.rows_duplicate, 0::bigint) as recount
    from loaded as l
    left join sums as o
        on o.load_id = l.load_id
    where l.rows_duplicate is distinct from coalesce(o.rows_duplicate, 0::bigint)
    union all
    select
        'rows_conflict of load_id ' || load_id::text,
        load_id,
        coalesce(o.rows_conflict, 0::bigint),
        coalesce(c.rows_conflict, 0::bigint)
    from sums as o
    full join conflicts as c
        using (load_id)
    where coalesce(o.rows_conflict, 0::bigint) <> coalesce(c.rows_conflict, 0::bigint)
    union all
    select
        'load_id ' || o.load_id::text || ', first_load_id ' || o.first_load_id::text,
        o.load_id,
        o.rows_duplicate + o.rows_conflict,
        null::bigint
    from load_overlaps as o
    where
        not exists (
            select
            from loaded as l
            where l.load_id = o.load_id
        )
        or not exists (
            select
            from loaded as l
            where
                l.load_id = o.first_load_id
                and l.rows_loaded > 0
        )
)
select
    key,
    kept,
    recount,
    pg_catalog.count(*) over () as drift_count
from differing
order by load_id, key
limit 20
