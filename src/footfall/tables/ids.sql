-- The id columns: read their types, and give new tables other types than bigint.

-- name: types
select
    c.relname::text as relname,
    a.attname::text as attname,
    pg_catalog.format_type(a.atttypid, a.atttypmod)
    || case
        when a.attcollation not in (0::oid, 'pg_catalog."default"'::pg_catalog.regcollation::oid)
            then ' COLLATE ' || a.attcollation::pg_catalog.regcollation::text
        else ''
    end as type
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n
    on n.oid = c.relnamespace
join pg_catalog.pg_attribute as a
    on a.attrelid = c.oid
where
    n.nspname = pg_catalog.current_schema()
    and c.relname::text = any(%(tables)s::text[])
    and a.attname::text = any(%(columns)s::text[])
    and a.attnum > 0
    and not a.attisdropped

-- name: drop_dependents
-- The tables were made in this very transaction, so nothing else can depend on them.
drop view interactions_per_hour, interactions_per_day;
drop function
    interactions_over_time(text, timestamptz, timestamptz, text, bigint, bigint),
    user_periods(text, text, timestamptz, timestamptz, text, bigint),
    to_user_id(text),
    to_product_id(text)

-- name: set_type
-- The table is empty, so every value can be cast.
alter table {table}
drop constraint {check},
alter column {column} type {type} using {column}::text::{plain_type}

-- name: set_type_of_lists
-- The table is empty, so no value is cast. A schema of an earlier version does not have the table.
alter table if exists load_duplicates
alter column interaction_ids type {type} using null,
alter column interaction_ids set storage external

-- name: add_length_check
alter table {table} add constraint {check} check (
    pg_catalog.char_length({column}) >= 1
    and pg_catalog.char_length({column}) <= 200
)

-- name: comment
comment on column {table}.{column} is {words}

