-- A statement locks the partitions that it reads, and no more than it needs at a time. With 1,400 weeks and the lock table of the
-- server's defaults, three statements that locked them all failed together ("out of shared memory").
-- Runs with search_path = pg_catalog.

-- Planned for each call, with the times as constants: so the planner leaves out partitions, which are then not locked. Rows that are
-- moved into a partition at this moment are still in the default one for the snapshot of the statement: it is read in any case.
create function furrow.segments_of(stream int, chunks bigint[], low timestamptz, high timestamptz, channels int[])
returns setof furrow.can_segment
language plpgsql stable parallel safe rows 10
set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_custom_plan as $$
begin
  return query
  select s.* from furrow.can_segment s
  where s.stream = segments_of.stream and s.chunk = any (chunks) and s.time_first >= low and s.time_first <= high
    and (channels is null or s.channel = any (channels)) and s.tableoid <> 'furrow.can_segment_default'::regclass
  union all
  select s.* from furrow.can_segment_default s
  where s.stream = segments_of.stream and s.chunk = any (chunks) and s.time_first >= low and s.time_first <= high
    and (channels is null or s.channel = any (channels));
end $$;
comment on function furrow.segments_of is
  'segments of chunks that begin between two times, of these channels (null: of any); locks the partitions of these times alone';

-- Each partition is read in a subtransaction that is taken back: its locks go with it, what it answered stays.
create function furrow.by_partition(statement text) returns setof record
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  name text;
begin
  for name in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
              where i.inhparent = 'furrow.can_segment'::regclass order by 1
  loop
    begin
      return query execute format(statement, name);
      raise exception using errcode = 'FW006', message = 'the partition has been read';
    exception
      when sqlstate 'FW006' then null;
      when undefined_table then
        if to_regclass(format('furrow.%I', name)) is not null then
          raise;
        end if; -- it has been dropped in the meantime
    end;
  end loop;
end $$;
comment on function furrow.by_partition is
  'answers of a statement in which %1$I is each partition of can_segment in turn; locks one at a time';

-- Both tiers, as before; segments are looked for in the partitions of their chunks, a day at a time.
create or replace function furrow.header_frames(equipment_id int, "from" timestamptz, "to" timestamptz, can_id bigint, pgn int, groups int[])
returns table (stream int, seq bigint, "time" timestamptz, header bigint, payload bytea)
language sql stable parallel safe rows 100000
begin atomic
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
  from (
    select c.stream, array_agg(c.seq_first) as chunks,
           greatest(min(c.time_first), ((header_frames."from" at time zone 'UTC') - interval '26 hours') at time zone 'UTC') as low,
           least(max(c.time_last), header_frames."to") as high
    from furrow.can_chunk c
    where c.equipment_id = header_frames.equipment_id
      and (c.time_first >= ((header_frames."from" at time zone 'UTC') - interval '26 hours') at time zone 'UTC' or c.wide)
      and c.time_first <= header_frames."to" and c.time_last >= header_frames."from"
    group by c.stream, date_bin('1 day', c.time_first, timestamptz '2000-01-03 00:00:00+00')
  ) c
  cross join lateral furrow.segments_of(c.stream, c.chunks, c.low, c.high, furrow.channels(
    header_frames.can_id, header_frames.pgn, header_frames.groups)) s
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
  where s.time_last >= header_frames."from"
    and ((header_frames.can_id is null and header_frames.pgn is null and header_frames.groups is null)
         or exists (select from unnest(coalesce(s.headers, array[s.header])) u(header)
                    where furrow.header_wanted(u.header, header_frames.can_id, header_frames.pgn, header_frames.groups)))
    and furrow.header_wanted(f.header, header_frames.can_id, header_frames.pgn, header_frames.groups)
    and s.time_base + f.offset_us * interval '1 microsecond' between header_frames."from" and header_frames."to"
;
end;

create or replace view furrow.sealing as
select c.sealed_at as "time", f.name as farm, e.name as equipment, c.stream, c.time_first, c.time_last, c.frames,
       (select sum(pg_column_size(s.*)) from furrow.segments_of(c.stream, array[c.seq_first], c.time_first, c.time_last, null) s) as bytes
from furrow.can_chunk c join furrow.equipment e on e.id = c.equipment_id join furrow.farm f on f.id = e.farm_id;

