-- name: padded_ids
select
    line_number >> $1 as file_number,
    padded_id,
    count(*) as rows
from (select line_number, unnest(padded_ids) as padded_id from odd)
group by file_number, padded_id
order by file_number, padded_id

-- name: null_words
select
    line_number >> $1 as file_number,
    action,
    count(*) as rows
from odd
group by file_number, action
order by file_number, action
