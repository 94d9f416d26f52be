-- Records of known kinds in tables of their own. The columns after `time` are the fields of can/records/kind.cpp, by name
-- and in order; limits are checked there. What came before this step stays in item_record.
create table sensor_reading (
  stream integer not null,
  seq integer not null,
  equipment_id integer not null,
  time integer not null,
  sensor text not null,
  type text not null,
  quantity text not null,
  value real not null,
  unit text not null,
  latitude_deg real,
  longitude_deg real,
  altitude_m real,
  quality text,
  primary key (stream, seq)
);
create index sensor_reading_equipment_time on sensor_reading (equipment_id, time);

create table yield_sample (
  stream integer not null,
  seq integer not null,
  equipment_id integer not null,
  time integer not null,
  mass_flow_kgps real not null,
  moisture_pct real,
  width_m real not null,
  speed_mps real not null,
  latitude_deg real,
  longitude_deg real,
  altitude_m real,
  crop text,
  quality text,
  primary key (stream, seq)
);
create index yield_sample_equipment_time on yield_sample (equipment_id, time);

create table token_usage (
  stream integer not null,
  seq integer not null,
  equipment_id integer not null,
  time integer not null,
  agent text not null,
  task text,
  model text not null,
  prompt_tokens integer not null,
  completion_tokens integer not null,
  cost_usd real,
  duration_ms real,
  primary key (stream, seq)
);
create index token_usage_equipment_time on token_usage (equipment_id, time);

create table fault (
  stream integer not null,
  seq integer not null,
  equipment_id integer not null,
  time integer not null,
  source integer not null,
  spn integer not null,
  fmi integer not null,
  active integer not null,
  occurrences integer,
  lamp text,
  description text,
  primary key (stream, seq)
);
create index fault_equipment_time on fault (equipment_id, time);

alter table quarantine add column kind integer;
alter table quarantine add column dropped_at integer;

-- Batches of clients that are no gateways, by the key that the client gave.
create table record_batch (
  stream integer not null,
  key text not null,
  equipment_id integer not null,
  seq_first integer not null,
  records integer not null,
  refused text not null,
  created_at integer not null default (unixepoch()),
  primary key (stream, key)
) without rowid;

-- Every number that a table accounts for, as ranges. A new table of items comes in here.
create view held as
select stream, seq_first as first, seq_first + frames - 1 as last, 'stored' as what from can_block
union all select stream, seq, seq, case kind when 32767 then 'lost' else 'stored' end from item_record
union all select stream, seq, seq, 'stored' from sensor_reading
union all select stream, seq, seq, 'stored' from yield_sample
union all select stream, seq, seq, 'stored' from token_usage
union all select stream, seq, seq, 'stored' from fault
union all select stream, seq, seq, case when dropped_at is null then 'quarantined' else 'dropped' end from quarantine;

drop view ledger;
create view ledger as
with ordered as (
  select *, last - first + 1 as count,
         max(last) over (partition by stream order by first, last rows between unbounded preceding and 1 preceding)
           as last_before
  from held
), counted as (
  select o.stream, sum(o.count) as held,
         sum(case when o.what in ('stored', 'quarantined') then o.count else 0 end) as stored,
         sum(o.what = 'quarantined') as quarantined, sum(o.what = 'dropped') as dropped,
         sum(o.what = 'lost') as lost_at_gateway,
         sum(max(0, min(o.last, w.seq) - max(o.first - 1, coalesce(o.last_before, 0), 0))) as covered
  from ordered o join stream_watermark w on w.stream = o.stream
  group by o.stream
)
select f.name as farm, e.name as equipment, s.stream_id, s.id as stream, w.sent, w.seq as durable,
       coalesce(c.stored, 0) as stored, w.seq - coalesce(c.covered, 0) as lost,
       coalesce(c.held - c.covered, 0) as doubled, coalesce(c.quarantined, 0) as quarantined,
       coalesce(c.dropped, 0) as dropped, coalesce(c.lost_at_gateway, 0) as lost_at_gateway
from stream s
join equipment e on e.id = s.equipment_id
join farm f on f.id = e.farm_id
join stream_watermark w on w.stream = s.id
left join counted c on c.stream = s.id;
