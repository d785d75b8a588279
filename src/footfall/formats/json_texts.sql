-- Records in JSON -> the relation `texts` that `contract/rules.sql` judges, with the columns that it asks for.
-- `lines` has the records as `json_lines.py`, `json_document.py` or `exploding.py` frame them.

-- name: whole
select
    *,
    null::varchar as framing_code,
    null::varchar as framing_value
from lines

-- name: exploded
select *
from lines

-- name: plain_texts
-- The quick way looks once into each record. Records about which it is not sure are left to the statement below.
with framed as (
    {rows}
),
parsed as (
    select
        *,
        is_plain and framing_code is null as is_whole,
        -- A malformed record has no texts.
        case when is_whole then try(json_extract_string(line, getvariable('paths'))) end as own_texts,
        {keys} as keys
    from framed
),
split as (
    select
        *,
        list_concat(own_texts, {outer}) as f,
        {name_twice} as name_twice
    from parsed
)
select
    position,
    size_bytes,
    is_whole
        and own_texts is not null
        and name_twice is null
        and size_bytes <= getvariable('record_bytes_max')
        and not ({is_nested}) as is_plain,
    {is_skipped} as is_skipped,
    {interaction_id} as interaction_id,
    {user_id} as user_id,
    {product_id} as product_id,
    {action} as action,
    {timestamp} as timestamp
from split

-- name: no_keys
null::varchar[][]

-- name: quick_keys
case when is_whole then try(json_keys(line, getvariable('holders'))) end

-- name: texts
with framed as (
    {rows}
),
looked as (
    select
        *,
        -- The functions of JSON raise where a text is malformed, and a text that was cut is malformed.
        case
            when framing_code is not null then problem(framing_code, null, framing_value)
            when size_bytes > getvariable('record_bytes_max') then problem('too-long', null, size_bytes::varchar)
            when not json_valid(line) then problem('not-an-object', null, line)
            when json_type(line) <> 'OBJECT' then problem('not-an-object', null, line)
        end as found,
        found is null as is_whole
    from framed
),
parsed as (
    select
        *,
        case when is_whole then json_extract_string(line, getvariable('paths')) end as own_texts,
        case when is_whole then json_type(line, getvariable('paths')) end as kinds,
        case when is_whole then json_keys(line, getvariable('holders')) end as keys
    from looked
),
named as (
    select
        *,
        list_concat(own_texts, {outer}) as f,
        list_concat({nested}, {outer_nested}) as g,
        {name_twice} as name_twice
    from parsed
),
split as (
    select
        *,
        -- A name that stands twice is a problem, since nobody knows which of the two values is meant.
        coalesce(
            found,
            case when name_twice is not null then problem('not-an-object', null, '"' || name_twice || '" stands twice') end
        ) as framing_problem
    from named
),
texts as (
    select
        *,
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
        when framing_problem.code = 'too-long' or raw_bytes is null then [framing_problem]
        else [framing_problem, problem('bad-encoding', null, line)]
    end as record_problems
from texts
