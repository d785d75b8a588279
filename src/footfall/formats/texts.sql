-- The mapping: the texts of a record, as its format gives them in the list `f`, -> the five texts and whether it is skipped.
-- `g` says of each of them whether it is a list or an object; {at} is a position in both.

-- name: macros
create macro present(text) as case
    when trim(text, e' \t') = '' or list_contains(getvariable('null_values'), trim(text, e' \t')) then null
    else text
end;
-- A text that is no JSON makes the functions raise.
create macro json_text(doc, path) as try(json_extract_string(doc, path));
-- JSON has no such numbers, but some programs write them.
create macro is_no_number(text) as regexp_full_match(text, '(?i)[+-]?(?:nan|inf|infinity)');
-- What the text of a list or an object looks like; that of a value can look the same.
create macro looks_nested(text) as coalesce(regexp_full_match(text, '(?s)[\[{].*') or is_no_number(text), false);
create macro is_no_value(kind, text) as coalesce(kind in ('ARRAY', 'OBJECT') or (kind = 'DOUBLE' and is_no_number(text)), false);
create macro is_json_nested(doc, path) as is_no_value(try(json_type(doc, path)), json_text(doc, path));
-- `keys` are the names in an object, as often as they stand there.
create macro stands_twice(keys, name) as coalesce(list_contains(keys[list_position(keys, name) + 1:], name), false);
-- Parts of a key with `:` between them; what stands in a part cannot be taken for a border.
create macro key_part(text) as replace(replace(trim(text, e' \t'), '\', '\\'), ':', '\:');
create macro without_zeros(text) as regexp_replace(trim(text, e' \t'), '^([+-]?[0-9]+)\.0*$', '\1');
-- Bad bytes stay where they are seen: a pattern could leave them out.
create macro extracted(text, pattern) as case
    when contains(text, getvariable('bad_bytes')) then text
    else nullif(regexp_extract(trim(text, e' \t'), pattern, 1), '')
end;
-- A UUID of version 8: 120 bits of a SHA-256.
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
-- The time that the name of the file gives is part of the record: equal records of two days are two.
made_id(getvariable('id_space'), {record} || e'\n' || {timestamp})

-- name: made_of_fields
made_id(getvariable('id_space'), to_json([{user_id}, {product_id}, {action}, {timestamp}])::varchar)

-- name: made_of_position
made_id(getvariable('digest'), {position}::varchar)
