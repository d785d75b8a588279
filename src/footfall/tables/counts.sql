-- The statements about one kept count have the names of KeptCount in braces: {table}, its {key}, the key from rows
-- ({selected_key}, {grouped_key}), its columns in the table and in the recount ({kept_key}, {recounted_key}), and {words},
-- the key in words.

-- name: lock_tables
lock table
    {tables},
    loads,
    rejected_interactions,
    load_overlaps
in access share mode nowait

-- name: totals
select
    (select pg_catalog.count(*) from user_interactions_raw) as rows_raw,
    (select pg_catalog.count(*) from {table}) as pairs

-- name: recount
select
    {selected_key},
    pg_catalog.count(*) as interaction_count
from user_interactions_raw
group by {grouped_key}

-- name: delta
{grain} as (
    insert into {table} ({key}, interaction_count)
    select
        {selected_key},
        pg_catalog.count(*)
    from added
    group by {grouped_key}
    order by {key}
    on conflict ({key}) do update
        set interaction_count = {table}.interaction_count + excluded.interaction_count
)

-- name: drift_counts
with recount as (
    {recount}
)
select
    {words} as key,
    k.interaction_count as kept,
    r.interaction_count as recount,
    pg_catalog.count(*) over () as drift_count
from {table} as k
full join recount as r
    using ({key})
where k.interaction_count is distinct from r.interaction_count
order by {key}
limit 20

-- name: drift_ledger
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
from (select load_id, rows_loaded from loads where status = 'loaded') as l
full join recount as r
    using (load_id)
where coalesce(l.rows_loaded, -1) <> coalesce(r.rows_loaded, case when l.load_id is null then -2 else 0 end)
order by load_id
limit 20

-- name: drift_quarantine
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

-- name: repair_counts
with recount as (
    {recount}
),
removed as (
    delete from {table} as k
    where not exists (
        select
        from recount as r
        where ({recounted_key}) = ({kept_key})
    )
    returning 1
),
mended as (
    insert into {table} ({key}, interaction_count)
    select
        {key},
        interaction_count
    from recount
    on conflict ({key}) do update
        set interaction_count = excluded.interaction_count
        where {table}.interaction_count <> excluded.interaction_count
    returning 1
)
select
    (select pg_catalog.count(*) from removed) + (select pg_catalog.count(*) from mended) as rows_mended
