-- name: groups
with problem as (
    select
        position,
        line,
        raw_bytes,
        -- The header stands in the file again, because files were joined: each column holds its own name.
        unnest(case
            when len(list_filter(
                problems,
                lambda p: p.code in ('not-an-integer', 'not-a-uuid', 'not-a-timestamp')
                    and list_contains(getvariable('header_again'), p.field || '=' || lower(p.value))
            )) = nullif(len(getvariable('header_again')), 0) then [{'code': 'header-again', 'field': null::varchar, 'value': null::varchar}]
            else problems
        end) as p
    from rejected
),
-- The cure that the text of a timestamp calls for, and the text after this cure. The cure is its look if the kernel reads that text.
mended as (
    select
        *,
        case
            when p.code <> 'not-a-timestamp' or length(p.value) > 100 then null
            -- The form is right, and still it is no instant. So the calendar has no such day.
            when regexp_full_match(p.value, getvariable('naive_timestamp')) or regexp_full_match(p.value, getvariable('offset_timestamp'))
                then {'look': 'no-such-day', 'text': p.value}
            when regexp_matches(p.value, '[^ -~]')
                then {'look': 'invisible', 'text': trim(regexp_replace(regexp_replace(p.value, '\p{Cf}', '', 'g'), '\pZ', ' ', 'g'))}
            when regexp_matches(p.value, '[ T]24:00(?::00(?:\.0+)?)?(?:$|[^0-9:.])')
                then {'look': 'midnight-24', 'text': regexp_replace(p.value, '([ T])24:', '\100:')}
            when regexp_matches(p.value, ':[0-5][0-9]:60')
                then {'look': 'leap-second', 'text': regexp_replace(p.value, '(:[0-5][0-9]):60', '\1:59')}
            when regexp_matches(p.value, ':[0-9]{2}(?:\.[0-9]+)? ?[+-](?:[0-9](?::[0-5][0-9])?|[0-9]{2}:[0-5][0-9]:00)$')
                then {'look': 'form-of-offset', 'text': regexp_replace(
                    regexp_replace(p.value, '([+-][0-9]{1,2}:[0-5][0-9]):00$', '\1'), ' ?([+-])([0-9](?::[0-5][0-9])?)$', '\10\2'
                )}
            when regexp_matches(p.value, '[0-9] ?(?:UTC|GMT)[+-](?:0?[0-9]|1[0-3])(?::?[0-5][0-9])?$')
                then {'look': 'offset-behind-zone', 'text': regexp_replace(p.value, ' ?(?:UTC|GMT)[+-].*$', '')}
            when regexp_matches(p.value, '\.[0-9]{7}')
                then {'look': 'too-many-decimals', 'text': regexp_replace(p.value, '(\.[0-9]{6})[0-9]+', '\1')}
            when regexp_matches(p.value, ':[0-9]{2},[0-9]') then {'look': 'decimal-comma', 'text': replace(p.value, ',', '.')}
            when regexp_matches(p.value, ':[0-9]{2}(?:\.[0-9]+)? ?(?:Z|[+-][0-9]{2}:?[0-9]{2}) ?[\[(]?[A-Za-z][A-Za-z_/ +-]*[\])]?$')
                then {'look': 'offset-and-zone', 'text': regexp_replace(p.value, '(Z|[+-][0-9]{2}:?[0-9]{2}) ?[\[(]?[A-Za-z][A-Za-z_/ +-]*[\])]?$', '\1')}
            when regexp_matches(p.value, ':[0-9]{2}(?:\.[0-9]+)? ?(?:[A-Z]{3,5}|\[?[A-Z][A-Za-z]+/[A-Z][A-Za-z_/+-]*\]?)$')
                then {'look': 'zone-name', 'text': regexp_replace(p.value, ' ?\[?[A-Z][A-Za-z_/+-]+\]?$', '')}
            when regexp_matches(p.value, '^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:_|-[0-9]{2}:[0-9]{2}:|[ T]{2}|,? at |, ?)')
                then {'look': 'between-date-and-time', 'text': regexp_replace(p.value, '^([0-9-]{10})(?:[_-]|[ T]+|,? at |, ?)', '\1 ')}
            when regexp_matches(p.value, '^[''`]') then {'look': 'apostrophe', 'text': substring(p.value, 2)}
            when regexp_matches(p.value, '^".*"$') then {'look': 'quotes-inside', 'text': trim(p.value, '"')}
            when p.value <> upper(p.value) then {'look': 'lower-case', 'text': upper(p.value)}
        end as mended
    from problem
),
looked as (
    select
        position,
        p.code as code,
        p.field as field,
        p.value as value,
        case
            when p.field is not null and length(p.value) = getvariable('value_characters_max') then null  -- the value goes on, and the problem does not quote the rest
            when p.code = 'not-an-integer' then case
                when list_contains(getvariable('header_names'), lower(p.value)) then 'column-name'
                when regexp_full_match(p.value, '(?i)null|nil|none|n/?a|nan|undefined|unknown|\\n|-+|\?+') then 'word-for-missing'
                when regexp_full_match(p.value, '[''’`][+-]?[0-9]+') then 'apostrophe'
                when regexp_full_match(p.value, '"[+-]?[0-9]+"') then 'quotes-inside'
                when regexp_full_match(p.value, '[+-]?[0-9]{1,3}[,.][0-9]{3}') then 'thousands-or-decimals'
                when regexp_full_match(p.value, '[+-]?[0-9]{1,3}(?:(?:,[0-9]{3})+|(?:\.[0-9]{3})+|(?:_[0-9]{3})+|(?:[''’][0-9]{3})+|(?:[ \x{a0}\x{2009}\x{202f}][0-9]{3})+)')
                    then 'thousands'
                when regexp_full_match(p.value, '[+-]?[0-9]+[.,]0*') then 'decimal-zeros'
                when regexp_full_match(p.value, '[+-]?[0-9]*[.,][0-9]+') then 'decimal'
                when regexp_full_match(p.value, '[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+') then 'scientific'
                when regexp_full_match(p.value, '0[xX][0-9a-fA-F]+') then 'hexadecimal'
                when regexp_full_match(p.value, '\{?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\}?') then 'uuid'
                when regexp_full_match(p.value, '[0-9a-fA-F]{24}|[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}') then 'hash'
                when regexp_full_match(p.value, '[+-]?\p{Sc} ?[0-9][0-9.,]*|[+-]?[0-9][0-9.,]* ?\p{Sc}') then 'currency'
                when regexp_full_match(p.value, '[+-]?\p{Nd}+') then 'other-digits'
                when regexp_full_match(p.value, '(?:[+-]|[\p{Z}\p{Cf}])*[0-9]+[\p{Z}\p{Cf}]*')
                    and regexp_full_match(regexp_replace(p.value, '[\p{Z}\p{Cf}]', '', 'g'), '[+-]?[0-9]+') then 'invisible'
                when regexp_full_match(p.value, '[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{1,2}:[0-9]{2}.*)?') then 'date-in-id'
                when regexp_full_match(p.value, '[\pL\pN_.:@/|+-]*\pL[\pL\pN_.:@/|+-]*') then 'word'
            end
            when p.code = 'not-a-timestamp' then case
                when list_contains(getvariable('header_names'), lower(p.value)) then 'column-name'
                when regexp_full_match(p.value, '(?i)null|nil|none|n/?a|nan|nat|undefined|unknown|\\n|-+|\?+|0000-00-00(?:[ t]00:00:00)?')
                    then 'word-for-missing'
                when regexp_full_match(mended.text, getvariable('naive_timestamp')) or regexp_full_match(mended.text, getvariable('offset_timestamp'))
                    then mended.look
                when regexp_full_match(p.value, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:(?:2[4-9]|[3-9][0-9]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?|[0-9]{1,2}:[6-9][0-9](?::[0-9]{2}(?:\.[0-9]{1,6})?)?|[0-9]{1,2}:[0-9]{2}:[6-9][0-9](?:\.[0-9]{1,6})?)(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?')
                    then 'no-such-time'
                when regexp_full_match(p.value, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)? ?[+-](?:(?:1[5-9]|[2-9][0-9])(?::?[0-9]{2})?|14:?(?:0[1-9]|[1-9][0-9])|(?:0[0-9]|1[0-3]):?[6-9][0-9])')
                    then 'no-such-offset'
                when regexp_full_match(p.value, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:0?[0-9]|1[0-2])(?::[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?)? ?[AaPp]\.?[Mm]\.?') then 'am-pm'
                when regexp_full_match(p.value, '[0-9]{4}-[0-9]{2}-[0-9]{2} ?(?:Z|UTC|GMT|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)') then 'offset-behind-date'
                when regexp_full_match(p.value, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01]?[0-9]|2[0-3])') then 'hour-alone'
                when regexp_full_match(p.value, '[0-9]{4}([/.])(?:0?[1-9]|1[0-2])[/.](?:0?[1-9]|[12][0-9]|3[01])(?:[ T](?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?)?') then 'year-first'
                when regexp_full_match(p.value, '[0-9]{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12][0-9]|3[01])(?:[ T](?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?Z?)?') then 'one-digit-day'
                when regexp_full_match(p.value, '(?:1[3-9]|2[0-9]|3[01])[/-](?:0?[1-9]|1[0-2])[/-][0-9]{4}(?:[,T ].*)?') then 'day-first'
                when regexp_full_match(p.value, '(?:0?[1-9]|1[0-2])[/-](?:1[3-9]|2[0-9]|3[01])[/-][0-9]{4}(?:[,T ].*)?') then 'month-first'
                when regexp_full_match(p.value, '(?:0?[1-9]|1[0-2])[/-](?:0?[1-9]|1[0-2])[/-][0-9]{4}(?:[,T ].*)?') then 'day-or-month-first'
                when regexp_full_match(p.value, '(?:0?[1-9]|[12][0-9]|3[01])\.(?:0?[1-9]|1[0-2])\.[0-9]{4}(?:[,T ].*)?') then 'day-first-with-dots'
                when regexp_full_match(p.value, '(?:0?[1-9]|[12][0-9]|3[01])[/.-](?:0?[1-9]|[12][0-9]|3[01])[/.-][0-9]{2}(?:[,T ].*)?') then 'short-year'
                when regexp_full_match(p.value, '\[?(?:0?[1-9]|[12][0-9]|3[01])/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}(?: [+-][0-9]{4})?\]?') then 'web-server-log'
                when regexp_full_match(p.value, '(?i)(?:.*[^a-z])?(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?:[^a-z].*)?')
                    and regexp_matches(p.value, '[0-9]{2}') then 'month-name'
                when regexp_full_match(p.value, '[12][0-9]{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[ T]?(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9](?:\.[0-9]+)?)?(?:Z|[+-][0-9]{4})?)?') then 'without-separators'
                when regexp_full_match(p.value, '[1-9][0-9]{9}(?:[.,][0-9]+)?') then 'seconds-since-1970'
                when regexp_full_match(p.value, '[1-9][0-9]{12}(?:[.,][0-9]+)?') then 'milliseconds-since-1970'
                when regexp_full_match(p.value, '[1-9][0-9]{15}') then 'microseconds-since-1970'
                when regexp_full_match(p.value, '[1-9][0-9]{18}') then 'nanoseconds-since-1970'
                when regexp_full_match(p.value, '[2-6][0-9]{4}(?:[.,][0-9]+)?') then 'spreadsheet-day'
                when regexp_full_match(p.value, '[12][0-9]{3}-?W[0-5][0-9](?:-?[1-7])?') then 'week'
                when regexp_full_match(p.value, '[12][0-9]{3}-[0-3][0-9]{2}') then 'day-of-year'
                when regexp_full_match(p.value, '(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?(?: ?(?:[AaPp][Mm]|Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?') then 'time-alone'
                when regexp_full_match(p.value, '[12][0-9]{3}(?:-(?:0[1-9]|1[0-2]))?') then 'no-day'
                when regexp_full_match(p.value, '[\p{Nd}T:.Z+ -]+') and regexp_matches(p.value, '[^\x00-\x7f]') then 'other-digits'
            end
            when p.code = 'unknown-action' then case
                when list_contains(list_transform(getvariable('actions'), lambda word: lower(word)), lower(p.value)) then 'other-case'
            end
            when p.code = 'too-few-fields' then case
                -- Delimiters are counted, and the line is not split: a list of the fields of a line of 1 MB would take many times its memory.
                when (getvariable('delimiter') <> ';' and length(line) - length(replace(line, ';', '')) = getvariable('field_count') - 1)
                    or (getvariable('delimiter') <> e'\t' and length(line) - length(replace(line, e'\t', '')) = getvariable('field_count') - 1)
                    or (getvariable('delimiter') <> '|' and length(line) - length(replace(line, '|', '')) = getvariable('field_count') - 1)
                    or (getvariable('delimiter') <> ',' and length(line) - length(replace(line, ',', '')) = getvariable('field_count') - 1)
                    then 'other-delimiter'
            end
            when p.code = 'too-many-fields' then case
                when p.value = (getvariable('field_count') + 1)::varchar and ends_with(rtrim(line, ' '), getvariable('delimiter')) then 'last-delimiter'
            end
            when p.code = 'bad-quoting' then case
                when regexp_full_match(
                    regexp_replace(
                        regexp_replace(line, getvariable('space_before_quote'), '\1"', 'g'), getvariable('space_behind_quote'), '"\1', 'g'
                    ),
                    getvariable('well_quoted_line')
                ) then 'space-beside-quote'
                when contains(line, '\"') and regexp_full_match(replace(line, '\"', '""'), getvariable('well_quoted_line')) then 'backslash-before-quote'
                when length(line) - length(replace(line, getvariable('delimiter'), ''))
                    = (getvariable('field_count') - 1) * length(getvariable('delimiter')) then 'quote-in-value'
            end
            when p.code = 'bad-encoding' then case
                -- As text, DuckDB writes each byte that is no visible ASCII as \x and two digits. It does so with a backslash, too.
                when contains(raw_bytes::varchar, '\x00') and length(line) - length(replace(line, getvariable('bad_bytes'), ''))
                    = (length(raw_bytes::varchar) - length(replace(raw_bytes::varchar, '\x00', ''))) // 4 then 'nul'
                -- Something is marked in the line, and nothing in the text of its bytes. So the mark stands for an escape.
                when not contains(raw_bytes::varchar, '\x00') and not contains(try(decode(raw_bytes)), getvariable('bad_bytes'))
                    and contains(line, '\ufffe') then 'escape'
            end
            when p.code = 'not-an-object' then case
                when json_valid(line) and json_type(line) = 'OBJECT' then 'name-twice'
                when json_valid(line) then 'other-kind'
                when regexp_matches(line, ',\s*$') and json_valid(regexp_replace(line, ',\s*$', '')) then 'comma-behind'
                when regexp_matches(line, '^\{\s*''') then 'single-quotes'
            end
        end as look,
        case
            when p.code in ('too-few-fields', 'too-many-fields') then p.value
            when p.code in ('missing-value', 'bad-quoting', 'conflicting-duplicate', 'header-again', 'too-long') or p.field is null or p.value is null then ''
            when regexp_full_match(p.value, '\{?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\}?')
                then 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'
            when p.code = 'not-an-integer' and regexp_full_match(p.value, '[0-9a-fA-F]{24}|[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}') then 'x'
            -- A word of letters and digits becomes an x. Until all letters have become an a, ‡ stands for that x.
            else translate(
                regexp_replace(
                    regexp_replace(
                        case
                            when p.field = 'timestamp' then p.value
                            else regexp_replace(
                                p.value,
                                '[0-9A-Za-z]*(?:[0-9][A-Za-z]+[0-9]+[A-Za-z]|[A-Za-z][0-9]+[A-Za-z]+[0-9])[0-9A-Za-z]*',
                                '‡',
                                'g'
                            )
                        end,
                        '\pL[\pL\pM]*',
                        'a',
                        'g'
                    ),
                    '\p{Nd}',
                    '9',
                    'g'
                ),
                '‡',
                'x'
            )
        end as whole_shape
    from mended
),
shaped as (
    select
        position,
        code,
        field,
        value,
        coalesce(look, '') as look,
        case when length(whole_shape) > 40 then left(whole_shape, 40) || '…' else whole_shape end as shape
    from looked
),
grouped as (
    select
        position >> $1 as file_number,
        code,
        field,
        look,
        shape,
        count(*) as rows,
        min(position) & ((1::bigint << $1) - 1) as line_number,
        arg_min(value, position) as value
    from shaped
    group by file_number, code, field, look, shape
)
select
    file_number,
    code,
    field,
    look,
    shape,
    rows,
    line_number,
    value,
    sum(rows) over (partition by file_number, code, field)::bigint as kind_rows,
    first_value(line_number) over (partition by file_number, code, field order by line_number) as kind_line_number,
    first_value(value) over (partition by file_number, code, field order by line_number) as kind_value
from grouped
qualify row_number() over (partition by file_number, code, field order by look = '', length(shape), shape, look) <= $2
order by file_number, code, field, line_number, look, shape
