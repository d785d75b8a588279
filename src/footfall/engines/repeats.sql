-- name: create_seen
create table seen (file_number integer, line_number bigint, interaction_id {interaction_id}, content ubigint);
-- Where the rows begin of files whose line numbers count rows.
create table row_lines (file_number integer, line_number bigint, row_line bigint)

-- name: add_seen
insert into seen
select
    $1,
    line_number,
    interaction_id,
    hash(user_id, product_id, action, timestamp)
from rows

-- name: add_lines
insert into row_lines
select
    $1,
    line_number,
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

-- name: find_repeats
with firsts as (
    select
        interaction_id,
        min((file_number, line_number)) as place,
        min(file_number) as file_number,
        arg_min(content, (file_number, line_number)) as content
    from seen
    group by interaction_id
    having count(*) > 1
),
found as (
    select
        s.file_number as file_number,
        count(*) filter (where s.content = f.content) as rows_duplicate,
        count(*) filter (where s.content <> f.content) as rows_conflict,
        min(s.line_number) filter (where s.content <> f.content) as line_number,
        arg_min(s.interaction_id, s.line_number) filter (where s.content <> f.content) as interaction_id,
        count(*) filter (where f.file_number = s.file_number) as rows_repeated
    from seen as s
    join firsts as f
        on f.interaction_id = s.interaction_id
    where (s.file_number, s.line_number) <> f.place
    group by s.file_number
)
select
    found.file_number,
    found.rows_duplicate,
    found.rows_conflict,
    coalesce(l.row_line, found.line_number) as line_number,
    found.interaction_id,
    found.rows_repeated
from found
left join row_lines as l
    on l.file_number = found.file_number
    and l.line_number = found.line_number
order by found.file_number
