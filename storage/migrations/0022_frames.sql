-- Frames as rows at less cost: what is the same for a block or a segment is worked out once for it, and frames outside of the
-- time or of the identifier are left packed. Runs with search_path = pg_catalog.

-- Chunks of these times, those of a day together: one call of segments_of for each row.
create function furrow.chunk_days(equipment_id int, "from" timestamptz, "to" timestamptz)
returns table (stream int, chunks bigint[], low timestamptz, high timestamptz)
language plpgsql stable parallel safe rows 1
set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  earliest constant timestamptz := (("from" at time zone 'UTC') - interval '26 hours') at time zone 'UTC';
begin
  return query
  select c.stream, array_agg(c.seq_first), greatest(min(c.time_first), earliest), least(max(c.time_last), chunk_days."to")
  from furrow.can_chunk c
  where c.equipment_id = chunk_days.equipment_id and (c.time_first >= earliest or c.wide)
    and c.time_first <= chunk_days."to" and c.time_last >= chunk_days."from"
  group by c.stream, date_bin('1 day', c.time_first, timestamptz '2000-01-03 00:00:00+00');
end $$;
comment on function furrow.chunk_days is
  'chunks of a machine that hold frames between two times, by stream and day, and between which times their segments begin';

-- bit_count sees bits and no values: how often each of the eight bits is set.
create function furrow.sum_of_bytes(bytes bytea) returns bigint
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  bits constant varbit := ('x' || encode(bytes, 'hex'))::varbit;
  lowest constant varbit := ('x' || repeat('01', length(bytes)))::varbit;
  total bigint := 0;
begin
  for n in 0 .. 7 loop
    total := total + (bit_count(bits >> n & lowest) << n);
  end loop;
  return total;
end $$;

-- The part of a segment that may hold frames between two times, as planes of its own; no row where nothing is asked for.
-- A group of 128 frames lies between its anchor and what step and planes can add to it. A plane that the segment has not is
-- zeros, so that a frame needs no question; planes that few segments have (the third of time, the second of seq) are null.
create function furrow.segment_part(
  s furrow.can_segment, "from" timestamptz, "to" timestamptz, can_id bigint, pgn int, groups int[],
  out frames int, out whole boolean, out plain boolean, out eight_bytes boolean, out seq bigint,
  out low_us bigint, out high_us bigint, out base_us bigint, out anchors bigint[], -- the anchors and both limits since 1970
  out header bigint, out headers bigint[], out wanted boolean[], out header_plane bytea,
  out time_0 bytea, out time_1 bytea, out time_2 bytea, out time_3 bytea, out time_4 bytea,
  out seq_0 bytea, out seq_1 bytea, out seq_2 bytea, out seq_3 bytea,
  out byte_0 bytea, out byte_1 bytea, out byte_2 bytea, out byte_3 bytea,
  out byte_4 bytea, out byte_5 bytea, out byte_6 bytea, out byte_7 bytea, out long_payload bytea)
returns setof record
language plpgsql stable parallel safe rows 1
set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  step constant int := s.frames;
  data bytea;
  zeros bytea;
  first int := 0; -- a multiple of 128
  at int;         -- in data, from 1
