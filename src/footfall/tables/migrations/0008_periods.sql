-- Where the data begins and ends, and the days, weeks and months of a time zone between: what a question needs to know which
-- of them are complete.

create function data_ends(out data_since timestamptz, out data_until timestamptz, out latest_at timestamptz)
returns record
language sql
stable
parallel safe
begin atomic
    -- The key of the roll-up knows the first and the last quarter hour; the index on time finds the rows in these.
    with quarter_hours as (
        select
            pg_catalog.min(q.quarter_hour) as first_one,
            pg_catalog.max(q.quarter_hour) as last_one
        from interactions_per_quarter_hour as q
    ),
    ends as (
        select
            (
                select pg_catalog.min(r.timestamp)
                from user_interactions_raw as r
                where
                    r.timestamp >= h.first_one
                    and r.timestamp < h.first_one + interval '15 minutes'
            ) as earliest_at,
            (
                select pg_catalog.max(r.timestamp)
                from user_interactions_raw as r
                where
                    r.timestamp >= h.last_one
                    and r.timestamp < h.last_one + interval '15 minutes'
            ) as latest_at
        from quarter_hours as h
    )
    select
        ends.earliest_at,
        least(
            ends.latest_at,
            (
                select pg_catalog.max(l.finished_at)
                from loads as l
                where l.status = 'loaded'
            )
        ),
        ends.latest_at
    from ends;
end;
comment on function data_ends() is
'The first interaction, the last one that did not happen after the last load was done (later ones are dated into the future), and the last of all; nulls without interactions.';

create function periods(
    per text,
    time_zone text,
    since timestamptz default '-infinity',
    until timestamptz default 'infinity'
)
returns table (period date, begins timestamptz, ends timestamptz, is_complete boolean)
language sql
stable
rows 100
set jit to off
begin atomic
    with recursive edges as (
        select
            d.data_since,
            d.data_until,
            greatest(d.data_since, periods.since) as first_at,
            least(d.latest_at, periods.until - interval '1 microsecond') as last_at,
            case periods.per
                when 'month' then interval '1 month'
                when 'week' then interval '7 days'
                else interval '1 day'
            end as step
        from data_ends() as d
        where
            d.data_since < periods.until
            and d.latest_at >= periods.since
            and periods.since < periods.until
    ),
    -- The days of UTC that have interactions, found by jumps in the key of the roll-up.
    days as (
        select pg_catalog.date_bin('24 hours', e.first_at, '0001-01-01 00:00:00+00') as day
        from edges as e
        union all
        select (
            select pg_catalog.date_bin('24 hours', pg_catalog.min(q.quarter_hour), '0001-01-01 00:00:00+00')
            from interactions_per_quarter_hour as q
            where
                q.quarter_hour >= days.day + interval '24 hours'
                and q.quarter_hour <= e.last_at
        )
        from days
        cross join edges as e
        where days.day is not null
    ),
    local_days as (
        select e.first_at at time zone periods.time_zone as local_time
        from edges as e
        union all
        select e.last_at at time zone periods.time_zone
        from edges as e
        union all
        select least(days.day, e.last_at) at time zone periods.time_zone
        from days
        cross join edges as e
        where days.day > e.first_at
        union all
        select least(days.day + interval '24 hours', e.last_at) at time zone periods.time_zone
        from days
        cross join edges as e
        where days.day is not null
    ),
    starts as (
        select distinct pg_catalog.date_trunc(case when periods.per in ('week', 'month') then periods.per else 'day' end, l.local_time) as start
        from local_days as l
    ),
    gaps as (
        select
            s.start,
            coalesce(pg_catalog.lead(s.start) over (order by s.start), s.start + e.step) as next_start,
            e.step
        from starts as s
        cross join edges as e
    ),
    -- A row in the year 1 does not make days by the hundred thousand.
    listed as (
        select
            f.start,
            g.step
        from gaps as g
        cross join lateral pg_catalog.generate_series(
            g.start,
            case when g.next_start <= g.start + 1000::double precision * g.step then g.next_start - interval '1 second' else g.start end,
            g.step
        ) as f (start)
    ),
    timed as (
        select
            l.start,
            l.step,
            first_instant(l.start, periods.time_zone) as begins
        from listed as l
    ),
    bounded as (
        select
            t.start,
            t.begins,
            case
                when pg_catalog.lead(t.start) over (order by t.start) = t.start + t.step
                    then pg_catalog.lead(t.begins) over (order by t.start)
                else first_instant(t.start + t.step, periods.time_zone)
            end as ends
        from timed as t
    )
    select
        b.start::date,
        b.begins,
        b.ends,
        b.begins >= e.data_since
            and b.begins >= periods.since
            and b.ends <= e.data_until
            and b.ends <= periods.until
    from bounded as b
    cross join edges as e
    where b.begins < b.ends
    order by b.start;
end;
comment on function periods(text, text, timestamptz, timestamptz) is
'One row per day, week (from Monday) or month of a time zone that lies between the first and the last interaction of the range, without interactions too, but for gaps of more than 1,000. It is complete where the range and the data have all of it.';
