-- name: rights
select
    c.relname::text as name,
    pg_catalog.has_table_privilege(c.oid, 'SELECT'::text) as may_select,
    pg_catalog.has_table_privilege(c.oid, 'INSERT'::text) as may_insert,
    pg_catalog.has_table_privilege(c.oid, 'UPDATE'::text) as may_update,
    pg_catalog.has_table_privilege(c.oid, 'DELETE'::text) as may_delete,
    pg_catalog.pg_has_role(c.relowner, 'USAGE'::text) as is_owner,
    pg_catalog.row_security_active(c.oid) as hides_rows
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
where
    n.nspname = %(schema)s
    and c.relname = any(%(names)s::text[])
order by c.relname

-- name: schema
select
    pg_catalog.quote_ident(n.nspname) as name,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE'::text) as may_use,
    pg_catalog.has_schema_privilege(n.oid, 'CREATE'::text) as may_create
from pg_catalog.pg_namespace as n
where n.nspname = %(schema)s

-- name: other_schemas
select pg_catalog.quote_ident(n.nspname) as name
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
where
    c.relname = 'footfall_migrations'
    and c.relkind = 'r'
    and n.nspname <> %(schema)s
order by n.nspname

-- name: states
-- Sizes come from the catalogue: asking the files for them would take a lock on each table.
with widths as (
    select
        s.tablename,
        pg_catalog.count(*) as columns,
        pg_catalog.sum((1::double precision - s.null_frac::double precision) * s.avg_width::double precision) as width
    from pg_catalog.pg_stats as s
    where
        s.schemaname = %(schema)s
        and not s.inherited
    group by s.tablename
)
select
    c.relname::text as name,
    pg_catalog.format('%%I.%%I', n.nspname, c.relname) as place,
    c.relpages::bigint * pg_catalog.current_setting('block_size'::text)::bigint as bytes,
    greatest(c.reltuples, 0::real)::bigint as rows,
    c.reltuples < 0::real as is_never_analyzed,
    coalesce(t.n_live_tup, 0::bigint) as live_rows,
    coalesce(t.n_dead_tup, 0::bigint) as dead_rows,
    coalesce(t.n_mod_since_analyze, 0::bigint) as changed_rows,
    greatest(t.last_analyze, t.last_autoanalyze) as analyzed_at,
    greatest(t.last_vacuum, t.last_autovacuum) as vacuumed_at,
    coalesce('autovacuum_enabled=false' = any(c.reloptions) or 'autovacuum_enabled=off' = any(c.reloptions), false) as is_left_alone,
    greatest(
        pg_catalog.age(c.relfrozenxid)::bigint,
        0::bigint
    ) as xid_age,
    pg_catalog.mxid_age(c.relminmxid)::bigint as mxid_age,
    coalesce(
        (
            select o.option_value::bigint
            from pg_catalog.pg_options_to_table(c.reloptions) as o
            where o.option_name = 'autovacuum_freeze_max_age'
        ),
        pg_catalog.current_setting('autovacuum_freeze_max_age'::text)::bigint
    ) as freeze_max_age,
    pg_catalog.current_setting('autovacuum_multixact_freeze_max_age'::text)::bigint as mxid_freeze_max_age,
    case
        when c.reltuples >= 0::real
            and w.columns = (
                select pg_catalog.count(*) from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            )
            then greatest(
                0::double precision,
                c.relpages::double precision * pg_catalog.current_setting('block_size'::text)::double precision
                -- 28 bytes for the header of a row and its place in the page, and 8 for the alignment of its columns.
                - c.reltuples::double precision * (w.width + 36::double precision)
            )::bigint
    end as wasted_bytes
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
left join pg_catalog.pg_stat_all_tables as t
    on t.relid = c.oid
left join widths as w
    on w.tablename = c.relname
where
    n.nspname = %(schema)s
    and c.relname = any(%(names)s::text[])
    and c.relkind = 'r'
order by c.relname

-- name: invalid_indexes
select pg_catalog.format('%%I.%%I', n.nspname, x.relname) as name
from pg_catalog.pg_index as i
join pg_catalog.pg_class as x
    on x.oid = i.indexrelid
