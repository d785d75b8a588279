-- name: create_rows
create {kind} table {name} (
    load_id integer not null,
    line_number bigint not null,
    interaction_id {interaction_id} not null,
    user_id {user_id} not null,
    product_id {product_id} not null,
    action text collate "C" not null,
    timestamp timestamptz not null
) {on_commit}

-- name: create_rejected
create {kind} table {name} (
    load_id integer not null,
    line_number bigint not null,
    item bigint not null,
    raw_line text not null,
    raw_bytes bytea,
    raw_size_bytes bigint not null,
    problems text not null,
    around text
) {on_commit}

-- name: create_matched
create {kind} table {name} (
    load_id integer not null,
    line_number bigint not null,
    first_load_id integer not null,
    interaction_id {interaction_id} not null,
    is_same boolean not null
) {on_commit}

-- name: drop
drop table {name}

-- name: copy_rows
copy {name} ({columns}) from stdin (format binary)

-- name: copy_raw
copy user_interactions_raw ({columns}) from stdin (format binary)

-- name: settings
select
    -- At least this much, and never less than the server's setting.
    pg_catalog.set_config(
        'maintenance_work_mem',
        (greatest(
            pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')),
            pg_catalog.pg_size_bytes('256MB')
        ) / 1024::bigint)::text || 'kB',
        true
    ) as maintenance_work_mem,
    pg_catalog.set_config(
        'work_mem',
        (greatest(
            pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')), pg_catalog.pg_size_bytes('64MB')
        ) / 1024::bigint)::text || 'kB',
        true
    ) as work_mem,
    pg_catalog.set_config('random_page_cost', '1.1', true) as random_page_cost,
    -- The planner estimates a high cost for a merge, but JIT compilation would take longer than the merge itself.
    pg_catalog.set_config('jit', 'off', true) as jit
