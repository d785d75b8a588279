-- name: state
-- Number and time tell one state from another, since users are only ever added. This must be cheap: it is asked again
-- under the writer lock.
select
    pg_catalog.count(*) as users,
    pg_catalog.max(forgotten_at) as latest
from forgotten_users

-- name: key
select key from forgotten_users_key

-- name: hashes
select user_hash from forgotten_users

-- name: add
insert into forgotten_users (user_hash)
select h.user_hash
from pg_catalog.unnest(%(hashes)s::bytea[]) as h (user_hash)
on conflict (user_hash) do nothing
