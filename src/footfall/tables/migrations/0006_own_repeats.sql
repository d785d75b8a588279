-- A load that met rows of its own file says so in load_overlaps, too: the duplicates and the conflicts of each load are
-- the sums of its overlaps, which can be proven.

-- For the loads that are there: what the ledger and the quarantine hold beyond the rows of other loads is their own.
insert into load_overlaps (load_id, first_load_id, rows_duplicate, rows_conflict)
select
    l.load_id,
    l.load_id,
    greatest(l.rows_duplicate - coalesce(o.rows_duplicate, 0::bigint), 0::bigint),
    greatest(coalesce(q.rows_conflict, 0::bigint) - coalesce(o.rows_conflict, 0::bigint), 0::bigint)
from loads as l
left join (
    select
        load_id,
        pg_catalog.sum(rows_duplicate)::bigint as rows_duplicate,
        pg_catalog.sum(rows_conflict)::bigint as rows_conflict
    from load_overlaps
    group by load_id
) as o
    on o.load_id = l.load_id
left join (
    select
        load_id,
        pg_catalog.count(*) as rows_conflict
    from rejected_interactions
    where problems @> '[{"code": "conflicting-duplicate"}]'::jsonb
    group by load_id
) as q
    on q.load_id = l.load_id
where
    l.status = 'loaded'
    and (
        l.rows_duplicate > coalesce(o.rows_duplicate, 0::bigint)
        or coalesce(q.rows_conflict, 0::bigint) > coalesce(o.rows_conflict, 0::bigint)
    )
order by l.load_id;

comment on table load_overlaps is 'One row per pair of loads that share interaction ids: what a load found already there, by whom it came. A load whose file repeats ids is a pair with itself.';
comment on column load_overlaps.first_load_id is 'Load that had brought them; load_id itself where they stood earlier in the same file.';
