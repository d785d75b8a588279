-- name: create_job
create unlogged table {name} (
    job json not null,
    kept_until timestamptz not null
)

-- name: create_ranges
create unlogged table {name} (
    range integer primary key,
    rows_accepted bigint not null,
    rows_rejected bigint not null,
    rows_skipped bigint not null,
    sums json not null,
    memory text not null,
    staged_at timestamptz not null default pg_catalog.clock_timestamp()
)

-- name: create_rows
-- The values are large, and not compressed: the server would spend more time on that than on a COPY of their rows.
-- There is no key: with one, the second of two attempts at a range would wait for the first, or fail before it is known
-- which of the two commits.
create unlogged table {name} (
    range integer not null,
    part integer not null,
    row_count integer not null,
    content bytea not null
);
alter table {name} alter column content set storage external

-- name: add_range_column
alter table {name} add column range integer not null

-- name: keep_job
insert into {job} (job, kept_until)
values (%(job)s::json, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => %(lease_s)s::double precision))

-- name: read_job
select job from {job}

-- name: renew
-- The row is written only if half of the lease is over, so that ranges that end together do not wait for one another.
update {job}
set kept_until = pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => %(lease_s)s::double precision)
where
    kept_until
    < pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => %(lease_s)s::double precision / 2::double precision)

-- name: note_range
insert into {ranges} (
    range, rows_accepted, rows_rejected, rows_skipped, sums, memory
)
values (
    %(range)s::integer,
    %(rows_accepted)s::bigint,
    %(rows_rejected)s::bigint,
    %(rows_skipped)s::bigint,
    %(sums)s::json,
    %(memory)s
)

-- name: read_ranges
select
    range,
    rows_accepted,
    rows_rejected,
    rows_skipped,
    sums,
    memory
from {ranges}
where
    %(range)s::integer is null
    or range = %(range)s::integer
order by range

-- name: staged
select range from {ranges} order by range

-- name: is_staged
select exists (select from {ranges} where range = %(range)s::integer) as is_staged

-- name: tables
-- Tables whose transaction has not committed are not seen here. Only the owner of a table may drop it.
select
    c.relname::text as name,
    pg_catalog.substr(c.relname::text, 9, 32) as token,
    pg_catalog.substr(c.relname::text, 42) as part
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
where
    n.nspname = %(schema)s
    and c.relkind = 'r'
    and c.relpersistence = 'u'
    and c.relname::text ~ '^staging_[0-9a-f]{32}_(job|ranges|rows|rejected)$'::text
    and (%(token)s::text is null or pg_catalog.substr(c.relname::text, 9, 32) = %(token)s::text)
    and pg_catalog.pg_has_role(c.relowner, 'USAGE'::text)
order by c.relname

-- name: jobs
-- The runs of every role, and whether this role may read the end of their lease.
select
    pg_catalog.substr(c.relname::text, 9, 32) as token,
    pg_catalog.has_table_privilege(c.oid, 'SELECT'::text) as may_ask
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
where
    n.nspname = %(schema)s
    and c.relkind = 'r'
    and c.relname::text ~ '^staging_[0-9a-f]{32}_job$'::text
order by c.relname

-- name: held
select l.objid::bigint as run
from pg_catalog.pg_locks as l
where
    l.locktype = 'advisory'
    and l.granted
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and l.classid = %(runs)s::oid

-- name: is_over
select
    coalesce(pg_catalog.bool_and(kept_until < pg_catalog.clock_timestamp()), true) as is_over
from {job}

-- name: hold
select pg_catalog.pg_advisory_xact_lock_shared(%(runs)s::integer, %(run)s::integer)

-- name: try_alone
select pg_catalog.pg_try_advisory_xact_lock(%(runs)s::integer, %(run)s::integer) as is_alone

-- name: try_to_drop
savepoint drop_run

-- name: leave_them
rollback to savepoint drop_run;
release savepoint drop_run

-- name: dropped
release savepoint drop_run

-- name: end_lease
update {job} set kept_until = '-infinity'::timestamptz

-- name: drop
drop table {names}

-- name: grant_run
grant insert on {rows}, {rejected} to {role};
grant select, insert on {ranges} to {role};
grant select, update (kept_until) on {job} to {role}

-- name: missing_rights
select
    not pg_catalog.has_schema_privilege(%(role)s::name, n.oid, 'USAGE'::text) as is_schema_missing,
    not (
        pg_catalog.has_table_privilege(%(role)s::name, f.oid, 'SELECT'::text)
        and pg_catalog.has_table_privilege(%(role)s::name, k.oid, 'SELECT'::text)
    ) as is_memory_missing
from pg_catalog.pg_namespace as n
join pg_catalog.pg_class as f
    on f.relnamespace = n.oid and f.relname = 'forgotten_users'
join pg_catalog.pg_class as k
    on k.relnamespace = n.oid and k.relname = 'forgotten_users_key'
where n.nspname = %(schema)s

-- name: grant_schema
grant usage on schema {schema} to {role}

-- name: grant_memory
grant select on forgotten_users, forgotten_users_key to {role}
