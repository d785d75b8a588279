-- name: server
select
    pg_catalog.current_setting('server_encoding') as encoding,
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP') as has_temp,
    pg_catalog.pg_is_in_recovery() as is_standby
