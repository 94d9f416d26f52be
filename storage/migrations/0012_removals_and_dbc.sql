-- What a person takes away for good, and a note of it; DBC files as they were loaded, for nodes and for SQLite too.

create table furrow.audit (
  id bigint generated always as identity primary key,
  time timestamptz not null default now(),
  who text not null,
  action text not null,
  object text not null,
  detail text not null default ''
);
comment on table furrow.audit is 'one row for each change that a person cannot undo: rules of retention, removed machines and streams, DBC files';

create table furrow.removed_equipment (
  equipment_id int primary key references furrow.equipment,
  durable bigint not null,
  removed_at timestamptz not null default now()
);
comment on table furrow.removed_equipment is 'machines that a person has removed; durable: the sum of their watermarks at that time';

create view furrow.hidden_equipment as
select r.equipment_id from furrow.removed_equipment r
where r.durable >= (select coalesce(sum(w.seq), 0) from furrow.stream s join furrow.stream_watermark w on w.stream = s.id
                    where s.equipment_id = r.equipment_id);
comment on view furrow.hidden_equipment is 'removed machines of which nothing has been stored since: lists leave them out';

create table furrow.dbc (
  id int generated always as identity primary key,
  farm_id int references furrow.farm,
  equipment_id int references furrow.equipment,
  name text not null,
  sha256 text not null,
  content bytea not null,
  encoding smallint not null default 0,
  version int,
  loaded_at timestamptz not null default now()
);
comment on table furrow.dbc is 'DBC files that were loaded, for a machine, a farm or all';
comment on column furrow.dbc.version is 'of its definitions in definition_set; null: not active';
