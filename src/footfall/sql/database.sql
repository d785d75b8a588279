-- The session, the locks and the schema's version.

-- name: session
select
    set_config('search_path', %(search_path)s, true) as search_path,
    set_config('TimeZone', 'UTC', true) as timezone,
    set_config('statement_timeout', '0', true) as statement_timeout,
    set_config('idle_in_transaction_session_timeout', '0', true) as idle_in_transaction_session_timeout,
    set_config('lock_timeout', %(lock_wait)s, true) as lock_timeout,
    set_config('client_connection_check_interval', '1s', true) as client_connection_check_interval,
    set_config('tcp_keepalives_idle', '30', true) as tcp_keepalives_idle,
    set_config('tcp_keepalives_interval', '10', true) as tcp_keepalives_interval,
    set_config('tcp_keepalives_count', '3', true) as tcp_keepalives_count,
    -- from PostgreSQL 17 on
    (select set_config(name, '0', true) from pg_settings where name = 'transaction_timeout') as transaction_timeout

-- name: search_path
set local search_path to {schema}, pg_temp

-- name: snapshot
set local statement_timeout to 0;
set local timezone to 'UTC';
select set_config(name, '0', true)
from pg_settings
where name = 'transaction_timeout'

-- name: reading
select
    set_config('TimeZone', %(time_zone)s, true) as timezone,
    set_config('statement_timeout', %(timeout)s, true) as statement_timeout,
    set_config('work_mem', '64MB', true) as work_mem,
    set_config('lock_timeout', %(lock_wait)s, true) as lock_timeout,
    set_config('idle_in_transaction_session_timeout', '10min', true) as idle_in_transaction_session_timeout,
    set_config('jit', 'off', true) as jit,
    set_config('parallel_tuple_cost', '0.01', true) as parallel_tuple_cost

-- name: server
select
    current_setting('server_version_num')::integer as version,
    current_setting('server_encoding') as encoding,
    has_database_privilege(current_database(), 'TEMP') as has_temp,
    pg_is_in_recovery() as is_standby

-- name: try_writer_lock
select pg_try_advisory_xact_lock(%(footfall)s, %(schema)s) as is_held

-- name: writer_lock
select pg_advisory_xact_lock(%(footfall)s, %(schema)s)

-- name: writer
select
    l.pid,
    a.usename as role,
    a.application_name as application
from pg_locks as l
left join pg_stat_activity as a
    on a.pid = l.pid
where
    l.locktype = 'advisory'
    and l.granted
    and l.database = (select oid from pg_database where datname = current_database())
    and l.classid = %(footfall)s
    and l.objid = %(schema)s
    and l.pid <> pg_backend_pid()
order by l.pid
limit 1

-- name: tables
select c.relname as name
from pg_class as c
join pg_namespace as n
    on n.oid = c.relnamespace
where
    n.nspname = %(schema)s
    and c.relname = any(%(names)s)
order by c.relname

-- name: has_schema
select exists (select from pg_namespace where nspname = %(schema)s) as is_there

-- name: creates_in
select current_schema() as name

-- name: versions
select
    version,
    name,
    applied_at
from footfall_migrations
order by version

-- name: create_versions
create table footfall_migrations (
    version integer not null,
    name text not null,
    applied_at timestamptz not null default now(),
    constraint footfall_migrations_pkey primary key (version)
);
comment on table footfall_migrations is 'One row per migration that made these tables what they are.';
comment on column footfall_migrations.version is 'Number of the migration, from 1, without gaps.';
comment on column footfall_migrations.name is 'Name of its file.';
comment on column footfall_migrations.applied_at is 'Instant at which it was applied.'

-- name: record_version
insert into footfall_migrations (version, name)
values (%(version)s, %(name)s)

-- name: grant_read
grant usage on schema {schema} to {role};
grant select on
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product,
    interactions_per_hour,
    interactions_per_day,
    interactions_per_action
to {role};
grant execute on function
    first_instant(timestamp, text),
    uneven_quarter_hours(text, timestamptz, timestamptz),
    interactions_of_quarter_hours(timestamptz[]),
    interactions_over_time(text, timestamptz, timestamptz, text, bigint, bigint)
to {role}

-- name: missing_rights
select name
from unnest(array[
    'user_interactions_raw',
    'interactions',
    'interactions_per_quarter_hour',
    'interactions_per_user',
    'interactions_per_product',
    'interactions_per_hour',
    'interactions_per_day',
    'interactions_per_action'
]) as name
where
    not has_table_privilege(%(role)s, name::regclass, 'SELECT')
    or not has_schema_privilege(%(role)s, current_schema(), 'USAGE')
order by name

-- name: create_schema
create schema {schema}
