-- What is derived from frames; times are microseconds since 1970. See the PostgreSQL file for units.
create table signal_name (
  id integer primary key,
  name text not null unique
);

create table digest (
  stream integer primary key references stream,
  seq integer not null default 0,
  state blob not null default x'',
  moved_at integer not null default (unixepoch())
);

create table rollup (
  equipment_id integer not null,
  signal integer not null,
  minute integer not null,
  count integer not null,
  min real not null,
  max real not null,
  sum real not null,
  last real not null,
  last_time integer not null,
  primary key (equipment_id, signal, minute)
) without rowid;

create view rollup_hour as
with placed as (
  select *, minute - (minute % 3600000000 + 3600000000) % 3600000000 as hour,
         row_number() over (partition by equipment_id, signal, minute - (minute % 3600000000 + 3600000000) % 3600000000
                            order by minute desc) as newest
  from rollup
)
select equipment_id, signal, hour, sum(count) as count, min(min) as min, max(max) as max, sum(sum) as sum,
       sum(sum) / sum(count) as mean, max(case when newest = 1 then last end) as last, max(last_time) as last_time
from placed group by equipment_id, signal, hour;

create view rollup_day as
with placed as (
  select *, minute - (minute % 86400000000 + 86400000000) % 86400000000 as day,
         row_number() over (partition by equipment_id, signal, minute - (minute % 86400000000 + 86400000000) % 86400000000
                            order by minute desc) as newest
  from rollup
)
select equipment_id, signal, day, sum(count) as count, min(min) as min, max(max) as max, sum(sum) as sum,
       sum(sum) / sum(count) as mean, max(case when newest = 1 then last end) as last, max(last_time) as last_time
from placed group by equipment_id, signal, day;

create table telemetry (
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

create table equipment_state (
  equipment_id integer primary key,
  time integer not null,
  heard integer not null,
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
  total_fuel real
);
