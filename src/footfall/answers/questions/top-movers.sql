-- What changed most: products, actions or users (`of`) with far more or fewer interactions than in the period before.
-- Grain: one row per product, action or user of either period; the largest score, up or down, first.
-- Group: What changed
-- Screen: key, before_count, now_count, change, score
-- The period is the last week, day or month (`per`) that the data or `until` reach. With `since` it is the range.
-- Where the period is not over, the one before is cut at the same time of its clock. Of two months the longer is cut,
-- too. `before_since`, `before_until`, `now_since` and `now_until` say where.
-- `score` is the change divided by the square root of both counts together: 3 is remarkable. It is null where the data
-- begin after the first day of the period before.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?of} \else \set of products \endif
\if :{?per} \else \set per week \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit 20 \endif

with data as (
    -- `until` lies just behind the latest interaction, since a range does not hold its end.
    select
        data_since,
        least(:'until'::timestamptz, data_until + interval '1 microsecond') as until
    from data_ends()
    where data_since is not null
),
clocks as (
    select
        data_since,
        until,
        (until - interval '1 microsecond') at time zone :'time_zone'::text + interval '1 microsecond' as local_until,
        pg_catalog.date_trunc(
            :'per'::text, (until - interval '1 microsecond') at time zone :'time_zone'::text
        ) as local_begin,
        ('1 ' || :'per'::text)::interval as one
    from data
),
lengths as (
    select
        data_since,
        until,
        local_begin as now_begins,
        local_begin - one as before_begins,
        least(local_until - local_begin, local_begin + one - local_begin, local_begin - (local_begin - one)) as length,
        local_until - local_begin as cut
    from clocks
    where :'since'::timestamptz = '-infinity'
    union all
    select
        data_since,
        until,
        :'since'::timestamptz at time zone :'time_zone'::text,
        :'since'::timestamptz at time zone :'time_zone'::text
        - (local_until - :'since'::timestamptz at time zone :'time_zone'::text),
        local_until - :'since'::timestamptz at time zone :'time_zone'::text,
        local_until - :'since'::timestamptz at time zone :'time_zone'::text
    from clocks
    where
        :'since'::timestamptz <> '-infinity'
        and :'since'::timestamptz < until
),
compared as (
    select
        data_since,
        -- A begin that the clock skips is moved forward, and not behind the end.
        least(
            first_instant(before_begins, :'time_zone'::text),
            case
                when :'since'::timestamptz <> '-infinity' then :'since'::timestamptz
                else first_instant(before_begins + length, :'time_zone'::text)
            end
        ) as before_since,
        case
            when :'since'::timestamptz <> '-infinity' then :'since'::timestamptz
            else first_instant(before_begins + length, :'time_zone'::text)
        end as before_until,
        case
            when :'since'::timestamptz <> '-infinity' then :'since'::timestamptz
            else first_instant(now_begins, :'time_zone'::text)
        end as now_since,
        case when cut = length then until else first_instant(now_begins + length, :'time_zone'::text) end as now_until
    from lengths
),
products as (
    select
        product_id,
        pg_catalog.count(*) filter (where timestamp < (select before_until from compared)) as before_count,
        pg_catalog.count(*) filter (where timestamp >= (select now_since from compared)) as now_count
    from user_interactions_raw
    where
        :'of' = 'products'
        and timestamp >= (select before_since from compared)
        and timestamp < (select now_until from compared)
        and (nullif(:'action', '') is null or action = nullif(:'action', ''))
        and (nullif(:'user_id', '') is null or user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or product_id = to_product_id(:'product_id'::text))
    group by product_id
),
users as (
    select
        user_id,
        pg_catalog.count(*) filter (where timestamp < (select before_until from compared)) as before_count,
        pg_catalog.count(*) filter (where timestamp >= (select now_since from compared)) as now_count
    from user_interactions_raw
    where
        :'of' = 'users'
        and timestamp >= (select before_since from compared)
        and timestamp < (select now_until from compared)
        and (nullif(:'action', '') is null or action = nullif(:'action', ''))
        and (nullif(:'user_id', '') is null or user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or product_id = to_product_id(:'product_id'::text))
    group by user_id
),
actions as (
    -- Counted by `interactions_over_time`, which reads the roll-up where it can.
    select
        o.action,
        coalesce(
            pg_catalog.sum(o.interaction_count) filter (where not parts.is_now), 0::numeric
        )::bigint as before_count,
        coalesce(pg_catalog.sum(o.interaction_count) filter (where parts.is_now), 0::numeric)::bigint as now_count
    from (
        select
            before_since as since,
            before_until as until,
            false as is_now
        from compared
        union all
        select
            now_since,
            now_until,
            true
        from compared
    ) as parts
    cross join lateral interactions_over_time(
        time_zone => 'UTC'::text,
        since => parts.since,
        until => parts.until,
        action => nullif(:'action', '')::text,
        user_id => to_user_id(:'user_id'::text),
        product_id => to_product_id(:'product_id'::text)
    ) as o
    where :'of' = 'actions'
    group by o.action
),
counted as (
    select
        product_id,
        to_user_id(''::text) as user_id,
        null::text collate "C" as action,
        before_count,
        now_count
    from products
    union all
    select
        to_product_id(''::text),
        user_id,
        null::text,
        before_count,
        now_count
    from users
    union all
    select
        to_product_id(''::text),
        to_user_id(''::text),
        action collate "C",
        before_count,
        now_count
    from actions
)
select
    coalesce(counted.product_id::text, counted.user_id::text, counted.action) as key,
    counted.before_count,
    counted.now_count,
    counted.now_count - counted.before_count as change,
    case
        when
            (compared.before_since at time zone :'time_zone'::text)::date
            >= (compared.data_since at time zone :'time_zone'::text)::date
            then
                (counted.now_count - counted.before_count)::double precision
                / pg_catalog.sqrt((counted.before_count + counted.now_count)::double precision)
    end as score,
    compared.before_since,
    compared.before_until,
    compared.now_since,
    compared.now_until
from counted
cross join compared
where counted.before_count + counted.now_count > 0::bigint
order by
    pg_catalog.abs(counted.now_count - counted.before_count)::double precision
    / pg_catalog.sqrt((counted.before_count + counted.now_count)::double precision) desc,
    counted.now_count - counted.before_count desc,
    counted.product_id,
    counted.user_id,
    counted.action collate "C"
limit nullif(:'limit', '')::bigint;
