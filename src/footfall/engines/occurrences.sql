-- The occurrences of equal records in one file. A key is 16 bytes: the id made of a record, and the number of its file.

-- name: create_keys
-- `position` is null for a row that was given out before, as the first of its kind.
create table keys (position bigint, key blob);
create table occurrences (position bigint, occurrence bigint)

-- name: add_keys
insert into keys
select
    position,
    key
from rows

-- name: keys
-- A sort spills whatever it is given; a window over rows of one record would need memory for all of them.
select
    position,
    key
from keys
order by key, position nulls first

-- name: add_occurrences
insert into occurrences
select
    position,
    occurrence
from rows

-- name: occurrences
select occurrence
from occurrences
order by position

-- name: number
-- The first of its kind keeps the id of the record; every further one has an id made of that and of its number.
select
    case
        when occurrence = 1 then made
        else unhex(id_of_digest(sha256(lower(hex(made)) || ':' || occurrence::varchar)))
    end as interaction_id
from rows
order by position
