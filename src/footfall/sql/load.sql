-- Staging and merge of the loads of one transaction; their load_ids rise in loading order. {rows}, {late}, {rejected} and {matched} are the staging tables.
--
-- rows: accepted rows whose id is above every id before it: unique among themselves, and first of their id.
-- late: all other accepted rows. An id that comes again has every row but its first here.
-- So "rows first, then late by load and line number" is the sequential truth without sorting the files.

-- name: create_rows
create {kind} table {name} (
    load_id integer not null,
    line_number bigint not null,
    interaction_id bigint not null,
    user_id bigint not null,
    product_id bigint not null,
    action text collate "C" not null,
    timestamp timestamptz not null
) {on_commit}

-- name: create_rejected
create {kind} table {name} (
    load_id integer not null,
    line_number bigint not null,
    raw_line text not null,
    raw_bytes bytea,
    raw_size_bytes bigint not null,
    problems text not null
) {on_commit}

-- name: create_matched
create {kind} table {name} (
    load_id integer not null,
    line_number bigint not null,
    interaction_id bigint not null,
    first_load_id integer not null,
    is_same boolean not null
) {on_commit}

-- name: drop
drop table {name}

-- name: analyze
analyze {name}

-- name: copy_rows
copy {name} (line_number, interaction_id, user_id, product_id, action, timestamp, load_id) from stdin (format binary)

-- name: copy_raw
copy user_interactions_raw (interaction_id, user_id, product_id, action, timestamp, load_id) from stdin (format binary)

-- name: copy_rejected
copy {name} (line_number, raw_line, raw_bytes, raw_size_bytes, problems, load_id) from stdin (format binary)

-- name: deltas
counts as (
    insert into interactions (user_id, product_id, interaction_count)
    select
        user_id,
        product_id,
        pg_catalog.count(*)
    from added
    group by user_id, product_id
    order by user_id, product_id
    on conflict (user_id, product_id) do update
        set interaction_count = interactions.interaction_count + excluded.interaction_count
),
quarter_hours as (
    insert into interactions_per_quarter_hour (quarter_hour, action, interaction_count)
    select
        pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00') as quarter_hour,
        action collate "C",
        pg_catalog.count(*)
    from added
    group by quarter_hour, action collate "C"
    order by quarter_hour, action
    on conflict (quarter_hour, action) do update
        set interaction_count = interactions_per_quarter_hour.interaction_count + excluded.interaction_count
),
users as (
    insert into interactions_per_user (user_id, interaction_count)
    select
        user_id,
        pg_catalog.count(*)
    from added
    group by user_id
    order by user_id
    on conflict (user_id) do update
        set interaction_count = interactions_per_user.interaction_count + excluded.interaction_count
),
products as (
    insert into interactions_per_product (product_id, interaction_count)
    select
        product_id,
        pg_catalog.count(*)
    from added
    group by product_id
    order by product_id
    on conflict (product_id) do update
        set interaction_count = interactions_per_product.interaction_count + excluded.interaction_count
)

-- name: merge_rows
with added as (
    insert into user_interactions_raw (interaction_id, user_id, product_id, action, timestamp, load_id)
    select
        interaction_id,
        user_id,
        product_id,
        action,
        timestamp,
        load_id
    from {rows}
    order by interaction_id
    on conflict (interaction_id) do nothing
    returning user_id, product_id, action, timestamp, load_id
),
{deltas}
select
    load_id,
    pg_catalog.count(*) as rows_added
from added
group by load_id

-- name: merge_late
with added as (
    insert into user_interactions_raw (interaction_id, user_id, product_id, action, timestamp, load_id)
    select distinct on (interaction_id)
        interaction_id,
        user_id,
        product_id,
        action,
        timestamp,
        load_id
    from {late}
    order by interaction_id, load_id, line_number
    on conflict (interaction_id) do nothing
    returning user_id, product_id, action, timestamp, load_id
),
{deltas}
select
    load_id,
    pg_catalog.count(*) as rows_added
from added
group by load_id

-- name: match_rows
insert into {matched} (load_id, line_number, interaction_id, first_load_id, is_same)
select
    s.load_id,
    s.line_number,
    s.interaction_id,
    r.load_id,
    (r.user_id, r.product_id, r.action, r.timestamp) = (s.user_id, s.product_id, s.action, s.timestamp)
from {rows} as s
join user_interactions_raw as r
    on r.interaction_id = s.interaction_id
where r.load_id <> s.load_id

-- name: match_late
insert into {matched} (load_id, line_number, interaction_id, first_load_id, is_same)
select
    s.load_id,
    s.line_number,
    s.interaction_id,
    r.load_id,
    (r.user_id, r.product_id, r.action, r.timestamp) = (s.user_id, s.product_id, s.action, s.timestamp)
