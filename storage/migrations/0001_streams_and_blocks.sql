-- Runs with search_path = pg_catalog: every name of ours is written with its schema. The schema itself and
-- furrow.migration are made before the first migration.

create table furrow.farm (
  id int generated always as identity primary key,
  name text collate "C" not null unique
);

create table furrow.equipment (
  id int generated always as identity primary key,
  farm_id int not null references furrow.farm,
  name text collate "C" not null,
  iso_name bigint,
  created_at timestamptz not null default now(),
  unique (farm_id, name)
);
comment on column furrow.equipment.iso_name is 'ISO 11783 NAME: the same 64 bits, signed';

create table furrow.stream (
  id int generated always as identity primary key,
  equipment_id int not null references furrow.equipment,
  stream_id uuid not null,
  created_at timestamptz not null default now(),
  unique (equipment_id, stream_id)
);

create table furrow.stream_run (
  stream int not null references furrow.stream,
  run bigint not null,
  first_seq bigint not null,
  ordinal bigint generated always as identity,
  claimed_at timestamptz not null default now(),
  primary key (stream, run)
);
comment on table furrow.stream_run is 'openings of a spool for writing, in order of ordinal: they tell a copy from the original';

-- Updated by every append: half of each page is kept free and no other index exists, so that updates stay on the page (HOT).
create table furrow.stream_watermark (
  stream int primary key references furrow.stream,
  epoch bigint not null default 0,
  seq bigint not null default 0,
  sent bigint not null default 0
) with (fillfactor = 50);
comment on column furrow.stream_watermark.epoch is 'timeline << 40 | counter; raised by every claim, never goes back';
comment on column furrow.stream_watermark.seq is 'items 1 to seq are in the tables, each once';
comment on column furrow.stream_watermark.sent is 'the highest number that the gateway has said to have given';

create table furrow.bus (
  stream int not null references furrow.stream,
  bus smallint not null,
  name text not null,
  primary key (stream, bus)
);

create table furrow.can_block (
  stream int not null,
  seq_first bigint not null,
  equipment_id int not null,
  frames int not null check (frames > 0),
  time_first timestamptz not null,
  time_last timestamptz not null,
  time_base timestamptz not null,
  headers bigint[] compression lz4 not null,
  header_index smallint[] compression lz4 not null,
  time_offset int[] compression lz4 not null,
  payload bigint[] compression lz4 not null,
  long_payload bytea compression lz4,
  primary key (stream, seq_first)
);
create index can_block_equipment_time on furrow.can_block (equipment_id, time_first);
comment on table furrow.can_block is 'CAN frames seq_first, seq_first + 1 ... of a stream, in columns and in order of arrival';
comment on column furrow.can_block.time_first is 'the earliest time in the block (clocks step back), time_last the latest';
comment on column furrow.can_block.headers is 'dictionary of 64-bit headers: identifier, flags, bus, length, kind (docs/schema.md)';
comment on column furrow.can_block.header_index is 'of each frame, its place in headers, from 0';
comment on column furrow.can_block.time_offset is 'of each frame, microseconds from time_base';
comment on column furrow.can_block.payload is 'of each frame, up to 8 bytes as a little-endian number; of a longer one, its offset in long_payload';

create table furrow.item_record (
  stream int not null,
  seq bigint not null,
  equipment_id int not null,
  time timestamptz not null,
  kind smallint not null,
  body jsonb not null check (jsonb_typeof(body) = 'object'),
  primary key (stream, seq)
);
create index item_record_equipment_time on furrow.item_record (equipment_id, kind, time);

create table furrow.quarantine (
  stream int not null,
  seq bigint not null,
  equipment_id int not null,
  time timestamptz,
  reason text not null,
  bytes bytea not null,
  created_at timestamptz not null default now(),
  primary key (stream, seq)
);
comment on table furrow.quarantine is 'items that the database would not take as what they are';

