-- Roll-ups, an index on time, and what questions about time are asked through. Counts what is there already.

create table interactions_per_quarter_hour (
    quarter_hour timestamptz not null,
    action text not null,
    interaction_count bigint not null check (interaction_count > 0),
    constraint interactions_per_quarter_hour_pkey primary key (quarter_hour, action)
);
comment on table interactions_per_quarter_hour is 'One row per quarter hour of UTC and action; kept by the delta of each load.';
comment on column interactions_per_quarter_hour.quarter_hour is 'Instant at which the quarter hour begins, in whole quarters of UTC.';
comment on column interactions_per_quarter_hour.action is 'Word for what was done.';
comment on column interactions_per_quarter_hour.interaction_count is 'Number of rows of user_interactions_raw with this action in these 15 minutes, at least 1.';

create table interactions_per_user (
    user_id bigint not null check (user_id > 0),
    interaction_count bigint not null check (interaction_count > 0),
    constraint interactions_per_user_pkey primary key (user_id)
);
create index interactions_per_user_count_idx on interactions_per_user (interaction_count desc, user_id);
comment on table interactions_per_user is 'One row per user who has interacted; kept by the delta of each load.';
comment on column interactions_per_user.user_id is 'Id of the user.';
comment on column interactions_per_user.interaction_count is 'Number of rows of user_interactions_raw with this user, at least 1.';

create table interactions_per_product (
    product_id bigint not null check (product_id > 0),
    interaction_count bigint not null check (interaction_count > 0),
    constraint interactions_per_product_pkey primary key (product_id)
);
create index interactions_per_product_count_idx on interactions_per_product (interaction_count desc, product_id);
comment on table interactions_per_product is 'One row per product that somebody interacted with; kept by the delta of each load.';
comment on column interactions_per_product.product_id is 'Id of the product.';
comment on column interactions_per_product.interaction_count is 'Number of rows of user_interactions_raw with this product, at least 1.';

insert into interactions_per_quarter_hour (quarter_hour, action, interaction_count)
select
    pg_catalog.date_bin('15 minutes', timestamp, '0001-01-01 00:00:00+00'),
    action,
    pg_catalog.count(*)
from user_interactions_raw
group by 1, 2
order by 1, 2;

insert into interactions_per_user (user_id, interaction_count)
select
    user_id,
    pg_catalog.count(*)
from user_interactions_raw
group by user_id
order by user_id;

insert into interactions_per_product (product_id, interaction_count)
select
    product_id,
    pg_catalog.count(*)
from user_interactions_raw
group by product_id
order by product_id;

-- Files come in the order of time, more or less: 120 kB of BRIN do for 10 million rows what 211 MB of B-tree do.
create index user_interactions_raw_timestamp_idx on user_interactions_raw using brin (timestamp)
with (pages_per_range = 32, autosummarize = on);

-- Days of a zone are made of quarter hours of UTC, but for the quarter hours in which its clock was set, or in which it
-- was off the quarter (before 1973). Each function is one step; the small costs that two of them declare keep the planner
-- from compiling (JIT) a query of 20 ms.

create function uneven_quarter_hours(time_zone text, since timestamptz, until timestamptz)
returns setof timestamptz
language sql
stable
rows 10
set jit to off
begin atomic
    -- Looks at the whole UTC days that the roll-up has, found by jumps in its key, and at quarters in few of them.
    with recursive days as (
        select pg_catalog.date_bin('24 hours', pg_catalog.min(q.quarter_hour), '0001-01-01 00:00:00+00') as day
        from interactions_per_quarter_hour as q
        where
            q.quarter_hour > uneven_quarter_hours.since - interval '15 minutes'
            and q.quarter_hour < uneven_quarter_hours.until
        union all
        select (
            select pg_catalog.date_bin('24 hours', pg_catalog.min(q.quarter_hour), '0001-01-01 00:00:00+00')
            from interactions_per_quarter_hour as q
            where
                q.quarter_hour >= days.day + interval '24 hours'
                and q.quarter_hour < uneven_quarter_hours.until
        )
        from days
        where days.day is not null
    ),
    clocks as (
        select
            days.day,
            days.day at time zone uneven_quarter_hours.time_zone as begins,
            (days.day + interval '24 hours') at time zone uneven_quarter_hours.time_zone as ends
        from days
        where days.day is not null
    ),
    quarters as (
        select
            q.quarter_hour,
            q.quarter_hour at time zone uneven_quarter_hours.time_zone as begins,
            (q.quarter_hour + interval '14:59.999999') at time zone uneven_quarter_hours.time_zone as ends
        from clocks as c
        join interactions_per_quarter_hour as q
            on q.quarter_hour >= c.day
            and q.quarter_hour < c.day + interval '24 hours'
        where
            c.ends - c.begins <> interval '24 hours'
            or extract(epoch from c.begins) % 900::numeric <> 0::numeric
    )
    select quarters.quarter_hour
    from quarters
    where
        quarters.ends - quarters.begins <> interval '14:59.999999'
        or extract(epoch from quarters.begins) % 900::numeric <> 0::numeric
    union
    -- A range may begin or end inside a quarter hour.
    select pg_catalog.date_bin('15 minutes', edges.edge, '0001-01-01 00:00:00+00')
    from (values (uneven_quarter_hours.since), (uneven_quarter_hours.until)) as edges (edge)
    where pg_catalog.date_bin('15 minutes', edges.edge, '0001-01-01 00:00:00+00') <> edges.edge;
end;
comment on function uneven_quarter_hours(text, timestamptz, timestamptz) is
'One row per quarter hour of UTC that cannot be counted as a whole for this time zone and range.';

