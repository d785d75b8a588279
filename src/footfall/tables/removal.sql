-- Rows that go are taken off every kept count. The statements about one kept count have the names of KeptCount in
-- braces, as in counts.sql.

-- name: create_removed
create {kind} table {removed} (
    interaction_id {interaction_id} not null,
    user_id {user_id} not null,
    product_id {product_id} not null,
    action text collate "C" not null,
    timestamp timestamptz not null,
    load_id integer not null
) {on_commit}

-- name: of_loads
delete from user_interactions_raw as r
where r.load_id = any(%(load_ids)s::integer [])

-- name: move
with gone as (
    {delete}
    returning r.interaction_id, r.user_id, r.product_id, r.action, r.timestamp, r.load_id
)
insert into {removed} (interaction_id, user_id, product_id, action, timestamp, load_id)
select
    interaction_id,
    user_id,
    product_id,
    action,
    timestamp,
    load_id
from gone

-- name: removed_by_load
select
    load_id,
    pg_catalog.count(*) as rows_removed
from {removed}
group by load_id

-- name: analyze
analyze {removed}

-- name: gone
select
    {selected_key},
    pg_catalog.count(*) as interaction_count{measured}
from {removed}
{if_kept}
group by {grouped_key}

-- name: find_undecided
-- Keys that stay, and of which a removed row may have decided a measure: they are measured again without the removed
-- rows.
create {kind} table {undecided} {on_commit} as
select {kept_key}
from {table} as k
join (
    {gone}
) as r
    on ({recounted_key}) = ({kept_key})
where
    k.interaction_count > r.interaction_count
    and ({may_be_decided})

-- name: subtract
with gone as (
    {gone}
),
less as (
    update {table} as k
    set interaction_count = k.interaction_count - r.interaction_count
    from gone as r
    where
        ({kept_key}) = ({recounted_key})
        and k.interaction_count > r.interaction_count
    returning 1
),
none as (
    delete from {table} as k
    using gone as r
    where
        ({kept_key}) = ({recounted_key})
        and k.interaction_count = r.interaction_count
    returning 1
)
select
    (select pg_catalog.count(*) from gone) as keys,
    (select pg_catalog.count(*) from less) + (select pg_catalog.count(*) from none) as keys_changed

-- name: count_undecided
select pg_catalog.count(*) as keys
from {undecided}

-- name: measure_again
with again as (
    select
        {selected_key}{measured}
    from user_interactions_raw
    where
        ({key_of_row}) in (
            select {key}
            from {undecided}
        )
        {within}
    group by {grouped_key}
)
update {table} as k
set {set_measures}
from again as r
where ({kept_key}) = ({recounted_key})

-- name: drop
drop table {name}
