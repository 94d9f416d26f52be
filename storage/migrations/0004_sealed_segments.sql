-- The second tier: frames that were in can_block, each long run of one header as columns of bytes. Every frame is in exactly
-- one tier. Runs with search_path = pg_catalog.

create table furrow.can_chunk (
  stream int not null,
  seq_first bigint not null,
  seq_last bigint not null,
  equipment_id int not null,
  frames int not null check (frames > 0),
  time_first timestamptz not null,
  time_last timestamptz not null,
  run_first bigint[] not null,
  run_frames int[] not null,
  sealed_at timestamptz not null default now(),
  primary key (stream, seq_first)
);
create index can_chunk_equipment_time on furrow.can_chunk (equipment_id, time_first);
comment on table furrow.can_chunk is 'what was sealed in one transaction: the frames of a stream between two numbers';
comment on column furrow.can_chunk.time_first is 'the earliest time in it, time_last the latest: less than 26 hours later';
comment on column furrow.can_chunk.run_first is 'its numbers without a hole begin here, run_frames of them; records stand between';

-- Partitioned, so that old days can be dropped whole; until days are made ahead all rows are in the default partition.
create table furrow.can_segment (
  stream int not null,
  chunk bigint not null,
  channel int not null,
  frames int not null check (frames > 0),
  time_first timestamptz not null,
  time_last timestamptz not null,
  time_base timestamptz not null,
  seq_base bigint not null,
  time_step bigint not null,
  header bigint,
  time_planes smallint not null check (time_planes between 1 and 5),
  seq_planes smallint not null check (seq_planes between 1 and 4),
  payload_planes smallint not null,
  headers bigint[],
  time_anchors bigint[] compression lz4 not null,
  data bytea compression lz4 not null,
  check (num_nulls(header, headers) = 1),
  check (octet_length(data) = frames * (time_planes + seq_planes + payload_planes + (headers is not null)::int))
) partition by range (time_first);
create table furrow.can_segment_default partition of furrow.can_segment default
  with (toast_tuple_target = 512); -- short ones are compressed in their place, long ones leave it
create index can_segment_chunk on furrow.can_segment (stream, chunk, channel);
comment on table furrow.can_segment is 'frames of one header (or of a few rare ones) of a chunk, in order, as planes of bytes (docs/schema.md)';
comment on column furrow.can_segment.chunk is 'seq_first of its can_chunk';
comment on column furrow.can_segment.channel is 'parameter group of extended frames, 262144 + identifier of standard ones, 524288 error frames, -1 several headers';
comment on column furrow.can_segment.time_anchors is 'of each 128 frames, microseconds from time_base';
comment on column furrow.can_segment.data is 'planes of frames bytes each: index into headers (if several), time, seq, payload';

-- How far a stream is sealed. Its row is what a sealer locks: never the watermark's.
create table furrow.seal (
  stream int primary key references furrow.stream,
  sealed_to bigint not null default 0,
  due_at timestamptz
);
comment on column furrow.seal.sealed_to is 'no block of can_block begins at or below this number';
comment on column furrow.seal.due_at is 'when fresh blocks too few for a whole chunk are sealed all the same';

-- A job that reads fresh blocks in order keeps the sealer behind it: furrow.digest says how far it has read each stream. Where
-- that table is not there, or holds nothing because no such job runs, nothing is waited for.
create function furrow.seal_limit(stream int) returns bigint
language plpgsql stable as $$
declare
  used boolean;
  read_to bigint;
begin
  if to_regclass('furrow.digest') is null then
    return 9223372036854775807;
  end if;
  execute 'select exists (select from furrow.digest), (select d.seq from furrow.digest d where d.stream = $1)'
    into used, read_to using seal_limit.stream;
  return case when used then coalesce(read_to, 0) else 9223372036854775807 end;
end $$;
comment on function furrow.seal_limit is 'the number beyond which no block of the stream may be sealed yet';

