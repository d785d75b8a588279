-- name: create_seen
create table seen (file_number integer, position bigint, interaction_id {interaction_id}, content ubigint);
-- The lines where rows begin, for files in which `position` counts rows.
create table row_lines (file_number integer, position bigint, row_line bigint)

-- name: add_seen
insert into seen
select
    $1,
    position,
    interaction_id,
    hash(user_id, product_id, action, timestamp)
from rows

-- name: add_lines
insert into row_lines
select
    $1,
    position,
    row_line
from rows

-- name: forget_lines
delete from row_lines
where file_number = $1

-- name: pass_lines_on
update row_lines
set file_number = $1
where file_number = $2

-- name: forget
delete from seen
where file_number = $1

-- name: pass_on
update seen
set file_number = $1
where file_number = $2

-- name: in_order
-- A sort can spill any amount of data; a grouping with nearly as many ids as rows would need much memory.
select
    interaction_id,
    file_number,
    position,
    content
from seen
order by interaction_id, file_number, position

-- name: row_line
select row_line
from row_lines
where
    file_number = $1
    and position = $2
