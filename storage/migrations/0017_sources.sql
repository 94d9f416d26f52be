-- The files that gateways have read, so that the same file is not stored twice in silence.
create table furrow.source (
  equipment_id int not null references furrow.equipment,
  digest text not null,
  stream int not null references furrow.stream,
  name text not null,
  stored_at timestamptz not null default now(),
  primary key (equipment_id, digest)
);
create index source_stream on furrow.source (stream);
comment on table furrow.source is 'files of a machine that a gateway has sent: the stream that holds their items, and since when';
comment on column furrow.source.digest is 'of the unpacked content';
