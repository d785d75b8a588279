-- The statements about one kept count: {key} names its key, {columns_in_duckdb} with types, {selected_key_in_duckdb} has its
-- expressions. {grain} is the table of what was noted of the rows so far, {counted} that of a large count when all rows
-- are there, {source} the one whose counts add up to those of this count. What its measures need and are follows the key or
-- the count ({notes}, {noted}, {measures}); it is empty where a count has none. {kept} has the keys that are there already,
-- and {delta} what the rows add to this count.

-- name: create_rows
create table {grain} ({columns_in_duckdb}{notes})

-- name: create_groups
create table {grain} ({columns_in_duckdb}, interaction_count bigint{measure_columns_in_duckdb})

-- name: add_rows
insert into {grain}
select
    {selected_key_in_duckdb}{noted}
from rows

-- name: add_groups
insert into {grain}
select
    {selected_key_in_duckdb},
    count(*){measures_of_rows}
from rows
group by {key}

-- name: count_rows
create table {counted} as
select
    {key},
    count(*) as interaction_count{measures_of_notes}
from {grain}
group by {key};
drop table {grain}

-- name: counts
select
    {key},
    interaction_count{measures}
from {counted}
order by {key}

-- name: sums
select
    {key},
    sum(interaction_count)::bigint as interaction_count{measures_of_parts}
from {source}
group by {key}
order by {key}

-- name: create_kept
create table {kept} ({columns_in_duckdb})

-- name: add_kept
insert into {kept}
select {key}
from keys

-- name: delta_of_counts
create view {delta} as
select
    {key},
    interaction_count{measures}
from {counted}

-- name: delta_of_sums
create table {delta} as
select
    {key},
    sum(interaction_count)::bigint as interaction_count{measures_of_parts}
from {source}
group by {key}

-- name: known
select
    {key},
    interaction_count{measures}
from {delta}
semi join {kept} using ({key})
order by {key}

-- name: new
select
    {key},
    interaction_count{measures}
from {delta}
anti join {kept} using ({key})
order by {key}

-- name: forget_kept
drop table {kept}
