-- name: is_readable
select
    coalesce(
        pg_catalog.has_column_privilege(pg_catalog.to_regclass('loads')::oid, 'load_id', 'SELECT')
        and pg_catalog.has_column_privilege(pg_catalog.to_regclass('loads')::oid, 'xmin', 'SELECT'),
        false
    ) as is_readable

-- name: state
-- Everything that an answer depends on besides its SQL and its values, in one text: the role, the server, the schema,
-- its tables, the right to read each of them, and the ledger. The version of a row (xmin) changes with every change of
-- it: an undo changes the row of its load, and a repair of the counts writes the newest row anew.
select
    pg_catalog.concat_ws(
        ' ',
        current_user,
        (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()),
        pg_catalog.pg_postmaster_start_time(),
        'loads'::pg_catalog.regclass::oid,
        (
            select
                pg_catalog.string_agg(
                    c.oid::text || case when pg_catalog.has_table_privilege(c.oid, 'SELECT') then '+' else '-' end,
                    '' order by c.oid
                )
            from pg_catalog.pg_class as c
            join pg_catalog.pg_namespace as n
                on n.oid = c.relnamespace
            where
                n.nspname = pg_catalog.current_schema()
                and c.relkind in ('r', 'v')
        ),
        (
            select
                pg_catalog.concat_ws(
                    ' ',
                    pg_catalog.count(*),
                    pg_catalog.max(l.load_id),
                    pg_catalog.sum(pg_catalog.hashtextextended(l.xmin::text, l.load_id::bigint))
                )
            from loads as l
        )
    ) as state
