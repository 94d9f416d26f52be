-- The files that gateways have read, so that the same file is not stored twice in silence. See the PostgreSQL file.
create table source (
  equipment_id integer not null references equipment,
  digest text not null,
  stream integer not null references stream,
  name text not null,
  stored_at integer not null default (unixepoch()),
  primary key (equipment_id, digest)
) without rowid;
create index source_stream on source (stream);