-- First half of a claim: makes what is missing and tells what stands; raises nothing. Keys are looked up by subqueries that
-- answer one value: as joins, planned while the tables were small, they read a farm's machines for each request.
create function furrow.enter(farms text[], machines text[], streams uuid[], iso_names bigint[])
returns table (ordinal int, equipment int, stream int, epoch bigint, seq bigint, runs bigint[], run_seqs bigint[])
language plpgsql as $$
#variable_conflict use_column
begin
  insert into furrow.farm (name)
  select distinct r.farm from unnest(farms) r(farm)
  where (select f.id from furrow.farm f where f.name = r.farm) is null
  order by 1 on conflict do nothing;

  insert into furrow.equipment (farm_id, name)
  select distinct f.id, r.machine from unnest(farms, machines) r(farm, machine) join furrow.farm f on f.name = r.farm
  where (select e.id from furrow.equipment e where e.farm_id = f.id and e.name = r.machine) is null
  order by 1, 2 on conflict do nothing;

  insert into furrow.stream (equipment_id, stream_id)
  select distinct m.equipment, m.stream
  from (select (select e.id from furrow.equipment e where e.farm_id = f.id and e.name = r.machine) as equipment, r.stream
        from unnest(farms, machines, streams) r(farm, machine, stream) join furrow.farm f on f.name = r.farm) m
  where (select s.id from furrow.stream s where s.equipment_id = m.equipment and s.stream_id = m.stream) is null
  order by 1, 2 on conflict do nothing;

  return query
  with machine as materialized (
    select r.ordinal::int as ordinal, r.stream, r.iso_name,
           (select e.id from furrow.equipment e where e.farm_id = f.id and e.name = r.machine) as equipment
    from unnest(farms, machines, streams, iso_names) with ordinality r(farm, machine, stream, iso_name, ordinal)
    join furrow.farm f on f.name = r.farm
  ), asked as materialized (
    select m.ordinal, m.equipment,
           (select s.id from furrow.stream s where s.equipment_id = m.equipment and s.stream_id = m.stream) as stream
    from machine m
  ), named as (
    update furrow.equipment e set iso_name = m.iso_name
    from machine m where e.id = m.equipment and m.iso_name is not null and e.iso_name is distinct from m.iso_name
  ), made as (
    insert into furrow.stream_watermark (stream)
    select distinct a.stream from asked a
    where (select w.seq from furrow.stream_watermark w where w.stream = a.stream) is null
    order by 1 on conflict do nothing
  )
  select a.ordinal, a.equipment, a.stream, coalesce(w.epoch, 0), coalesce(w.seq, 0),
         coalesce((select array_agg(k.run order by k.ordinal) from furrow.stream_run k where k.stream = a.stream), '{}'),
         coalesce((select array_agg(k.first_seq order by k.ordinal) from furrow.stream_run k where k.stream = a.stream), '{}')
  from asked a left join furrow.stream_watermark w on w.stream = a.stream
  where a.stream is not null
  order by a.ordinal;
end $$;

-- Second half: raises the epoch of those streams that still stand as they were read, and keeps their new runs. Its commit
-- waits for a synchronous standby, so that the watermarks read are as durable as an ack must be.
create function furrow.claim(streams int[], epochs bigint[], seqs bigint[],
                             run_streams int[], runs bigint[], run_seqs bigint[])
returns table (stream int, epoch bigint)
language plpgsql as $$
#variable_conflict use_column
declare
  timeline bigint := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint;
begin
  return query
  with standing as materialized (
    select w.stream from furrow.stream_watermark w
    join unnest(streams, epochs, seqs) r(stream, epoch, seq) on w.stream = r.stream and w.epoch = r.epoch and w.seq = r.seq
    order by w.stream for update of w
  ), claimed as (
    update furrow.stream_watermark w set epoch = greatest(w.epoch + 1, (timeline << 40) | 1)
    from standing where w.stream = standing.stream
    returning w.stream, w.epoch
  ), kept as (
    insert into furrow.stream_run (stream, run, first_seq)
    select r.stream, r.run, r.first_seq
    from unnest(run_streams, runs, run_seqs) with ordinality r(stream, run, first_seq, ordinal)
    join claimed c on c.stream = r.stream
    order by r.ordinal on conflict do nothing
  )
  select c.stream, c.epoch from claimed c;
end $$;

-- Compare and set: the only way on for a watermark. All or nothing; FW001 names the streams that did not match.
create function furrow.advance(streams int[], epochs bigint[], froms bigint[], tos bigint[], sents bigint[])
returns void language plpgsql as $$
declare
  missed int[];
