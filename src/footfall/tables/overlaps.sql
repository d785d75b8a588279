-- Which loads met rows of others, and what becomes of these rows when the loads that brought them are taken back.

-- name: find_dependents
-- Loads that stand and cannot stand without the given ones: they met a row of a given load with other content, or it is
-- not known which of its rows they met, or they mend its rejected rows. It is known which rows they met with the same
-- content if load_duplicates has the ids, each as often as it was met.
with met as (
    select
        o.load_id,
        pg_catalog.sum(o.rows_conflict)::bigint as rows_conflict,
        pg_catalog.sum(o.rows_duplicate - coalesce(d.rows_known, 0::bigint))::bigint as rows_unknown
    from load_overlaps as o
    left join (
        select
            load_id,
            first_load_id,
            pg_catalog.sum(pg_catalog.cardinality(interaction_ids))::bigint as rows_known
        from load_duplicates
        where first_load_id = any(%(load_ids)s::integer [])
        group by load_id, first_load_id
    ) as d
        on d.load_id = o.load_id
        and d.first_load_id = o.first_load_id
    where
        o.first_load_id = any(%(load_ids)s::integer [])
        and (
            o.rows_conflict <> 0
            or o.rows_duplicate <> coalesce(d.rows_known, 0::bigint)
        )
    group by o.load_id
)
select
    l.load_id,
    l.source,
    coalesce(m.rows_conflict, 0::bigint) as rows_conflict,
    coalesce(m.rows_unknown, 0::bigint) as rows_unknown,
    case when l.replay_of = any(%(load_ids)s::integer []) then l.replay_of end as replay_of
from loads as l
left join met as m
    on m.load_id = l.load_id
where
    l.status = 'loaded'
    and l.load_id <> all(%(load_ids)s::integer [])
    and (
        m.load_id is not null
        or l.replay_of = any(%(load_ids)s::integer [])
    )
order by l.load_id

-- name: create_met
-- Every row of a load that goes that was met by a load that stays, and how often it was met.
create {kind} table {met} {on_commit} as
select
    d.load_id,
    d.first_load_id,
    i.interaction_id,
    pg_catalog.count(*) as rows_met
from load_duplicates as d
cross join lateral pg_catalog.unnest(d.interaction_ids) as i (interaction_id)
where
    d.first_load_id = any({load_ids}::integer [])
    and d.load_id <> all({load_ids}::integer [])
group by d.load_id, d.first_load_id, i.interaction_id

-- name: create_heirs
-- A row passes to the first load that met it. The order of finished_at is that in which loads were merged, since it is
-- set under the writer lock.
create {kind} table {heirs} {on_commit} as
select distinct on (m.first_load_id, m.interaction_id)
    m.first_load_id,
    m.interaction_id,
    m.load_id as heir_id
from {met} as m
join loads as l
    on l.load_id = m.load_id
order by m.first_load_id, m.interaction_id, l.finished_at, l.load_id

-- name: analyze
analyze {met}, {heirs}

-- name: count_passing
-- A row that is no longer in the table was forgotten.
select
    h.first_load_id,
    h.heir_id,
    pg_catalog.count(*) as rows_known,
    pg_catalog.count(r.load_id) as rows_there
from {heirs} as h
left join user_interactions_raw as r
    on r.interaction_id = h.interaction_id
    and r.load_id = h.first_load_id
group by h.first_load_id, h.heir_id
order by h.first_load_id, h.heir_id

-- name: pass_rows
update user_interactions_raw as r
set load_id = h.heir_id
from {heirs} as h
where
    r.interaction_id = h.interaction_id
    and r.load_id = h.first_load_id

-- name: pass_sums
-- The heir counted these rows as duplicates. One row of each id now counts as loaded by the heir.
update loads
set
    rows_loaded = loads.rows_loaded + %(rows_known)s::bigint,
    rows_duplicate = loads.rows_duplicate - %(rows_known)s::bigint,
    rows_forgotten = loads.rows_forgotten + %(rows_forgotten)s::bigint
where load_id = %(heir_id)s::integer

-- name: remove_overlaps
delete from load_overlaps
where
    load_id = any(%(load_ids)s::integer [])
    or first_load_id = any(%(load_ids)s::integer [])

-- name: remove_duplicates
delete from load_duplicates
where
    load_id = any(%(load_ids)s::integer [])
    or first_load_id = any(%(load_ids)s::integer [])

-- name: pass_overlaps
-- A load that met such a row now overlaps with its heir. The further rows that the heir has of the id are now repeats
-- of its own row.
insert into load_overlaps (load_id, first_load_id, rows_duplicate, rows_conflict)
select
    m.load_id,
    h.heir_id,
    pg_catalog.sum(m.rows_met - case when m.load_id = h.heir_id then 1 else 0 end)::bigint as rows_duplicate,
    0::bigint
from {met} as m
join {heirs} as h
    on h.interaction_id = m.interaction_id
    and h.first_load_id = m.first_load_id
group by m.load_id, h.heir_id
having pg_catalog.sum(m.rows_met - case when m.load_id = h.heir_id then 1 else 0 end) > 0::numeric
on conflict (load_id, first_load_id) do update
    set rows_duplicate = load_overlaps.rows_duplicate + excluded.rows_duplicate

-- name: pass_duplicates
insert into load_duplicates (load_id, first_load_id, part, interaction_ids)
select
    n.load_id,
    n.heir_id,
    n.part + coalesce(
        (
            select pg_catalog.max(d.part) + 1::bigint
            from load_duplicates as d
            where
                d.load_id = n.load_id
                and d.first_load_id = n.heir_id
        ),
        0::bigint
    ),
    pg_catalog.array_agg(n.interaction_id)
from (
    select
        m.load_id,
        h.heir_id,
        m.interaction_id,
        (
            pg_catalog.row_number() over (partition by m.load_id, h.heir_id order by m.interaction_id) - 1
        ) / 65536::bigint as part
    from {met} as m
    join {heirs} as h
        on h.interaction_id = m.interaction_id
        and h.first_load_id = m.first_load_id
    cross join lateral pg_catalog.generate_series(1::bigint, m.rows_met) as g (number)
    where m.load_id <> h.heir_id
) as n
group by n.load_id, n.heir_id, n.part
