-- name: session
-- Makes every setting that Footfall's statements rely on, whatever the role, the database or the server has set.
-- Until this statement is done, the search_path is still the role's, so every name here says pg_catalog.
-- One call with one column makes all settings in one round trip, and the driver has only one column to name.
select
    pg_catalog.num_nonnulls(
        -- Where names are looked up.
        pg_catalog.set_config('search_path', %(search_path)s, true),
        -- How values are written and read.
        pg_catalog.set_config('client_encoding', 'UTF8', true),
        pg_catalog.set_config('DateStyle', 'ISO, MDY', true),
        pg_catalog.set_config('IntervalStyle', 'postgres', true),
        pg_catalog.set_config('TimeZone', %(time_zone)s, true),
        pg_catalog.set_config('timezone_abbreviations', 'Default', true),
        pg_catalog.set_config('bytea_output', 'hex', true),
        pg_catalog.set_config('extra_float_digits', '1', true),
        pg_catalog.set_config('array_nulls', 'on', true),
        pg_catalog.set_config('quote_all_identifiers', 'off', true),
        -- How the text of a statement is read; escape_string_warning changes nothing but warnings.
        pg_catalog.set_config('standard_conforming_strings', 'on', true),
        pg_catalog.set_config('backslash_quote', 'safe_encoding', true),
        pg_catalog.set_config('transform_null_equals', 'off', true),
        pg_catalog.set_config('check_function_bodies', 'on', true),
        -- Every question sees all rows: a policy that hides rows raises an error, and a GIN index returns no sample.
        pg_catalog.set_config('row_security', 'off', true),
        pg_catalog.set_config('gin_fuzzy_search_limit', '0', true),
        -- How long things may take, and what ends a session.
        pg_catalog.set_config('statement_timeout', %(timeout)s, true),
        pg_catalog.set_config('lock_timeout', %(lock_wait)s, true),
        pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true),
        pg_catalog.set_config('exit_on_error', 'off', true),
        pg_catalog.set_config('tcp_keepalives_idle', '30', true),
        pg_catalog.set_config('tcp_keepalives_interval', '10', true),
        pg_catalog.set_config('tcp_keepalives_count', '3', true),
        case
            when pg_catalog.current_setting('server_version_num')::integer operator(pg_catalog.>=) 170000
                then pg_catalog.set_config('transaction_timeout', '0', true)
        end,
        -- A server refuses this setting where its platform cannot detect a lost client. Before PostgreSQL 15, only Linux
        -- could.
        case
            when
                pg_catalog.version() operator(pg_catalog.~) 'linux'
                or (
                    pg_catalog.current_setting('server_version_num')::integer operator(pg_catalog.>=) 150000
                    and pg_catalog.version() operator(pg_catalog.~) 'darwin|bsd'
                )
                then pg_catalog.set_config('client_connection_check_interval', '1s', true)
        end,
        -- A load that was reported as loaded must survive a crash of the server. A value stronger than `on` is kept.
        case
            when pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off'
                then pg_catalog.set_config('synchronous_commit', 'on', true)
        end
    ) as settings

-- name: search_path
-- `set` takes no snapshot, and `select set_config(...)` would take one.
set local search_path to {schema}, pg_temp;
set local statement_timeout to 0

-- name: reading
select
    pg_catalog.set_config('idle_in_transaction_session_timeout', '10min', true) as idle_in_transaction_session_timeout,
    -- At least 64 MB, and never less than the server is set to.
    pg_catalog.set_config(
        'work_mem',
        (greatest(
            pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')), pg_catalog.pg_size_bytes('64MB')
        ) / 1024::bigint)::text || 'kB',
        true
    ) as work_mem,
    pg_catalog.set_config('jit', 'off', true) as jit,
    pg_catalog.set_config('parallel_tuple_cost', '0.01', true) as parallel_tuple_cost

-- name: try_writer_lock
select pg_catalog.pg_try_advisory_xact_lock(%(footfall)s, %(schema)s) as is_held

-- name: writer_lock
select pg_catalog.pg_advisory_xact_lock(%(footfall)s, %(schema)s)

-- name: lock_holder
-- The session that holds an advisory lock of two keys.
select
    l.pid,
    a.usename as role,
    a.application_name as application
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a
    on a.pid = l.pid
where
    l.locktype = 'advisory'
    and l.granted
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and l.classid = %(first)s::oid
    and l.objid = %(second)s::oid
    and l.pid <> pg_catalog.pg_backend_pid()
order by l.pid
limit 1

-- name: lock_timeout
select pg_catalog.current_setting('lock_timeout') as lock_timeout

-- name: set_lock_timeout
select pg_catalog.set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout

-- name: holder
-- The session that holds a lock of one of these modes on one of these tables.
select
    l.pid,
    a.usename as role,
    a.application_name as application
from pg_catalog.pg_locks as l
join pg_catalog.pg_class as c
    on c.oid = l.relation
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
left join pg_catalog.pg_stat_activity as a
    on a.pid = l.pid
where
    l.granted
    and l.mode = any(%(modes)s::text[])
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and n.nspname = %(schema)s
    and c.relname = any(%(names)s::text[])
order by l.pid
limit 1

-- name: savepoint
savepoint outlived

-- name: back_to_savepoint
rollback to savepoint outlived

-- name: release_savepoint
release savepoint outlived
