-- Rows that a source definition leaves out, the definition of each load, several rows on one line, and 0 as an id. No
-- table is written anew: ids are read once, so that the checks hold for the rows that are there.

alter table loads
add column rows_skipped bigint,
add column definition text not null default 'footfall';
alter table loads alter column definition drop default;
update loads set rows_skipped = 0
where rows_read is not null;
alter table loads drop constraint if exists loads_rows_check;
alter table loads add constraint loads_rows_check check (
    status <> 'loaded'
    or (
        rows_read is not null and rows_loaded is not null and rows_duplicate is not null and rows_rejected is not null
        and rows_skipped is not null
        and rows_loaded >= 0 and rows_duplicate >= 0 and rows_rejected >= 0 and rows_skipped >= 0
        and rows_read = rows_loaded + rows_duplicate + rows_rejected + rows_skipped
    )
);
comment on column loads.rows_read is 'Rows of the file: loaded, duplicate, rejected and skipped together. Null where the load failed.';
comment on column loads.rows_skipped is 'Rows that are no interactions by the source definition (where). Null where the load failed.';
comment on column loads.definition is 'Name of the source definition by which the file was read.';

alter table rejected_interactions add column item bigint not null default 0;
alter table rejected_interactions add constraint rejected_interactions_item_check check (item >= 0);
comment on column rejected_interactions.item is '0 where a record is alone on its line; else the number of the row among those that begin on the line, from 1.';

-- The key gets one more column. It may have another name than we gave it, and what others made may depend on it.
do $$
declare
    key_name name;
    others text;
begin
    select c.conname
    into key_name
    from pg_catalog.pg_constraint as c
    where
        c.conrelid = 'rejected_interactions'::pg_catalog.regclass::oid
        and c.contype = 'p';
    if key_name is not null then
        execute pg_catalog.format('alter table rejected_interactions drop constraint %I', key_name);
    end if;
    alter table rejected_interactions
    add constraint rejected_interactions_pkey primary key (load_id, line_number, item);
exception
    when dependent_objects_still_exist then
        get stacked diagnostics others = pg_exception_detail;
        raise exception
            'the primary key of rejected_interactions gets the column item, and this depends on it: %; keep its definition (in psql: \d+), drop it, run `footfall schema apply` again, then create it anew',
            pg_catalog.replace(others, e'\n'::text, '; '::text)
            using errcode = 'dependent_objects_still_exist';
end;
$$;

-- Ids from 0 on: 0 is an id in real data. A check may have another name than we gave it.
do $$
declare
    old record;
begin
    for old in
        select
            c.conname,
            t.relname
        from pg_catalog.pg_constraint as c
        join pg_catalog.pg_class as t
            on t.oid = c.conrelid
        where
            c.contype = 'c'
            and t.oid in (
                'user_interactions_raw'::pg_catalog.regclass::oid,
                'interactions'::pg_catalog.regclass::oid,
                'interactions_per_user'::pg_catalog.regclass::oid,
                'interactions_per_product'::pg_catalog.regclass::oid
            )
            and pg_catalog.pg_get_constraintdef(c.oid)
            ~ '^CHECK \(\((interaction_id|user_id|product_id) > 0\)\)( NOT VALID)?$'
    loop
        execute pg_catalog.format('alter table %I drop constraint %I', old.relname, old.conname);
    end loop;
end;
$$;
alter table user_interactions_raw
drop constraint if exists user_interactions_raw_interaction_id_check,
drop constraint if exists user_interactions_raw_user_id_check,
drop constraint if exists user_interactions_raw_product_id_check,
add constraint user_interactions_raw_interaction_id_check check (interaction_id >= 0),
add constraint user_interactions_raw_user_id_check check (user_id >= 0),
add constraint user_interactions_raw_product_id_check check (product_id >= 0);
alter table interactions
drop constraint if exists interactions_user_id_check,
drop constraint if exists interactions_product_id_check,
add constraint interactions_user_id_check check (user_id >= 0),
add constraint interactions_product_id_check check (product_id >= 0);
alter table interactions_per_user
drop constraint if exists interactions_per_user_user_id_check,
add constraint interactions_per_user_user_id_check check (user_id >= 0);
alter table interactions_per_product
drop constraint if exists interactions_per_product_product_id_check,
add constraint interactions_per_product_product_id_check check (product_id >= 0);
comment on column user_interactions_raw.interaction_id is 'Id of the interaction, 0 to 2^63-1: the key.';
comment on column user_interactions_raw.user_id is 'Id of the user, 0 to 2^63-1.';
comment on column user_interactions_raw.product_id is 'Id of the product, 0 to 2^63-1.';

-- The text of an id as a value of its column, for questions; an empty text is none.

create function to_user_id(id text)
returns bigint
language sql
immutable
parallel safe
begin atomic
    select nullif(to_user_id.id, '')::bigint;
end;
comment on function to_user_id(text) is
'The id of a user from its text, of the type that the tables have; null where the text is empty.';

create function to_product_id(id text)
returns bigint
language sql
immutable
parallel safe
begin atomic
    select nullif(to_product_id.id, '')::bigint;
end;
comment on function to_product_id(text) is
'The id of a product from its text, of the type that the tables have; null where the text is empty.';
