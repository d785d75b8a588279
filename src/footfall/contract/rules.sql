-- name: quick
with split as (
    select
        line_number,
        size_bytes,
        case
            when not is_plain then null
            when starts_with(line, '"') then string_split(substring(line, 2, length(line) - 2), getvariable('quoted_delimiter'))
            else string_split(line, getvariable('delimiter'))
        end as f
    from lines
),
quick as (
    select
        line_number,
        size_bytes,
        try_cast(f[getvariable('interaction_id_at')] as bigint) as interaction_id,
        try_cast(f[getvariable('user_id_at')] as bigint) as user_id,
        try_cast(f[getvariable('product_id_at')] as bigint) as product_id,
        f[getvariable('action_at')] as action,
        -- In the plain form an offset stands only behind seconds, so that 19 bytes or fewer are naive.
        case
            when getvariable('source_time_zone') <> 'UTC' then null
            when strlen(f[getvariable('timestamp_at')]) <= 19 then try_cast(f[getvariable('timestamp_at')] as timestamp)
            else timezone('UTC', try_cast(f[getvariable('timestamp_at')] as timestamptz))
        end as timestamp
    from split
)
select
    line_number,
    interaction_id,
    user_id,
    product_id,
    action,
    timestamp,
    -- null, hence not proved, where anything is missing
    timestamp is not null
        and strlen(action) <= getvariable('action_characters_max')
        and size_bytes <= getvariable('record_bytes_max')
        and (getvariable('actions') is null or list_contains(getvariable('actions'), action))
        and (getvariable('latest') is null or timestamp <= getvariable('latest')) as is_proved
from quick

