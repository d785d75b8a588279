-- The records of a Parquet file -> the relation `texts` that `contract/rules.sql` judges, with the columns that it asks for.
-- `lines` has position, raw_bytes (not null where a value holds bad bytes) and the columns c1, c2, ... as
-- `typed_columns.py` gives them; t1, t2, ... are their texts.

-- name: text
c{at}

-- name: text_of_others
c{at}::varchar

-- name: text_of_timestamp_tz
timezone('UTC', c{at})::varchar || 'Z'

-- name: text_of_nested
case when c{at} is not null then to_json(c{at})::varchar end

-- name: json_value
c{at}

-- name: json_value_of_double
case when isfinite(c{at}) then to_json(c{at}) else to_json(c{at}::varchar) end

-- name: json_value_of_others
{text}

-- name: line
json_object({members})::varchar

-- name: member
getvariable('column_names')[{at}], {value}

-- name: plain_id
case when c{at} > 0 then c{at} end

-- name: plain_epoch
case when c{at} between 1 and getvariable('epoch_most') then c{at} end

-- name: plain_instant
case
    when c{at} between timestamp '1000-01-01' and timestamp '2999-12-31' then c{at}
end

-- name: plain_instant_tz
case
    when timezone('UTC', c{at}) between timestamp '1000-01-01' and timestamp '2999-12-31' then timezone('UTC', c{at})
end

-- name: plain_day
case when c{at} between date '1000-01-01' and date '2999-12-31' then try_cast(c{at} as timestamp) end

-- name: macros
-- In plain records, timestamps are instants already, so that this macro has nothing to read.
create or replace macro plain_instant(moment) as moment

-- name: plain_texts
with typed as (
    select
        *
        {texts}
    from lines
),
records as (
    select
        *,
        {line} as line,
        getvariable('nested') as g
    from typed
)
select
    position,
    {size} as size_bytes,
    raw_bytes is null as is_plain,
    {is_skipped} as is_skipped,
    {interaction_id} as interaction_id,
    {user_id} as user_id,
    {product_id} as product_id,
    {action} as action,
    {timestamp} as timestamp
from records

-- name: size
-- An upper bound of the bytes of the record's text, in which an escaped character takes six bytes.
getvariable('frame_bytes') + 6 * ({texts})

-- name: records
with typed as (
    select
        *
        {texts}
    from lines
),
records as (
    select
        *,
        {line} as line,
        getvariable('nested') as g
    from typed
)
select
    *,
    strlen(line) as size_bytes
from records

-- name: texts
select
    position,
    line,
    raw_bytes,
    size_bytes,
    {interaction_id} as interaction_id,
    {user_id} as user_id,
    {product_id} as product_id,
    {action} as action,
    {timestamp} as timestamp,
    {not_values} as not_values,
    size_bytes <= getvariable('record_bytes_max') as has_texts,
    size_bytes <= getvariable('record_bytes_max') and {is_skipped} as is_skipped,
    case
        when size_bytes > getvariable('record_bytes_max') then [problem('too-long', null, size_bytes::varchar)]
    end as record_problems
from ({records})

-- name: kept_records
-- The rows that the quarantine kept. The text of each is the object that `line` makes.
select
    *,
    try(json_extract_string(line, getvariable('kept_paths'))) as f,
    getvariable('nested') as g
from lines
