-- name: is_empty
select
    {are_empty} as is_empty

-- name: are_plain
-- Whether the tables are exactly as the migrations made them, and no object of others depends on them. Only then can
-- the path into empty tables drop keys and indexes, and make the same ones again, without disturbing anybody.
with tables as (
    select
        c.*,
        n.nspname
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n
        on n.oid = c.relnamespace
    where c.oid in (
        {tables}
    )
),
expected as (
    select
        e.relname,
        e.name,
        e.definition
    from (
        {expected}
    ) as e (relname, kind, name, definition)
    join tables as t
        on t.relname = e.relname
    where e.kind = 'index'
),
found as (
    select
        t.relname,
        x.relname as name,
        {index_definition} as definition
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
            pg_catalog.count(*) = {table_count}
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
    -- This finds foreign keys, too: the server makes them of triggers.
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
    {tables}
in access exclusive mode

-- name: open_empty
truncate
    {tables};
alter table user_interactions_raw drop constraint user_interactions_raw_pkey;
{drop_keys};
drop index {indexes}

-- name: drop_key
alter table {table} drop constraint {key_name}

-- name: copy
copy {table} ({key}, interaction_count{measures}) from stdin (format binary)

-- name: savepoint
savepoint empty_table

-- name: back_to_savepoint
rollback to savepoint empty_table

-- name: release_savepoint
release savepoint empty_table

-- name: build_raw_key
alter table user_interactions_raw add constraint user_interactions_raw_pkey primary key (interaction_id)

-- name: build_raw_index
create index user_interactions_raw_timestamp_idx on user_interactions_raw using brin (timestamp, load_id)
with (pages_per_range = 32, autosummarize = on)

-- name: build_key
alter table {table} add constraint {key_name} primary key ({key})

-- name: build_count_index
create index {count_index} on {table} (interaction_count desc, {key})