-- Chunks and their segments, as before, one chunk after the other.
create or replace function furrow.remove_chunks(streams int[], seqs bigint[], keep_from timestamptz, keep_to timestamptz,
                                                out chunks bigint, out frames bigint)
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_custom_plan as $$
declare
  one record;
begin
  chunks := 0;
  frames := 0;
  for one in
    select c.stream, c.seq_first, c.time_first, c.time_last, c.frames, r.frames as in_runs, r.numbers
    from unnest(streams, seqs) d(stream, seq_first) join furrow.can_chunk c using (stream, seq_first)
    cross join lateral (select sum(r.frames)::bigint as frames, range_agg(int8range(r.first, r.first + r.frames)) as numbers
                        from unnest(c.run_first, c.run_frames) r(first, frames)) r
  loop
    if one.frames = (select sum(s.frames) from furrow.segments_of(one.stream, array[one.seq_first], one.time_first, one.time_last, null) s) then
      perform furrow.note_expired(one.stream, one.numbers);
    end if;
    delete from furrow.can_segment s
    where s.stream = one.stream and s.chunk = one.seq_first and s.time_first >= one.time_first and s.time_first <= one.time_last
      and (s.time_first >= keep_from and s.time_first < keep_to) is not true;
    delete from furrow.can_chunk c where c.stream = one.stream and c.seq_first = one.seq_first;
    chunks := chunks + 1;
    frames := frames + one.in_runs;
  end loop;
end $$;

create function furrow.due_bytes(at timestamptz) returns table (farm_id int, bytes bigint)
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select d.farm_id, sum(d.bytes)::bigint
  from furrow.by_partition(
    format('select k.farm_id, sum(pg_column_size(s.*))::bigint from furrow.%%1$I s '
           'join furrow.can_chunk c on c.stream = s.stream and c.seq_first = s.chunk and s.time_first between c.time_first and c.time_last '
           'join furrow.equipment e on e.id = c.equipment_id join furrow.cutoffs(''frames'', %L) k on k.farm_id = e.farm_id '
           'where least(c.time_last, c.sealed_at) < k.cutoff group by 1', at))
    as d(farm_id int, bytes bigint)
  group by 1
$$;
comment on function furrow.due_bytes is 'bytes of the segments that retention would remove, by farm';

-- The texts of functions that stay what they are, but for a phrase:
-- 1. The preview of retention reads one partition after the other, and frames from the future go by the time of their sealing, as they
-- do when retention removes them. 2. The ledger of many machines holds the locks of one machine at a time.
do $$
declare
  f record;
  text_now text;
begin
  for f in select p.oid, p.proname, p.prosrc from pg_proc p
           where p.pronamespace = 'furrow'::regnamespace and p.proname in ('retention_due', 'sealed_runs') loop
    text_now := f.prosrc;
    if f.proname = 'retention_due' then
      text_now := regexp_replace(text_now, 'sum\(\(select sum\(pg_column_size\(s\.\*\)\) from furrow\.can_segment s [^()]*\)\)::bigint',
        '(select b.bytes from due b where b.farm_id = k.farm_id)');
      text_now := replace(text_now, 'c.time_last < k.cutoff', 'least(c.time_last, c.sealed_at) < k.cutoff');
      text_now := e'\n  with due as materialized (select b.farm_id, b.bytes from furrow.due_bytes(at) b)' || text_now;
    else
      text_now := regexp_replace(text_now, '  return query execute(.*    using stream;)', $t$  begin
    return query execute\1
    raise exception using errcode = 'FW006', message = 'the chunks of the stream have been read';
  exception
    when sqlstate 'FW006' then null; -- its locks are gone with the subtransaction
  end;$t$);
    end if;
    if text_now = f.prosrc or position('furrow.can_segment s ' in text_now) > 0 then
      raise exception 'the function % is not the one that this step knows', f.proname;
    end if;
    execute replace(pg_get_functiondef(f.oid), f.prosrc, text_now);
  end loop;
end $$;

-- A plan that is kept for any times has all partitions in it.
do $$
declare
  f record;
begin
  for f in select p.oid::regprocedure as name from pg_proc p where p.pronamespace = 'furrow'::regnamespace
           and p.proname in ('groups_of', 'fast_packets', 'transported', 'assembled', 'messages', 'position_track') loop
    execute format('alter function %s set plan_cache_mode = force_custom_plan', f.name);
  end loop;
