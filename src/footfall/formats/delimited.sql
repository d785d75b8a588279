-- The records of a delimited file -> the relation `texts` that `contract/rules.sql` judges, with the columns that it asks for.
-- `lines` has the records as `delimited.py` frames them.

-- The first statements give the fields of a line as a list, or null where the quoting is bad. Lines in plain form have a shorter way.

-- name: plain_fields
-- The text to split is chosen first, and then split. To choose between two lists would copy them.
string_split(
    case when starts_with(line, '"') then substring(line, 2, length(line) - 2) else line end,
    case when starts_with(line, '"') then getvariable('quoted_delimiter') else getvariable('delimiter') end
)

-- name: fields
case
    when not contains(line, '"') then string_split(line, getvariable('delimiter'))
    when regexp_full_match(line, getvariable('well_quoted_line'))
        then list_transform(
            regexp_extract_all(getvariable('delimiter') || line, getvariable('each_field'), 1),
            lambda x: case
                when starts_with(x, '"') then replace(substring(x, 2, length(x) - 2), '""', '"')
                else x
            end
        )
end

-- name: bare_fields
string_split(line, getvariable('delimiter'))

-- name: fields_between_words
-- A pattern can leave out one character, but not a delimiter of several: so one character, the border, takes its place first.
case
    when not contains(line, '"') then string_split(line, getvariable('delimiter'))
    when regexp_full_match(replace(line, getvariable('delimiter'), getvariable('border')), getvariable('well_bordered_line'))
        then list_transform(
            regexp_extract_all(
                getvariable('border') || replace(line, getvariable('delimiter'), getvariable('border')),
                getvariable('each_bordered_field'),
                1
            ),
            lambda x: case
                when starts_with(x, '"') then replace(
                    replace(substring(x, 2, length(x) - 2), '""', '"'), getvariable('border'), getvariable('delimiter')
                )
                else x
            end
        )
end

-- name: fields_between_blanks
case
    when not contains(line, '"') then string_split_regex(trim(line, e' \t'), '[ \t]+')
    when regexp_full_match(line, getvariable('well_quoted_line'))
        then list_transform(
            regexp_extract_all(' ' || trim(line, e' \t'), getvariable('each_field'), 1),
            lambda x: case
                when starts_with(x, '"') then replace(substring(x, 2, length(x) - 2), '""', '"')
                else x
            end
        )
end

-- name: bare_fields_between_blanks
string_split_regex(trim(line, e' \t'), '[ \t]+')

-- name: plain_texts
-- The texts of records in plain form, which need no parser: either all of their fields are in quotes, or none is.
with plain as (
    select
        position,
        size_bytes,
        is_plain,
        case when is_plain then line end as line
    from lines
),
split as (
    select
        *,
        {fields} as f
    from plain
)
select
    position,
    size_bytes,
    is_plain,
    {is_skipped} as is_skipped,
    {interaction_id} as interaction_id,
    {user_id} as user_id,
    {product_id} as product_id,
    {action} as action,
    {timestamp} as timestamp
from split

-- name: texts
with split as (
    select
        *,
        -- The record as a list of fields; null where its quoting is bad, or where it is too long to be looked into.
        case when size_bytes <= getvariable('record_bytes_max') then {fields} end as f
    from lines
),
texts as (
    select
        *,
        case
            when size_bytes > getvariable('record_bytes_max') then problem('too-long', null, size_bytes::varchar)
            when f is null then problem('bad-quoting', null, line)
            when len(f) < getvariable('field_count') then problem('too-few-fields', null, len(f)::varchar)
            when len(f) > getvariable('field_count') then problem('too-many-fields', null, len(f)::varchar)
        end as framing_problem,
        {interaction_id} as interaction_id,
        {user_id} as user_id,
        {product_id} as product_id,
        {action} as action,
        {timestamp} as timestamp,
        {not_values} as not_values,
        {is_skipped} as is_excluded
    from split
)
select
    position,
    line,
    raw_bytes,
    size_bytes,
    interaction_id,
    user_id,
    product_id,
    action,
    timestamp,
    not_values,
    framing_problem is null as has_texts,
    framing_problem is null and is_excluded as is_skipped,
    case
        when framing_problem is null then null
        -- Bad bytes are a problem of the record where its fields cannot be told apart. Elsewhere the five fields are looked at.
        when framing_problem.code = 'too-long' or raw_bytes is null then [framing_problem]
        else [framing_problem, problem('bad-encoding', null, line)]
    end as record_problems
from texts
