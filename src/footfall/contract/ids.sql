-- The macros of one id column, for each type that it may have. The column's name takes the place of {column}. `rules.sql` calls:
-- _of(text): the id, or null where the text is no id.
-- _code(text, id): the code of the problem that the text has, or null. The text is neither null nor empty.
-- _plain(text): the id of a text that has already matched the pattern of plain ids.
-- _shown(id): the id as text.

-- name: bigint
create macro {column}_of(text) as case
    when regexp_full_match(text, '[+-]?[0-9]+') then try_cast(regexp_replace(text, '^[+]?0*([0-9])', '\1') as bigint)
end;
create macro {column}_code(text, id) as case
    when not regexp_full_match(text, '[+-]?[0-9]+') then 'not-an-integer'
    when id is null or id < 0 then 'out-of-range'
end;
create macro {column}_plain(text) as try_cast(text as bigint);
create macro {column}_shown(id) as id::varchar

-- name: uuid
create macro {column}_of(text) as case
    when regexp_full_match(text, getvariable('uuid')) then try_cast(text as uuid)::blob
end;
create macro {column}_code(text, id) as case when id is null then 'not-a-uuid' end;
create macro {column}_plain(text) as try_cast(text as uuid)::blob;
create macro {column}_shown(id) as unhex(hex(id))::uuid::varchar

-- name: text
create macro {column}_of(text) as text;
create macro {column}_code(text, id) as case when length(text) > getvariable('id_characters_max') then 'too-long' end;
-- A text never has more characters than bytes, so that counting bytes, which is faster, is enough here.
create macro {column}_plain(text) as case when strlen(text) <= getvariable('id_characters_max') then text end;
create macro {column}_shown(id) as id
