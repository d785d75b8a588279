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