-- name: slow
with slow_fields as (
    select
        line_number,
        line,
        raw_bytes,
        size_bytes,
        -- The record as a list of fields; null where its quoting is bad, or where it is too long to be looked into.
        case
            when size_bytes > getvariable('record_bytes_max') then null
            when not contains(line, '"') then string_split(line, getvariable('delimiter'))
            when regexp_full_match(line, getvariable('well_quoted_line'))
                then list_transform(
                    regexp_extract_all(getvariable('delimiter') || line, getvariable('each_field'), 1),
                    lambda x: case
                        when starts_with(x, '"') then replace(substring(x, 2, length(x) - 2), '""', '"')
                        else x
                    end
                )
        end as f
    from lines
),
slow_texts as (
    select
        *,
        case
            when size_bytes > getvariable('record_bytes_max') then 'too-long'
            when f is null then 'bad-quoting'
            when len(f) < getvariable('field_count') then 'too-few-fields'
            when len(f) > getvariable('field_count') then 'too-many-fields'
        end as whole_code,
        trim(f[getvariable('interaction_id_at')], e' \t') as interaction_id_text,
        trim(f[getvariable('user_id_at')], e' \t') as user_id_text,
        trim(f[getvariable('product_id_at')], e' \t') as product_id_text,
        trim(f[getvariable('action_at')], e' \t') as action_text,
        trim(f[getvariable('timestamp_at')], e' \t') as timestamp_text
    from slow_fields
),
slow_casts as (
    select
        *,
        case
            when regexp_full_match(interaction_id_text, '[+-]?[0-9]+')
                then try_cast(regexp_replace(interaction_id_text, '^[+]?0*([0-9])', '\1') as bigint)
        end as interaction_id,
        case
            when regexp_full_match(user_id_text, '[+-]?[0-9]+')
                then try_cast(regexp_replace(user_id_text, '^[+]?0*([0-9])', '\1') as bigint)
        end as user_id,
        case
            when regexp_full_match(product_id_text, '[+-]?[0-9]+')
                then try_cast(regexp_replace(product_id_text, '^[+]?0*([0-9])', '\1') as bigint)
        end as product_id,
        case
            when regexp_full_match(timestamp_text, getvariable('naive_timestamp')) then try_cast(timestamp_text as timestamp)
        end as wall,
        case
            when regexp_full_match(timestamp_text, getvariable('offset_timestamp'))
                -- The cast knows ` UTC` and ` GMT`, but no space before Z or an offset.
                then timezone('UTC', try_cast(regexp_replace(timestamp_text, ' ([Z+-])', '\1') as timestamptz))
        end as from_offset
    from slow_texts
),
-- A wall clock of another zone: the zone's offset a day before it, and a day after it; one of the two holds, or it is in a gap.
slow_zones as (
    select
        *,
        case
            when getvariable('source_time_zone') <> 'UTC'
                then wall - (timezone(getvariable('source_time_zone'), timezone('UTC', wall - interval 1 day)) - (wall - interval 1 day))
        end as by_earlier,
        case
            when getvariable('source_time_zone') <> 'UTC'
                then wall - (timezone(getvariable('source_time_zone'), timezone('UTC', wall + interval 1 day)) - (wall + interval 1 day))
        end as by_later
    from slow_casts
),
slow_instants as (
    select
        *,
        -- The earlier offset gives the earlier instant where the wall clock is ambiguous, and moves forward by the gap where it is skipped.
        case
            when from_offset is not null then from_offset
            when getvariable('source_time_zone') = 'UTC' then wall
            when timezone(getvariable('source_time_zone'), timezone('UTC', by_earlier)) = wall then by_earlier
            when timezone(getvariable('source_time_zone'), timezone('UTC', by_later)) = wall then by_later
            else by_earlier
        end as instant
    from slow_zones
),
slow as (
    select
        line_number,
        interaction_id,
        user_id,
        product_id,
        action_text as action,
        instant as timestamp,
        list_filter([
            case when interaction_id_text[1] in ('0', '+') then 'interaction_id' end,
            case when user_id_text[1] in ('0', '+') then 'user_id' end,
            case when product_id_text[1] in ('0', '+') then 'product_id' end
        ], lambda name: name is not null) as padded_ids,
        line,
        raw_bytes,
        size_bytes,
        list_filter([
        case when whole_code = 'too-long' then {'code': whole_code, 'field': null::varchar, 'value': size_bytes::varchar} end,
        case when whole_code = 'bad-quoting' then {'code': whole_code, 'field': null::varchar, 'value': left(line, 200)} end,
        case when whole_code in ('too-few-fields', 'too-many-fields') then {'code': whole_code, 'field': null::varchar, 'value': len(f)::varchar} end,
        case when whole_code is null then {'code': case
            when raw_bytes is not null and contains(interaction_id_text, '�') then 'bad-encoding'
            when interaction_id_text = '' then 'missing-value'
            when not regexp_full_match(interaction_id_text, '[+-]?[0-9]+') then 'not-an-integer'
            when interaction_id is null or interaction_id <= 0 then 'out-of-range'
        end, 'field': 'interaction_id', 'value': left(interaction_id_text, 200)} end,
        case when whole_code is null then {'code': case
            when raw_bytes is not null and contains(user_id_text, '�') then 'bad-encoding'
            when user_id_text = '' then 'missing-value'
            when not regexp_full_match(user_id_text, '[+-]?[0-9]+') then 'not-an-integer'
            when user_id is null or user_id <= 0 then 'out-of-range'
        end, 'field': 'user_id', 'value': left(user_id_text, 200)} end,
        case when whole_code is null then {'code': case
            when raw_bytes is not null and contains(product_id_text, '�') then 'bad-encoding'
            when product_id_text = '' then 'missing-value'
            when not regexp_full_match(product_id_text, '[+-]?[0-9]+') then 'not-an-integer'
            when product_id is null or product_id <= 0 then 'out-of-range'
        end, 'field': 'product_id', 'value': left(product_id_text, 200)} end,
        case when whole_code is null then {'code': case
            when raw_bytes is not null and contains(action_text, '�') then 'bad-encoding'
            when action_text = '' then 'missing-value'
            when length(action_text) > getvariable('action_characters_max') then 'too-long'
        end, 'field': 'action', 'value': left(action_text, 200)} end,
        case when whole_code is null then {'code': case
            when raw_bytes is not null and contains(action_text, '�') or action_text = '' then null
            when getvariable('actions') is not null and not list_contains(getvariable('actions'), action_text) then 'unknown-action'
        end, 'field': 'action', 'value': left(action_text, 200)} end,
        case when whole_code is null then {'code': case
            when raw_bytes is not null and contains(timestamp_text, '�') then 'bad-encoding'
            when timestamp_text = '' then 'missing-value'
            when instant is null then 'not-a-timestamp'
            when instant not between timestamp '0001-01-01 00:00:00' and timestamp '9999-12-31 23:59:59.999999' then 'out-of-range'
            when getvariable('latest') is not null and instant > getvariable('latest') then 'in-the-future'
        end, 'field': 'timestamp', 'value': left(timestamp_text, 200)} end,
        -- Bad bytes outside the five columns, or in a record whose fields cannot be told apart.
        case
            when raw_bytes is not null and whole_code is distinct from 'too-long' and (whole_code is not null or not (contains(interaction_id_text, '�') or contains(user_id_text, '�') or contains(product_id_text, '�') or contains(action_text, '�') or contains(timestamp_text, '�')))
                then {'code': 'bad-encoding', 'field': null::varchar, 'value': left(line, 200)}
        end
        ], lambda p: p.code is not null) as problems
    from slow_instants
)
select
    line_number,
    interaction_id,
    user_id,
    product_id,
    action,
    timestamp,
    padded_ids,
    case when len(problems) > 0 then line end as line,
    case when len(problems) > 0 then raw_bytes end as raw_bytes,
    case when len(problems) > 0 then size_bytes end as size_bytes,
    case when len(problems) > 0 then problems end as problems
from slow