begin
  if s.time_last < "from" or s.time_first > "to" then
    return;
  end if;
  wanted := array(select furrow.header_wanted(u.header, segment_part.can_id, segment_part.pgn, segment_part.groups)
                  from unnest(coalesce(s.headers, array[s.header])) with ordinality u(header, n) order by u.n);
  if not true = any (wanted) then
    return;
  end if;
  whole := s.time_first >= "from" and s.time_last <= "to";
  frames := s.frames;
  anchors := s.time_anchors;
  if s.time_first < "from" then
    low_us := (extract(epoch from "from") - extract(epoch from s.time_base)) * 1000000;
  end if;
  if s.time_last > "to" then
    high_us := (extract(epoch from "to") - extract(epoch from s.time_base)) * 1000000;
  end if;
  if not whole then
    select (min(a.n) - 1) * 128, least(max(a.n) * 128, s.frames) - (min(a.n) - 1) * 128, s.time_anchors[min(a.n):max(a.n)]
      into first, frames, anchors
    from unnest(s.time_anchors) with ordinality a(anchor, n)
    where (high_us is null or a.anchor + least(0, 127 * s.time_step) <= high_us)
      and (low_us is null or a.anchor + greatest(0, 127 * s.time_step) + (1::bigint << 8 * s.time_planes) > low_us);
    if first is null then
      return;
    end if;
  end if;
  -- Seconds as float8 are exact to the microsecond for these times, and faster than an interval added.
  plain := s.time_base between '1970-01-02 00:00:00+00' and '2099-01-01 00:00:00+00';
  -- One header, of eight bytes, no remote frame.
  eight_bytes := coalesce(s.payload_planes = 8 and s.header & 4502501189484544 = 8796093022208, false);
  base_us := extract(epoch from s.time_base) * 1000000;
  anchors := array(select base_us + a.anchor from unnest(anchors) with ordinality a(anchor, n) order by a.n);
  low_us := coalesce(base_us + low_us, -9223372036854775808);
  high_us := coalesce(base_us + high_us, 9223372036854775807);
  data := s.data || ''::bytea; -- unpacked once
  zeros := decode(repeat('00', frames), 'hex');
  at := 1 + first;
  if s.headers is null then
    header := s.header;
  else
    headers := s.headers;
    header_plane := substring(data, at, frames);
    at := at + step;
  end if;
  time_0 := substring(data, at, frames);
  time_1 := case when s.time_planes > 1 then substring(data, at + step, frames) else zeros end;
  if s.time_planes > 2 then
    time_2 := substring(data, at + 2 * step, frames);
    time_3 := case when s.time_planes > 3 then substring(data, at + 3 * step, frames) else zeros end;
    time_4 := case when s.time_planes > 4 then substring(data, at + 4 * step, frames) else zeros end;
  end if;
  at := at + s.time_planes * step;
  seq := s.seq_base + first;
  if first > 0 then
    for n in 0 .. s.seq_planes - 1 loop
      seq := seq + (furrow.sum_of_bytes(substring(data, at - first + n * step, first)) << 8 * n);
    end loop;
  end if;
  seq_0 := substring(data, at, frames);
  if s.seq_planes > 1 then
    seq_1 := substring(data, at + step, frames);
    seq_2 := case when s.seq_planes > 2 then substring(data, at + 2 * step, frames) else zeros end;
    seq_3 := case when s.seq_planes > 3 then substring(data, at + 3 * step, frames) else zeros end;
  end if;
  at := at + s.seq_planes * step;
  if s.payload_planes > 8 then
    long_payload := substring(data, at);
  else
    byte_0 := case when s.payload_planes > 0 then substring(data, at, frames) else zeros end;
    byte_1 := case when s.payload_planes > 1 then substring(data, at + step, frames) else zeros end;
    byte_2 := case when s.payload_planes > 2 then substring(data, at + 2 * step, frames) else zeros end;
    byte_3 := case when s.payload_planes > 3 then substring(data, at + 3 * step, frames) else zeros end;
    byte_4 := case when s.payload_planes > 4 then substring(data, at + 4 * step, frames) else zeros end;
    byte_5 := case when s.payload_planes > 5 then substring(data, at + 5 * step, frames) else zeros end;
    byte_6 := case when s.payload_planes > 6 then substring(data, at + 6 * step, frames) else zeros end;
    byte_7 := case when s.payload_planes > 7 then substring(data, at + 7 * step, frames) else zeros end;
  end if;
  return next;
end $$;

comment on function furrow.segment_part is
  'frames of a segment between two times, of this identifier and these groups, as planes for furrow.header_frames';
comment on function furrow.sum_of_bytes is 'the sum of all bytes, as numbers from 0 to 255';

-- A query takes longer to begin than a loop to add the 64 bytes of an FD frame.
create function furrow.column_bytes(planes bytea, first int, step int, length int) returns bytea
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  bytes bytea := '';
begin
  if length > 64 then
    return (select string_agg(substring(planes, first + n * step, 1), ''::bytea order by n) from generate_series(0, length - 1) n);
  end if;
  for n in 0 .. length - 1 loop
    bytes := bytes || substring(planes, first + n * step, 1);
  end loop;
  return bytes;
