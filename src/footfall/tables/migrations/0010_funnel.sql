-- The walk through one user's interactions that a funnel counts by, and the refusal of a question that has no answer.

create function funnel(
    instants timestamptz[],
    numbers integer[],
    numbers_before integer[],
    within interval,
    until timestamptz,
    mode text
)
returns timestamptz[]
language plpgsql
immutable
parallel safe
as $$
declare
    step_count constant integer := pg_catalog.cardinality(numbers_before);
    unknown constant timestamptz[] := pg_catalog.array_fill(null::timestamptz, array[step_count]);
    -- By step: the latest start of an open chain that has done it, and the row at which it did.
    latest timestamptz[] := unknown;
    rows_of_latest integer[] := pg_catalog.array_fill(0, array[step_count]);
    -- By step: start and end of the first chain that ever did it.
    started timestamptz[] := unknown;
    reached timestamptz[] := unknown;
    open_start timestamptz;
    instant timestamptz;
    start timestamptz;
    number integer;
    top integer := 0;
    done integer;
begin
    for at in 1..pg_catalog.cardinality(instants) loop
        instant := instants[at];
        number := numbers[at];
        if number = 0 then
            latest := unknown;
            open_start := null;
        elsif mode = 'any' then
            latest[number] := instant;
            if instant < until then
                open_start := instant;
            end if;
            if top < step_count and instant - open_start <= within then
                -- So many steps lie in the window that ends here; of a chain of all of them, the earliest is the start.
                done := 0;
                start := open_start;
                for step in 1..step_count loop
                    if instant - latest[step] <= within then
                        done := done + 1;
                        start := least(start, latest[step]);
                    end if;
                end loop;
                while top < done loop
                    top := top + 1;
                    started[top] := start;
                    reached[top] := instant;
                end loop;
            end if;
        else
            -- From the last step on that the action may be, so that no interaction is two steps of one chain.
            while number > 0 loop
                start := null;
                if number = 1 then
                    if instant < until then
                        start := instant;
                        open_start := instant;
                    end if;
                elsif mode = 'ordered' or rows_of_latest[number - 1] = at - 1 then
                    -- Of two chains that are as far, the one that began later fits any window that the other fits.
                    start := latest[number - 1];
                    if instant - start > within then
                        start := null;
                    end if;
                end if;
                if start is not null then
                    latest[number] := start;
                    rows_of_latest[number] := at;
                    if reached[number] is null then
                        started[number] := start;
                        reached[number] := instant;
                    end if;
                end if;
                number := numbers_before[number];
            end loop;
        end if;
    end loop;
    if mode = 'strict' then
        open_start := null;
        for step in 1..step_count loop
            if rows_of_latest[step] = pg_catalog.cardinality(instants) then
                open_start := greatest(open_start, latest[step]);
            end if;
        end loop;
    end if;
    return pg_catalog.array_append(pg_catalog.array_cat(started, reached), open_start);
end;
$$;
comment on function funnel(timestamptz[], integer[], integer[], interval, timestamptz, text) is
'How far one user came in a funnel of n steps: for each step the start of the first chain that did it, then for each step when it did, then the latest start of a chain that may still go on. `instants` and `numbers` are the interactions in order: when, and the highest step that the action may be, 0 where it ends all chains, below 0 where it is none. `numbers_before` is by step the next lower step of the same action, or 0. `within` is in hours and less; starts lie before `until`; `mode` is ordered, strict or any.';

create function refuse(reason text)
returns text
language plpgsql
volatile
parallel safe
as $$
begin
    raise exception using message = refuse.reason, errcode = 'FF001';
end;
$$;
comment on function refuse(text) is
'Ends a question that has no answer, with the reason: the error FF001. It never returns.';