begin
  perform from furrow.stream_watermark w where w.stream = any (streams) order by w.stream for update;
  with moved as (
    update furrow.stream_watermark w set seq = r.seq_to, sent = greatest(w.sent, r.sent)
    from unnest(streams, epochs, froms, tos, sents) r(stream, epoch, seq_from, seq_to, sent)
    where w.stream = r.stream and w.epoch = r.epoch and w.seq = r.seq_from
    returning w.stream
  )
  select array_agg(s.stream) into missed
  from unnest(streams) s(stream) where not exists (select from moved where moved.stream = s.stream);
  if missed is not null then
    raise exception using errcode = 'FW001', message = 'the watermark or the epoch is another one',
                          detail = array_to_string(missed, ',');
  end if;
end $$;

-- 'T1', or 'farm/T1' where a name stands in several farms.
create function furrow.equipment_id(equipment text) returns int
language plpgsql stable parallel safe as $$
declare
  ids int[];
begin
  select array_agg(e.id) into ids from furrow.equipment e join furrow.farm f on f.id = e.farm_id
  where e.name = equipment_id.equipment or f.name || '/' || e.name = equipment_id.equipment;
  if ids is null then
    raise exception using errcode = 'no_data_found', message = format('no equipment %s', equipment_id.equipment);
  elsif cardinality(ids) > 1 then
    raise exception using errcode = 'too_many_rows',
      message = format('more than one farm has an equipment %s: write farm/%s', equipment_id.equipment, equipment_id.equipment);
  end if;
  return ids[1];
end $$;

create function furrow.header_matches(header bigint, can_id bigint, pgn int) returns boolean
language sql immutable parallel safe as $$
  select (can_id is null or header & x'3FFFFFFF'::bigint = can_id)
     and (pgn is null or (header & x'A0000000'::bigint = x'80000000'::bigint  -- extended, no error frame
            and case when header >> 16 & 255 < 240 then header >> 8 & x'3FF00'::bigint
                     else header >> 8 & x'3FFFF'::bigint end = pgn))
$$;
comment on function furrow.header_matches is 'whether a header of can_block has this identifier and this J1939 parameter group';

create function furrow.slot_bytes(slot bigint, length int) returns bytea
language sql immutable parallel safe as $$
  select substring(int8send(
    (slot << 56) | ((slot & 65280) << 40) | ((slot & 16711680) << 24) | ((slot & 4278190080) << 8)
    | ((slot >> 8) & 4278190080) | ((slot >> 24) & 16711680) | ((slot >> 40) & 65280) | ((slot >> 56) & 255)), 1, length)
$$;
comment on function furrow.slot_bytes is 'the first bytes of a little-endian slot of can_block.payload';

create type furrow.frame as (
  "time" timestamptz, bus smallint, can_id bigint, extended boolean, dlc smallint, payload bytea, seq bigint
);

-- Numbers are merged as ranges, not one by one; per stream, so that asking for one machine reads one machine.
create view furrow.ledger as
select f.name as farm, e.name as equipment, s.stream_id, s.id as stream, w.sent, w.seq as durable,
       c.stored, w.seq - c.covered as lost, c.stored - c.covered as doubled, c.quarantined
from furrow.stream s
join furrow.equipment e on e.id = s.equipment_id
join furrow.farm f on f.id = e.farm_id
join furrow.stream_watermark w on w.stream = s.id
cross join lateral (
  select coalesce(sum(o.last - o.first + 1), 0)::bigint as stored,
         coalesce(sum(greatest(0, least(o.last, w.seq) - greatest(o.first - 1, o.last_before, 0))), 0)::bigint as covered,
         count(*) filter (where o.quarantined) as quarantined
  from (
    select h.*, coalesce(max(h.last) over (order by h.first, h.last rows between unbounded preceding and 1 preceding), 0)
                  as last_before
    from (
      select b.seq_first as first, b.seq_first + b.frames - 1 as last, false as quarantined
      from furrow.can_block b where b.stream = s.id
      union all select r.seq, r.seq, false from furrow.item_record r where r.stream = s.id
      union all select q.seq, q.seq, true from furrow.quarantine q where q.stream = s.id
    ) h
  ) o
) c;
comment on view furrow.ledger is
  'of each stream: items sent, durable (watermark), stored; lost: numbers up to the watermark that no table holds; doubled: items stored beside those';
