-- Compare the sums of each load that stands with interactions, ledger, quarantine and overlaps.

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
-- A load has the rows that it loaded, except those of users who were forgotten since. A load that is undone has none.
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
-- The quarantine keeps every row that a load rejected, the blank ones of forgotten users included.
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
-- A rejected row that is closed names a load that stands: the load that mended it, which mends the load of the row, or,
-- for a row that is still wrong in a mended file, its own load. The rows_read of a replay are the rows that it closed.
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

-- name: drift_duplicates
-- For every load since version 11 of the tables, load_duplicates must have as many ids as the overlap has duplicates,
-- and the ids must be of rows of the other load. If such a row is gone, it must be one that was forgotten.
with known as (
    select
        load_id,
        first_load_id,
        pg_catalog.sum(pg_catalog.cardinality(interaction_ids))::bigint as rows_known
    from load_duplicates
    group by load_id, first_load_id
),
met as (
    select
        o.load_id,
        o.first_load_id,
        o.rows_duplicate,
        l.finished_at >= (select m.applied_at from footfall_migrations as m where m.version = 11) as is_known
    from load_overlaps as o
    join loads as l
        on l.load_id = o.load_id
    where o.load_id <> o.first_load_id
),
gone as (
    select
        f.first_load_id,
        pg_catalog.count(*) as rows_gone
    from (
        select distinct
            d.first_load_id,
            i.interaction_id
        from load_duplicates as d
        cross join lateral pg_catalog.unnest(d.interaction_ids) as i (interaction_id)
    ) as f
    left join user_interactions_raw as r
        on r.interaction_id = f.interaction_id
        and r.load_id = f.first_load_id
    where r.load_id is null
    group by f.first_load_id
),
differing as (
    select
        'ids of load_id ' || load_id::text || ', first_load_id ' || first_load_id::text as key,
        load_id,
        k.rows_known as kept,
        m.rows_duplicate as recount
    from met as m
    full join known as k
        using (load_id, first_load_id)
    where
        case
            when m.is_known then coalesce(k.rows_known, 0::bigint) <> m.rows_duplicate
            else coalesce(k.rows_known, 0::bigint) > coalesce(m.rows_duplicate, 0::bigint)
        end
    union all
    select
        'ids that others met of load_id ' || g.first_load_id::text,
        g.first_load_id,
        g.rows_gone,
        coalesce(l.rows_forgotten, 0::bigint)
    from gone as g
    left join loads as l
        on l.load_id = g.first_load_id
    where g.rows_gone > coalesce(l.rows_forgotten, 0::bigint)
)
select
    key,
    kept,
    recount,
    pg_catalog.count(*) over () as drift_count
from differing
order by load_id, key
limit 20

-- name: drift_operations
-- A load is undone if and only if one operation says so, once.
with said as (
    select
        (u.undone->>'load_id'::text)::integer as load_id,
        pg_catalog.count(*) as times
    from operations as o
    cross join lateral pg_catalog.jsonb_array_elements(o.details->'undone'::text) as u (undone)
    where o.verb in ('undo', 'load --again')
    group by 1
)
select
    'load_id ' || load_id::text || ' is undone' as key,
    case when l.load_id is null then 0::bigint else 1::bigint end as kept,
    coalesce(s.times, 0::bigint) as recount,
    pg_catalog.count(*) over () as drift_count
from (
    select load_id
    from loads
    where
        status = 'undone'
        and undone_at is not null
) as l
full join said as s
    using (load_id)
where
    l.load_id is null
    or coalesce(s.times, 0::bigint) <> 1
order by load_id
limit 20

-- name: words_load_duplicates
'load_id ' || load_id::text || ', first_load_id ' || first_load_id::text || ', part ' || part::text

-- name: words_operations
'operation_id ' || operation_id::text
