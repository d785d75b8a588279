-- What the paths of loaded files looked like, so that a history is not read again each day.

create table source_files (
    path bytea not null,
    device numeric not null,
    inode numeric not null,
    size_bytes bigint not null,
    modified_ns bigint not null,
    changed_ns bigint not null,
    digest text not null,
    seen_at timestamptz not null,
    constraint source_files_pkey primary key (path)
);
comment on table source_files is 'One row per path whose file was loaded: a cache; the digest in loads is the only truth, and this table may be emptied.';
comment on column source_files.path is 'Bytes of the absolute path.';
comment on column source_files.device is 'Number of the device that holds the file.';
comment on column source_files.inode is 'Number of the file on its device.';
comment on column source_files.size_bytes is 'Bytes of the file as stored.';
comment on column source_files.modified_ns is 'Nanoseconds from 1970 to the last change of its content.';
comment on column source_files.changed_ns is 'Nanoseconds from 1970 to the last change of its content, name or rights.';
comment on column source_files.digest is 'SHA-256 that was found then: loads.digest.';
comment on column source_files.seen_at is 'Instant at which it was written here.';
