-- Times are microseconds since 1970 (created_at, claimed_at: seconds). Columns of can_block are raw little-endian arrays
-- as can/frame/frame_block.hpp has them. 64-bit numbers without a sign (iso_name, run) are kept as the same 64 bits signed.
create table farm (
  id integer primary key,
  name text not null unique
);

create table equipment (
  id integer primary key,
  farm_id integer not null references farm,
  name text not null,
  iso_name integer,
  created_at integer not null default (unixepoch()),
  unique (farm_id, name)
);

create table stream (
  id integer primary key,
  equipment_id integer not null references equipment,
  stream_id blob not null check (length(stream_id) = 16),
  created_at integer not null default (unixepoch()),
  unique (equipment_id, stream_id)
);

create table stream_run (
  stream integer not null references stream,
  run integer not null,
  first_seq integer not null,
  ordinal integer not null,
  claimed_at integer not null default (unixepoch()),
  primary key (stream, run)
) without rowid;

create table stream_watermark (
  stream integer primary key references stream,
  epoch integer not null default 0,
  seq integer not null default 0,
  sent integer not null default 0
);

create table bus (
  stream integer not null references stream,
  bus integer not null,
  name text not null,
  primary key (stream, bus)
) without rowid;

create table can_block (
  stream integer not null,
  seq_first integer not null,
  equipment_id integer not null,
  frames integer not null check (frames > 0),
  time_first integer not null,
  time_last integer not null,
  time_base integer not null,
  headers blob not null,
  header_index blob not null,
  time_offset blob not null,
  payload blob not null,
  long_payload blob,
  primary key (stream, seq_first)
);
create index can_block_equipment_time on can_block (equipment_id, time_first, time_last);

create table item_record (
  stream integer not null,
  seq integer not null,
  equipment_id integer not null,
  time integer not null,
  kind integer not null,
  body text not null check (case when json_valid(body) then json_type(body) = 'object' else 0 end),
  primary key (stream, seq)
);
create index item_record_equipment_time on item_record (equipment_id, kind, time);

create table quarantine (
  stream integer not null,
  seq integer not null,
  equipment_id integer not null,
  time integer,
  reason text not null,
  bytes blob not null,
  created_at integer not null default (unixepoch()),
  primary key (stream, seq)
);

-- What each stream has been said to hold and what the tables hold: numbers are merged as ranges, not one by one.
create view ledger as
with held as (
  select stream, seq_first as first, seq_first + frames - 1 as last, 0 as quarantined from can_block
  union all select stream, seq, seq, 0 from item_record
  union all select stream, seq, seq, 1 from quarantine
), ordered as (
  select *, max(last) over (partition by stream order by first, last rows between unbounded preceding and 1 preceding)
              as last_before
  from held
), counted as (
  select o.stream, sum(o.last - o.first + 1) as stored, sum(o.quarantined) as quarantined,
         sum(max(0, min(o.last, w.seq) - max(o.first - 1, coalesce(o.last_before, 0), 0))) as covered
  from ordered o join stream_watermark w on w.stream = o.stream
  group by o.stream
)
select f.name as farm, e.name as equipment, s.stream_id, s.id as stream, w.sent, w.seq as durable,
       coalesce(c.stored, 0) as stored, w.seq - coalesce(c.covered, 0) as lost,
       coalesce(c.stored - c.covered, 0) as doubled, coalesce(c.quarantined, 0) as quarantined
from stream s
join equipment e on e.id = s.equipment_id
join farm f on f.id = e.farm_id
join stream_watermark w on w.stream = s.id
left join counted c on c.stream = s.id;
