-- Text in keys is ordered by its bytes (collation "C"), so that no upgrade of the operating system changes the order of a
-- key; pages of the counts keep room for updates; functions and views call only what pg_catalog holds.

-- What others made of these two columns would end the change with words that name no cure.
do $$
declare
    others text;
begin
    select pg_catalog.string_agg(distinct pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), ', ')
    into others
    from pg_catalog.pg_depend as d
    join pg_catalog.pg_attribute as a
        on a.attrelid = d.refobjid
        and a.attnum = d.refobjsubid
    left join pg_catalog.pg_rewrite as w
        on w.oid = d.objid
        and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::oid
    where
        d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
        and (d.refobjid, a.attname) in (
            ('interactions_per_quarter_hour'::pg_catalog.regclass::oid, 'action'::name),
            ('loads'::pg_catalog.regclass::oid, 'digest'::name)
        )
        and d.classid in (
            'pg_catalog.pg_rewrite'::pg_catalog.regclass::oid,
            'pg_catalog.pg_proc'::pg_catalog.regclass::oid,
            'pg_catalog.pg_policy'::pg_catalog.regclass::oid,
            'pg_catalog.pg_trigger'::pg_catalog.regclass::oid
        )
        and coalesce(w.ev_class, 0::oid) <> 'interactions_per_action'::pg_catalog.regclass::oid
        and d.objid <> 'interactions_over_time(text, timestamptz, timestamptz, text, bigint, bigint)'::regprocedure::oid;
    if others is not null then
        raise exception
            'the columns interactions_per_quarter_hour.action and loads.digest change their collation, and this reads them: %; keep its definition (in psql: \d+ or \sf), drop it, run `footfall schema apply` again, then create it anew',
            others
            using errcode = 'dependent_objects_still_exist';
    end if;
end;
$$;

-- Ours let go of the columns for a moment; rights and views of others on them stay.
create or replace function interactions_over_time(
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
    select
        null::timestamptz,
        null::text,
        null::bigint
    where false;
end;

create or replace view interactions_per_action as
select
    null::text collate "default" as action,
    null::bigint as interaction_count
where false;

-- Where the order had changed under the key, loads did not find keys that were there, and put them there again. Counts of
-- such a table are made anew from the rows. The broken key is not to be asked for them.
set local enable_indexscan to off;
set local enable_indexonlyscan to off;
set local enable_bitmapscan to off;
do $$
declare
    is_doubled constant boolean not null := exists (
        select
        from interactions_per_quarter_hour as q
        group by q.quarter_hour, q.action collate "C"
        having pg_catalog.count(*) > 1
    );
begin
    if is_doubled then
        delete from interactions_per_quarter_hour;
    end if;
    alter table interactions_per_quarter_hour alter column action type text collate "C";
    if is_doubled then
        insert into interactions_per_quarter_hour (quarter_hour, action, interaction_count)
        select
            pg_catalog.date_bin('15 minutes'::interval, r.timestamp, '0001-01-01 00:00:00+00'::timestamptz) as quarter_hour,
            r.action collate "C",
            pg_catalog.count(*)
        from user_interactions_raw as r
        group by quarter_hour, r.action collate "C"
        order by quarter_hour, action;
    end if;
end;
$$;
set local enable_indexscan to default;
set local enable_indexonlyscan to default;
set local enable_bitmapscan to default;
alter table loads alter column digest type text collate "C";

-- An update of a count finds room on its own page, and no index has to know of it. A figure that the owner set stays.
do $$
begin
    if not exists (
        select
        from pg_catalog.pg_class as c
        cross join lateral pg_catalog.unnest(c.reloptions) as o (option)
        where
            c.oid = 'interactions'::pg_catalog.regclass::oid
            and o.option like 'fillfactor=%'
    ) then
        alter table interactions set (fillfactor = 90);
    end if;
end;
$$;

-- As in 0002, with every function named in full.

create or replace function uneven_quarter_hours(time_zone text, since timestamptz, until timestamptz)
returns setof timestamptz
language sql
stable
rows 10
set jit to off
begin atomic
    -- Looks at the whole UTC days that the roll-up has, found by jumps in its key, and at quarters in few of them.
    with recursive days as (
        select pg_catalog.date_bin('24 hours'::interval, pg_catalog.min(q.quarter_hour), '0001-01-01 00:00:00+00'::timestamptz) as day
        from interactions_per_quarter_hour as q
        where
            q.quarter_hour > uneven_quarter_hours.since - interval '15 minutes'
            and q.quarter_hour < uneven_quarter_hours.until
        union all
        select (
            select pg_catalog.date_bin('24 hours'::interval, pg_catalog.min(q.quarter_hour), '0001-01-01 00:00:00+00'::timestamptz)
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
    select pg_catalog.date_bin('15 minutes'::interval, edges.edge, '0001-01-01 00:00:00+00'::timestamptz)
    from (values (uneven_quarter_hours.since), (uneven_quarter_hours.until)) as edges (edge)
    where pg_catalog.date_bin('15 minutes'::interval, edges.edge, '0001-01-01 00:00:00+00'::timestamptz) <> edges.edge;
end;

create or replace function interactions_of_quarter_hours(quarter_hours timestamptz[])
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
        and r.timestamp >= (select pg_catalog.min(u) from pg_catalog.unnest(interactions_of_quarter_hours.quarter_hours) as u)
        and r.timestamp
        < (select pg_catalog.max(u) + interval '15 minutes' from pg_catalog.unnest(interactions_of_quarter_hours.quarter_hours) as u)
        and pg_catalog.date_bin('15 minutes'::interval, r.timestamp, '0001-01-01 00:00:00+00'::timestamptz) in (
            select u
            from pg_catalog.unnest(interactions_of_quarter_hours.quarter_hours) as u
        );
end;

create or replace function interactions_over_time(
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

create or replace view interactions_per_hour as
select
    pg_catalog.date_trunc('hour'::text, o.at) as hour,
    o.action,
    pg_catalog.sum(o.interaction_count)::bigint as interaction_count
from interactions_over_time(pg_catalog.current_setting('TimeZone'::text)) as o
group by 1, 2;

create or replace view interactions_per_day as
select
    o.at::date as day,
    o.action,
    pg_catalog.sum(o.interaction_count)::bigint as interaction_count
from interactions_over_time(pg_catalog.current_setting('TimeZone'::text)) as o
group by 1, 2;

create or replace view interactions_per_action as
select
    q.action collate "default" as action,
    pg_catalog.sum(q.interaction_count)::bigint as interaction_count
from interactions_per_quarter_hour as q
group by q.action;
