-- Records that hold a list of rows, as `json_lines.py` or `json_document.py` frame them in `lines`.

-- name: records
-- Each record with the texts of the items of its list, and with the values that these take from around it.
-- A record that holds no such list has a problem, in framing_code and framing_value. Its items are null.
with looked as (
    select
        *,
        case
            when size_bytes > getvariable('record_bytes_max') then 'too-long'
            -- For a malformed text the function raises, and `try` makes that null.
            when coalesce(try(json_type(line)), '') <> 'OBJECT' then 'not-an-object'
        end as code
    from lines
),
parsed as (
    select
        *,
        case when code is null then json_type(line, getvariable('list_and_paths')) end as all_kinds,
        all_kinds[1] as list_kind,
        all_kinds[2:] as kinds,
        case when code is null then json_keys(line, getvariable('holders')) end as keys,
        {texts} as texts
    from looked
),
named as (
    select
        *,
        {name_twice} as name_twice
    from parsed
),
coded as (
    select
        *,
        case
            when code is not null then code
            when name_twice is not null then 'not-an-object'
            when coalesce(list_kind, 'NULL') = 'NULL' then 'missing-value'
            when list_kind <> 'ARRAY' then 'not-a-value'
        end as framing_code
    from named
),
listed as (
    select
        *,
        case when framing_code is null then json_extract(line, getvariable('items_path'))::varchar[] end as items
    from coded
)
select
    position,
    line,
    raw_bytes,
    size_bytes,
    items,
    coalesce(texts, []) as outer_texts,
    case when texts is null then [] else {nested} end as outer_nested,
    coalesce(list_sum(list_transform(texts, lambda text: coalesce(strlen(text), 0))), 0)::bigint as outer_bytes,
    {digest} as record_digest,
    framing_code,
    case
        when framing_code = 'too-long' then size_bytes::varchar
        when code is not null then left(line, getvariable('value_characters_max'))
        when name_twice is not null then '"' || name_twice || '" stands twice'
        when framing_code = 'not-a-value' then left(json_extract(line, getvariable('list_path'))::varchar, getvariable('value_characters_max'))
    end as framing_value
from listed

-- name: digest
sha256(line)

-- name: no_digest
null::varchar

-- name: texts
case when code is null then json_extract_string(line, getvariable('paths')) end

-- name: no_texts
null::varchar[]
