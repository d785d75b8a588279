-- name: drift_schema
-- A check or a key may have another name; an index that holds no rule may be defined otherwise, and what an index stores
-- beside its key, and how, is the owner's.
-- is_unreadable: a column is missing, or of another type, so that statements of ours could fail.
with expected as (
    select
        e.relname,
        e.kind,
        e.name,
        e.definition,
        pg_catalog.regexp_replace(e.definition, ' (WITH|INCLUDE) \([^)]*\)', '', 'g') as meaning
    from (
        -- What the migrations make, as the server says it; a test compares it with new tables.
-- part: expected
    ) as e (relname, kind, name, definition)
),
found as (
    select
        f.relname,
        f.kind,
        f.name,
        f.definition,
        pg_catalog.regexp_replace(f.definition, ' (WITH|INCLUDE) \([^)]*\)', '', 'g') as meaning
    from (
        -- Shape: one row per table, column, check and index of the tables that are expected.
with tables as (
    select
        c.oid,
        c.relname,
        c.relkind,
        c.relpersistence,
        n.nspname
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n
        on n.oid = c.relnamespace
    where
        n.nspname = pg_catalog.current_schema()
        and c.relname::text in (
            select e.relname
            from (
                -- What the migrations make, as the server says it; a test compares it with new tables.
-- part: expected
            ) as e (relname, kind, name, definition)
        )
)
select
    t.relname::text as relname,
    'table' as kind,
    t.relname::text as name,
    case
        when t.relkind <> 'r' then 'NO ORDINARY TABLE'
        when t.relpersistence = 'p' then 'LOGGED'
        else 'UNLOGGED'
    end as definition
from tables as t
union all
select
    t.relname::text,
    'column',
    a.attname::text,
    pg_catalog.format_type(a.atttypid, a.atttypmod)
    || case
        when a.attcollation not in (0::oid, 'pg_catalog."default"'::pg_catalog.regcollation::oid)
            then ' COLLATE ' || a.attcollation::pg_catalog.regcollation::text
        else ''
    end
    || case
        when a.attnotnull and not exists (
            select
            from pg_catalog.pg_constraint as c
            where
                c.conrelid = t.oid
                and c.contype = 'n'
                and not c.convalidated
                and c.conkey[1] = a.attnum
        )
            then ' NOT NULL'
        else ''
    end
    || case a.attidentity when '' then '' when 'd' then ' IDENTITY' else ' IDENTITY ALWAYS' end
from tables as t
join pg_catalog.pg_attribute as a
    on a.attrelid = t.oid
where
    a.attnum > 0
    and not a.attisdropped
union all
select
    t.relname::text,
    'check',
    c.conname::text,
    pg_catalog.pg_get_constraintdef(c.oid)
from tables as t
join pg_catalog.pg_constraint as c
    on c.conrelid = t.oid
where c.contype = 'c'
union all
select
    t.relname::text,
    'index',
    x.relname::text,
    -- Of the index x, i of the table t: its kind, and what follows the names in "CREATE INDEX name ON schema.table USING ...".
-- part: index_definition
    || case when i.indisvalid and i.indisready and i.indislive then '' else ' NOT VALID' end
    || case when i.indimmediate then '' else ' DEFERRABLE' end
from tables as t
join pg_catalog.pg_index as i
    on i.indrelid = t.oid
join pg_catalog.pg_class as x
    on x.oid = i.indexrelid
    ) as f (relname, kind, name, definition)
),
differing as (
    select
        e.relname,
        e.kind,
        e.name,
        e.definition as expected,
        f.definition as kept,
        e.meaning || ' NOT VALID' as invalid,
        f.meaning as kept_meaning,
        pg_catalog.format('%I.%I', pg_catalog.current_schema(), e.relname) as place,
        pg_catalog.format('%I.%I', pg_catalog.current_schema(), e.name) as index_place,
        pg_catalog.regexp_replace(e.definition, ' NOT NULL| IDENTITY( ALWAYS)?', '', 'g') as type,
        pg_catalog.regexp_replace(f.definition, ' NOT NULL| IDENTITY( ALWAYS)?', '', 'g') as kept_type
    from expected as e
    left join found as f
        on f.relname = e.relname
        and f.kind = e.kind
        and f.name = e.name
    where not exists (
        select
        from found as s
        where
            s.relname = e.relname
            and s.kind = e.kind
            and (
                (
                    s.meaning = e.meaning
                    and (
                        s.name = e.name
                        or s.kind in ('check', 'index')
                    )
                )
                or (
                    s.kind = 'index'
                    and s.name = e.name
                    and not pg_catalog.starts_with(e.definition, 'PRIMARY KEY ')
                    and not pg_catalog.starts_with(e.definition, 'UNIQUE ')
                    and pg_catalog.strpos(s.definition, ' NOT VALID') = 0
                )
            )
    )
),
judged as (
    select
        relname,
        kind,
        name,
        expected,
        kept,
        kind = 'column' and kept_type is distinct from type as is_unreadable,
        case
            when kind = 'table' and kept = 'UNLOGGED' then 'alter table ' || place || ' set logged'
            when kind = 'table' or (kind = 'column' and kept is null) then null
            when kind = 'column' and kept_type <> type
                then pg_catalog.format('alter table %s alter column %I type %s', place, name, type)
            when kind = 'column' and pg_catalog.strpos(kept, ' NOT NULL') = 0
                then pg_catalog.format('alter table %s alter column %I set not null', place, name)
            when kind = 'column'
                then pg_catalog.format(
                    'alter table %s alter column %I drop identity if exists; '
                    'alter table %s alter column %I add generated by default as identity (start with %s)',
                    place, name, place, name,
                    (select coalesce(pg_catalog.max(l.load_id), 0)::bigint + 1::bigint from loads as l)
                )
            when kind = 'check' and kept = invalid
                then pg_catalog.format('alter table %s validate constraint %I', place, name)
            when kind = 'check'
                then pg_catalog.format(
                    'alter table %s %sadd constraint %I %s',
                    place, case when kept is not null then pg_catalog.format('drop constraint %I, ', name) end, name, expected
                )
            when kept_meaning = invalid then 'reindex index ' || index_place
            when pg_catalog.starts_with(expected, 'PRIMARY KEY ')
                then pg_catalog.format(
                    '%salter table %s %sadd constraint %I primary key%s',
                    case
                        when kept is not null and not pg_catalog.starts_with(kept, 'PRIMARY KEY ')
                            then 'drop index ' || index_place || '; '
                    end,
                    place,
                    case
                        when pg_catalog.starts_with(kept, 'PRIMARY KEY ')
                            then pg_catalog.format('drop constraint %I, ', name)
                    end,
                    name,
                    pg_catalog.replace(expected, 'PRIMARY KEY btree', '')
                )
            else pg_catalog.format(
                '%screate %sindex %I on %s using %s',
                case when kept is not null then 'drop index ' || index_place || '; ' end,
                case when pg_catalog.starts_with(expected, 'UNIQUE ') then 'unique ' end,
                name,
                place,
                pg_catalog.replace(expected, 'UNIQUE ', '')
            )
        end as cure
    from differing
)
select
    case
        when kind = 'table' then 'table ' || relname
        when pg_catalog.starts_with(expected, 'PRIMARY KEY ') then 'primary key of ' || relname
        else kind || ' ' || name || ' of ' || relname
    end as key,
    kept,
    expected as recount,
    cure,
    pg_catalog.bool_or(is_unreadable) over () as is_unreadable,
    pg_catalog.count(*) over () as drift_count
from judged
order by is_unreadable desc, relname, kind, name
limit 20
