-- Days with far more or fewer interactions than that weekday usually has, and the loads beside them.
-- Grain: one row per complete day of the time zone whose score is `minimum` or more, up or down; the newest first.
-- Group: What changed
-- Screen: day, interaction_count, usual_count, score, file_count, usual_file_count, rows_rejected, failed_file_count
-- `usual_count` is the median of the same weekday in the 8 weeks before, days without interactions included.
-- `score` is the difference to it, divided by the largest of three: 1.4826 times the median deviation of these days
-- from it, its square root, and 1. It needs 4 such days, else it is null.
-- With `over_time` every complete day is shown, with its score.
-- `file_count` is the number of loads that brought rows of the day, and `usual_file_count` the median of it for the
-- same days as above. A day with fewer files than usual lacks one, wherever its rows stand.
-- `rows_rejected` is what these loads rejected, of whole files.
-- `arrived_file_count`, `arrived_rows_loaded`, `arrived_rows_rejected` and `failed_file_count` are of the loads that
-- ended on that day or the next.
-- The filters narrow the interactions, and not the loads.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?minimum} \else \set minimum 4 \endif
\if :{?over_time} \else \set over_time '' \endif
\if :{?limit} \else \set limit '' \endif

with counted as (
    -- 1,400 hours are 8 weeks and two days, so that the first day has its whole history.
    select
        (at at time zone :'time_zone'::text)::date as day,
        pg_catalog.sum(interaction_count)::bigint as interaction_count
    from interactions_over_time(
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz - interval '1400 hours',
        until => :'until'::timestamptz,
        action => nullif(:'action', '')::text,
        user_id => to_user_id(:'user_id'::text),
        product_id => to_product_id(:'product_id'::text)
    )
    group by day
),
days as (
    select
        p.period as day,
        p.begins,
        p.ends,
        coalesce(c.interaction_count, 0::bigint) as interaction_count
    from periods(
        per => 'day'::text,
        time_zone => :'time_zone'::text,
        since => :'since'::timestamptz - interval '1400 hours',
        until => :'until'::timestamptz
    ) as p
    left join counted as c
        on c.day = p.period
    where p.is_complete
),
history as (
    select
        d.day,
        d.interaction_count,
        b.day as before_day,
        b.interaction_count::double precision as before_count
    from days as d
    cross join pg_catalog.generate_series(1, 8) as weeks (number)
    left join days as b
        on b.day = d.day - 7 * weeks.number
    where d.begins >= :'since'
),
usual as (
    select
        day,
        interaction_count,
        pg_catalog.count(before_day) as before_days,
        pg_catalog.percentile_cont(0.5::double precision) within group (order by before_count) as usual_count
    from history
    group by day, interaction_count
),
scored as (
    select
        u.day,
        u.interaction_count,
        u.usual_count,
        case
            when u.before_days >= 4::bigint
                then
                    (u.interaction_count::double precision - u.usual_count)
                    / greatest(
                        1.4826::double precision * pg_catalog.percentile_cont(0.5::double precision) within group (
                            order by pg_catalog.abs(h.before_count - u.usual_count)
                        ),
                        pg_catalog.sqrt(u.usual_count),
                        1::double precision
                    )
        end as score
    from usual as u
    join history as h
        on h.day = u.day
    group by u.day, u.interaction_count, u.usual_count, u.before_days
),
reported as (
    select
        day,
        interaction_count,
        usual_count,
        score
    from scored
    where
        pg_catalog.abs(score) >= :'minimum'::double precision
        or nullif(:'over_time', '') is not null
    order by day desc
    limit nullif(:'limit', '')::bigint
),
looked_at as (
    select day
    from reported
    union
    select h.before_day
    from reported as r
    join history as h
        on h.day = r.day
    where h.before_day is not null
),
files as (
    -- The loads are found by the rows of the day, so that a file of the day before, or of the whole year, is found.
    select
        l.day,
        pg_catalog.count(*) as file_count,
        pg_catalog.sum(loads.rows_rejected)::bigint as rows_rejected
    from looked_at as l
    join days as d
        on d.day = l.day
    cross join lateral (
        select distinct r.load_id
        from user_interactions_raw as r
        where
            r.timestamp >= d.begins
            and r.timestamp < d.ends
    ) as brought
    join loads
        on loads.load_id = brought.load_id
    group by l.day
),
usual_files as (
    select
        r.day,
        pg_catalog.percentile_cont(0.5::double precision) within group (
            order by coalesce(f.file_count, 0::bigint)::double precision
        ) as usual_file_count
    from reported as r
    join history as h
        on h.day = r.day
    left join files as f
        on f.day = h.before_day
    where h.before_day is not null
    group by r.day
),
arrived as (
    -- The loads that ended on the day or the next, even where not one row of the day came in.
    select
        r.day,
        pg_catalog.count(*) filter (where loads.status = 'loaded') as file_count,
        pg_catalog.sum(loads.rows_loaded) filter (where loads.status = 'loaded') as rows_loaded,
        pg_catalog.sum(loads.rows_rejected) filter (where loads.status = 'loaded') as rows_rejected,
        pg_catalog.count(*) filter (where loads.status = 'failed') as failed_file_count
    from reported as r
    cross join pg_catalog.generate_series(0, 1) as later (days)
    join loads
        on (loads.finished_at at time zone :'time_zone'::text)::date = r.day + later.days
    group by r.day
)
select
    r.day,
    r.interaction_count,
    r.usual_count,
    r.score,
    coalesce(f.file_count, 0::bigint) as file_count,
    u.usual_file_count,
    coalesce(f.rows_rejected, 0::bigint) as rows_rejected,
    coalesce(a.file_count, 0::bigint) as arrived_file_count,
    coalesce(a.rows_loaded, 0::numeric)::bigint as arrived_rows_loaded,
    coalesce(a.rows_rejected, 0::numeric)::bigint as arrived_rows_rejected,
    coalesce(a.failed_file_count, 0::bigint) as failed_file_count
from reported as r
left join files as f
    on f.day = r.day
left join usual_files as u
    on u.day = r.day
left join arrived as a
    on a.day = r.day
order by r.day desc;
