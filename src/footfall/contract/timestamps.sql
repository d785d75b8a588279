-- The macros that read a timestamp, for each way to write one. {number} is the number of the format in its source definition.
-- Each format has two macros: wall_ gives the time of a clock, instant_ an instant in UTC as a timestamp without a zone. One of
-- the two is null.

-- name: iso
create macro wall_{number}(text) as case
    when regexp_full_match(text, getvariable('naive_timestamp')) then try_cast(text as timestamp)
end;
create macro instant_{number}(text) as case
    when regexp_full_match(text, getvariable('offset_timestamp'))
        -- The cast knows ` UTC` and ` GMT`, but no space before Z or an offset.
        then timezone('UTC', try_cast(regexp_replace(text, ' ([Z+-])', '\1') as timestamptz))
end

-- name: epoch
-- Digits behind the microsecond are cut off. The pattern admits so few digits before the point that nothing overflows.
create macro wall_{number}(text) as null::timestamp;
create macro instant_{number}(text) as case
    when regexp_full_match(text, getvariable('epoch_{number}')) then make_timestamp(
        case when starts_with(text, '-') then -1 else 1 end * (
            try_cast(regexp_extract(text, '^[+-]?([0-9]+)', 1) as bigint) * getvariable('unit_us_{number}')
            + coalesce(
                try_cast(left(rpad(
                    regexp_extract(text, '\.([0-9]+)$', 1), getvariable('decimals_{number}'), '0'
                ), getvariable('decimals_{number}')) as bigint),
                0
            )
        )
    )
end

-- name: epoch_ns
create macro wall_{number}(text) as null::timestamp;
create macro instant_{number}(text) as case
    when regexp_full_match(text, '[+-]?[0-9]{1,19}(?:\.[0-9]+)?')
        then make_timestamp((try_cast(regexp_extract(text, '^[+-]?[0-9]+') as hugeint) // 1000)::bigint)
end

-- name: pattern
-- A year of two digits that is read as one of four would be a year of antiquity. The bounds refuse it.
create macro wall_{number}(text) as case
    when try_strptime(text, getvariable('pattern_{number}')) between timestamp '1000-01-01' and timestamp '9999-12-31 23:59:59.999999'
        then try_strptime(text, getvariable('pattern_{number}'))
end;
create macro instant_{number}(text) as null::timestamp

-- name: pattern_with_offset
create macro wall_{number}(text) as null::timestamp;
create macro instant_{number}(text) as case
    when timezone('UTC', try_strptime(text, getvariable('pattern_{number}'))) 
        between timestamp '1000-01-01' and timestamp '9999-12-31 23:59:59.999999'
        then timezone('UTC', try_strptime(text, getvariable('pattern_{number}')))
end

-- name: one
create macro wall_of(text) as wall_1(text);
create macro instant_of(text) as instant_1(text);
create macro is_ambiguous(text) as false

-- name: several
create macro readings_of(text) as list_distinct(list_filter([{readings}], lambda reading: reading.moment is not null));
create macro is_ambiguous(text) as len(readings_of(text)) > 1;
create macro wall_of(text) as case when readings_of(text)[1].is_wall then readings_of(text)[1].moment end;
create macro instant_of(text) as case when not readings_of(text)[1].is_wall then readings_of(text)[1].moment end

-- name: reading
row_of_wall(wall_{number}(text)), row_of_instant(instant_{number}(text))

-- name: rows
create macro row_of_wall(moment) as struct_pack(is_wall := true, moment := moment);
create macro row_of_instant(moment) as struct_pack(is_wall := false, moment := moment)

-- name: plain_iso
-- In the plain form an offset stands only behind seconds, so that 19 bytes or fewer are naive.
create macro plain_instant(text) as case
    when strlen(text) <= 19 then try_cast(text as timestamp)
    else timezone('UTC', try_cast(text as timestamptz))
end

-- name: plain_epoch
create macro plain_instant(text) as make_timestamp(try_cast(text as bigint) * getvariable('unit_us_1'))

-- name: plain_wall
create macro plain_instant(text) as wall_1(text)

-- name: plain_offset
create macro plain_instant(text) as instant_1(text)

-- name: plain_none
create macro plain_instant(text) as null::timestamp
