-- What is derived from frames: rollups by signal and minute, telemetry by the second, the latest of each machine. A
-- background job follows each stream's watermark and keeps its place in the same transaction as the rows.

create table furrow.signal_name (
  id int generated always as identity primary key,
  name text not null unique
);
comment on table furrow.signal_name is 'Message.Signal as the definitions call it';

-- Updated by every run of the digest: room on the page for the next version (HOT).
create table furrow.digest (
  stream int primary key references furrow.stream,
  seq bigint not null default 0,
  state bytea compression lz4 not null default '',
  moved_at timestamptz not null default now()
) with (fillfactor = 50);
comment on column furrow.digest.seq is 'items 1 to seq are in rollup, telemetry and equipment_state, each once';
comment on column furrow.digest.state is 'what a digest needs to go on after seq: last values, messages of several frames that are unfinished';

create table furrow.rollup (
  equipment_id int not null,
  signal int not null,
  minute timestamptz not null,
  count bigint not null,
  min float8 not null,
  max float8 not null,
  sum float8 not null,
  last float8 not null,
  last_time timestamptz not null,
  primary key (equipment_id, signal, minute)
) with (fillfactor = 80);
comment on table furrow.rollup is 'values of a signal within a minute; "not available", "error" and out of range do not count';
comment on column furrow.rollup.signal is 'furrow.signal_name.id';

create view furrow.rollup_hour as
select equipment_id, signal, date_bin('1 hour', minute, timestamptz '2000-01-01 00:00:00+00') as hour,
       sum(count)::bigint as count, min(min) as min, max(max) as max, sum(sum) as sum, sum(sum) / sum(count) as mean,
       (array_agg(last order by last_time desc))[1] as last, max(last_time) as last_time
from furrow.rollup group by 1, 2, 3;

create view furrow.rollup_day as
select equipment_id, signal, date_bin('1 day', minute, timestamptz '2000-01-01 00:00:00+00') as day,
       sum(count)::bigint as count, min(min) as min, max(max) as max, sum(sum) as sum, sum(sum) / sum(count) as mean,
       (array_agg(last order by last_time desc))[1] as last, max(last_time) as last_time
from furrow.rollup group by 1, 2, 3;
comment on view furrow.rollup_day is 'days of UTC';

create table furrow.telemetry (
  equipment_id int not null,
  stream int not null,
  time timestamptz not null,
  seq bigint not null,
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
  latitude float8,
  longitude float8,
  altitude real,
  course real,
  engine_hours float8,
  total_fuel float8,
  primary key (equipment_id, time)
);
comment on table furrow.telemetry is 'one row a second and machine while it is heard; NULL: not said, or too long ago';
comment on column furrow.telemetry.time is 'the beginning of the second';
comment on column furrow.telemetry.seq is 'the item of the stream that the row stands after';
comment on column furrow.telemetry.mode is 'off, idle, moving, working';
comment on column furrow.telemetry.speed is 'km/h over ground, else of the wheels';
comment on column furrow.telemetry.wheel_speed is 'km/h';
comment on column furrow.telemetry.engine_speed is 'rpm';
comment on column furrow.telemetry.engine_load is '%';
comment on column furrow.telemetry.fuel_rate is 'l/h';
comment on column furrow.telemetry.fuel_level is '%';
comment on column furrow.telemetry.coolant_temperature is 'degrees Celsius';
comment on column furrow.telemetry.oil_pressure is 'kPa';
comment on column furrow.telemetry.battery_voltage is 'V';
comment on column furrow.telemetry.ambient_temperature is 'degrees Celsius';
comment on column furrow.telemetry.rear_pto_speed is 'rpm';
comment on column furrow.telemetry.front_pto_speed is 'rpm';
comment on column furrow.telemetry.rear_hitch is '%';
comment on column furrow.telemetry.front_hitch is '%';
comment on column furrow.telemetry.latitude is 'degrees, north is positive';
comment on column furrow.telemetry.longitude is 'degrees, east is positive';
comment on column furrow.telemetry.altitude is 'm';
comment on column furrow.telemetry.course is 'degrees over ground, from true north';
comment on column furrow.telemetry.engine_hours is 'h';
comment on column furrow.telemetry.total_fuel is 'l';

create table furrow.equipment_state (like furrow.telemetry including comments, primary key (equipment_id)) with (fillfactor = 70);
alter table furrow.equipment_state add column heard timestamptz not null;
comment on table furrow.equipment_state is 'the telemetry row of the latest second of each machine';
comment on column furrow.equipment_state.heard is 'time of the item that the row stands after';