create function furrow.group_of(header bigint) returns int
language sql immutable parallel safe as $$
  select case when header & x'E0000000'::bigint = x'80000000'::bigint and header >> 56 & 3 = 0
              then case when header >> 16 & 255 < 240 then header >> 8 & x'3FF00'::bigint else header >> 8 & x'3FFFF'::bigint end::int end
$$;
comment on function furrow.group_of is 'the J1939 parameter group of a classic extended data frame; null: another frame';

create function furrow.channels(can_id bigint, pgn int, groups int[]) returns int[]
language sql immutable parallel safe as $$
  select case when groups is not null then array_append(groups, -1)
              when pgn is not null then array[pgn, -1]
              when can_id is null then null
              when can_id & 536870912 <> 0 then array[524288, -1]
              else array[(case when can_id >> 16 & 255 < 240 then can_id >> 8 & x'3FF00'::bigint
                               else can_id >> 8 & x'3FFFF'::bigint end)::int,
                         262144 + (can_id & 2047)::int, -1] end
$$;
comment on function furrow.channels is 'the channels of can_segment that may hold such frames; null: any';

create function furrow.header_wanted(header bigint, can_id bigint, pgn int, groups int[]) returns boolean
language sql immutable parallel safe as $$
  select furrow.header_matches(header, can_id, pgn) and (groups is null or furrow.group_of(header) = any (groups))
$$;
comment on function furrow.header_wanted is 'header_matches, and, where groups are given, a classic data frame of one of them';

