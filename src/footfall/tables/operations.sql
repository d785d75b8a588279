-- name: record
insert into operations (verb, started_at, footfall_version, details)
values (%(verb)s, %(started_at)s, %(footfall_version)s, %(details)s::jsonb)
returning operation_id

-- name: is_recorded
select exists (
    select
    from operations
    where operation_id = %(operation_id)s
) as is_recorded

-- name: may_record
-- A role that may only read records nothing, and nobody does on a standby.
select
    pg_catalog.has_table_privilege('operations'::text, 'insert'::text)
    and not pg_catalog.pg_is_in_recovery()
    and pg_catalog.current_setting('transaction_read_only'::text) = 'off' as may_record
