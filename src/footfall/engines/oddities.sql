-- name: padded_ids
select
    position >> $1 as file_number,
    padded_id,
    count(*) as rows
from (select position, unnest(padded_ids) as padded_id from odd)
group by file_number, padded_id
order by file_number, padded_id

-- name: null_words
select
    position >> $1 as file_number,
    action,
    count(*) as rows
from odd
group by file_number, action
order by file_number, action
