-- The mapping makes the five texts of a record, and whether it is skipped, from the list `f` of the texts that its format gives.
-- The list `g` says for each text of `f` whether it is a list or an object. {at} is a position in both lists.

-- name: macros
create macro present(text) as case
    when trim(text, e' \t') = '' or list_contains(getvariable('null_values'), trim(text, e' \t')) then null
    else text
end;
-- The functions of JSON raise where a text is no JSON.
create macro json_text(doc, path) as try(json_extract_string(doc, path));
-- JSON has no such numbers, but some programs write them.
create macro is_no_number(text) as regexp_full_match(text, '(?i)[+-]?(?:nan|inf|infinity)');
-- True for the text of every list and object, and for the text of some values, too.
create macro looks_nested(text) as coalesce(regexp_full_match(text, '(?s)[\[{].*') or is_no_number(text), false);
create macro is_no_value(kind, text) as coalesce(kind in ('ARRAY', 'OBJECT') or (kind = 'DOUBLE' and is_no_number(text)), false);
create macro is_json_nested(doc, path) as is_no_value(try(json_type(doc, path)), json_text(doc, path));
-- `keys` has each name of an object as often as it stands there.
create macro stands_twice(keys, name) as coalesce(list_contains(keys[list_position(keys, name) + 1:], name), false);
-- The parts of a key are joined by `:`. A `:` within a part is escaped, so that it is not taken for a border.
create macro key_part(text) as replace(replace(trim(text, e' \t'), '\', '\\'), ':', '\:');
create macro without_zeros(text) as regexp_replace(trim(text, e' \t'), '^([+-]?[0-9]+)\.0*$', '\1');
-- A text with bad bytes stays as it is, so that they are seen: a pattern could leave them out.
create macro extracted(text, pattern) as case
    when contains(text, getvariable('bad_bytes')) then text
    else nullif(regexp_extract(trim(text, e' \t'), pattern, 1), '')
end;
-- The id is a UUID of version 8, made of 120 bits of a SHA-256.
create macro id_of_digest(digest) as substring(digest, 1, 12) || '8' || substring(digest, 14, 3) || '8' || substring(digest, 18, 15);
create macro made_id(id_space, text) as id_of_digest(sha256(id_space || e'\n' || text))

-- name: text_in_json
json_text({field}, getvariable('{variable}'))

-- name: nested
coalesce(g[{at}], false)

-- name: nested_in_json
is_json_nested({field}, getvariable('{variable}'))

-- name: looks_nested
looks_nested({text})

-- name: made_of_record
made_id(getvariable('id_space'), {record})

-- name: made_of_record_and_time
-- The time in the name of the file is part of the record. So equal records of two days get two ids.
made_id(getvariable('id_space'), {record} || e'\n' || {timestamp})

-- name: made_of_fields
made_id(getvariable('id_space'), to_json([{user_id}, {product_id}, {action}, {timestamp}])::varchar)

-- name: made_of_position
made_id(getvariable('digest'), {position}::varchar)
