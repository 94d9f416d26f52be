-- Two coarser tiers of telemetry: the first row of each 10 s, and of each minute, that retention took out of the tier before. SQLite has
-- no partitions. See the PostgreSQL file.
create table retention_with_tiers (
  farm_id integer references farm,
  kind text not null check (kind in ('frames', 'records', 'telemetry', 'rollup', 'sensor', 'yield', 'tokens', 'fault', 'other',
                                     'telemetry_10s', 'telemetry_1m')),
  keep_days integer check (keep_days between 1 and 36500),
  changed_at integer not null default (unixepoch())
);
insert into retention_with_tiers select farm_id, kind, keep_days, changed_at from retention;
drop table retention;
alter table retention_with_tiers rename to retention;
create unique index retention_of on retention (coalesce(farm_id, 0), kind);

create table telemetry_10s (
  equipment_id integer not null,
  time integer not null,
  stream integer not null,
  seq integer not null,
  mode text,
  speed real,
  wheel_speed real,
  engine_speed real,
  engine_load real,
  fuel_rate real,
  fuel_level real,
  coolant_temperature real,
  oil_pressure real,
  battery_voltage real,
  ambient_temperature real,
  rear_pto_speed real,
  front_pto_speed real,
  rear_hitch real,
  front_hitch real,
  latitude real,
  longitude real,
  altitude real,
  course real,
  engine_hours real,
  total_fuel real,
  primary key (equipment_id, time)
) without rowid;

create table telemetry_1m (
  equipment_id integer not null,
  time integer not null,
  stream integer not null,
  seq integer not null,
  mode text,
  speed real,
  wheel_speed real,
  engine_speed real,
  engine_load real,
  fuel_rate real,
  fuel_level real,
  coolant_temperature real,
  oil_pressure real,
  battery_voltage real,
  ambient_temperature real,
  rear_pto_speed real,
  front_pto_speed real,
  rear_hitch real,
  front_hitch real,
  latitude real,
  longitude real,
  altitude real,
  course real,
  engine_hours real,
  total_fuel real,
  primary key (equipment_id, time)
) without rowid;

create view telemetry_all as
select * from telemetry union all select * from telemetry_10s union all select * from telemetry_1m;
