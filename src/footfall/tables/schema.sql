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
-- Functions of others that have the name of one of ours. There must be none, since PostgreSQL would bind a view to the
-- function whose arguments fit best.
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
                pg_catalog.format(
                    'interactions_over_time(text, timestamptz, timestamptz, text, %%s, %%s)',
                    %(user_id)s::text,
                    %(product_id)s::text
                )
            )::oid
        ),
        ('data_ends'::name, pg_catalog.to_regprocedure('data_ends()')::oid),
        (
            'periods'::name,
            pg_catalog.to_regprocedure('periods(text, text, timestamptz, timestamptz)')::oid
        ),
        (
            'user_periods'::name,
            pg_catalog.to_regprocedure(
                pg_catalog.format(
                    'user_periods(text, text, timestamptz, timestamptz, text, %%s)', %(product_id)s::text
                )
            )::oid
        ),
        (
            'funnel'::name,
            pg_catalog.to_regprocedure(
                'funnel(timestamptz[], integer[], integer[], interval, timestamptz, text)'
            )::oid
        ),
        ('refuse'::name, pg_catalog.to_regprocedure('refuse(text)')::oid),
        ('to_user_id'::name, pg_catalog.to_regprocedure('to_user_id(text)')::oid),
        ('to_product_id'::name, pg_catalog.to_regprocedure('to_product_id(text)')::oid)
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
-- The roles that may create in the schema, except its owner, superusers and the roles of the current user.
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
            -- A superuser counts as a member of every role, so for a superuser membership excludes none.
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
    {tables},
    footfall_options,
    interactions_per_hour,
    interactions_per_day,
    interactions_per_action
to {role};
-- The columns of the ledger that questions need; not the names of files, their digests and errors.
grant select (
    load_id, status, rows_read, rows_loaded, rows_duplicate, rows_rejected, rows_skipped, rows_forgotten, started_at,
    finished_at, undone_at, xmin
) on loads to {role};
grant execute on function
    data_ends(),
    periods(text, text, timestamptz, timestamptz),
    first_instant(timestamp, text),
    uneven_quarter_hours(text, timestamptz, timestamptz),
    interactions_of_quarter_hours(timestamptz[]),
    interactions_over_time(text, timestamptz, timestamptz, text, {user_id}, {product_id}),
    user_periods(text, text, timestamptz, timestamptz, text, {product_id}),
    to_user_id(text),
    to_product_id(text)
to {role}

-- name: missing_rights
select name
from pg_catalog.unnest(array[
    {names},
    'loads',
    'footfall_options',
    'interactions_per_hour',
    'interactions_per_day',
    'interactions_per_action'
]) as name
where
    case
        when name = 'loads'
            then not pg_catalog.has_column_privilege(%(role)s, name::regclass, 'finished_at', 'SELECT')
        else not pg_catalog.has_table_privilege(%(role)s, name::regclass, 'SELECT')
    end
    or not pg_catalog.has_schema_privilege(%(role)s, pg_catalog.current_schema(), 'USAGE')
order by name collate "C"

-- name: create_schema
create schema {schema}
