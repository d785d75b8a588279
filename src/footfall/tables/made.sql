-- Everything that the migrations make, the part of it that the database has, and the differences.

-- name: expected
-- Everything that the migrations make, in the words of the server; a test compares it with new tables. The rows of ids
-- and of the kept counts come from their definitions.
values
    ('user_interactions_raw'::text, 'table'::text, 'user_interactions_raw'::text, 'LOGGED'::text),
    {ids},
    ('user_interactions_raw', 'column', 'action', 'text NOT NULL'),
    ('user_interactions_raw', 'column', 'timestamp', 'timestamp with time zone NOT NULL'),
    ('user_interactions_raw', 'column', 'load_id', 'integer NOT NULL'),
    ('user_interactions_raw', 'index', 'user_interactions_raw_pkey', 'PRIMARY KEY btree (interaction_id)'),
    ('user_interactions_raw', 'index', 'user_interactions_raw_timestamp_idx', 'brin ("timestamp", load_id) WITH (pages_per_range=''32'', autosummarize=''on'')'),
    {kept_counts},
    ('rejected_interactions', 'table', 'rejected_interactions', 'LOGGED'),
    ('rejected_interactions', 'column', 'load_id', 'integer NOT NULL'),
    ('rejected_interactions', 'column', 'line_number', 'bigint NOT NULL'),
    ('rejected_interactions', 'column', 'raw_line', 'text NOT NULL'),
    ('rejected_interactions', 'column', 'raw_bytes', 'bytea'),
    ('rejected_interactions', 'column', 'raw_size_bytes', 'bigint NOT NULL'),
    ('rejected_interactions', 'column', 'problems', 'jsonb NOT NULL'),
    ('rejected_interactions', 'column', 'item', 'bigint NOT NULL'),
    ('rejected_interactions', 'column', 'replayed_by', 'integer'),
    ('rejected_interactions', 'column', 'around', 'text'),
    ('rejected_interactions', 'check', 'rejected_interactions_line_number_check', 'CHECK ((line_number > 0))'),
    ('rejected_interactions', 'check', 'rejected_interactions_item_check', 'CHECK ((item >= 0))'),
    ('rejected_interactions', 'index', 'rejected_interactions_pkey', 'PRIMARY KEY btree (load_id, line_number, item)'),
    ('rejected_interactions', 'index', 'rejected_interactions_replayed_by_idx', 'btree (replayed_by) WHERE (replayed_by IS NOT NULL)'),
    ('loads', 'table', 'loads', 'LOGGED'),
    ('loads', 'column', 'load_id', 'integer NOT NULL IDENTITY'),
    ('loads', 'column', 'source', 'text NOT NULL'),
    ('loads', 'column', 'digest', 'text COLLATE "C" NOT NULL'),
    ('loads', 'column', 'size_bytes', 'bigint NOT NULL'),
    ('loads', 'column', 'status', 'text NOT NULL'),
    ('loads', 'column', 'error', 'text'),
    ('loads', 'column', 'rows_read', 'bigint'),
    ('loads', 'column', 'rows_loaded', 'bigint'),
    ('loads', 'column', 'rows_duplicate', 'bigint'),
    ('loads', 'column', 'rows_rejected', 'bigint'),
    ('loads', 'column', 'rows_skipped', 'bigint'),
    ('loads', 'column', 'definition', 'text NOT NULL'),
    ('loads', 'column', 'replay_of', 'integer'),
    ('loads', 'column', 'header', 'text'),
    ('loads', 'column', 'contract', 'text NOT NULL'),
    ('loads', 'column', 'started_at', 'timestamp with time zone NOT NULL'),
    ('loads', 'column', 'finished_at', 'timestamp with time zone NOT NULL'),
    ('loads', 'column', 'footfall_version', 'text NOT NULL'),
    ('loads', 'column', 'rows_forgotten', 'bigint NOT NULL'),
    ('loads', 'column', 'undone_at', 'timestamp with time zone'),
    ('loads', 'check', 'loads_rows_forgotten_check', 'CHECK ((rows_forgotten >= 0))'),
    ('loads', 'check', 'loads_undone_at_check', 'CHECK (((undone_at IS NULL) OR (status = ''undone''::text)))'),
    ('loads', 'check', 'loads_status_check', 'CHECK ((status = ANY (ARRAY[''loaded''::text, ''failed''::text, ''undone''::text])))'),
    ('loads', 'check', 'loads_rows_check', 'CHECK (((status <> ''loaded''::text) OR ((rows_read IS NOT NULL) AND (rows_loaded IS NOT NULL) AND (rows_duplicate IS NOT NULL) AND (rows_rejected IS NOT NULL) AND (rows_skipped IS NOT NULL) AND (rows_loaded >= 0) AND (rows_duplicate >= 0) AND (rows_rejected >= 0) AND (rows_skipped >= 0) AND (rows_read = (((rows_loaded + rows_duplicate) + rows_rejected) + rows_skipped)))))'),
    ('loads', 'index', 'loads_pkey', 'PRIMARY KEY btree (load_id)'),
    ('loads', 'index', 'loads_digest_key', 'UNIQUE btree (digest) WHERE (status = ''loaded''::text)'),
    ('load_overlaps', 'table', 'load_overlaps', 'LOGGED'),
    ('load_overlaps', 'column', 'load_id', 'integer NOT NULL'),
    ('load_overlaps', 'column', 'first_load_id', 'integer NOT NULL'),
    ('load_overlaps', 'column', 'rows_duplicate', 'bigint NOT NULL'),
    ('load_overlaps', 'column', 'rows_conflict', 'bigint NOT NULL'),
    ('load_overlaps', 'check', 'load_overlaps_rows_duplicate_check', 'CHECK ((rows_duplicate >= 0))'),
    ('load_overlaps', 'check', 'load_overlaps_rows_conflict_check', 'CHECK ((rows_conflict >= 0))'),
    ('load_overlaps', 'index', 'load_overlaps_pkey', 'PRIMARY KEY btree (load_id, first_load_id)'),
    ('load_duplicates', 'table', 'load_duplicates', 'LOGGED'),
    ('load_duplicates', 'column', 'load_id', 'integer NOT NULL'),
    ('load_duplicates', 'column', 'first_load_id', 'integer NOT NULL'),
    ('load_duplicates', 'column', 'part', 'bigint NOT NULL'),
    ('load_duplicates', 'column', 'interaction_ids', {ids_of_duplicates}),
    ('load_duplicates', 'index', 'load_duplicates_pkey', 'PRIMARY KEY btree (load_id, first_load_id, part)'),
    ('load_duplicates', 'index', 'load_duplicates_first_load_id_idx', 'btree (first_load_id)'),
    ('operations', 'table', 'operations', 'LOGGED'),
    ('operations', 'column', 'operation_id', 'integer NOT NULL IDENTITY'),
    ('operations', 'column', 'verb', 'text NOT NULL'),
    ('operations', 'column', 'done_by', 'text NOT NULL'),
    ('operations', 'column', 'started_at', 'timestamp with time zone NOT NULL'),
    ('operations', 'column', 'finished_at', 'timestamp with time zone NOT NULL'),
    ('operations', 'column', 'footfall_version', 'text NOT NULL'),
    ('operations', 'column', 'details', 'jsonb NOT NULL'),
    ('operations', 'index', 'operations_pkey', 'PRIMARY KEY btree (operation_id)'),
    ('source_files', 'table', 'source_files', 'LOGGED'),
    ('source_files', 'column', 'path', 'bytea NOT NULL'),
    ('source_files', 'column', 'device', 'numeric NOT NULL'),
    ('source_files', 'column', 'inode', 'numeric NOT NULL'),
    ('source_files', 'column', 'size_bytes', 'bigint NOT NULL'),
    ('source_files', 'column', 'modified_ns', 'bigint NOT NULL'),
    ('source_files', 'column', 'changed_ns', 'bigint NOT NULL'),
    ('source_files', 'column', 'digest', 'text NOT NULL'),
    ('source_files', 'column', 'seen_at', 'timestamp with time zone NOT NULL'),
    ('source_files', 'index', 'source_files_pkey', 'PRIMARY KEY btree (path)'),
    ('forgotten_users', 'table', 'forgotten_users', 'LOGGED'),
    ('forgotten_users', 'column', 'user_hash', 'bytea NOT NULL'),
    ('forgotten_users', 'column', 'forgotten_at', 'timestamp with time zone NOT NULL'),
    ('forgotten_users', 'check', 'forgotten_users_user_hash_check', 'CHECK ((length(user_hash) = 32))'),
    ('forgotten_users', 'index', 'forgotten_users_pkey', 'PRIMARY KEY btree (user_hash)'),
    ('forgotten_users_key', 'table', 'forgotten_users_key', 'LOGGED'),
    ('forgotten_users_key', 'column', 'is_it', 'boolean NOT NULL'),
    ('forgotten_users_key', 'column', 'key', 'bytea NOT NULL'),
    ('forgotten_users_key', 'check', 'forgotten_users_key_is_it_check', 'CHECK (is_it)'),
    ('forgotten_users_key', 'index', 'forgotten_users_key_pkey', 'PRIMARY KEY btree (is_it)'),
    ('footfall_options', 'table', 'footfall_options', 'LOGGED'),
    ('footfall_options', 'column', 'name', 'text COLLATE "C" NOT NULL'),
    ('footfall_options', 'column', 'is_on', 'boolean NOT NULL'),
    ('footfall_options', 'index', 'footfall_options_pkey', 'PRIMARY KEY btree (name)'),
    ('footfall_migrations', 'table', 'footfall_migrations', 'LOGGED'),
    ('footfall_migrations', 'column', 'version', 'integer NOT NULL'),
    ('footfall_migrations', 'column', 'name', 'text NOT NULL'),
    ('footfall_migrations', 'column', 'applied_at', 'timestamp with time zone NOT NULL'),
    ('footfall_migrations', 'index', 'footfall_migrations_pkey', 'PRIMARY KEY btree (version)')

