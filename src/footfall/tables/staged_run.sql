-- name: send
insert into {rows} (range, part, row_count, content)
values (%(range)s::integer, %(part)s::integer, %(row_count)s::integer, %(content)s::bytea)

-- name: parts
-- The batches come in the order of the file. Their places stay valid while the transaction that takes the run goes on.
select
    row_count,
    ctid::text as place
from {rows}
where range = %(range)s::integer
order by part

-- name: count_rejected
select
    range,
    pg_catalog.count(*) as row_count
from {rejected}
group by range

-- name: content
select content
from {rows}
where ctid = %(place)s::tid

-- name: remove_rows
delete from {name} where range = any(%(ranges)s::integer[])