-- Both tiers, as every function in SQL that reads frames sees them: one SELECT, so that the planner sees into it. Blocks are found
-- by (equipment_id, time_first), and those whose dictionary has nothing asked for are left packed; a block reaches less than 2^31 us
-- to each side of its base: 72 minutes in all. A chunk reaches less than 26 hours beyond its first time; of its segments only those
-- of the channel asked for are unpacked. can_id, pgn, groups: each may be null, for no such condition.
create function furrow.header_frames(equipment_id int, "from" timestamptz, "to" timestamptz, can_id bigint, pgn int, groups int[])
returns table (stream int, seq bigint, "time" timestamptz, header bigint, payload bytea)
language sql stable parallel safe rows 100000 as $$
  select b.stream, b.seq_first + f.at - 1, b.time_base + f.time_offset * interval '1 microsecond', h.header,
         case when h.header & x'40000000'::bigint <> 0 then ''::bytea
              when h.header >> 40 & 4095 > 8
                then substring(d.long_payload, f.payload::int + 1, (h.header >> 40 & 4095)::int)
              else furrow.slot_bytes(f.payload, (h.header >> 40 & 4095)::int) end
  from furrow.can_block b
  cross join lateral (
    -- unpacked once a block, not once a frame; looked at the same
    select b.headers || '{}'::bigint[] as headers, b.long_payload || ''::bytea as long_payload,
           case when header_frames.can_id is not null or header_frames.pgn is not null or header_frames.groups is not null then
             array(select (u.at - 1)::smallint from unnest(b.headers) with ordinality u(header, at)
                   where furrow.header_wanted(u.header, header_frames.can_id, header_frames.pgn, header_frames.groups)) end as wanted
    offset 0
  ) d
  cross join lateral unnest(b.header_index, b.time_offset, b.payload) with ordinality
    f(header_index, time_offset, payload, at)
  cross join lateral (select d.headers[f.header_index + 1] as header) h
  where b.equipment_id = header_frames.equipment_id
    and b.time_first >= header_frames."from" - interval '72 minutes' and b.time_first <= header_frames."to"
    and b.time_last >= header_frames."from"
    and ((header_frames.can_id is null and header_frames.pgn is null and header_frames.groups is null)
         or exists (select from unnest(b.headers) u(header)
                    where furrow.header_wanted(u.header, header_frames.can_id, header_frames.pgn, header_frames.groups)))
    and ((header_frames.can_id is null and header_frames.pgn is null and header_frames.groups is null)
         or f.header_index = any (d.wanted))
    and b.time_base + f.time_offset * interval '1 microsecond' between header_frames."from" and header_frames."to"
  union all
  select s.stream, s.seq_base + f.after, s.time_base + f.offset_us * interval '1 microsecond', f.header,
         case when f.header & x'40000000'::bigint <> 0 then ''::bytea
              when s.payload_planes > 8
                then (select string_agg(substring(d.data, d.payload_at + k * s.frames + f.i + 1, 1), ''::bytea order by k)
                      from generate_series(0, s.payload_planes - 1) k)
              else substring(int8send(
                case when s.payload_planes > 0 then get_byte(d.data, d.payload_at + f.i)::bigint << 56 else 0 end
                | case when s.payload_planes > 1 then get_byte(d.data, d.payload_at + s.frames + f.i)::bigint << 48 else 0 end
                | case when s.payload_planes > 2 then get_byte(d.data, d.payload_at + 2 * s.frames + f.i)::bigint << 40 else 0 end
                | case when s.payload_planes > 3 then get_byte(d.data, d.payload_at + 3 * s.frames + f.i)::bigint << 32 else 0 end
                | case when s.payload_planes > 4 then get_byte(d.data, d.payload_at + 4 * s.frames + f.i)::bigint << 24 else 0 end
                | case when s.payload_planes > 5 then get_byte(d.data, d.payload_at + 5 * s.frames + f.i)::bigint << 16 else 0 end
                | case when s.payload_planes > 6 then get_byte(d.data, d.payload_at + 6 * s.frames + f.i)::bigint << 8 else 0 end
                | case when s.payload_planes > 7 then get_byte(d.data, d.payload_at + 7 * s.frames + f.i)::bigint else 0 end),
                1, (f.header >> 40 & 4095)::int) end
  from furrow.can_chunk c
  join furrow.can_segment s on s.stream = c.stream and s.chunk = c.seq_first
  cross join lateral (
    select s.data || ''::bytea as data, s.time_anchors || '{}'::bigint[] as time_anchors,
           coalesce(s.headers, array[s.header]) as headers,
           case when s.headers is null then 0 else s.frames end as time_at,
           s.frames * (s.time_planes + (s.headers is not null)::int) as seq_at,
           s.frames * (s.time_planes + s.seq_planes + (s.headers is not null)::int) as payload_at offset 0
  ) d
  cross join lateral (
    select g.i,
           d.headers[case when s.headers is null then 1 else get_byte(d.data, g.i) + 1 end] as header,
           d.time_anchors[(g.i >> 7) + 1] + (g.i & 127) * s.time_step
             + get_byte(d.data, d.time_at + g.i)
             + case when s.time_planes > 1 then get_byte(d.data, d.time_at + s.frames + g.i) << 8 else 0 end
             + case when s.time_planes > 2 then get_byte(d.data, d.time_at + 2 * s.frames + g.i) << 16 else 0 end
             + case when s.time_planes > 3 then get_byte(d.data, d.time_at + 3 * s.frames + g.i)::bigint << 24 else 0 end
             + case when s.time_planes > 4 then get_byte(d.data, d.time_at + 4 * s.frames + g.i)::bigint << 32 else 0 end
             as offset_us,
           g.i + sum(get_byte(d.data, d.seq_at + g.i)
             + case when s.seq_planes > 1 then get_byte(d.data, d.seq_at + s.frames + g.i) << 8 else 0 end
             + case when s.seq_planes > 2 then get_byte(d.data, d.seq_at + 2 * s.frames + g.i) << 16 else 0 end
             + case when s.seq_planes > 3 then get_byte(d.data, d.seq_at + 3 * s.frames + g.i) << 24 else 0 end)
             over (rows unbounded preceding) as after
    from generate_series(0, s.frames - 1) g(i)
  ) f
  where c.equipment_id = header_frames.equipment_id
    and c.time_first >= header_frames."from" - interval '26 hours' and c.time_first <= header_frames."to"
    and c.time_last >= header_frames."from"
    and s.time_first >= header_frames."from" - interval '26 hours' and s.time_first <= header_frames."to"
    and s.time_last >= header_frames."from"
    and (furrow.channels(header_frames.can_id, header_frames.pgn, header_frames.groups) is null
         or s.channel = any (furrow.channels(header_frames.can_id, header_frames.pgn, header_frames.groups)))
    and ((header_frames.can_id is null and header_frames.pgn is null and header_frames.groups is null)
         or exists (select from unnest(coalesce(s.headers, array[s.header])) u(header)
                    where furrow.header_wanted(u.header, header_frames.can_id, header_frames.pgn, header_frames.groups)))
    and furrow.header_wanted(f.header, header_frames.can_id, header_frames.pgn, header_frames.groups)
    and s.time_base + f.offset_us * interval '1 microsecond' between header_frames."from" and header_frames."to"
