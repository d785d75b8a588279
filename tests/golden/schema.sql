-- name: grant_read
grant usage on schema "public" to "reader";
grant select on
    user_interactions_raw,
    interactions,
    interactions_per_quarter_hour,
    interactions_per_user,
    interactions_per_product,
    user_days,
    footfall_options,
    interactions_per_hour,
    interactions_per_day,
    interactions_per_action
to "reader";
grant select (
    load_id, status, rows_read, rows_loaded, rows_duplicate, rows_rejected, rows_skipped, rows_forgotten, started_at,
    finished_at, undone_at, xmin
) on loads to "reader";
grant execute on function
    data_ends(),
    periods(text, text, timestamptz, timestamptz),
    first_instant(timestamp, text),
    uneven_quarter_hours(text, timestamptz, timestamptz),
    interactions_of_quarter_hours(timestamptz[]),
    interactions_over_time(text, timestamptz, timestamptz, text, bigint, bigint),
    user_periods(text, text, timestamptz, timestamptz, text, bigint),
    to_user_id(text),
    to_product_id(text)
to "reader"

-- name: missing_rights
select name
from pg_catalog.unnest(array[
    'user_interactions_raw',
    'interactions',
    'interactions_per_quarter_hour',
    'interactions_per_user',
    'interactions_per_product',
    'user_days',
    'loads',
    'footfall_options',
    'interactions_per_hour',
    'interactions_per_day',
    'interactions_per_action'
]) as name
where
    case
        when name = 'loads'
            then not pg_catalog.has_column_privilege(%(role)s, name::regclass, 'finished_at', 'SELECT')
        else not pg_catalog.has_table_privilege(%(role)s, name::regclass, 'SELECT')
    end
    or not pg_catalog.has_schema_privilege(%(role)s, pg_catalog.current_schema(), 'USAGE')
order by name collate "C"
