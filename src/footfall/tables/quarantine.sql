-- name: quarantine
insert into rejected_interactions (load_id, line_number, item, raw_line, raw_bytes, raw_size_bytes, problems, around)
select
    load_id,
    line_number,
    item,
    raw_line,
    raw_bytes,
    raw_size_bytes,
    problems::jsonb,
    around
from {rejected}
order by load_id, line_number, item

-- name: rejects
select
    r.load_id,
    l.source,
    r.line_number,
    r.item,
    r.raw_line,
    r.raw_size_bytes,
    r.problems,
    r.replayed_by
from rejected_interactions as r
join loads as l
    on l.load_id = r.load_id
where
    (%(load_id)s::integer is null or r.load_id = %(load_id)s::integer)
    and (%(with_closed)s::boolean or r.replayed_by is null)
    and (%(source)s::text is null or l.source = %(source)s::text)
    and (
        %(code)s::text is null
        or r.problems @> pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('code', %(code)s::text))
    )
order by r.load_id, r.line_number, r.item
limit %(limit)s