end $$;

-- Fast packets, as before, and short messages of a maker's own group in single frames, by the rules of can/transport/transport.hpp: head
-- is what such a message begins with, the maker's code of the sender's NAME (11 bits), two reserved bits, and the marine industry group.
create or replace function furrow.fast_packets(equipment_id int, "from" timestamptz, "to" timestamptz, groups int[]) returns setof furrow.message
language plpgsql stable rows 1000
set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_custom_plan as $$
declare
  fast_groups constant int[] := array(select g from unnest(groups) g where furrow.packet_type(g) = 'fast');
  own_groups constant int[] := array(select g from unnest(groups) g where furrow.packet_type(g) = 'proprietary');
  f record;
  made furrow.message;
  stream int;
  key bigint;
  is_open boolean := false;
  last_at timestamptz;
  packet int;
  said int;
  due int; -- the packet after the one that came last
  bytes int;
  packets int;
  next_packet int;
  skip int;
  room int;
  pieces bytea[];
begin
  for f in
    with own as (
      select x.stream, x.seq, x.time, x.header, x.payload, null::bigint as claim
      from furrow.header_frames(equipment_id, (("from" at time zone 'UTC') - interval '25 seconds') at time zone 'UTC', "to", null, null, own_groups) x
      union all
      select x.stream, x.seq, null, x.header, null, (x.seq << 12)
             | (((get_byte(x.payload, 2) >> 5) | (get_byte(x.payload, 3) << 3)) << 1)
             | case get_byte(x.payload, 7) >> 4 & 7 when 4 then 1 else 0 end
      from furrow.header_frames(equipment_id, (("from" at time zone 'UTC') - interval '1 day') at time zone 'UTC', "to", null, null, case when own_groups <> '{}' then array[60928] else '{}' end) x
      where length(x.payload) = 8 and x.header & 255 < 254
    ), told as (
      select o.stream, o.seq, o.time, o.header, o.payload,
             max(o.claim) over (partition by o.stream, o.header & x'FF000000FF'::bigint order by o.seq) as claim
      from own o
    ), frame as (
      select x.stream, x.seq, x.time, x.header, x.payload, true as fast, null::int as head
      from furrow.header_frames(equipment_id, (("from" at time zone 'UTC') - interval '25 seconds') at time zone 'UTC', "to", null, null, fast_groups) x
      union all
      select t.stream, t.seq, t.time, t.header, t.payload, coalesce(t.claim & 1 = 1, v.seq is null or v.seq > t.seq),
             case when t.claim & 1 = 1 then ((t.claim >> 1 & 2047) | 32768)::int end
      from told t
      left join furrow.vehicle_buses(equipment_id, (("from" at time zone 'UTC') - interval '1 day') at time zone 'UTC', "to") v
        on v.stream = t.stream and v.bus = t.header >> 32 & 255 and own_groups <> '{}'
      where t.time is not null
    )
    select x.stream, x.time, x.header, x.payload, x.fast, furrow.group_of(x.header) as pgn,
           case when length(x.payload) >= 2 and x.head is not null then
             (get_byte(x.payload, 0) | (get_byte(x.payload, 1) << 8)) & 59391 = x.head
             and (get_byte(x.payload, 0) & 31 > 0 or length(x.payload) < 4
                  or (get_byte(x.payload, 2) | (get_byte(x.payload, 3) << 8)) & 59391 <> x.head) else false end as whole,
           case when length(x.payload) > 0 then
             (furrow.group_of(x.header)::bigint << 40) | (get_byte(x.payload, 0)::bigint >> 5 << 32) | ((x.header >> 32 & 255) << 16)
             | ((x.header & 255) << 8) | case when x.header >> 16 & 255 < 240 then x.header >> 8 & 255 else 255 end end as key
    from frame x
    where not x.fast or (length(x.payload) >= 2 and x.header & 255 < 254)
    order by x.stream, key, x.seq
  loop
    made.time := f.time;
    made.bus := f.header >> 32 & 255;
    made.source := f.header & 255;
    made.destination := case when f.header >> 16 & 255 < 240 then f.header >> 8 & 255 else 255 end;
    made.priority := f.header >> 26 & 7;
    made.pgn := f.pgn;
    made.payload := f.payload;
    made.transport := 'single';
    if f.fast then
      if f.key is distinct from key or f.stream is distinct from stream then
        stream := f.stream;
        key := f.key;
        is_open := false;
      elsif is_open and (f.time > last_at + interval '750 milliseconds' or f.time < last_at - interval '750 milliseconds') then
        is_open := false;
      end if;
      packet := get_byte(f.payload, 0) & 31;
      said := get_byte(f.payload, 1);
      skip := case packet when 0 then 2 else 1 end;
      if f.whole and (packet = 0 or not is_open or packets = 0) then
        if f.time >= "from" then return next made; end if;
        continue;
      elsif packet = 0 then
        -- It begins a message. A frame that overtook it is known by its number, which the former message had already.
        if not is_open or packets > 0 or said not between 14 and 223 or due > 1 + said / 7
           or f.time not between last_at and last_at + interval '5 milliseconds' then
          is_open := said between 1 and 223;
          next_packet := 0;
          pieces := array_fill(null::bytea, array[32]);
        end if;
        continue when not is_open;
        bytes := said;
        packets := 1 + said / 7;
      elsif not is_open or packets = 0 then
        is_open := false; -- of a message without its first frame
        continue;
      end if;
      room := greatest(0, least(case packet when 0 then 6 else 7 end, bytes - case packet when 0 then 0 else 7 * packet - 1 end));
      if pieces[packet + 1] is not null then
        continue when packet + 1 = due and substring(pieces[packet + 1] from 1 for room) = substring(f.payload from skip + 1 for room);
        is_open := length(f.payload) = 8; -- the counter came round, and the former message lacks packets
        packets := 0;
        next_packet := 0;
        pieces := array_fill(null::bytea, array[32]);
        pieces[packet + 1] := substring(f.payload from 2 for 7);
        due := packet + 1;
        last_at := f.time;
        continue;
      end if;
      if f.whole and (room = 0 or length(f.payload) < skip + room) then
        if f.time >= "from" then return next made; end if;
        continue;
      end if;
      last_at := f.time;
      if room = 0 or length(f.payload) < skip + room then
        is_open := false;
        continue;
      end if;
      pieces[packet + 1] := substring(f.payload from skip + 1 for room);
      due := packet + 1;
      while next_packet < 32 and pieces[next_packet + 1] is not null loop
        next_packet := next_packet + 1;
      end loop;
      continue when next_packet < packets;
      is_open := false;
      select substring(string_agg(p.piece, ''::bytea order by p.at) from 1 for bytes) into made.payload
      from unnest(pieces) with ordinality p(piece, at);
      made.transport := 'fast';
    end if;
    if f.time >= "from" then
      return next made;
    end if;
  end loop;
