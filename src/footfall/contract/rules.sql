-- The rules: the five texts of a record -> its verdict. Each format has statements of its own that give the relation `texts`
-- (`formats/delimited.sql`, for example), and `engines/kernel.sql` puts the two together. Nothing here knows a delimiter.

-- name: macros
-- A problem as it is stored. It quotes the beginning of the text, up to value_characters_max.
create macro problem(code, field, text) as {
    'code': code,
    'field': field::varchar,
    'value': left(replace(replace(text, getvariable('bad_bytes'), '�'), chr(0), '�'), getvariable('value_characters_max'))
};
-- A NUL can still come from an escape in a JSON text, or from a text within a list or an object.
create macro is_bad_text(text, has_bad_bytes) as coalesce(has_bad_bytes and contains(text, getvariable('bad_bytes')) or contains(text, chr(0)), false);
create macro is_padded(id_text) as id_text[1] = '+' or id_text[1] = '0' and length(id_text) > 1;
-- The code of the problem of a value. What can be wrong with any value comes first, own_code is what is wrong with its kind.
create macro code_of(not_values, field, text, has_bad_bytes, own_code) as case
    when list_contains(not_values, field) then 'not-a-value'
    when is_bad_text(text, has_bad_bytes) then 'bad-encoding'
    when text is null or text = '' then 'missing-value'
    else own_code
end

-- name: quick
-- `texts` has position, size_bytes, is_plain and is_skipped, and the five texts of each record that has the format's plain form.
with quick as (
    select
        position,
        size_bytes,
        is_plain,
        is_skipped,
        interaction_id_plain(interaction_id) as interaction_id,
        user_id_plain(user_id) as user_id,
        product_id_plain(product_id) as product_id,
        action,
        plain_instant(timestamp) as timestamp
    from texts
)
select
    position,
    interaction_id,
    user_id,
    product_id,
    action,
    timestamp,
    is_plain and is_skipped as is_skipped,
    -- This is null, and so proves nothing, where any of the values is missing.
    is_plain
        and not is_skipped
        and interaction_id is not null
        and user_id is not null
        and product_id is not null
        and timestamp is not null
        and strlen(action) <= getvariable('action_characters_max')
        and size_bytes <= getvariable('record_bytes_max')
        and (getvariable('actions') is null or list_contains(getvariable('actions'), action))
        and (getvariable('latest') is null or timestamp <= getvariable('latest')) as is_proved
from quick

-- name: slow
-- `texts` has the five texts of every record, untrimmed. A text that is missing is null. Its other columns are:
-- position, line, raw_bytes, size_bytes: the record itself. Where raw_bytes is not null, a mark stands for bad bytes.
-- has_texts: false where the format could not tell the five texts apart. They are not judged then.
-- is_skipped: true where the record is no interaction by the source definition. Nothing of it is judged then.
-- not_values: the names of the fields where the record holds a list or an object, or null.
-- record_problems: the problems that the format found in the record as a whole, or null.
with trimmed as (
    select
        position,
        line,
        raw_bytes,
        size_bytes,
        has_texts,
        is_skipped,
        not_values,
        record_problems,
        raw_bytes is not null as has_bad_bytes,
        trim(interaction_id, e' \t') as interaction_id_text,
        trim(user_id, e' \t') as user_id_text,
        trim(product_id, e' \t') as product_id_text,
        trim(action, e' \t') as action_text,
        trim(timestamp, e' \t') as timestamp_text
    from texts
),
casts as (
    select
        *,
        interaction_id_of(interaction_id_text) as interaction_id,
        user_id_of(user_id_text) as user_id,
        product_id_of(product_id_text) as product_id,
        wall_of(timestamp_text) as wall,
        instant_of(timestamp_text) as from_offset
    from trimmed
),
-- The time of a clock in a zone other than UTC is tried with two offsets: the zone's offset a day before, and a day after. One of
-- the two is right, or the clock never showed this time because it was set forward.
zones as (
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
    from casts
),
instants as (
    select
        *,
        -- Where the clock showed this time twice, the earlier offset gives the earlier instant. Where the clock never showed it, the
        -- earlier offset moves it forward by as much as the clock was set forward.
        case
            when from_offset is not null then from_offset
            when getvariable('source_time_zone') = 'UTC' then wall
            when timezone(getvariable('source_time_zone'), timezone('UTC', by_earlier)) = wall then by_earlier
            when timezone(getvariable('source_time_zone'), timezone('UTC', by_later)) = wall then by_later
            else by_earlier
        end as instant
    from zones
),
judged as (
    select
        *,
        list_filter([
            case when typeof(interaction_id) = 'BIGINT' and is_padded(interaction_id_text) then 'interaction_id' end,
            case when typeof(user_id) = 'BIGINT' and is_padded(user_id_text) then 'user_id' end,
            case when typeof(product_id) = 'BIGINT' and is_padded(product_id_text) then 'product_id' end
        ], lambda name: name is not null) as padded_ids,
        -- First the problems of the values, in the order of the columns, then those of the record as a whole.
        case when is_skipped then null else list_concat(case when has_texts then list_filter([
            problem(code_of(not_values, 'interaction_id', interaction_id_text, has_bad_bytes, interaction_id_code(interaction_id_text, interaction_id)), 'interaction_id', interaction_id_text),
            problem(code_of(not_values, 'user_id', user_id_text, has_bad_bytes, user_id_code(user_id_text, user_id)), 'user_id', user_id_text),
            problem(code_of(not_values, 'product_id', product_id_text, has_bad_bytes, product_id_code(product_id_text, product_id)), 'product_id', product_id_text),
            problem(code_of(not_values, 'action', action_text, has_bad_bytes, case
                when length(action_text) > getvariable('action_characters_max') then 'too-long'
            end), 'action', action_text),
            problem(case
                when code_of(not_values, 'action', action_text, has_bad_bytes, null) is not null then null
                when getvariable('actions') is not null and not list_contains(getvariable('actions'), action_text) then 'unknown-action'
            end, 'action', action_text),
            problem(code_of(not_values, 'timestamp', timestamp_text, has_bad_bytes, case
                when is_ambiguous(timestamp_text) then 'ambiguous-timestamp'
                when instant is null then 'not-a-timestamp'
                when instant not between timestamp '0001-01-01 00:00:00' and timestamp '9999-12-31 23:59:59.999999' then 'out-of-range'
                when getvariable('latest') is not null and instant > getvariable('latest') then 'in-the-future'
            end), 'timestamp', timestamp_text)
        ], lambda p: p.code is not null) end, record_problems) end as problems
    from instants
)
select
    position,
    interaction_id,
    user_id,
    product_id,
    action_text as action,
    instant as timestamp,
    padded_ids,
    is_skipped,
    case when len(problems) > 0 then line end as line,
    case when len(problems) > 0 then raw_bytes end as raw_bytes,
    case when len(problems) > 0 then size_bytes end as size_bytes,
    case when len(problems) > 0 then problems end as problems
from judged
