-- A date or a time of a zone as an instant, by the server's own zones: the bounds of a question and its days agree.

create function first_instant(local_time timestamp, time_zone text)
returns timestamptz
language sql
immutable
strict
parallel safe
begin atomic
    -- The offsets a day before and a day after cover the one change of the clock that may lie near.
    with offsets as (
        select
            (before.instant at time zone first_instant.time_zone) - (before.instant at time zone 'UTC') as before,
            (behind.instant at time zone first_instant.time_zone) - (behind.instant at time zone 'UTC') as behind
        from (values ((first_instant.local_time at time zone 'UTC') - interval '1 day')) as before (instant)
        cross join (values ((first_instant.local_time at time zone 'UTC') + interval '1 day')) as behind (instant)
    ),
    instants as (
        select
            (first_instant.local_time - offsets.before) at time zone 'UTC' as by_before,
            (first_instant.local_time - offsets.behind) at time zone 'UTC' as by_behind
        from offsets
    )
    -- Where both show the time, the clock repeats it, and the offset before gives the first. Where neither does, the
    -- clock skips it, and the offset before moves it forward by what is skipped.
    select
        case
            when (instants.by_before at time zone first_instant.time_zone) = first_instant.local_time then instants.by_before
            when (instants.by_behind at time zone first_instant.time_zone) = first_instant.local_time then instants.by_behind
            else instants.by_before
        end
    from instants;
end;
comment on function first_instant(timestamp, text) is
'The instant at which the clock of the time zone first shows this time; a time that it skips is moved forward by what it skips.';
