-- What a person takes away for good, and a note of it; DBC files as they were loaded. See the PostgreSQL file.
create table audit (
  id integer primary key,
  time integer not null,
  who text not null,
  action text not null,
  object text not null,
  detail text not null default ''
);

create table removed_equipment (
  equipment_id integer primary key references equipment,
  durable integer not null,
  removed_at integer not null default (unixepoch())
);

create view hidden_equipment as
select r.equipment_id from removed_equipment r
where r.durable >= (select coalesce(sum(w.seq), 0) from stream s join stream_watermark w on w.stream = s.id
                    where s.equipment_id = r.equipment_id);

create table dbc (
  id integer primary key,
  farm_id integer references farm,
  equipment_id integer references equipment,
  name text not null,
  sha256 text not null,
  content blob not null,
  encoding integer not null default 0,
  version integer,
  loaded_at integer not null default (unixepoch())
);
