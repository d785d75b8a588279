-- Who is forgotten: a keyed hash of each id, and the key. The id itself is kept nowhere.

create table forgotten_users (
    user_hash bytea not null,
    forgotten_at timestamptz not null default pg_catalog.clock_timestamp(),
    constraint forgotten_users_pkey primary key (user_hash),
    constraint forgotten_users_user_hash_check check (pg_catalog.length(user_hash) = 32)
);
comment on table forgotten_users is 'One row per user who was forgotten: rows of these users are rejected by every load.';
comment on column forgotten_users.user_hash is 'HMAC-SHA256 of the text of the id, with the key of forgotten_users_key.';
comment on column forgotten_users.forgotten_at is 'Instant at which the user was forgotten.';

-- The key never leaves the server but for a client that loads or forgets: whoever has it and the hashes can try ids.
create table forgotten_users_key (
    is_it boolean not null default true,
    key bytea not null,
    constraint forgotten_users_key_pkey primary key (is_it),
    constraint forgotten_users_key_is_it_check check (is_it)
);
comment on table forgotten_users_key is 'One row: the secret key of the hashes of forgotten users. Only the owner, and roles that load, may read it.';
comment on column forgotten_users_key.is_it is 'True, so that there is one row at most.';
comment on column forgotten_users_key.key is 'Random bytes, 32 of them, made with this table.';
insert into forgotten_users_key (key)
select pg_catalog.sha256(
    pg_catalog.convert_to(pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, 'UTF8')
);
revoke all on forgotten_users, forgotten_users_key from public;
