-- name: resolve_bounds
-- The bounds as the session's time zone shows them. A time without an offset is one of that time zone.
with given as (
    select
        coalesce(
            %(since)s::timestamptz,
            first_instant(%(since_local)s::timestamp, pg_catalog.current_setting('TimeZone'))
        ) as since,
        coalesce(
            %(until)s::timestamptz,
            first_instant(%(until_local)s::timestamp, pg_catalog.current_setting('TimeZone'))
        ) as until
)
select
    since::text as since,
    until::text as until,
    since > until as are_reversed
from given