from {late} as s
join user_interactions_raw as r
    on r.interaction_id = s.interaction_id

-- name: matches
select
    load_id,
    pg_catalog.count(*) filter (where is_same) as rows_same,
    pg_catalog.count(*) filter (where not is_same) as rows_conflict,
    pg_catalog.count(*) filter (where first_load_id = load_id) as rows_own
from {matched}
group by load_id

-- name: conflict_lines
copy (
    select
        load_id,
        line_number
    from {matched}
    where not is_same
    order by load_id, line_number
) to stdout (format binary)

-- name: record_overlaps
insert into load_overlaps (load_id, first_load_id, rows_duplicate, rows_conflict)
select
    load_id,
    first_load_id,
    pg_catalog.count(*) filter (where is_same),
    pg_catalog.count(*) filter (where not is_same)
from {matched}
where first_load_id <> load_id
group by load_id, first_load_id
order by load_id, first_load_id

-- name: quarantine
insert into rejected_interactions (load_id, line_number, raw_line, raw_bytes, raw_size_bytes, problems)
select
    load_id,
    line_number,
    raw_line,
    raw_bytes,
    raw_size_bytes,
    problems::jsonb
from {rejected}
order by load_id, line_number

-- name: settings
select
    -- Never less than the server gives.
    pg_catalog.set_config(
        'maintenance_work_mem',
        (greatest(
            pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')),
            pg_catalog.pg_size_bytes('256MB')
        ) / 1024::bigint)::text || 'kB',
        true
    ) as maintenance_work_mem,
    pg_catalog.set_config(
        'work_mem',
        (greatest(
            pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')), pg_catalog.pg_size_bytes('64MB')
        ) / 1024::bigint)::text || 'kB',
        true
    ) as work_mem,
    pg_catalog.set_config('random_page_cost', '1.1', true) as random_page_cost,
    -- A merge is planned as costly and runs short: compiling it would take longer than it does.
    pg_catalog.set_config('jit', 'off', true) as jit

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
        relname,
        name,
        definition
    from (values
        ('user_interactions_raw'::name, 'user_interactions_raw_pkey'::name, 'btree (interaction_id)'),
        (
            'user_interactions_raw', 'user_interactions_raw_timestamp_idx',
            'brin ("timestamp") WITH (pages_per_range=''32'', autosummarize=''on'')'
        ),
        ('interactions', 'interactions_pkey', 'btree (user_id, product_id)'),
        (
            'interactions_per_quarter_hour', 'interactions_per_quarter_hour_pkey',
            'btree (quarter_hour, action)'
        ),
        ('interactions_per_user', 'interactions_per_user_pkey', 'btree (user_id)'),
        (
            'interactions_per_user', 'interactions_per_user_count_idx',
            'btree (interaction_count DESC, user_id)'
        ),
        ('interactions_per_product', 'interactions_per_product_pkey', 'btree (product_id)'),
        (
            'interactions_per_product', 'interactions_per_product_count_idx',
            'btree (interaction_count DESC, product_id)'
        )
    ) as ours (relname, name, definition)
),
found as (
    select
        t.relname,
        x.relname as name,
        -- "CREATE [UNIQUE] INDEX name ON schema.table USING btree (...)": what follows USING has no name of ours in it.
        pg_catalog.substr(
            pg_catalog.pg_get_indexdef(i.indexrelid),
            pg_catalog.length(
                pg_catalog.format(
                    'CREATE %%sINDEX %%I ON %%I.%%I USING ',
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
        and i.indisunique = i.indisprimary
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

-- name: lock_timeout
select pg_catalog.current_setting('lock_timeout') as lock_timeout

-- name: set_lock_timeout
select pg_catalog.set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout

-- name: savepoint
savepoint empty_table

-- name: back_to_savepoint
rollback to savepoint empty_table

-- name: release_savepoint
release savepoint empty_table

-- name: build_raw_key
alter table user_interactions_raw add constraint user_interactions_raw_pkey primary key (interaction_id)

-- name: build_raw_index
create index user_interactions_raw_timestamp_idx on user_interactions_raw using brin (timestamp)
with (pages_per_range = 32, autosummarize = on)

-- name: build_interactions_key
alter table interactions add constraint interactions_pkey primary key (user_id, product_id)

-- name: build_count_indexes
create index interactions_per_user_count_idx on interactions_per_user (interaction_count desc, user_id);
create index interactions_per_product_count_idx on interactions_per_product (interaction_count desc, product_id)

-- name: is_analyze_due
select
    %(rows)s::double precision >= 0.1::double precision * c.reltuples::double precision
    and pg_catalog.pg_has_role(c.relowner, 'USAGE') as is_due
from pg_catalog.pg_class as c
where c.oid = 'user_interactions_raw'::pg_catalog.regclass::oid

-- name: analyze_tables
analyze (skip_locked)
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product