$$;

create function furrow.frames(equipment text, "from" timestamptz, "to" timestamptz,
                              can_id bigint default null, pgn int default null)
returns setof furrow.frame
language sql stable parallel safe rows 100000 as $$
  select r.time,
         (r.header >> 32 & 255)::smallint,
         r.header & x'3FFFFFFF'::bigint,
         r.header & x'80000000'::bigint <> 0,
         case when r.header >> 56 & 3 = 0 and r.header >> 52 & 15 > 0 then r.header >> 52 & 15
              else r.header >> 40 & 4095 end::smallint,
         r.payload,
         r.seq
  from furrow.header_frames(furrow.equipment_id(frames.equipment), frames."from", frames."to", frames.can_id, frames.pgn, null) r
$$;
comment on function furrow.frames is
  'frames of an equipment (''T1'' or ''farm/T1'') between two times, both included; can_id with bit 29 set is an error frame';

create function furrow.groups_of(equipment_id int, "from" timestamptz, "to" timestamptz) returns int[]
language sql stable as $$
  select coalesce(array_agg(distinct furrow.group_of(h.header)) filter (where furrow.group_of(h.header) is not null), '{}') from (
    select u.header from furrow.can_block b cross join lateral unnest(b.headers) u(header)
    where b.equipment_id = groups_of.equipment_id and b.time_last >= groups_of."from"
      and b.time_first >= groups_of."from" - interval '72 minutes' and b.time_first <= groups_of."to"
    union
    select u.header
    from furrow.can_chunk c join furrow.can_segment s on s.stream = c.stream and s.chunk = c.seq_first
    cross join lateral unnest(coalesce(s.headers, array[s.header])) u(header)
    where c.equipment_id = groups_of.equipment_id and c.time_last >= groups_of."from"
      and c.time_first >= groups_of."from" - interval '26 hours' and c.time_first <= groups_of."to"
  ) h
$$;
comment on function furrow.groups_of is 'the parameter groups of the classic frames about these times, those that carry others too';

-- A chunk whose segments do not add up to it holds nothing: its numbers then count as lost.
create view furrow.sealed_run as
select k.stream, r.first, r.first + r.frames - 1 as last
from furrow.can_chunk k cross join lateral unnest(k.run_first, k.run_frames) r(first, frames)
where k.frames = (select sum(g.frames) from furrow.can_segment g where g.stream = k.stream and g.chunk = k.seq_first);
comment on view furrow.sealed_run is 'numbers first to last of a stream whose frames are sealed';

-- The ledger counts both tiers.
create or replace view furrow.held as
select stream, seq_first as first, seq_first + frames - 1 as last, 'stored' as what from furrow.can_block
union all select stream, first, last, 'stored' from furrow.sealed_run
union all select stream, seq, seq, case kind when 32767 then 'lost' else 'stored' end from furrow.item_record
union all select stream, seq, seq, 'stored' from furrow.sensor_reading
union all select stream, seq, seq, 'stored' from furrow.yield_sample
union all select stream, seq, seq, 'stored' from furrow.token_usage
union all select stream, seq, seq, 'stored' from furrow.fault
union all select stream, seq, seq, case when dropped_at is null then 'quarantined' else 'dropped' end
from furrow.quarantine;
