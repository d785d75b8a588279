-- name: is_plain
-- Whether COPY into the table does what an insert does. It does if the table is an ordinary one with nothing of others
-- on it, and its key refuses an id that is there.
select
    c.relkind = 'r'
    and not c.relrowsecurity
    and not c.relhasrules
    and not c.relhastriggers
    and not c.relhassubclass
    and not c.relispartition
    and exists (
        select
        from pg_catalog.pg_index as i
        join pg_catalog.pg_attribute as a
            on a.attrelid = i.indrelid
            and a.attnum = i.indkey[0]
        where
            i.indrelid = c.oid
            and a.attname = 'interaction_id'
            and i.indnkeyatts = 1
            and i.indisunique
            and i.indisvalid
            and i.indisready
            and i.indimmediate
            and i.indpred is null
    ) as is_plain
from pg_catalog.pg_class as c
where c.oid = 'user_interactions_raw'::pg_catalog.regclass::oid

-- name: floor_id
select coalesce(pg_catalog.max(interaction_id), -1::bigint) as floor_id
from user_interactions_raw

-- name: add_deltas
-- The rows above the floor came with this load: there were none when the floor was read, under the writer lock.
with added as (
    select
        user_id,
        product_id,
        action,
        timestamp,
        load_id
    from user_interactions_raw
    where interaction_id > %(floor_id)s::bigint
),
{deltas}
select
    load_id,
    pg_catalog.count(*) as rows_added
from added
group by load_id
