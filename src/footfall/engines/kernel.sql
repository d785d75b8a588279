-- name: verdicts
-- The statement of a format gives the five texts of each record, and that of the rules judges them.
with texts as (
    {texts}
)
from (
    {rules}
)

-- name: rejected
select
    position,
    line as raw_line,
    raw_bytes,
    size_bytes as raw_size_bytes,
    to_json(problems)::varchar as problems,
    item,
    around
from rejected
order by position

-- name: conflicts
select
    l.position as position,
    l.line as raw_line,
    l.raw_bytes as raw_bytes,
    l.size_bytes as raw_size_bytes,
    to_json([{
        'code': 'conflicting-duplicate', 'field': 'interaction_id', 'value': interaction_id_shown(j.interaction_id)
    }])::varchar as problems,
    interaction_id_shown(j.interaction_id) as interaction_id
from lines as l
join judged as j
    on j.position = l.position
order by l.position