end $$;

-- Process data of one implement: with ".address_N" behind, what the control unit with this address has sent or was sent.
create or replace function furrow.process_sql(signal text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  part int[] := regexp_match(signal, '^PD\.element_([0-9]{1,4})\.ddi_([0-9]{1,5})(?:\.address_([0-9]{1,3}))?$')::int[];
begin
  if part is null or part[1] > 4095 or part[2] > 65535 or part[3] > 253 then
    return null;
  end if;
  return format($q$
    select f.time, (((get_byte(f.payload, 4) | (get_byte(f.payload, 5) << 8) | (get_byte(f.payload, 6) << 16))::bigint
                     | (get_byte(f.payload, 7)::bigint << 24)) << 32 >> 32)::float8 * %s::float8 as value
    from furrow.header_frames($1, $2, $3, null, null, array[51968]) f
    where case when length(f.payload) = 8 then get_byte(f.payload, 0) in (%s, %s) and get_byte(f.payload, 1) = %s
                 and get_byte(f.payload, 2) = %s and get_byte(f.payload, 3) = %s%s else false end$q$,
    quote_literal(coalesce((select d.scale from furrow.ddi d where d.ddi = part[2]), 1)),
    (part[1] & 15) << 4 | 3, (part[1] & 15) << 4 | 10, part[1] >> 4, part[2] & 255, part[2] >> 8,
    case when part[3] is null then ''
         else format(' and (f.header & 255 = %1$s or f.header >> 8 & 255 = %1$s)', part[3]) end);
end $$;
