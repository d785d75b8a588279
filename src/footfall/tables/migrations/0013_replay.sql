-- What mends rejected rows: which load closed each, which load a load mends, and what a record is read by.

alter table rejected_interactions
add column replayed_by integer,
add column around text;
comment on column rejected_interactions.replayed_by is 'Load that closed the row: a replay or a mended file brought it in, found it there, or left it out; load_id itself where the row of the mended load stands for it. Null while the row is open.';
comment on column rejected_interactions.around is 'For an item of an exploded list, what its row takes from around it, as JSON of at most 64 KiB. Null for every other row, and where it is larger.';
create index rejected_interactions_replayed_by_idx on rejected_interactions (replayed_by)
where replayed_by is not null;

alter table loads
add column replay_of integer,
add column header text;
comment on column loads.replay_of is 'Load whose rejected rows this one mends: loads.load_id. Null for a load of its own.';
comment on column loads.header is 'What names the fields of a record: the header as read, the numbers of the fields where the file has none, names and types of the columns of Parquet as JSON. Null for JSON, and for loads of an earlier version.';
