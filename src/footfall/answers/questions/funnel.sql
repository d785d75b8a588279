-- Users who did the steps of a funnel within a time of the first, and where they stopped: each counts once a step.
-- Grain: one row per step, and per value of `by` (the 10, or `limit`, most frequent; all others together as (other)).
-- Group: What people do
-- Choices: by=product|action-before|cohort-week
-- The range picks the interactions that may begin a chain; later steps may follow it. Without a range it is the last
-- 30 days of the data.
-- `steps` are actions with commas between them. Without them, they are the three most frequent actions. One action may
-- be several steps, unless `order` is any; each needs an interaction of its own.
-- With `order` ordered, other interactions may lie between two steps. With strict, the steps are neighbours in all
-- that the user did. With any, they may come in any order.
-- `within` is the time from the first step to the last; exactly so long is still within it.
-- An action of `exclude` ends all chains that are open at that moment. A later one may begin anew.
-- `by` takes the product, the action before or the week of the cohort, as it was at the user's first interaction that
-- may begin a chain.
-- `median_seconds` and `p90_seconds` are of each user's first chain that did the step, from the latest start that it
-- may have had.
-- `open_count` is the part of `dropped_count` whose time is not over at the end of the data: these users may still go
-- on.
-- `who` is 2 for the users who did step 2, dropped-2 for those who stopped before it, and open-2 for those of them who
-- may still go on. With `by`, 2:click is those of step 2 whose value is click.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?steps} \else \set steps '' \endif
\if :{?order} \else \set order ordered \endif
\if :{?within} \else \set within '1 day' \endif
\if :{?exclude} \else \set exclude '' \endif
\if :{?by} \else \set by '' \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with wanted as not materialized (
    select
        case
            when pg_catalog.btrim(:'steps'::text, e' \t'::text) = ''
                then (
                    select pg_catalog.array_agg(often.action order by often.interaction_count desc, often.action collate "C")
                    from (
                        select
                            action,
                            interaction_count
                        from interactions_per_action
                        order by interaction_count desc, action collate "C"
                        limit 3
                    ) as often
                )
            else pg_catalog.string_to_array(
                pg_catalog.regexp_replace(pg_catalog.btrim(:'steps'::text, e' \t'::text), '[ \t]*,[ \t]*', ',', 'g'), ','
            )
        end as steps,
        pg_catalog.string_to_array(
            pg_catalog.regexp_replace(pg_catalog.btrim(:'exclude'::text, e' \t'::text), '[ \t]*,[ \t]*', ',', 'g'), ','
        ) as excluded,
        -- In seconds, so that a day is 24 hours even where the clock is set.
        pg_catalog.make_interval(
            secs => extract(epoch from :'within'::interval)::double precision
        ) as within
),
checked as materialized (
    select
        case
            when :'order'::text not in ('ordered', 'strict', 'any') then refuse('order is ordered, strict or any'::text)
            when :'by'::text not in ('', 'product', 'action-before', 'cohort-week')
                then refuse('by is product, action-before or cohort-week'::text)
            when within < interval '0' then refuse('within is a time such as 1 day, not a negative one'::text)
            when '' = any(steps) then refuse('a step has no name: steps are actions with a comma between two'::text)
            when exists (select from pg_catalog.unnest(steps) as s (step) where s.step = any(excluded)) then refuse('an action is a step or excluded, not both'::text)
            when
                :'order'::text = 'any'
                and pg_catalog.cardinality(steps) > (
                    select pg_catalog.count(distinct s.action)
                    from pg_catalog.unnest(steps) as s (action)
                )
                then refuse('in any order, no action can be two steps'::text)
        end as refused
    from wanted
),
numbered as materialized (
    -- Each step with its action and the next lower step of the same action, 0 where there is none.
    select
        s.step::integer as step,
        s.action,
        coalesce(pg_catalog.max(lower.step), 0::bigint)::integer as step_before
    from checked
    cross join wanted
    cross join lateral pg_catalog.unnest(wanted.steps) with ordinality as s (action, step)
    left join lateral pg_catalog.unnest(wanted.steps) with ordinality as lower (action, step)
        on lower.action = s.action
        and lower.step < s.step
    where checked.refused is null
    group by s.step, s.action
),
asked as not materialized (
    select
        case
            when :'since'::timestamptz = '-infinity' and :'until'::timestamptz = 'infinity'
                then (
                    select
                        first_instant(
                            ((ends.data_until at time zone :'time_zone'::text)::date - 29)::timestamp,
                            :'time_zone'::text
                        )
                    from data_ends() as ends
                )
            else :'since'::timestamptz
        end as since,
        :'until'::timestamptz as until,
        :'order'::text as mode
),
given as (
    -- Each interaction with the highest step that it may be: 0 where it ends all chains, -1 where it is no step.
    select
        r.user_id,
        r.timestamp,
        r.interaction_id,
        case
            when r.action = any(wanted.excluded) then 0
            else coalesce(
                (select pg_catalog.count(*)::integer from numbered)
                + 1
                - pg_catalog.array_position(
                    (select pg_catalog.array_agg(numbered.action order by numbered.step desc) from numbered), r.action
                ),
                -1
            )
        end as number
    from user_interactions_raw as r
    cross join wanted
    cross join asked
    where
        r.timestamp >= asked.since
        and (:'until'::timestamptz = 'infinity' or r.timestamp < asked.until + wanted.within)
        and (asked.mode = 'strict' or r.action = any(wanted.steps) or r.action = any(wanted.excluded))
        and (nullif(:'user_id', '') is null or r.user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
    offset 0 -- so that `number` is computed once per interaction
),
walked as materialized (
    select
        user_id,
        funnel(
            pg_catalog.array_agg(timestamp order by timestamp, interaction_id),
            pg_catalog.array_agg(number order by timestamp, interaction_id),
            (select pg_catalog.array_agg(numbered.step_before order by numbered.step) from numbered),
            (select wanted.within from wanted),
            (select asked.until from asked),
            (select asked.mode from asked)
        ) as state,
        pg_catalog.min(timestamp) filter (where number > 0) as first_at,
        pg_catalog.max(timestamp) filter (where number > 0) as last_at,
        pg_catalog.count(*) filter (where number > 0) as interaction_count
    from given
    group by user_id
),
around as (
    -- Every interaction with the action before it, where `by` asks for that action.
    select
        r.user_id,
        r.timestamp,
        r.interaction_id,
        r.action,
        pg_catalog.lag(r.action) over before as action_before,
        pg_catalog.lag(r.timestamp) over before as timestamp_before
    from user_interactions_raw as r
    cross join wanted
    cross join asked
    where
        :'by'::text = 'action-before'
        and r.timestamp >= asked.since - wanted.within
        and r.timestamp < asked.until
        and (nullif(:'user_id', '') is null or r.user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
    window before as (partition by r.user_id order by r.timestamp, r.interaction_id)
),
touches as (
    select distinct on (r.user_id)
        r.user_id,
        r.product_id::text as value
    from user_interactions_raw as r
    cross join wanted
    cross join asked
    where
        :'by'::text = 'product'
        and r.timestamp >= asked.since
        and r.timestamp < asked.until
        and r.action = any(case when asked.mode = 'any' then wanted.steps else wanted.steps[1:1] end)
        and (nullif(:'user_id', '') is null or r.user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
    order by r.user_id, r.timestamp, r.interaction_id
),
touches_before as (
    select distinct on (around.user_id)
        around.user_id,
        case when around.timestamp - around.timestamp_before <= wanted.within then around.action_before end as value
    from around
    cross join wanted
    cross join asked
    where
        around.timestamp >= asked.since
        and around.action = any(case when asked.mode = 'any' then wanted.steps else wanted.steps[1:1] end)
    order by around.user_id, around.timestamp, around.interaction_id
),
valued as (
    select
        user_id,
        value
    from touches
    union all
    select
        user_id,
        value
    from touches_before
    union all
    select
        user_id,
        pg_catalog.date_trunc('week', first_at at time zone :'time_zone'::text)::date::text
    from interactions_per_user
    where :'by'::text = 'cohort-week'
),
begun as (
    select
        walked.user_id,
        walked.state,
        walked.first_at,
        walked.last_at,
        walked.interaction_count,
        case when :'by'::text <> '' then coalesce(valued.value, '(none)') end as value
    from walked
    left join valued
        on valued.user_id = walked.user_id
    where walked.state[(select pg_catalog.count(*)::integer from numbered) + 1] is not null
),
ranked as (
    select
        value,
        pg_catalog.row_number() over (order by pg_catalog.count(*) desc, value collate "C") as rank
    from begun
    where :'by'::text <> ''
    group by value
),
placed as (
    select
        begun.user_id,
        begun.state,
        begun.first_at,
        begun.last_at,
        begun.interaction_count,
        case
            when ranked.rank is null then null
            when ranked.rank > coalesce(nullif(:'limit', '')::bigint, 10::bigint) then '(other)'
            else ranked.value
        end as value,
        case when ranked.rank <= coalesce(nullif(:'limit', '')::bigint, 10::bigint) then ranked.rank end as place
    from begun
    left join ranked
        on ranked.value = begun.value
),
reached as (
    -- One row per step and user who began a chain.
    select
        placed.user_id,
        placed.first_at,
        placed.last_at,
        placed.interaction_count,
        placed.value,
        placed.place,
        numbered.step,
        placed.state[steps.step_count + numbered.step] is not null as is_done,
        numbered.step > 1
        and placed.state[steps.step_count + numbered.step - 1] is not null
        and placed.state[steps.step_count + numbered.step] is null as is_dropped,
        placed.state[2 * steps.step_count + 1] + wanted.within >= (select ends.data_until from data_ends() as ends) as is_open,
        case
            when numbered.step > 1
                then extract(
                    epoch from placed.state[steps.step_count + numbered.step] - placed.state[numbered.step]
                )::double precision
        end as seconds
    from placed
    cross join wanted
    cross join (select pg_catalog.count(*)::integer as step_count from numbered) as steps
    cross join numbered
),
counted as (
    select
        value,
        place,
        step,
        pg_catalog.count(*) filter (where is_done) as user_count,
        pg_catalog.count(*) filter (where is_dropped) as dropped_count,
        pg_catalog.count(*) filter (where is_dropped and is_open) as open_count,
        pg_catalog.percentile_disc(0.5::double precision) within group (order by seconds) as median_seconds,
        pg_catalog.percentile_disc(0.9::double precision) within group (order by seconds) as p90_seconds
    from reached
    group by value, place, step
)
\if :{?who}
select
    reached.user_id,
    reached.first_at,
    reached.last_at,
    reached.interaction_count
from pg_catalog.regexp_match(:'who'::text, '^(?:(dropped|open)-)?([0-9]{1,4})(?::(.*))?$') as chosen (words)
join reached
    on reached.step = chosen.words[2]::integer
    and (chosen.words[3] is null or reached.value = chosen.words[3])
    and case chosen.words[1]
        when 'dropped' then reached.is_dropped
        when 'open' then reached.is_dropped and reached.is_open
        else reached.is_done
    end
order by reached.user_id
-- A limit is computed even where there is no row, so that a wrong `who` is always refused.
limit case
    when pg_catalog.substring(:'who'::text, '^(?:(?:dropped|open)-)?([0-9]{1,4})(?::.*)?$')::integer in (
        select numbered.step
        from numbered
    )
        then nullif(:'limit', '')::bigint
    else refuse('who is a step, such as 2, dropped-2 or open-2, with 2:click for a value of by'::text)::bigint
end;
\else
select
    numbered.step,
    case when :'order'::text <> 'any' then numbered.action end as action,
    coalesce(counted.user_count, 0::bigint) as user_count,
    counted.user_count::double precision
    / nullif(pg_catalog.first_value(counted.user_count) over steps, 0::bigint)::double precision as share_of_first,
    counted.user_count::double precision
    / nullif(pg_catalog.lag(counted.user_count) over steps, 0::bigint)::double precision as share_of_previous,
    coalesce(counted.dropped_count, 0::bigint) as dropped_count,
    counted.median_seconds,
    counted.p90_seconds,
    coalesce(counted.open_count, 0::bigint) as open_count,
    counted.value
from numbered
left join counted
    on counted.step = numbered.step
window steps as (partition by counted.place, counted.value order by numbered.step)
order by
    case when :'by'::text = 'cohort-week' and counted.place is not null then counted.value end,
    counted.place,
    numbered.step;
\endif