-- name: create_dependents
-- The same objects that the migrations make, for ids of other types; a test compares the two.
create function interactions_over_time(
    time_zone text,
    since timestamptz default '-infinity',
    until timestamptz default 'infinity',
    action text default null,
    user_id {user_id} default null,
    product_id {product_id} default null
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
comment on function interactions_over_time(text, timestamptz, timestamptz, text, {user_id}, {product_id}) is
'One row per quarter hour and action where the clock of the time zone runs evenly, one row per interaction elsewhere: their sum by hour, day, week or month of that zone is exact.';

create function user_periods(
    per text,
    time_zone text,
    since timestamptz default '-infinity',
    until timestamptz default 'infinity',
    action text default null,
    product_id {product_id} default null
)
returns table (user_id {user_id}, period date)
language sql
stable
parallel safe
begin atomic
    with recursive uneven as materialized (
        select u.quarter_hour
        from uneven_quarter_hours(user_periods.time_zone, user_periods.since, user_periods.until) as u (quarter_hour)
        where
            user_periods.action is null
            and user_periods.product_id is null
            and exists (select from footfall_options as o where o.name = 'user-days' and o.is_on)
    ),
    -- From user_days where it is kept and knows what is asked for. It does not know the years before zones were whole
    -- quarters: there, nearly all would come from the rows.
    choice as materialized (
        select
            user_periods.action is null
            and user_periods.product_id is null
            and exists (select from footfall_options as o where o.name = 'user-days' and o.is_on)
            and (select pg_catalog.count(*) from uneven) <= 100 as is_kept
    ),
    -- The days that are there, found by jumps in the key.
    days as (
        select pg_catalog.min(d.day) as day
        from user_days as d
        where
            (select choice.is_kept from choice)
            and d.day >= (user_periods.since at time zone 'UTC')::date
            and d.day <= (user_periods.until at time zone 'UTC')::date
        union all
        select (
            select pg_catalog.min(d.day)
            from user_days as d
            where
                d.day > days.day
                and d.day <= (user_periods.until at time zone 'UTC')::date
        )
        from days
        where days.day is not null
    ),
    -- Which quarter hours of a day lie in a period. Where the clock is set, a day may begin twice.
    masks as materialized (
        select
            q.day,
            pg_catalog.date_trunc(case when user_periods.per in ('week', 'month') then user_periods.per else 'day' end, q.quarter_hour at time zone user_periods.time_zone)::date as period,
            pg_catalog.bit_or(pg_catalog.set_bit(pg_catalog.repeat('0', 96)::bit(96), q.number, 1)) as quarters
        from (
            select
                days.day,
                n.number,
                (days.day::timestamp at time zone 'UTC') + n.number::double precision * interval '15 minutes' as quarter_hour
            from days
            cross join pg_catalog.generate_series(0, 95) as n (number)
            where days.day is not null
        ) as q
        where
            q.quarter_hour >= user_periods.since
            and q.quarter_hour + interval '15 minutes' <= user_periods.until
            and q.quarter_hour not in (
                select uneven.quarter_hour
                from uneven
            )
        group by 1, 2
    ),
    active as (
        select
            d.user_id,
            m.period
        from masks as m
        cross join lateral (
            -- Day by day along the key, however many days there are.
            select
                u.user_id,
                u.quarters
            from user_days as u
            where u.day = m.day
            offset 0
        ) as d
        where
            (select choice.is_kept from choice)
            and (
                m.quarters = pg_catalog.repeat('1', 96)::bit(96)
                or (d.quarters & m.quarters) <> pg_catalog.repeat('0', 96)::bit(96)
            )
        union all
        -- Row by row, where a quarter hour is not whole.
        select
            r.user_id,
            pg_catalog.date_trunc(case when user_periods.per in ('week', 'month') then user_periods.per else 'day' end, r.timestamp at time zone user_periods.time_zone)::date
        from uneven as u
        cross join lateral (
            select
                raw.user_id,
                raw.timestamp
            from user_interactions_raw as raw
            where
                raw.timestamp >= u.quarter_hour
                and raw.timestamp < u.quarter_hour + interval '15 minutes'
            offset 0
        ) as r
        where
            (select choice.is_kept from choice)
            and r.timestamp >= user_periods.since
            and r.timestamp < user_periods.until
        union all
        -- Row by row, where user_days is not kept or does not know what is asked for.
        select
            r.user_id,
            pg_catalog.date_trunc(case when user_periods.per in ('week', 'month') then user_periods.per else 'day' end, r.timestamp at time zone user_periods.time_zone)::date
        from user_interactions_raw as r
        where
            not (select choice.is_kept from choice)
            and r.timestamp >= user_periods.since
            and r.timestamp < user_periods.until
            and (user_periods.action is null or r.action = user_periods.action)
            and (user_periods.product_id is null or r.product_id = user_periods.product_id)
    )
    select distinct
        active.user_id,
        active.period
    from active;
end;
comment on function user_periods(text, text, timestamptz, timestamptz, text, {product_id}) is
'One row per user and day, week (from Monday) or month (`per`) of the time zone in which the user has an interaction of the range; the period is named by its first day. From user_days where it is kept, unless an action or a product is asked for, else from the rows, with the same answer.';

create function to_user_id(id text)
returns {user_id}
language sql
immutable
parallel safe
begin atomic
    select nullif(to_user_id.id, '')::{user_id};
end;
comment on function to_user_id(text) is
'The id of a user from its text, of the type that the tables have; null where the text is empty.';

create function to_product_id(id text)
returns {product_id}
language sql
immutable
parallel safe
begin atomic
    select nullif(to_product_id.id, '')::{product_id};
end;
comment on function to_product_id(text) is
'The id of a product from its text, of the type that the tables have; null where the text is empty.';

create view interactions_per_hour as
select
    pg_catalog.date_trunc('hour'::text, o.at) as hour,
    o.action,
    pg_catalog.sum(o.interaction_count)::bigint as interaction_count
from interactions_over_time(pg_catalog.current_setting('TimeZone'::text)) as o
group by 1, 2;
comment on view interactions_per_hour is 'One row per hour of the session''s time zone and action. For a range: interactions_over_time.';
comment on column interactions_per_hour.hour is 'Instant at which the hour begins.';
comment on column interactions_per_hour.action is 'Word for what was done.';
comment on column interactions_per_hour.interaction_count is 'Number of interactions, at least 1.';

create view interactions_per_day as
select
    o.at::date as day,
    o.action,
    pg_catalog.sum(o.interaction_count)::bigint as interaction_count
from interactions_over_time(pg_catalog.current_setting('TimeZone'::text)) as o
group by 1, 2;
comment on view interactions_per_day is 'One row per day of the session''s time zone and action. For a range: interactions_over_time.';
comment on column interactions_per_day.day is 'Date in the session''s time zone: set timezone to ''Europe/Vienna''.';
comment on column interactions_per_day.action is 'Word for what was done.';
comment on column interactions_per_day.interaction_count is 'Number of interactions, at least 1.';
