-- name: server
select
    pg_catalog.current_setting('server_encoding'::text) as encoding,
    pg_catalog.current_setting('server_version'::text) as version,
    pg_catalog.pg_is_in_recovery() as is_standby,
    r.rolname::text as role,
    r.rolsuper as is_superuser,
    r.rolbypassrls as sees_all_rows,
    case
        when pg_catalog.isfinite(r.rolvaliduntil)
            then pg_catalog.date_part('epoch'::text, r.rolvaliduntil - pg_catalog.now())
    end as valid_s,
    nullif(r.rolconnlimit, -1) as role_limit,
    nullif(d.datconnlimit, -1) as database_limit,
    pg_catalog.current_setting('max_connections'::text)::integer
    - pg_catalog.current_setting('superuser_reserved_connections'::text)::integer as server_limit,
    (select pg_catalog.count(*) from pg_catalog.pg_stat_activity as a where a.usesysid = r.oid) as role_sessions,
    (select pg_catalog.count(*) from pg_catalog.pg_stat_activity as a where a.datid = d.oid) as database_sessions,
    (
        select pg_catalog.count(*) from pg_catalog.pg_stat_activity as a where a.datid is not null
    ) as server_sessions,
    pg_catalog.has_database_privilege(d.oid, 'TEMP'::text) as has_temp,
    pg_catalog.age(d.datfrozenxid)::bigint as xid_age
from pg_catalog.pg_roles as r
cross join pg_catalog.pg_database as d
where
    r.rolname = current_user
    and d.datname = pg_catalog.current_database()

-- name: settings
-- The settings that a new session gets, whatever this transaction has set for itself, and where each was set.
select
    s.name,
    s.reset_val as value,
    s.unit,
    coalesce(
        (
            select
                case
                    when o.setrole <> 0::oid and o.setdatabase <> 0::oid then 'this role in this database'
                    when o.setrole <> 0::oid then 'this role'
                    else 'this database'
                end
            from pg_catalog.pg_db_role_setting as o
            cross join lateral pg_catalog.unnest(o.setconfig) as c (words)
            where
                pg_catalog.starts_with(c.words, s.name || '=')
                and o.setrole in (0::oid, (select r.oid from pg_catalog.pg_roles as r where r.rolname = current_user))
                and o.setdatabase in (
                    0::oid,
                    (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
                )
            order by (o.setrole <> 0::oid)::integer * 2 + (o.setdatabase <> 0::oid)::integer desc
            limit 1
        ),
        'the server, or PGOPTIONS'
    ) as origin,
    case when s.vartype in ('integer', 'real') then s.reset_val::numeric::bigint end as number
from pg_catalog.pg_settings as s
where
    s.name in (
        'statement_timeout',
        'lock_timeout',
        'idle_in_transaction_session_timeout',
        'transaction_timeout',
        'idle_session_timeout',
        'temp_file_limit',
        'default_transaction_read_only',
        'fsync',
        'full_page_writes',
        'autovacuum',
        'track_counts'
    )
order by s.name

-- name: clock
select pg_catalog.date_part('epoch'::text, pg_catalog.clock_timestamp()) as now_s

-- name: pid
select pg_catalog.pg_backend_pid() as pid

-- name: writer
-- The session that holds the writer lock. Columns that this role may not see of another role's session are null.
select
    l.pid,
    a.usename::text as role,
    a.application_name as application,
    a.state,
    pg_catalog.date_part('epoch'::text, pg_catalog.clock_timestamp() - a.xact_start) as held_s,
    (
        select pg_catalog.count(*)
        from pg_catalog.pg_locks as w
        where
            w.locktype = 'advisory'
            and not w.granted
            and w.database = l.database
            and w.classid = l.classid
            and w.objid = l.objid
    ) as waiting
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a
    on a.pid = l.pid
where
    l.locktype = 'advisory'
    and l.granted
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    and l.classid = %(footfall)s::oid
    and l.objid = %(schema)s::oid
order by l.pid
limit 1

-- name: old_transactions
-- Transactions and slots that keep the log, or rows that nobody sees any more, from being removed.
select words
from (
    select
        pg_catalog.format('the transaction of process %%s (role %%s), since %%s', a.pid, a.usename, a.xact_start) as words,
        a.xact_start as since
    from pg_catalog.pg_stat_activity as a
    where
        a.backend_xmin is not null
        and a.pid <> pg_catalog.pg_backend_pid()
        and a.datname = pg_catalog.current_database()
        and a.xact_start < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s::double precision)
    union all
    select
        pg_catalog.format('the prepared transaction %%L of %%s, since %%s', p.gid, p.owner, p.prepared),
        p.prepared
    from pg_catalog.pg_prepared_xacts as p
    where
        p.database = pg_catalog.current_database()
        and p.prepared < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s::double precision)
    union all
    select
        pg_catalog.format('the replication slot %%s, which nobody uses', s.slot_name),
        null
    from pg_catalog.pg_replication_slots as s
    where
        not s.active
        and (s.restart_lsn is not null or s.xmin is not null)
) as found
order by since nulls last
limit 10
