-- The first and last interaction of each user, the days of each user, and what the schema keeps by choice.

create table footfall_options (
    name text collate "C" not null,
    is_on boolean not null,
    constraint footfall_options_pkey primary key (name)
);
comment on table footfall_options is 'One row per option of this schema: `footfall schema apply --with NAME` and `--without NAME` set it.';
comment on column footfall_options.name is 'Name of the option: user-days says whether the table user_days is kept.';
comment on column footfall_options.is_on is 'True where it is on.';
insert into footfall_options (name, is_on)
values ('user-days', false);

-- Counted anew: every row gets two columns more, and so the table is as small as before.
truncate interactions_per_user;
alter table interactions_per_user
add column first_at timestamptz not null,
add column last_at timestamptz not null;
comment on column interactions_per_user.first_at is 'Instant of the user''s first interaction of all time.';
comment on column interactions_per_user.last_at is 'Instant of the user''s last interaction.';
insert into interactions_per_user (user_id, interaction_count, first_at, last_at)
select
    user_id,
    pg_catalog.count(*),
    pg_catalog.min(timestamp),
    pg_catalog.max(timestamp)
from user_interactions_raw
group by user_id
order by user_id;

create table user_days (
    day date not null,
    user_id bigint not null check (user_id >= 0),
    quarters bit(96) not null,
    interaction_count bigint not null check (interaction_count > 0),
    constraint user_days_pkey primary key (day, user_id)
);
comment on table user_days is 'One row per day of UTC and user who has interacted on it, kept by the delta of each load where the option user-days is on (footfall_options); else empty.';
comment on column user_days.day is 'Date in UTC.';
comment on column user_days.user_id is 'Id of the user.';
comment on column user_days.quarters is '96 bits, one for each quarter hour of the day in UTC: 1 where the user has interacted in it. The first is that from midnight on.';
comment on column user_days.interaction_count is 'Number of rows of user_interactions_raw with this user on this day, at least 1.';

-- Users have the ids that the tables were made with.
do $$
declare
    id_type text;
begin
    select pg_catalog.format_type(a.atttypid, a.atttypmod)
    into id_type
    from pg_catalog.pg_attribute as a
    where
        a.attrelid = 'interactions_per_user'::pg_catalog.regclass::oid
        and a.attname = 'user_id';
    if id_type = 'uuid' then
        alter table user_days
        drop constraint user_days_user_id_check,
        alter column user_id type uuid using user_id::text::uuid;
    elsif id_type = 'text' then
        alter table user_days
        drop constraint user_days_user_id_check,
        alter column user_id type text collate "C" using user_id::text;
        alter table user_days add constraint user_days_user_id_check check (
            pg_catalog.char_length(user_id) >= 1
            and pg_catalog.char_length(user_id) <= 200
        );
    end if;
end;
$$;

create function user_periods(
    per text,
    time_zone text,
    since timestamptz default '-infinity',
    until timestamptz default 'infinity',
    action text default null,
    product_id user_interactions_raw.product_id%type default null
)
returns table (user_id user_interactions_raw.user_id%type, period date)
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
comment on function user_periods(text, text, timestamptz, timestamptz, text, user_interactions_raw.product_id%type) is
'One row per user and day, week (from Monday) or month (`per`) of the time zone in which the user has an interaction of the range; the period is named by its first day. From user_days where it is kept, unless an action or a product is asked for, else from the rows, with the same answer.';
