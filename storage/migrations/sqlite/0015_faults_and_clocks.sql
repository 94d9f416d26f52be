-- Faults that control units report on the bus, and frames whose clock runs ahead. See the PostgreSQL file.
create table bus_fault (
  stream integer not null,
  first_seq integer not null,
  spn integer not null,
  fmi integer not null,
  equipment_id integer not null,
  bus integer not null,
  source integer not null,
  iso_name integer,
  first_seen integer not null,
  last_seen integer not null,
  cleared integer,
  appearances integer not null,
  occurrences integer,
  lamp text not null,
  primary key (stream, first_seq, spn, fmi)
) without rowid;
create index bus_fault_of_machine on bus_fault (equipment_id, first_seen);

create table clock_ahead (
  stream integer not null,
  after integer not null,
  equipment_id integer not null,
  first integer not null,
  last integer not null,
  frames integer not null,
  earliest integer not null,
  latest integer not null,
  primary key (stream, after)
) without rowid;
create index clock_ahead_of_machine on clock_ahead (equipment_id);