create function interactions_of_quarter_hours(quarter_hours timestamptz[])
returns table (at timestamptz, action text)
language sql
stable
rows 1000
set jit to off
begin atomic
    -- A few: each by the index on time.
    select
        r.timestamp,
        r.action
    from pg_catalog.unnest(interactions_of_quarter_hours.quarter_hours) as u (quarter_hour)
    cross join lateral (
        select
            raw.timestamp,
            raw.action
        from user_interactions_raw as raw
        where
            raw.timestamp >= u.quarter_hour
            and raw.timestamp < u.quarter_hour + interval '15 minutes'
        offset 0
    ) as r
    where pg_catalog.cardinality(interactions_of_quarter_hours.quarter_hours) <= 100
    union all
    -- Many, as in the years before zones were whole quarters: all of them at once.
    select
        r.timestamp,
        r.action
    from user_interactions_raw as r
    where
        pg_catalog.cardinality(interactions_of_quarter_hours.quarter_hours) > 100
        and r.timestamp >= (
            select pg_catalog.min(u)
            from pg_catalog.unnest(interactions_of_quarter_hours.quarter_hours) as u
        )
        and r.timestamp < (
            select pg_catalog.max(u) + interval '15 minutes'
            from pg_catalog.unnest(interactions_of_quarter_hours.quarter_hours) as u
        )
        and pg_catalog.date_bin('15 minutes', r.timestamp, '0001-01-01 00:00:00+00') in (
            select u
            from pg_catalog.unnest(interactions_of_quarter_hours.quarter_hours) as u
        );
end;
comment on function interactions_of_quarter_hours(timestamptz[]) is
'One row per interaction of these quarter hours of UTC.';

create function interactions_over_time(
    time_zone text,
    since timestamptz default '-infinity',
    until timestamptz default 'infinity',
    action text default null,
    user_id bigint default null,
    product_id bigint default null
)
returns table (at timestamptz, action text, interaction_count bigint)
language sql
stable
parallel safe
begin atomic
    with uneven as materialized (
        select u.quarter_hour
        from uneven_quarter_hours(
            interactions_over_time.time_zone, interactions_over_time.since, interactions_over_time.until
        ) as u (quarter_hour)
        where
            interactions_over_time.user_id is null
            and interactions_over_time.product_id is null
    )
    -- From the roll-up, where the quarter hour is whole.
    select
        q.quarter_hour,
        q.action,
        q.interaction_count
    from interactions_per_quarter_hour as q
    where
        interactions_over_time.user_id is null
        and interactions_over_time.product_id is null
        and q.quarter_hour > interactions_over_time.since - interval '15 minutes'
        and q.quarter_hour < interactions_over_time.until
        and (interactions_over_time.action is null or q.action = interactions_over_time.action)
        and q.quarter_hour not in (
            select uneven.quarter_hour
            from uneven
        )
    union all
    -- Row by row, where it is not.
    select
        r.at,
        r.action,
        1
    from (
        select pg_catalog.array_agg(uneven.quarter_hour) as quarter_hours
        from uneven
        having pg_catalog.count(*) > 0
    ) as u
    cross join lateral interactions_of_quarter_hours(u.quarter_hours) as r
    where
        r.at >= interactions_over_time.since
        and r.at < interactions_over_time.until
        and (interactions_over_time.action is null or r.action = interactions_over_time.action)
    union all
    -- Row by row, for one user or one product: the roll-up knows neither.
    select
        r.timestamp,
        r.action,
        1
    from user_interactions_raw as r
    where
        (interactions_over_time.user_id is not null or interactions_over_time.product_id is not null)
        and (interactions_over_time.user_id is null or r.user_id = interactions_over_time.user_id)
        and (interactions_over_time.product_id is null or r.product_id = interactions_over_time.product_id)
        and r.timestamp >= interactions_over_time.since
        and r.timestamp < interactions_over_time.until
        and (interactions_over_time.action is null or r.action = interactions_over_time.action);
end;
comment on function interactions_over_time(text, timestamptz, timestamptz, text, bigint, bigint) is
'One row per quarter hour and action where the clock of the time zone runs evenly, one row per interaction elsewhere: their sum by hour, day, week or month of that zone is exact.';

create view interactions_per_hour as
select
    pg_catalog.date_trunc('hour', at) as hour,
    action,
    pg_catalog.sum(interaction_count)::bigint as interaction_count
from interactions_over_time(pg_catalog.current_setting('TimeZone'))
group by 1, 2;
comment on view interactions_per_hour is 'One row per hour of the session''s time zone and action. For a range: interactions_over_time.';
comment on column interactions_per_hour.hour is 'Instant at which the hour begins.';
comment on column interactions_per_hour.action is 'Word for what was done.';
comment on column interactions_per_hour.interaction_count is 'Number of interactions, at least 1.';

create view interactions_per_day as
select
    at::date as day,
    action,
    pg_catalog.sum(interaction_count)::bigint as interaction_count
from interactions_over_time(pg_catalog.current_setting('TimeZone'))
group by 1, 2;
comment on view interactions_per_day is 'One row per day of the session''s time zone and action. For a range: interactions_over_time.';
comment on column interactions_per_day.day is 'Date in the session''s time zone: set timezone to ''Europe/Vienna''.';
comment on column interactions_per_day.action is 'Word for what was done.';
comment on column interactions_per_day.interaction_count is 'Number of interactions, at least 1.';

create view interactions_per_action as
select
    action,
    pg_catalog.sum(interaction_count)::bigint as interaction_count
from interactions_per_quarter_hour
group by action;
comment on view interactions_per_action is 'One row per action.';
comment on column interactions_per_action.action is 'Word for what was done.';
comment on column interactions_per_action.interaction_count is 'Number of interactions, at least 1.';
