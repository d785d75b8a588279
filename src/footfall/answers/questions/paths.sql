-- What users do first in a session: its first `depth` actions, repeats in a row drawn together.
-- Group: What people do
-- Grain: one row per path, the one of most sessions first; with `edges` one row per step and pair of actions.
-- The range picks the sessions that begin in it (see sessions). Without one it is the last 30 days of the data.
-- With `from_action` a path begins at the first such action, and a session without it has none.
-- With `to_action` a path ends at the first such action, behind `from_action` where that is given. Without
-- `from_action` it is the last `depth` actions up to there.
-- All but the `limit` most frequent are summed as (other): of paths the 20 most frequent stay, of edges the 10 most
-- frequent actions of a step.
-- In edges, (end) stands behind the action with which a path ends. So the edges of a step sum up to the sessions that
-- got there. From the last step, `depth`, no edge leads on.
-- `who` is a path as it is shown, such as 'view > cart', or an edge, such as '1: view > cart', and gives its users.
-- In psql, `since` and `until` are times of the session's time zone, unless they have an offset.
\if :{?depth} \else \set depth 5 \endif
\if :{?gap} \else \set gap '30 minutes' \endif
\if :{?from_action} \else \set from_action '' \endif
\if :{?to_action} \else \set to_action '' \endif
\if :{?time_zone} \else \set time_zone UTC \endif
\if :{?since} \else \set since -infinity \endif
\if :{?until} \else \set until infinity \endif
\if :{?user_id} \else \set user_id '' \endif
\if :{?product_id} \else \set product_id '' \endif
\if :{?limit} \else \set limit '' \endif