-- name: index_definition
-- The kind of an index, and the text that follows "CREATE INDEX name ON schema.table USING". The index is x in pg_class
-- and i in pg_index; its table is t.
case
    when i.indisprimary then 'PRIMARY KEY '
    when i.indisunique then 'UNIQUE '
    else ''
end || pg_catalog.substr(
    pg_catalog.pg_get_indexdef(i.indexrelid),
    pg_catalog.length(
        pg_catalog.format(
            'CREATE %sINDEX %I ON %I.%I USING ',
            case when i.indisunique then 'UNIQUE ' end, x.relname, t.nspname, t.relname
        )
    ) + 1
)

-- name: found
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
                {expected}
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
    {index_definition}
    || case when i.indisvalid and i.indisready and i.indislive then '' else ' NOT VALID' end
    || case when i.indimmediate then '' else ' DEFERRABLE' end
from tables as t
join pg_catalog.pg_index as i
    on i.indrelid = t.oid
join pg_catalog.pg_class as x
    on x.oid = i.indexrelid

-- name: drift_schema
-- These are no differences: another name of a check or a key; another definition of an index that enforces no rule;
-- what an index stores beside its key, and how, which the owner decides.
-- is_unreadable: a column is missing or has another type, so that our statements could fail.
with expected as (
    select
        e.relname,
        e.kind,
        e.name,
        e.definition,
        pg_catalog.regexp_replace(e.definition, ' (WITH|INCLUDE) \([^)]*\)', '', 'g') as meaning
    from (
        {expected}
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
        {found}
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
