-- When interactions happen: how many in each hour of the week, in all and in one such hour.
-- Grain: one row per weekday (1 is Monday) and hour of the time zone, 168 in all; Monday's first hour first.
-- Group: How much
-- `hours_in_range` is how long the clock showed this hour within the range. An hour that the clock repeats counts
-- twice, and one that it skips does not count.
-- `mean_per_hour` is the count divided by it, and null where it is 0.
-- The range ends with the hour of the latest interaction at the latest.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with recursive data as (
    select
        data_since,
        data_until,
        data_since at time zone :'time_zone'::text as local_since,
        data_until at time zone :'time_zone'::text as local_until
    from data_ends()
),
hours as (
    select
        data_since - (local_since - pg_catalog.date_trunc('hour'::text, local_since)) as begins,
        data_until - (local_until - pg_catalog.date_trunc('hour'::text, local_until)) + interval '1 hour' as ends
    from data
    where data_since is not null
),
bounds as (
    -- From the hour of the first interaction to the end of the hour of the latest, unless the range is narrower.
    select
        greatest(:'since'::timestamptz, begins) as begins,
        least(:'until'::timestamptz, ends) as ends
    from hours
    where
        greatest(:'since'::timestamptz, begins) < least(:'until'::timestamptz, ends)
),
probes as (
    -- One whole second every 24 hours. Where the offset differs between two of them, the clock was set in between.
    select
        probe as low,
        86400::bigint as seconds
    from bounds
    cross join lateral pg_catalog.generate_series(
        pg_catalog.date_trunc('second'::text, bounds.begins), bounds.ends, interval '24 hours'
    ) as probe
),
halves as (
    select
        low,
        seconds
    from probes
    union all
    -- A stretch whose two ends differ in their offset is halved, until a single second is left.
    select
        parts.low,
        parts.seconds
    from halves
    cross join lateral (
        values
        (halves.low, halves.seconds / 2::bigint),
        (
            halves.low + (halves.seconds / 2::bigint)::double precision * interval '1 second',
            halves.seconds - halves.seconds / 2::bigint
        )
    ) as parts (low, seconds)
    where
        halves.seconds > 1::bigint
        and (halves.low at time zone :'time_zone'::text) - (halves.low at time zone 'UTC'::text)
        <> (
            (halves.low + halves.seconds::double precision * interval '1 second') at time zone :'time_zone'::text
        ) - (
            (halves.low + halves.seconds::double precision * interval '1 second') at time zone 'UTC'::text
        )
),
changes as (
    select halves.low + interval '1 second' as at
    from halves
    where
        halves.seconds = 1::bigint
        and (halves.low at time zone :'time_zone'::text) - (halves.low at time zone 'UTC'::text)
        <> ((halves.low + interval '1 second') at time zone :'time_zone'::text)
        - ((halves.low + interval '1 second') at time zone 'UTC'::text)
),
edges as (
    select begins as at
    from bounds
    union
    select ends
    from bounds
    union
    select changes.at
    from changes
    join bounds
        on changes.at > bounds.begins
        and changes.at < bounds.ends
),
stretches as (
    -- Between two edges the clock runs evenly. Both columns count seconds of the clock since Monday, 1 January 0001.
    select
        since_monday,
        since_monday + extract(epoch from next_at - at) as until_monday
    from (
        select
            at,
            pg_catalog.lead(at) over (order by at) as next_at,
            extract(epoch from (at at time zone :'time_zone'::text) - '0001-01-01'::timestamp) as since_monday
        from edges
    ) as clocks
    where next_at is not null
),
parts as (
    -- For each edge the number of its week, and the seconds of that week that lie before the edge.
    select
        pg_catalog.floor(since_monday / 604800::numeric) as since_week,
        since_monday - 604800::numeric * pg_catalog.floor(since_monday / 604800::numeric) as since_second,
        pg_catalog.floor(until_monday / 604800::numeric) as until_week,
        until_monday - 604800::numeric * pg_catalog.floor(until_monday / 604800::numeric) as until_second
    from stretches
),
cells as (
    select
        cell,
        nullif(
            pg_catalog.sum(
                3600::numeric * (until_week - since_week)
                + least(greatest(until_second - 3600::numeric * cell::numeric, 0::numeric), 3600::numeric)
                - least(greatest(since_second - 3600::numeric * cell::numeric, 0::numeric), 3600::numeric)
            ),
            0::numeric
        )::double precision / 3600::double precision as hours
    from parts
    cross join pg_catalog.generate_series(0, 167) as cell
    group by cell
),
counted as (
    select
        (extract(isodow from local_time)::integer - 1) * 24 + extract(hour from local_time)::integer as cell,
        pg_catalog.sum(interaction_count)::bigint as interaction_count
    from (
        select
            o.at at time zone :'time_zone'::text as local_time,
            o.interaction_count
        from interactions_over_time(
            time_zone => :'time_zone'::text,
            since => :'since'::timestamptz,
            until => :'until'::timestamptz,
            action => nullif(:'action', '')::text,
            user_id => to_user_id(:'user_id'::text),
            product_id => to_product_id(:'product_id'::text)
        ) as o
        join bounds
            on o.at < bounds.ends
    ) as kept
    group by cell
)
select
    cells.cell / 24 + 1 as weekday,
    cells.cell % 24 as hour,
    coalesce(counted.interaction_count, 0::bigint) as interaction_count,
    coalesce(cells.hours, 0::double precision) as hours_in_range,
    coalesce(counted.interaction_count, 0::bigint)::double precision / cells.hours as mean_per_hour
from cells
left join counted
    on counted.cell = cells.cell
order by cells.cell
limit nullif(:'limit', '')::bigint;