with asked as not materialized (
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
        -- In seconds, so that a day is 24 hours even where the clock is set.
        pg_catalog.make_interval(secs => extract(epoch from :'gap'::interval)::double precision) as gap
),
midnights as (
    -- Whether more than half of the interactions of the range lie in quarter hours that begin at midnight.
    select
        2::numeric * pg_catalog.sum(q.interaction_count) filter (
            where (q.quarter_hour at time zone 'UTC'::text)::time = '00:00'
            or (q.quarter_hour at time zone :'time_zone'::text)::time = '00:00'
        ) > pg_catalog.sum(q.interaction_count) as are_many
    from interactions_per_quarter_hour as q
    cross join asked
    where
        q.quarter_hour > asked.since - interval '15 minutes'
        and q.quarter_hour < asked.until
),
checked as materialized (
    select
        case
            when :'depth'::integer not between 2 and 100 then refuse('depth is a number of actions from 2 to 100'::text)
            when asked.gap < interval '0' then refuse('gap is a time such as 30 minutes, not a negative one'::text)
            when
                asked.gap < interval '24 hours'
                and (select midnights.are_many from midnights)
                and (
                    select
                        2 * pg_catalog.count(*) filter (
                            where (r.timestamp at time zone 'UTC'::text)::time = '00:00'
                            or (r.timestamp at time zone :'time_zone'::text)::time = '00:00'
                        ) > pg_catalog.count(*)
                    from user_interactions_raw as r
                    where
                        r.timestamp >= asked.since
                        and r.timestamp < asked.until
                )
                then refuse(
                    'more than half of the interactions are at midnight: files with days alone tell no sessions; ask with a gap of a day or more'::text
                )
        end as refused
    from asked
),
codes as materialized (
    -- A number for each action, in the order of the actions: arrays of numbers are cut and compared faster than texts.
    select
        action,
        pg_catalog.row_number() over (order by action collate "C")::integer as code
    from interactions_per_action
),
marked as (
    select
        r.user_id,
        r.timestamp,
        r.interaction_id,
        codes.code,
        coalesce(r.timestamp - pg_catalog.lag(r.timestamp) over mine > asked.gap, true) as is_start,
        pg_catalog.lag(codes.code) over mine as code_before,
        pg_catalog.lag(r.timestamp) over mine as timestamp_before,
        pg_catalog.row_number() over mine as number
    from user_interactions_raw as r
    cross join asked
    join codes
        on codes.action = r.action
    where
        (select checked.refused is null from checked)
        and r.timestamp >= asked.since - asked.gap
        and (:'until'::timestamptz = 'infinity' or r.timestamp < asked.until + interval '24 hours')
        and (nullif(:'user_id', '') is null or r.user_id = to_user_id(:'user_id'::text))
        and (nullif(:'product_id', '') is null or r.product_id = to_product_id(:'product_id'::text))
    window mine as (partition by r.user_id order by r.timestamp, r.interaction_id)
),
users as (
    -- All actions of a user, repeats drawn together, and the places among them at which sessions begin.
    select
        user_id,
        pg_catalog.array_agg(code order by timestamp, interaction_id) filter (where is_start or code <> code_before) as codes,
        pg_catalog.array_agg(is_start order by timestamp, interaction_id) filter (where is_start or code <> code_before) as are_starts,
        pg_catalog.array_agg(timestamp order by timestamp, interaction_id) filter (where is_start or code <> code_before) as instants,
        pg_catalog.array_agg(timestamp_before order by timestamp, interaction_id) filter (where is_start or code <> code_before) as instants_before,
        pg_catalog.array_agg(number order by timestamp, interaction_id) filter (where is_start or code <> code_before) as numbers,
        pg_catalog.max(timestamp) as last_at,
        pg_catalog.count(*) as interaction_count
    from marked
    group by user_id
),
sessions as (
    select
        users.user_id,
        s.begins,
        coalesce(users.instants_before[s.place_after], users.last_at) as ends,
        coalesce(users.numbers[s.place_after], users.interaction_count + 1) - users.numbers[s.place] as interaction_count,
        users.codes[s.place:coalesce(s.place_after - 1, pg_catalog.cardinality(users.codes))] as codes
    from users
    cross join lateral (
        select
            each.instant as begins,
            each.place::integer as place,
            pg_catalog.lead(each.place) over (order by each.place)::integer as place_after
        from rows from (pg_catalog.unnest(users.instants), pg_catalog.unnest(users.are_starts)) with ordinality as each (instant, is_start, place)
        where each.is_start
    ) as s
    cross join asked
    where
        s.begins >= asked.since
        and s.begins < asked.until
),
begun as (
    select
        sessions.user_id,
        sessions.begins,
        sessions.ends,
        sessions.interaction_count,
        case
            when :'from_action'::text = '' then sessions.codes
            else sessions.codes[pg_catalog.array_position(
                sessions.codes, (select codes.code from codes where codes.action = :'from_action'::text)
            ):]
        end as codes
    from sessions
),
ended as (
    select
        begun.user_id,
        begun.begins,
        begun.ends,
        begun.interaction_count,
        begun.codes,
        case
            when :'to_action'::text <> ''
                then pg_catalog.array_position(
                    begun.codes,
                    (select codes.code from codes where codes.action = :'to_action'::text),
                    case when :'from_action'::text = '' then 1 else 2 end
                )
            else pg_catalog.cardinality(begun.codes)
        end as place
    from begun
),
cut as (
    select
        user_id,
        begins,
        ends,
        interaction_count,
        case
            when :'to_action'::text <> '' and :'from_action'::text = ''
                then codes[greatest(place - :'depth'::integer + 1, 1):place]
            else codes[1:least(place, :'depth'::integer)]
        end as path
    from ended
    where
        place > 0
        and codes[1] is not null
    offset 0 -- so that only paths are sorted, and not all actions of a user
),
per_user as (
    select
        path,
        user_id,
        pg_catalog.count(*) as session_count
    from cut
    group by path, user_id
),
paths as (
    select
        path,
        pg_catalog.sum(session_count)::bigint as session_count
    from per_user
    group by path
),
-- Sequences: the most frequent paths as texts; all others together.
ranked as (
    select
        path,
        pg_catalog.row_number() over (order by session_count desc, path) as place
    from paths
),
labelled as (
    select
        ranked.path,
        ranked.place,
        (
            select pg_catalog.string_agg(codes.action, ' > ' order by each.place)
            from pg_catalog.unnest(ranked.path) with ordinality as each (code, place)
            join codes
                on codes.code = each.code
        ) as label
    from ranked
    where ranked.place <= coalesce(nullif(:'limit', '')::bigint, 20::bigint)
),
sequences as (
    select
        per_user.path,
        per_user.user_id,
        per_user.session_count,
        labelled.place,
        coalesce(labelled.label, '(other)') as label
    from per_user
    left join labelled
        on labelled.path operator(pg_catalog.=) per_user.path
),
-- Edges: each step of each path, with the action after it.
stepped as (
    select
        paths.path,
        paths.session_count,
        each.step,
        each.code,
        paths.path[each.step + 1] as code_after
    from paths
    cross join lateral pg_catalog.unnest(paths.path) with ordinality as each (code, step)
),
nodes as (
    select
        step,
        code,
        pg_catalog.row_number() over (partition by step order by pg_catalog.sum(session_count) desc, code) as place
    from stepped
    group by step, code
),
named as (
    -- An action beyond the most frequent of its step has no place; the end has place 0.
    select
        nodes.step,
        nodes.code,
        case when nodes.place <= coalesce(nullif(:'limit', '')::bigint, 10::bigint) then nodes.place end as place,
        case
            when nodes.place <= coalesce(nullif(:'limit', '')::bigint, 10::bigint) then codes.action
            else '(other)'
        end as action
    from nodes
    join codes
        on codes.code = nodes.code
),
edges as (
    select
        stepped.path,
        stepped.session_count,
        stepped.step::integer as step,
        here.place,
        here.action,
        case when stepped.code_after is null then 0::bigint else there.place end as next_place,
        case when stepped.code_after is null then '(end)' else there.action end as next_action
    from stepped
    join named as here
        on here.step = stepped.step
        and here.code = stepped.code
    left join named as there
        on there.step = stepped.step + 1
        and there.code = stepped.code_after
    where stepped.step < :'depth'::bigint
)
\if :{?who}
select
    cut.user_id,
    pg_catalog.min(cut.begins) as first_at,
    pg_catalog.max(cut.ends) as last_at,
    pg_catalog.sum(cut.interaction_count)::bigint as interaction_count
from cut
where cut.path in (
    select sequences.path
    from sequences
    where sequences.label = :'who'::text
    union all
    select edges.path
    from edges
    where pg_catalog.format('%s: %s > %s', edges.step, edges.action, edges.next_action) = :'who'::text
)
group by cut.user_id
order by cut.user_id
limit nullif(:'limit', '')::bigint;
\elif :{?edges}
select
    edges.step,
    edges.action,
    edges.next_action,
    pg_catalog.sum(edges.session_count)::bigint as session_count
from edges
group by edges.step, edges.place, edges.action, edges.next_place, edges.next_action
order by edges.step, session_count desc, edges.place, edges.next_place;
\else
select
    sequences.label as path,
    pg_catalog.sum(sequences.session_count)::bigint as session_count,
    pg_catalog.count(distinct sequences.user_id) as user_count
from sequences
group by sequences.label, sequences.place
order by sequences.place;
\endif