join pg_catalog.pg_class as c
    on c.oid = i.indrelid
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
where
    n.nspname = %(schema)s
    and c.relname = any(%(names)s::text[])
    and not (i.indisvalid and i.indisready and i.indislive)
order by x.relname

-- name: triggers
select words
from (
    select pg_catalog.format('trigger %%I of %%I', t.tgname, c.relname) as words
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_class as c
        on c.oid = t.tgrelid
    join pg_catalog.pg_namespace as n
        on n.oid = c.relnamespace
    where
        not t.tgisinternal
        and n.nspname = %(schema)s
        and c.relname = any(%(names)s::text[])
    union all
    select pg_catalog.format('rule %%I of %%I', r.rulename, c.relname)
    from pg_catalog.pg_rewrite as r
    join pg_catalog.pg_class as c
        on c.oid = r.ev_class
    join pg_catalog.pg_namespace as n
        on n.oid = c.relnamespace
    where
        c.relkind = 'r'
        and n.nspname = %(schema)s
        and c.relname = any(%(names)s::text[])
    union all
    select pg_catalog.format('foreign key %%I of %%s', k.conname, k.conrelid::regclass)
    from pg_catalog.pg_constraint as k
    join pg_catalog.pg_class as c
        on c.oid = k.confrelid
    join pg_catalog.pg_namespace as n
        on n.oid = c.relnamespace
    where
        k.contype = 'f'
        and n.nspname = %(schema)s
        and c.relname = any(%(names)s::text[])
) as found
order by words collate "C"

-- name: staging
-- A staging table whose transaction has not ended is not seen here.
select pg_catalog.format('%%I.%%I', n.nspname, c.relname) as name
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
where
    n.nspname = %(schema)s
    and c.relkind = 'r'
    and c.relname::text ~ '^staging_[0-9a-f]{32}_[a-z_]+$'::text
    and not pg_catalog.substr(c.relname::text, 9, 32) = any(%(alive)s::text[])
order by c.relname

-- name: rhythm
-- Loads of one run are seconds apart, so that only gaps of a minute or more are gaps between runs.
with ends as (
    select finished_at
    from loads
    where status = 'loaded'
    order by finished_at desc
    limit 2000
),
gaps as (
    select
        pg_catalog.date_part(
            'epoch'::text,
            finished_at - pg_catalog.lag(finished_at) over (order by finished_at)
        ) as gap_s
    from ends
)
select
    (
        select pg_catalog.date_part('epoch'::text, pg_catalog.clock_timestamp() - pg_catalog.max(finished_at)) from ends
    ) as age_s,
    pg_catalog.count(*) as gap_count,
    pg_catalog.percentile_cont(0.5::double precision) within group (order by gap_s) as median_s,
    pg_catalog.percentile_cont(0.9::double precision) within group (order by gap_s) as long_s
from gaps
where gap_s >= 60::double precision

-- name: quarantine
-- Open rows are the rejected rows of loads that stand, except those that a replay or a mended file closed, and those
-- that were blanked for forgotten users. Blank rows are looked for only where users were forgotten.
with done as (
    select
        load_id,
        pg_catalog.count(*) as rows_done
    from rejected_interactions
    where replayed_by is not null
    group by load_id
),
blank as (
    select
        load_id,
        pg_catalog.count(*) as rows_blank
    from rejected_interactions
    where
        replayed_by is null
        and raw_size_bytes = 0::bigint
        and (select exists (select from operations where verb = 'forget'))
    group by load_id
),
standing as (
    select
        l.rows_read,
        l.finished_at,
        l.rows_rejected - coalesce(d.rows_done, 0::bigint) - coalesce(b.rows_blank, 0::bigint) as rows_open
    from loads as l
    left join done as d
        on d.load_id = l.load_id
    left join blank as b
        on b.load_id = l.load_id
    where l.status = 'loaded'
)
select
    coalesce(pg_catalog.sum(rows_read), 0::numeric)::bigint as rows_read,
    coalesce(pg_catalog.sum(rows_open), 0::numeric)::bigint as rows_open,
    pg_catalog.count(*) filter (where rows_open > 0::bigint) as load_count,
    pg_catalog.date_part(
        'epoch'::text,
        pg_catalog.clock_timestamp() - pg_catalog.min(finished_at) filter (where rows_open > 0::bigint)
    ) as age_s
from standing
