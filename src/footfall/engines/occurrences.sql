-- The occurrences of equal records in one file. A key is 16 bytes: the id made of a record, and the number of its file.

-- name: create_suspects
create table suspects (position bigint, made blob, key blob);
create table held (key blob)

-- name: add_suspects
insert into suspects
select
    position,
    made,
    key
from rows

-- name: find_held
-- The keys of suspects that were given out before, as the first of their kind.
insert into held
select key
from firsts
where key in (select key from suspects)

-- name: number
-- The first of its kind keeps the id of the record; every further one has an id made of that and of its number.
with numbered as (
    select
        position,
        made,
        row_number() over (partition by key order by position)
            + case when key in (select key from held) then 1 else 0 end as occurrence
    from suspects
)
select
    case
        when occurrence = 1 then made
        else unhex(id_of_digest(sha256(lower(hex(made)) || ':' || occurrence::varchar)))
    end as interaction_id
from numbered
order by position
