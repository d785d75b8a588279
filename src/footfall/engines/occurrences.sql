-- The occurrences of equal records in one file. A key is 16 bytes: the id made of a record, and the number of its file.

-- name: create_keys
-- `position` is null for a row that passed before, as the first with its record.
create table keys (position bigint, key blob);
create table occurrences (position bigint, occurrence bigint)

-- name: add_keys
insert into keys
select
    position,
    key
from rows

-- name: keys
-- A sort can spill any amount of data; a window over the rows of one record would hold all of them in memory.
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
-- The first row with a record keeps the id of the record; each further one gets an id made of that id and its number.
select
    case
        when occurrence = 1 then made
        else unhex(id_of_digest(sha256(lower(hex(made)) || ':' || occurrence::varchar)))
    end as interaction_id
from rows
order by position