end $$;
comment on function furrow.column_bytes is 'one byte of each plane of a segment: the payload of a frame';

-- One at a time: with several expected, the planner would keep the frames of each for the case that it comes again.
alter function furrow.segments_of rows 1;

-- Both tiers, as before: one SELECT, so that the planner sees into it and leaves out the columns that nobody reads.
-- A block: the places of the frames asked for come from array_positions, which looks at 100,000 frames in a millisecond; only these
-- frames become rows. Times are compared as microseconds, and not at all in a block that lies between the two times.
create or replace function furrow.header_frames(equipment_id int, "from" timestamptz, "to" timestamptz, can_id bigint, pgn int, groups int[])
returns table (stream int, seq bigint, "time" timestamptz, header bigint, payload bytea)
language sql stable parallel safe rows 100000
begin atomic
  select b.stream, b.seq_first + f.at - 1,
         case when d.plain then to_timestamp((d.base_us + f.time_offset) / 1000000::float8)
              else b.time_base + f.time_offset * interval '1 microsecond' end,
         f.header,
         case when d.eight_bytes or f.header & 4502501189484544 = 8796093022208 -- eight bytes, no remote frame
                then int8send((f.pairs << 48) | ((f.pairs & 4294901760) << 16) | ((f.pairs >> 16) & 4294901760)
                              | ((f.pairs >> 48) & 65535))
              when f.header & 1073741824 <> 0 then ''::bytea
              when f.header & 4502500115742720 > 8796093022208
                then substring(d.long_payload, d.payload[f.at]::int + 1, (f.header >> 40 & 4095)::int)
              else furrow.slot_bytes(d.payload[f.at], (f.header >> 40 & 4095)::int) end
  from furrow.can_block b
  cross join lateral (
    select case when header_frames.can_id is not null or header_frames.pgn is not null or header_frames.groups is not null then
      array(select (u.at - 1)::smallint from unnest(b.headers) with ordinality u(header, at)
            where furrow.header_wanted(u.header, header_frames.can_id, header_frames.pgn, header_frames.groups)) end as indexes
    offset 0
  ) w
  cross join lateral (
    -- unpacked once a block, not once a frame
    select null::json as never_cached, -- json has no hash: the planner does not keep the frames of a block for the next one
           b.headers || '{}'::bigint[] as headers, b.header_index || '{}'::smallint[] as header_index,
           b.time_offset || '{}'::int[] as time_offset, b.payload || '{}'::bigint[] as payload,
           b.long_payload || ''::bytea as long_payload,
           case when cardinality(w.indexes) = 1 then b.headers[w.indexes[1] + 1] end as only_header,
           case when cardinality(w.indexes) = 1 then b.headers[w.indexes[1] + 1] & 4502501189484544 = 8796093022208 end as eight_bytes,
           (extract(epoch from b.time_base) * 1000000)::bigint as base_us,
           -- Seconds as float8 are exact to the microsecond for these times, and faster than an interval added.
           b.time_base between '1970-01-02 00:00:00+00' and '2099-01-01 00:00:00+00' as plain,
           b.time_first >= header_frames."from" and b.time_last <= header_frames."to" as whole,
           case when b.time_first < header_frames."from"
                then ((extract(epoch from header_frames."from") - extract(epoch from b.time_base)) * 1000000)::bigint
                else -2147483648 end as low_us,
           case when b.time_last > header_frames."to"
                then ((extract(epoch from header_frames."to") - extract(epoch from b.time_base)) * 1000000)::bigint
                else 2147483647 end as high_us
    offset 0
  ) d
  cross join lateral (
    -- The bytes of a slot in reverse: in pairs here, the pairs above.
    select p.at, d.time_offset[p.at] as time_offset, coalesce(d.only_header, d.headers[d.header_index[p.at] + 1]) as header,
           ((d.payload[p.at] & 71777214294589695) << 8) | ((d.payload[p.at] >> 8) & 71777214294589695) as pairs
    from (select unnest(
      case when header_frames.can_id is null and header_frames.pgn is null and header_frames.groups is null
           then array_positions(array_fill(true, array[b.frames]), true)
           when cardinality(w.indexes) = 1 then array_positions(d.header_index, w.indexes[1])
           else array(select i.at from (select unnest(d.header_index) as header_index,
                                               unnest(array_positions(array_fill(true, array[b.frames]), true)) as at) i
                      where i.header_index = any (w.indexes)) end) as at where d.never_cached is null) p
    where d.whole or d.time_offset[p.at] between d.low_us and d.high_us
    offset 0
  ) f
  where b.equipment_id = header_frames.equipment_id
    and b.time_first >= header_frames."from" - interval '72 minutes' and b.time_first <= header_frames."to"
    and b.time_last >= header_frames."from"
    and ((header_frames.can_id is null and header_frames.pgn is null and header_frames.groups is null) or w.indexes <> '{}')
  union all
  select s.stream, d.seq + f.j + f.gaps,
         case when d.plain then to_timestamp(f.time_us / 1000000::float8)
              else s.time_base + (f.time_us - d.base_us) * interval '1 microsecond' end,
         f.header,
         case when d.eight_bytes then f.bytes
              when f.header & 1073741824 <> 0 then ''::bytea
              when d.long_payload is not null
                then furrow.column_bytes(d.long_payload, f.j + 1, s.frames, (f.header >> 40 & 4095)::int)
              else substring(f.bytes, 1, (f.header >> 40 & 4095)::int) end
  from furrow.chunk_days(header_frames.equipment_id, header_frames."from", header_frames."to") c
  cross join lateral furrow.segments_of(c.stream, c.chunks, c.low, c.high, furrow.channels(
    header_frames.can_id, header_frames.pgn, header_frames.groups)) s
  cross join lateral furrow.segment_part(s, header_frames."from", header_frames."to", header_frames.can_id,
    header_frames.pgn, header_frames.groups) d
  cross join lateral (
    select g.j,
           case when d.headers is null then d.header else d.headers[get_byte(d.header_plane, g.j) + 1] end as header,
           d.anchors[(g.j >> 7) + 1] + (g.j & 127) * s.time_step + get_byte(d.time_0, g.j) + (get_byte(d.time_1, g.j) << 8)
             + case when d.time_2 is null then 0 else (get_byte(d.time_2, g.j) << 16) + (get_byte(d.time_3, g.j)::bigint << 24)
                 + (get_byte(d.time_4, g.j)::bigint << 32) end as time_us,
           int8send(
             (((get_byte(d.byte_0, g.j) << 24) | (get_byte(d.byte_1, g.j) << 16) | (get_byte(d.byte_2, g.j) << 8)
              | get_byte(d.byte_3, g.j))::bigint << 32)
             | (((get_byte(d.byte_4, g.j) << 24) | (get_byte(d.byte_5, g.j) << 16) | (get_byte(d.byte_6, g.j) << 8)
              | get_byte(d.byte_7, g.j))::bigint & 4294967295)) as bytes,
           sum(get_byte(d.seq_0, g.j)
             + case when d.seq_1 is null then 0 else (get_byte(d.seq_1, g.j) << 8) + (get_byte(d.seq_2, g.j) << 16)
                 + (get_byte(d.seq_3, g.j) << 24) end) over (rows unbounded preceding) as gaps,
           d.headers is null or d.wanted[get_byte(d.header_plane, g.j) + 1] as wanted
    from (select generate_series(0, d.frames - 1) as j) g
    offset 0
  ) f
  where f.wanted and (d.whole or f.time_us between d.low_us and d.high_us);
end;

create or replace function furrow.frames(equipment text, "from" timestamptz, "to" timestamptz,
                                         can_id bigint default null, pgn int default null)
returns setof furrow.frame
language sql stable parallel safe rows 100000
begin atomic
  select r.time,
         (r.header >> 32 & 255)::smallint,
         r.header & x'3FFFFFFF'::bigint,
         r.header & x'80000000'::bigint <> 0,
         -- classic, and with a raw DLC
         case when r.header & 283726776524341248 between 4503599627370496 and 67553994410557440 then r.header >> 52 & 15
              else r.header >> 40 & 4095 end::smallint,
         r.payload,
         r.seq
  from furrow.header_frames(furrow.equipment_id(frames.equipment), frames."from", frames."to", frames.can_id, frames.pgn, null) r;
end;
