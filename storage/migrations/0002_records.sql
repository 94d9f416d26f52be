-- Records of known kinds in tables of their own. The columns after `time` are the fields of can/records/kind.cpp, by name
-- and in order; limits are checked there. What came before this step stays in item_record.

create table furrow.sensor_reading (
  stream int not null,
  seq bigint not null,
  equipment_id int not null,
  time timestamptz not null,
  sensor text not null,
  type text not null,
  quantity text not null,
  value double precision not null,
  unit text not null,
  latitude_deg double precision,
  longitude_deg double precision,
  altitude_m double precision,
  quality text,
  primary key (stream, seq)
);
create index sensor_reading_equipment_time on furrow.sensor_reading (equipment_id, time);
comment on table furrow.sensor_reading is 'readings of soil, weather, yield and machine sensors';
comment on column furrow.sensor_reading.quality is 'good, suspect or bad, as the sensor says; null: not said';

create table furrow.yield_sample (
  stream int not null,
  seq bigint not null,
  equipment_id int not null,
  time timestamptz not null,
  mass_flow_kgps double precision not null,
  moisture_pct double precision,
  width_m double precision not null,
  speed_mps double precision not null,
  latitude_deg double precision,
  longitude_deg double precision,
  altitude_m double precision,
  crop text,
  quality text,
  primary key (stream, seq)
);
create index yield_sample_equipment_time on furrow.yield_sample (equipment_id, time);
comment on table furrow.yield_sample is 'what a combine harvested at a moment';

create table furrow.token_usage (
  stream int not null,
  seq bigint not null,
  equipment_id int not null,
  time timestamptz not null,
  agent text not null,
  task text,
  model text not null,
  prompt_tokens bigint not null,
  completion_tokens bigint not null,
  cost_usd double precision,
  duration_ms double precision,
  primary key (stream, seq)
);
create index token_usage_equipment_time on furrow.token_usage (equipment_id, time);
comment on table furrow.token_usage is 'tokens that an agent has used of a language model';

create table furrow.fault (
  stream int not null,
  seq bigint not null,
  equipment_id int not null,
  time timestamptz not null,
  source bigint not null,
  spn bigint not null,
  fmi bigint not null,
  active boolean not null,
  occurrences bigint,
  lamp text,
  description text,
  primary key (stream, seq)
);
create index fault_equipment_time on furrow.fault (equipment_id, time);
comment on table furrow.fault is 'faults that a control unit (source: its address) reports: suspect parameter and failure mode of J1939-73';

alter table furrow.quarantine add column kind smallint, add column dropped_at timestamptz;
comment on column furrow.quarantine.kind is 'of a record; null of a frame, and of records that were quarantined before there was this column';
comment on column furrow.quarantine.dropped_at is 'when a person let it go: its bytes are gone, its number stays';

-- Batches of clients that are no gateways, by the key that the client gave.
create table furrow.record_batch (
  stream int not null,
  key text not null,
  equipment_id int not null,
  seq_first bigint not null,
  records int not null,
  refused text not null,
  created_at timestamptz not null default now(),
  primary key (stream, key)
);
comment on table furrow.record_batch is 'makes a batch that comes again be known; those of its records that were not refused are seq_first and on of the stream';
comment on column furrow.record_batch.records is 'of the batch, refused ones included';
comment on column furrow.record_batch.refused is 'a line for each record that was refused: its place in the batch, from 0, and why';

-- Takes items out of quarantine whose rows this transaction has stored. All or nothing; FW002 when one is not there.
create function furrow.release(streams int[], seqs bigint[]) returns void
language plpgsql as $$
declare
  released int;
begin
  delete from furrow.quarantine q using unnest(streams, seqs) r(stream, seq)
  where q.stream = r.stream and q.seq = r.seq and q.dropped_at is null;
  get diagnostics released = row_count;
  if released <> cardinality(streams) then
    raise exception using errcode = 'FW002', message = 'an item is not in quarantine any more';
  end if;
end $$;

-- The end of a transaction that only finds out whether its rows would be taken.
create function furrow.only_tried() returns void language plpgsql as $$
begin
  raise exception using errcode = 'FW003', message = 'every row would be taken';
end $$;

-- Every number that a table accounts for, as ranges. A new table of items comes in here.
create view furrow.held as
select stream, seq_first as first, seq_first + frames - 1 as last, 'stored' as what from furrow.can_block
union all select stream, seq, seq, case kind when 32767 then 'lost' else 'stored' end from furrow.item_record
union all select stream, seq, seq, 'stored' from furrow.sensor_reading
union all select stream, seq, seq, 'stored' from furrow.yield_sample
union all select stream, seq, seq, 'stored' from furrow.token_usage
union all select stream, seq, seq, 'stored' from furrow.fault
union all select stream, seq, seq, case when dropped_at is null then 'quarantined' else 'dropped' end
from furrow.quarantine;
comment on view furrow.held is
  'numbers first to last of a stream: stored, quarantined, dropped by a person, or lost (kind 32767: the gateway''s disk lost it)';

create or replace view furrow.ledger as
select f.name as farm, e.name as equipment, s.stream_id, s.id as stream, w.sent, w.seq as durable,
       c.stored, w.seq - c.covered as lost, c.held - c.covered as doubled, c.quarantined,
       c.dropped, c.lost_at_gateway
from furrow.stream s
join furrow.equipment e on e.id = s.equipment_id
join furrow.farm f on f.id = e.farm_id
join furrow.stream_watermark w on w.stream = s.id
cross join lateral (
  select coalesce(sum(o.count), 0)::bigint as held,
         coalesce(sum(o.count) filter (where o.what in ('stored', 'quarantined')), 0)::bigint as stored,
         coalesce(sum(greatest(0, least(o.last, w.seq) - greatest(o.first - 1, o.last_before, 0))), 0)::bigint as covered,
         count(*) filter (where o.what = 'quarantined') as quarantined,
         count(*) filter (where o.what = 'dropped') as dropped,
         count(*) filter (where o.what = 'lost') as lost_at_gateway
  from (
    select h.*, h.last - h.first + 1 as count,
           coalesce(max(h.last) over (order by h.first, h.last rows between unbounded preceding and 1 preceding), 0)
             as last_before
    from furrow.held h where h.stream = s.id
  ) o
) c;
comment on view furrow.ledger is
  'of each stream: items sent, durable (watermark), stored; lost: numbers up to the watermark that no table holds; doubled: items beside those; lost_at_gateway: numbers whose items the gateway''s disk lost';
