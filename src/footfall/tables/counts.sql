-- Statements about one kept count have names in braces that KeptCount fills: {table}; its {key}; the key as it is made
-- from rows ({selected_key}, {grouped_key}); the key in the table and in the recount ({kept_key}, {recounted_key}); and
-- {words}, the key in words. {is_known} is a condition on the rows that must have different keys. {measures} are the
-- further columns, in the same forms as the key. {measures} and {if_kept} are empty for a count that has none.

-- name: lock_tables
lock table
    {tables},
    loads,
    rejected_interactions,
    load_overlaps,
    load_duplicates,
    operations,
    footfall_migrations
in access share mode nowait

-- name: read_heaps
-- Rows are read from the table itself, since a broken index may give a row twice, or not at all.
select
    pg_catalog.set_config('enable_indexscan', 'off', true) as enable_indexscan,
    pg_catalog.set_config('enable_indexonlyscan', 'off', true) as enable_indexonlyscan,
    pg_catalog.set_config('enable_bitmapscan', 'off', true) as enable_bitmapscan

-- name: totals
-- The number of rows and, under the name of its table, the sum of each kept count.
select
    raw.rows_raw,
    raw.ids,
    {pairs}.keys as pairs,
    {sums}
from (
    select
        pg_catalog.count(*) as rows_raw,
        pg_catalog.count(distinct interaction_id) as ids
    from user_interactions_raw
) as raw
{kept_counts}

-- name: sum
{grain}.sum_of as {table}

-- name: sum_of
cross join (
    select
        pg_catalog.count(*) as keys,
        coalesce(pg_catalog.sum(interaction_count), 0::numeric) as sum_of
    from {table}
) as {grain}

-- name: recount
select
    {selected_key},
    pg_catalog.count(*) as interaction_count{measured}
from user_interactions_raw
{if_kept}
group by {grouped_key}

-- name: if_kept
where exists (select from footfall_options where name = {option} and is_on)

-- name: delta
{grain} as (
    insert into {table} ({key}, interaction_count{measures})
    select
        {selected_key},
        pg_catalog.count(*){measured}
    from added
    {if_kept}
    group by {grouped_key}
    order by {key}
    on conflict ({key}) do update
        set interaction_count = {table}.interaction_count + excluded.interaction_count{joined_measures}
)

-- name: drift_counts
with recount as (
    {recount}
)
select
    d.column_of || coalesce({words}, 'a key with a null') as key,
    d.kept,
    d.recount,
    pg_catalog.count(*) over () as drift_count
from {table} as k
full join recount as r
    using ({key})
cross join lateral (
    values
        (''::text, pg_catalog.to_jsonb(k.interaction_count), pg_catalog.to_jsonb(r.interaction_count)){differing_measures}
) as d (column_of, kept, recount)
where
    (k.interaction_count{kept_measures}) is distinct from (r.interaction_count{recounted_measures})
    and d.kept is distinct from d.recount
    -- A key that is only on one side is listed once, for its count, and not again for each measure.
    and (d.column_of = '' or (k.interaction_count is not null and r.interaction_count is not null))
order by {key}, d.column_of
limit 20

-- name: differing_measure
({column_of}, pg_catalog.to_jsonb(k.{column}), pg_catalog.to_jsonb(r.{column}))

-- name: drift_doubled
-- Keys that more than one row has.
select
    'rows of ' || {words} as key,
    pg_catalog.count(*) as kept,
    1::bigint as recount,
    pg_catalog.count(*) over () as drift_count
from {table}
where {is_known}
group by {key}
having pg_catalog.count(*) > 1
order by {key}
limit 20

-- name: remove_wrong
-- `read_heaps` keeps this and the next two statements from reading an index, since a broken one may be why counts
-- differ.
delete from {table} as k
where not exists (
    select
    from (
        {recount}
    ) as r
    where
        ({recounted_key}) = ({kept_key})
        and (r.interaction_count{recounted_measures}) = (k.interaction_count{kept_measures})
)

-- name: remove_doubled
delete from {table}
where ({key}) in (
    select {key}
    from {table}
    group by {key}
    having pg_catalog.count(*) > 1
)

-- name: add_missing
insert into {table} ({key}, interaction_count{measures})
select
    {recounted_key},
    r.interaction_count{recounted_measures}
from (
    {recount}
) as r
where not exists (
    select
    from {table} as k
    where ({kept_key}) = ({recounted_key})
)
order by {recounted_key}
