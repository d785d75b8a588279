-- name: is_empty
select
    not exists (select from user_interactions_raw)
    and not exists (select from interactions)
    and not exists (select from interactions_per_quarter_hour)
    and not exists (select from interactions_per_user)
    and not exists (select from interactions_per_product)
    and not exists (select from user_days) as is_empty

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
        'interactions_per_product'::pg_catalog.regclass::oid,
        'user_days'::pg_catalog.regclass::oid
    )
),
expected as (
    select
        e.relname,
        e.name,
        e.definition
    from (
        -- What the migrations make, as the server says it; a test compares it with new tables.
-- part: expected
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
-- part: index_definition
    as definition
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
            pg_catalog.count(*) = 6
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
    interactions_per_product,
    user_days
in access exclusive mode

-- name: open_empty
truncate
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product,
    user_days;
alter table user_interactions_raw drop constraint user_interactions_raw_pkey;
alter table interactions drop constraint interactions_pkey;
alter table user_days drop constraint user_days_pkey;
drop index user_interactions_raw_timestamp_idx, interactions_per_user_count_idx, interactions_per_product_count_idx

-- name: copy_interactions
copy interactions (user_id, product_id, interaction_count) from stdin (format binary)

-- name: copy_interactions_per_quarter_hour
copy interactions_per_quarter_hour (quarter_hour, action, interaction_count) from stdin (format binary)

-- name: copy_interactions_per_user
copy interactions_per_user (user_id, interaction_count, first_at, last_at) from stdin (format binary)

-- name: copy_interactions_per_product
copy interactions_per_product (product_id, interaction_count) from stdin (format binary)

-- name: copy_user_days
copy user_days (day, user_id, interaction_count, quarters) from stdin (format binary)

-- name: build_large_keys
alter table interactions add constraint interactions_pkey primary key (user_id, product_id);
alter table user_days add constraint user_days_pkey primary key (day, user_id)

-- name: build_count_indexes
create index interactions_per_user_count_idx on interactions_per_user (interaction_count desc, user_id);
create index interactions_per_product_count_idx on interactions_per_product (interaction_count desc, product_id)
