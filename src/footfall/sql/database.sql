-- The session, the locks and the schema's version.

-- name: session
-- Everything that a statement of ours relies on, whatever a role, a database or a server has set, in one round trip.
-- The search_path is that of the role until this statement is done: hence pg_catalog at each name.
-- All of it is one column, since the driver makes a field of each column, and wants its name.
select
    pg_catalog.num_nonnulls(
        -- What names mean.
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
        -- All rows or none: a policy that hides rows is an error, and an index gives no sample.
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
        -- The server refuses it where its platform cannot tell: all but Linux before PostgreSQL 15.
        case
            when
                pg_catalog.version() operator(pg_catalog.~) 'linux'
                or (
                    pg_catalog.current_setting('server_version_num')::integer operator(pg_catalog.>=) 150000
                    and pg_catalog.version() operator(pg_catalog.~) 'darwin|bsd'
                )
                then pg_catalog.set_config('client_connection_check_interval', '1s', true)
        end,
        -- What a load said it had loaded is there after a crash of the server, too. What is stronger than `on` stays.
        case
            when pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off'
                then pg_catalog.set_config('synchronous_commit', 'on', true)
        end
    ) as settings

-- name: search_path
-- These take no snapshot, as a `select` would.
set local search_path to {schema}, pg_temp;
set local statement_timeout to 0

-- name: reading
select
    pg_catalog.set_config('idle_in_transaction_session_timeout', '10min', true) as idle_in_transaction_session_timeout,
    -- Never less than the server gives.
    pg_catalog.set_config(
        'work_mem',
        (greatest(
            pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')), pg_catalog.pg_size_bytes('64MB')
        ) / 1024::bigint)::text || 'kB',
        true
    ) as work_mem,
    pg_catalog.set_config('jit', 'off', true) as jit,
    pg_catalog.set_config('parallel_tuple_cost', '0.01', true) as parallel_tuple_cost

-- name: server
select
    pg_catalog.current_setting('server_encoding') as encoding,
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP') as has_temp,
    pg_catalog.pg_is_in_recovery() as is_standby

-- name: try_writer_lock
select pg_catalog.pg_try_advisory_xact_lock(%(footfall)s, %(schema)s) as is_held

-- name: writer_lock
select pg_catalog.pg_advisory_xact_lock(%(footfall)s, %(schema)s)

-- name: writer
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
    and l.classid = %(footfall)s::oid
    and l.objid = %(schema)s::oid
    and l.pid <> pg_catalog.pg_backend_pid()
order by l.pid
limit 1

-- name: holder
-- Who holds one of these tables for itself alone.
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
    and l.mode = 'AccessExclusiveLock'
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and n.nspname = %(schema)s
    and c.relname = any(%(names)s::text[])
order by l.pid
limit 1

-- name: tables
select c.relname as name
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
where
    n.nspname = %(schema)s
    and c.relname = any(%(names)s::text[])
order by c.relname

-- name: has_schema
select exists (select from pg_catalog.pg_namespace where nspname = %(schema)s) as is_there

-- name: creates_in
select pg_catalog.current_schema() as name

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
    applied_at timestamptz not null default pg_catalog.now(),
    constraint footfall_migrations_pkey primary key (version)
);
comment on table footfall_migrations is 'One row per migration that made these tables what they are.';
comment on column footfall_migrations.version is 'Number of the migration, from 1, without gaps.';
comment on column footfall_migrations.name is 'Name of its file.';
comment on column footfall_migrations.applied_at is 'Instant at which it was applied.'

-- name: strange_functions
-- A function of ours must be the only one of its name: PostgreSQL binds a view to the one that fits best.
with ours (name, oid) as (
    values
        ('first_instant'::name, pg_catalog.to_regprocedure('first_instant(timestamp, text)')::oid),
        (
            'uneven_quarter_hours'::name,
            pg_catalog.to_regprocedure('uneven_quarter_hours(text, timestamptz, timestamptz)')::oid
        ),
        (
            'interactions_of_quarter_hours'::name,
            pg_catalog.to_regprocedure('interactions_of_quarter_hours(timestamptz[])')::oid
        ),
        (
            'interactions_over_time'::name,
            pg_catalog.to_regprocedure(
                'interactions_over_time(text, timestamptz, timestamptz, text, bigint, bigint)'
            )::oid
        )
)
select p.oid::regprocedure::text as function
from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n
    on n.oid = p.pronamespace
join ours
    on ours.name = p.proname
where
    n.nspname = pg_catalog.current_schema()
    and p.oid is distinct from ours.oid
order by function

-- name: other_creators
-- Owner, superusers and the roles of the one who asks apart.
select distinct
    pg_catalog.quote_ident(n.nspname) as schema,
    case when a.grantee = 0::oid then 'public' else pg_catalog.quote_ident(r.rolname) end as grantee
from pg_catalog.pg_namespace as n
cross join lateral pg_catalog.aclexplode(
    coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
) as a
left join pg_catalog.pg_roles as r
    on r.oid = a.grantee
where
    n.nspname = pg_catalog.current_schema()
    and a.privilege_type = 'CREATE'
    and a.grantee <> n.nspowner
    and (
        a.grantee = 0::oid
        or (
            not r.rolsuper
            and r.rolname <> current_user
            -- A superuser is in every role.
            and (
                not pg_catalog.pg_has_role(a.grantee, 'MEMBER')
                or exists (select from pg_catalog.pg_roles as s where s.rolname = current_user and s.rolsuper)
            )
        )
    )
order by grantee

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
from pg_catalog.unnest(array[
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
    not pg_catalog.has_table_privilege(%(role)s, name::regclass, 'SELECT')
    or not pg_catalog.has_schema_privilege(%(role)s, pg_catalog.current_schema(), 'USAGE')
order by name collate "C"

-- name: create_schema
create schema {schema}
