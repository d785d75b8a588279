-- name: is_empty
select
    not exists (select from user_interactions_raw)
    and not exists (select from interactions)
    and not exists (select from interactions_per_quarter_hour)
    and not exists (select from interactions_per_user)
    and not exists (select from interactions_per_product) as is_empty

-- name: are_plain
-- Ours as the migrations made them, and used by nobody else: what the path into empty tables takes away it makes again
-- just so, and nothing of others runs, looks or depends on it meanwhile.
with tables as (
    select
        c.*,
        n.nspname
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n
        on n.oid = c.relnamespace
    where c.oid in (
        'user_interactions_raw'::pg_catalog.regclass::oid,
        'interactions'::pg_catalog.regclass::oid,
        'interactions_per_quarter_hour'::pg_catalog.regclass::oid,
        'interactions_per_user'::pg_catalog.regclass::oid,
        'interactions_per_product'::pg_catalog.regclass::oid
    )
),
expected as (
    select
        e.relname,
        e.name,
        e.definition
    from (
        -- What the migrations make, as the server says it; a test compares it with new tables.
values
    ('user_interactions_raw'::text, 'table'::text, 'user_interactions_raw'::text, 'LOGGED'::text),
    ('user_interactions_raw', 'column', 'interaction_id', 'bigint NOT NULL'),
    ('user_interactions_raw', 'check', 'user_interactions_raw_interaction_id_check', 'CHECK ((interaction_id >= 0))'),
    ('user_interactions_raw', 'column', 'user_id', 'bigint NOT NULL'),
    ('user_interactions_raw', 'check', 'user_interactions_raw_user_id_check', 'CHECK ((user_id >= 0))'),
    ('user_interactions_raw', 'column', 'product_id', 'bigint NOT NULL'),
    ('user_interactions_raw', 'check', 'user_interactions_raw_product_id_check', 'CHECK ((product_id >= 0))'),
    ('user_interactions_raw', 'column', 'action', 'text NOT NULL'),
    ('user_interactions_raw', 'column', 'timestamp', 'timestamp with time zone NOT NULL'),
    ('user_interactions_raw', 'column', 'load_id', 'integer NOT NULL'),
    ('user_interactions_raw', 'index', 'user_interactions_raw_pkey', 'PRIMARY KEY btree (interaction_id)'),
    ('user_interactions_raw', 'index', 'user_interactions_raw_timestamp_idx', 'brin ("timestamp") WITH (pages_per_range=''32'', autosummarize=''on'')'),
    ('interactions', 'table', 'interactions', 'LOGGED'),
    ('interactions', 'column', 'user_id', 'bigint NOT NULL'),
    ('interactions', 'check', 'interactions_user_id_check', 'CHECK ((user_id >= 0))'),
    ('interactions', 'column', 'product_id', 'bigint NOT NULL'),
    ('interactions', 'check', 'interactions_product_id_check', 'CHECK ((product_id >= 0))'),
    ('interactions', 'column', 'interaction_count', 'bigint NOT NULL'),
    ('interactions', 'check', 'interactions_interaction_count_check', 'CHECK ((interaction_count > 0))'),
    ('interactions', 'index', 'interactions_pkey', 'PRIMARY KEY btree (user_id, product_id)'),
    ('interactions_per_quarter_hour', 'table', 'interactions_per_quarter_hour', 'LOGGED'),
    ('interactions_per_quarter_hour', 'column', 'quarter_hour', 'timestamp with time zone NOT NULL'),
    ('interactions_per_quarter_hour', 'column', 'action', 'text COLLATE "C" NOT NULL'),
    ('interactions_per_quarter_hour', 'column', 'interaction_count', 'bigint NOT NULL'),
    ('interactions_per_quarter_hour', 'check', 'interactions_per_quarter_hour_interaction_count_check', 'CHECK ((interaction_count > 0))'),
    ('interactions_per_quarter_hour', 'index', 'interactions_per_quarter_hour_pkey', 'PRIMARY KEY btree (quarter_hour, action)'),
    ('interactions_per_user', 'table', 'interactions_per_user', 'LOGGED'),
    ('interactions_per_user', 'column', 'user_id', 'bigint NOT NULL'),
    ('interactions_per_user', 'check', 'interactions_per_user_user_id_check', 'CHECK ((user_id >= 0))'),
    ('interactions_per_user', 'column', 'interaction_count', 'bigint NOT NULL'),
    ('interactions_per_user', 'check', 'interactions_per_user_interaction_count_check', 'CHECK ((interaction_count > 0))'),
    ('interactions_per_user', 'index', 'interactions_per_user_pkey', 'PRIMARY KEY btree (user_id)'),
    ('interactions_per_user', 'index', 'interactions_per_user_count_idx', 'btree (interaction_count DESC, user_id)'),
    ('interactions_per_product', 'table', 'interactions_per_product', 'LOGGED'),
    ('interactions_per_product', 'column', 'product_id', 'bigint NOT NULL'),
    ('interactions_per_product', 'check', 'interactions_per_product_product_id_check', 'CHECK ((product_id >= 0))'),
    ('interactions_per_product', 'column', 'interaction_count', 'bigint NOT NULL'),
    ('interactions_per_product', 'check', 'interactions_per_product_interaction_count_check', 'CHECK ((interaction_count > 0))'),
    ('interactions_per_product', 'index', 'interactions_per_product_pkey', 'PRIMARY KEY btree (product_id)'),
    ('interactions_per_product', 'index', 'interactions_per_product_count_idx', 'btree (interaction_count DESC, product_id)'),
    ('rejected_interactions', 'table', 'rejected_interactions', 'LOGGED'),
    ('rejected_interactions', 'column', 'load_id', 'integer NOT NULL'),
    ('rejected_interactions', 'column', 'line_number', 'bigint NOT NULL'),
    ('rejected_interactions', 'column', 'raw_line', 'text NOT NULL'),
    ('rejected_interactions', 'column', 'raw_bytes', 'bytea'),
    ('rejected_interactions', 'column', 'raw_size_bytes', 'bigint NOT NULL'),
    ('rejected_interactions', 'column', 'problems', 'jsonb NOT NULL'),
    ('rejected_interactions', 'column', 'item', 'bigint NOT NULL'),
    ('rejected_interactions', 'check', 'rejected_interactions_line_number_check', 'CHECK ((line_number > 0))'),
    ('rejected_interactions', 'check', 'rejected_interactions_item_check', 'CHECK ((item >= 0))'),
    ('rejected_interactions', 'index', 'rejected_interactions_pkey', 'PRIMARY KEY btree (load_id, line_number, item)'),
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
    ('loads', 'column', 'contract', 'text NOT NULL'),
    ('loads', 'column', 'started_at', 'timestamp with time zone NOT NULL'),
    ('loads', 'column', 'finished_at', 'timestamp with time zone NOT NULL'),
    ('loads', 'column', 'footfall_version', 'text NOT NULL'),
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
    ('footfall_migrations', 'table', 'footfall_migrations', 'LOGGED'),
    ('footfall_migrations', 'column', 'version', 'integer NOT NULL'),
    ('footfall_migrations', 'column', 'name', 'text NOT NULL'),
    ('footfall_migrations', 'column', 'applied_at', 'timestamp with time zone NOT NULL'),
    ('footfall_migrations', 'index', 'footfall_migrations_pkey', 'PRIMARY KEY btree (version)')
    ) as e (relname, kind, name, definition)
    join tables as t
        on t.relname = e.relname
    where e.kind = 'index'
),
found as (
    select
        t.relname,
        x.relname as name,
        -- Of the index x, i of the table t: its kind, and what follows the names in "CREATE INDEX name ON schema.table USING ...".
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
) as definition
    from tables as t
    join pg_catalog.pg_index as i
        on i.indrelid = t.oid
    join pg_catalog.pg_class as x
        on x.oid = i.indexrelid
    where
        i.indisvalid
        and i.indisready
        and i.indimmediate
        and not i.indisclustered
        and not i.indisreplident
        and x.reltablespace = 0::oid
        and (
            x.reloptions is null
            or x.relname = 'user_interactions_raw_timestamp_idx'
        )
        and pg_catalog.obj_description(x.oid, 'pg_class') is null
        and not exists (
            select
            from pg_catalog.pg_constraint as c
            where
                c.conindid = i.indexrelid
                and pg_catalog.obj_description(c.oid, 'pg_constraint') is not null
        )
)
select
    (
        select
            pg_catalog.count(*) = 5
            and pg_catalog.bool_and(
                t.relkind = 'r'
                and t.relpersistence = 'p'
                and t.relreplident = 'd'
                and t.reloftype = 0::oid
                and not t.relrowsecurity
                and not t.relispartition
                and pg_catalog.pg_has_role(t.relowner, 'USAGE')
            )
        from tables as t
    )
    and (
        select pg_catalog.count(*)
        from pg_catalog.pg_index as i
        join tables as t
            on t.oid = i.indrelid
    ) = (select pg_catalog.count(*) from expected)
    and not exists (
        select
        from expected as e
        where not exists (
            select
            from found as f
            where
                f.relname = e.relname
                and f.name = e.name
                and f.definition = e.definition
        )
    )
    -- Triggers are also what a foreign key is made of.
    and not exists (select from pg_catalog.pg_trigger as g join tables as t on t.oid = g.tgrelid)
    and not exists (select from pg_catalog.pg_rewrite as w join tables as t on t.oid = w.ev_class)
    and not exists (select from pg_catalog.pg_inherits as h join tables as t on t.oid in (h.inhrelid, h.inhparent))
    and not exists (
        select
        from pg_catalog.pg_publication_tables as p
        join tables as t
            on t.relname = p.tablename
            and t.nspname = p.schemaname
    )
    and not exists (select from pg_catalog.pg_subscription_rel as s join tables as t on t.oid = s.srrelid)
    and not exists (select from pg_catalog.pg_event_trigger as g where g.evtenabled <> 'D')
    and pg_catalog.current_setting('default_tablespace') = '' as are_plain

-- name: lock_empty
lock table
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product
in access exclusive mode

-- name: open_empty
truncate
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product;
alter table user_interactions_raw drop constraint user_interactions_raw_pkey;
alter table interactions drop constraint interactions_pkey;
drop index user_interactions_raw_timestamp_idx, interactions_per_user_count_idx, interactions_per_product_count_idx

-- name: copy_interactions
copy interactions (user_id, product_id, interaction_count) from stdin (format binary)

-- name: copy_interactions_per_quarter_hour
copy interactions_per_quarter_hour (quarter_hour, action, interaction_count) from stdin (format binary)

-- name: copy_interactions_per_user
copy interactions_per_user (user_id, interaction_count) from stdin (format binary)

-- name: copy_interactions_per_product
copy interactions_per_product (product_id, interaction_count) from stdin (format binary)

-- name: build_interactions_key
alter table interactions add constraint interactions_pkey primary key (user_id, product_id)

-- name: build_count_indexes
create index interactions_per_user_count_idx on interactions_per_user (interaction_count desc, user_id);
create index interactions_per_product_count_idx on interactions_per_product (interaction_count desc, product_id)
