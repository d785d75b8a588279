-- Users per day of their first interaction ever; with --action or --product, of the first such.
-- Grain: one row per day of the time zone on which a user was seen first; the oldest first.
-- Group: Who
-- Cells: DATE
-- `who` is a day, such as 2024-03-04, and gives the users who were new on it.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?action} \else \set action '' \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with firsts as (
    -- Read from the roll-up per user, where no filter asks for the first interaction of an action or a product.
    select
        p.user_id,
        p.first_at
    from interactions_per_user as p
    where
        nullif(:'action', '') is null
        and nullif(:'product_id', '') is null
        and p.first_at >= :'since'
        and p.first_at < :'until'
        and (nullif(:'user_id', '') is null or p.user_id = to_user_id(:'user_id'::text))
    union all
    select
        r.user_id,
        pg_catalog.min(r.timestamp)
    from user_interactions_raw as r
    where
        (nullif(:'action', '') is not null or nullif(:'product_id', '') is not null)
        and r.timestamp < :'until'
        and (nullif(:'action', '') is null or r.action = nullif(:'action', ''))
        and (nullif(:'user_id', '') is null or r.user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
    group by r.user_id
    having pg_catalog.min(r.timestamp) >= :'since'
)
\if :{?who}
select
    firsts.user_id,
    p.first_at,
    p.last_at,
    p.interaction_count
from firsts
left join interactions_per_user as p
    on p.user_id = firsts.user_id
where (firsts.first_at at time zone :'time_zone')::date = :'who'::date
order by p.interaction_count desc, firsts.user_id
limit nullif(:'limit', '')::bigint;
\else
select
    (firsts.first_at at time zone :'time_zone')::date as day,
    pg_catalog.count(*) as user_count
from firsts
group by day
order by day
limit nullif(:'limit', '')::bigint;
\endif
