-- Buckets of a signal from its rollups where they say the same as the frames; what was harvested where; whole messages of
-- several frames. Runs with search_path = pg_catalog.

alter table furrow.definition_signal add column definition text;
comment on column furrow.definition_signal.definition is
  'the same text of two signals says that both give the same values of the same frames; null: loaded before this was noted';

create table furrow.rollup_definition (
  signal int not null references furrow.signal_name,
  definition text not null,
  since timestamptz not null default now(),
  primary key (signal, definition)
);
comment on table furrow.rollup_definition is
  'by which definition the rollups of a signal are made; with two rows some of its minutes were made by another one';

-- The minutes low and on, before high, of which rollups say all there is: whole ones between the times asked for, before
-- the earliest frame that the digest has not seen. Null: none, or the bucket or the definition is not theirs.
create function furrow.rolled_up(equipment_id int, signal int, definition text, "from" timestamptz, "to" timestamptz,
                                 bucket interval, out low timestamptz, out high timestamptz)
language plpgsql stable as $$
declare
  origin constant timestamptz := '2000-01-01 00:00:00+00';
  unseen timestamptz;
  gone timestamptz;
begin
  if extract(epoch from bucket) % 60 <> 0
     or (select array_agg(d.definition) from furrow.rollup_definition d where d.signal = rolled_up.signal)
        is distinct from array[definition] then
    return;
  end if;
  low := date_bin('1 minute', "from", origin);
  if low < "from" then
    low := low + interval '1 minute';
  end if;
  high := date_bin('1 minute', "to" + interval '1 microsecond', origin);
  -- Retention may have let rollups go whose frames are there.
  if to_regclass('furrow.retention') is not null then
    execute 'select k.cutoff from furrow.cutoffs(''rollup'', now()) k join furrow.equipment e on e.farm_id = k.farm_id where e.id = $1'
      into gone using equipment_id;
    low := greatest(low, date_bin('1 minute', gone, origin) + interval '1 minute');
  end if;
  select min(u.time_first) into unseen from (
    select b.time_first from furrow.can_block b left join furrow.digest d on d.stream = b.stream
    where b.equipment_id = rolled_up.equipment_id and b.seq_first + b.frames - 1 > coalesce(d.seq, 0)
      and b.time_first >= low - interval '72 minutes' and b.time_first < high and b.time_last >= low
    union all
    select c.time_first from furrow.can_chunk c left join furrow.digest d on d.stream = c.stream
    where c.equipment_id = rolled_up.equipment_id and c.seq_last > coalesce(d.seq, 0)
      and c.time_first >= low - interval '26 hours' and c.time_first < high and c.time_last >= low
  ) u;
  high := least(high, date_bin('1 minute', unseen, origin));
  if low >= high then
    low := null;
    high := null;
  end if;
end $$;

-- $1 equipment, $2 from, $3 to, $4 bucket, $5 signal, $6 low, $7 high: rollups between low and high, frames before and after.
create or replace function furrow.signal_bucket(equipment text, signal text, "from" timestamptz, "to" timestamptz, bucket interval,
                                                version int default null)
returns table ("time" timestamptz, count bigint, min float8, max float8, mean float8, last float8)
language plpgsql stable rows 1000 set jit = off as $$
declare
  id int := furrow.equipment_id(furrow.asked(equipment, signal, "from", "to", bucket));
  s furrow.definition_signal := furrow.find_signal(id, signal, version);
  origin constant text := 'timestamptz ''2000-01-01 00:00:00+00''';
  number int;
  low timestamptz;
  high timestamptz;
  parts text[] := '{}';
  frames text;
begin
  select n.id into number from furrow.definition_message m join furrow.signal_name n on n.name = m.name || '.' || s.name
  where (m.version, m.message) = (s.version, s.message);
  select r.low, r.high into low, high from furrow.rolled_up(id, number, s.definition, "from", "to", bucket) r;
  if low is not null then
    parts := array[
      'select date_bin($4, r.minute, ' || origin || '), r.count, r.min, r.max, r.sum, r.last, r.last_time '
      'from furrow.rollup r where r.equipment_id = $1 and r.signal = $5 and r.minute >= $6 and r.minute < $7'];
  end if;
  if low is null or "from" < low or (high <= "to" and isfinite(high)) then
    frames := 'select date_bin($4, v.time, ' || origin || ') as bucket, count(*) as count, min(v.value) as min, max(v.value) as max, '
      'sum(v.value) as sum, (max(array[date_part(''epoch'', v.time), v.value]))[2] as last, max(v.time) as last_time '
      'from (' || furrow.signal_sql(id, signal, version) || ') v '
      'where v.value > ''-Infinity''::float8 and v.value < ''Infinity''::float8 group by 1';
  end if;
  if low is null then
    parts := array[frames];
  else
    if "from" < low then
      parts := parts || replace(frames, '$3', '($6::timestamptz - interval ''1 microsecond'')');
    end if;
    if high <= "to" and isfinite(high) then
      parts := parts || replace(frames, '$2', '$7::timestamptz');
    end if;
  end if;
  return query execute
    'select p.bucket, sum(p.count)::bigint, min(p.min), max(p.max), sum(p.sum) / sum(p.count), '
    '(max(array[date_part(''epoch'', p.last_time), p.last]))[2] from ('
    || array_to_string(parts, ' union all ') || ') p(bucket, count, min, max, sum, last, last_time) group by 1 order by 1'
    using id, "from", "to", bucket, number, low, high;
end $$;
comment on function furrow.signal_bucket is
  'count, least, greatest, mean and last value by buckets of time; buckets without a value are left out. Whole minutes come from rollups where the bucket is made of them';

-- 'field:NAME' and 'equipment:NAME' are one or the other; a NAME alone is what there is of that name.
create function furrow.yield_map(place text, "from" timestamptz, "to" timestamptz)
returns table ("time" timestamptz, latitude float8, longitude float8, yield_tpha float8, moisture_pct float8, mass_flow_kgps float8,
               width_m float8, speed_mps float8, crop text, quality text, equipment text)
language plpgsql stable rows 10000 as $$
declare
  wanted constant text := regexp_replace(place, '^(field|equipment):', '');
  fields int[];
  machines int[];
  found_field furrow.field;
  from_x float8[];
  from_y float8[];
  to_x float8[];
  to_y float8[];
begin
  if place !~ '^field:' then
    select array_agg(e.id) into machines from furrow.equipment e join furrow.farm f on f.id = e.farm_id
    where wanted in (e.name, f.name || '/' || e.name);
  end if;
  if place !~ '^equipment:' then
    select array_agg(l.id) into fields from furrow.field l join furrow.farm f on f.id = l.farm_id
    where wanted in (l.name, f.name || '/' || l.name);
  end if;
  if machines is null and fields is null then
    raise exception using errcode = 'no_data_found', message = format('no field and no equipment %s', wanted);
  elsif coalesce(cardinality(machines), 0) + coalesce(cardinality(fields), 0) > 1 then
    raise exception using errcode = 'too_many_rows', message = format('more than one field or equipment is called %s', wanted),
      hint = 'write field:FARM/NAME or equipment:FARM/NAME';
  end if;
  if fields is not null then
    select * into found_field from furrow.field l where l.id = fields[1];
    select array_agg(e.id) into machines from furrow.equipment e where e.farm_id = found_field.farm_id;
    select array_agg((r.ring -> (i - 1) ->> 0)::float8), array_agg((r.ring -> (i - 1) ->> 1)::float8),
           array_agg((r.ring -> i ->> 0)::float8), array_agg((r.ring -> i ->> 1)::float8)
      into from_x, from_y, to_x, to_y
    from jsonb_array_elements(found_field.boundary -> 'coordinates') r(ring)
    cross join generate_series(1, jsonb_array_length(r.ring) - 1) i;
  end if;
  return query
    select y.time, y.latitude_deg, y.longitude_deg, 10 * y.mass_flow_kgps / nullif(y.width_m * y.speed_mps, 0), y.moisture_pct,
           y.mass_flow_kgps, y.width_m, y.speed_mps, y.crop, y.quality, e.name
    from furrow.yield_sample y join furrow.equipment e on e.id = y.equipment_id
    where y.equipment_id = any (machines) and y.time between yield_map."from" and yield_map."to"
      and y.latitude_deg is not null and y.longitude_deg is not null
      and (fields is null or y.longitude_deg between found_field.west_deg and found_field.east_deg
           and y.latitude_deg between found_field.south_deg and found_field.north_deg
           -- within the outer ring and in no hole: an odd number of edges lies to the east
           and (select count(*) % 2 = 1 from unnest(from_x, from_y, to_x, to_y) g(x1, y1, x2, y2)
                where case when (g.y1 > y.latitude_deg) <> (g.y2 > y.latitude_deg)
                           then y.longitude_deg < (g.x2 - g.x1) * (y.latitude_deg - g.y1) / (g.y2 - g.y1) + g.x1 else false end));
end $$;
comment on function furrow.yield_map is
  'what was harvested where: of a field, or by an equipment. yield_tpha: tonnes a hectare, of mass flow, width and speed; NULL where the machine stands still';

-- Whether a group as it is announced, in 24 bits, is this one.
create function furrow.is_group(announced int, pgn int) returns boolean
language sql immutable parallel safe as $$
  select announced <= 262143 and case when announced >> 8 & 255 < 240 then announced & x'3FF00'::int else announced end = pgn
$$;

-- TP and ETP, by the rules of can/transport/transport.hpp. A conversation (bus, sender, receiver, kind) is read from end to end before the
-- next one, so that no more than one message is held, whatever the time asked for. What began before it is looked for as long as
-- a message may take: 255 packets 1.25 s apart, an hour of ETP.
-- role: 1 announced, 2 cleared to send, 3 data packet offset, 4 acknowledged, 5 aborted, 6 data. kind: 1 bam, 2 rts, 3 etp.
create function furrow.transported(equipment_id int, "from" timestamptz, "to" timestamptz, pgn int) returns setof furrow.message
language plpgsql stable rows 1000 set jit = off as $$
declare
  bytes_max constant int := 4194304;
  tp_from constant timestamptz := "from" - interval '320 seconds';
  etp_from constant timestamptz := "from" - interval '1 hour';
  keys bigint[];
  f record;
  made furrow.message;
  stream int;
  key bigint;
  is_open boolean := false;
  delivered boolean;
  last_at timestamptz;
  patience interval;
  about int;
  bytes int;
  packets int;
  packet int;
  next_packet int;
  base int;
  offered int;
  pieces bytea[];
begin
  -- Of conversations in which nobody announces such a message nothing but the announcements is read.
  if pgn is not null then
    select array_agg(distinct s.key) into keys
    from furrow.transport_steps(equipment_id, tp_from, etp_from, "to", array[60416, 51200]) s
    where s.role = 1 and furrow.is_group(s.about, transported.pgn);
    if keys is null then return; end if;
  end if;
  for f in
    select s.* from furrow.transport_steps(equipment_id, tp_from, etp_from, "to", array[60416, 60160, 51200, 50944]) s
    where keys is null or s.key = any (keys)
    order by s.stream, s.key, s.seq
  loop
    if f.key is distinct from key or f.stream is distinct from stream then
      stream := f.stream;
      key := f.key;
      is_open := false;
    elsif is_open and (f.time > last_at + patience or f.time < last_at - patience) then
      is_open := false;
    end if;
    if f.role = 1 then
      is_open := f.number <= bytes_max and (transported.pgn is null or furrow.is_group(f.about, transported.pgn));
      delivered := false;
      last_at := f.time;
      patience := case f.kind when 1 then interval '750 milliseconds' else interval '1250 milliseconds' end;
      about := f.about;
      bytes := f.number;
      packets := (f.number + 6) / 7;
      next_packet := 0;
      base := 0;
      offered := 0;
      pieces := '{}';
    elsif not is_open then
      null; -- of a conversation that began before the log, that was refused, or that is over
    elsif f.role = 6 then
      continue when f.kind = 3 and f.number > offered;
      last_at := f.time;
      packet := base + f.number - 1;
      continue when delivered or packet >= packets or packet >= next_packet + 256
        or length(f.payload) <= least(7, bytes - 7 * packet);
      pieces[packet + 1] := substring(f.payload from 2 for least(7, bytes - 7 * packet));
      while next_packet < packets and pieces[next_packet + 1] is not null loop
        next_packet := next_packet + 1;
      end loop;
      continue when next_packet < packets;
      if f.time >= "from" then
        made.time := f.time;
        made.bus := f.header >> 32 & 255;
        made.source := f.header & 255;
        made.destination := f.header >> 8 & 255;
        made.priority := f.header >> 26 & 7;
        made.pgn := about;
        made.transport := case f.kind when 1 then 'bam' when 2 then 'rts' else 'etp' end;
        select string_agg(p.piece, ''::bytea order by p.at) into made.payload from unnest(pieces) with ordinality p(piece, at);
        return next made;
      end if;
      pieces := '{}';
      is_open := f.kind <> 1;
      delivered := true;
    elsif f.about = about and f.role = 2 then
      last_at := f.time;
    elsif f.about = about and f.role = 3 then
      last_at := f.time;
      offered := get_byte(f.payload, 1);
      base := f.number;
    elsif f.about = about then
      is_open := false;
    end if;
  end loop;
end $$;

-- The frames of TP and ETP that mean something, each with the conversation that it is of: number is the bytes of an announced
-- message, the packets before an offset, or the number of a packet; about is the group of what is said.
create function furrow.transport_steps(equipment_id int, tp_from timestamptz, etp_from timestamptz, "to" timestamptz, groups int[])
returns table (stream int, seq bigint, "time" timestamptz, header bigint, payload bytea, kind int, role int, key bigint, number int,
               about int)
language sql stable rows 10000 as $$
  select x.stream, x.seq, x.time, x.header, x.payload, c.kind, c.role,
         (x.header & x'FF00000000'::bigint) | (c.kind << 16)
           | case when w.back then x.header & 65535 else ((x.header & 255) << 8) | (x.header >> 8 & 255) end,
         c.number::int, c.about
  from (
    select f.* from furrow.header_frames(equipment_id, tp_from, "to", null, null, array_remove(array_remove(groups, 51200), 50944)) f
    union all
    select f.* from furrow.header_frames(equipment_id, etp_from, "to", null, null, array_remove(array_remove(groups, 60416), 60160)) f
    offset 0 -- each of these once: taken into one another they would be planned for longer than they are worked out
  ) x
  cross join lateral (
    select (x.header >> 16 & 255)::int as format, x.header & 255 as source, x.header >> 8 & 255 as destination, length(x.payload) as length,
           case when length(x.payload) > 0 then get_byte(x.payload, 0) end as first offset 0
  ) h
  cross join lateral (
    select case h.format when 236 then case h.first when 32 then 1 else 2 end when 235 then case h.destination when 255 then 1 else 2 end
                         else 3 end as kind,
           case when h.format in (235, 199) then case when h.length >= 2 and h.first > 0 then 6 end
                when h.length <> 8 then null
                when h.format = 236 then case h.first when 32 then 1 when 16 then 1 when 17 then 2 when 19 then 4 when 255 then 5 end
                else case h.first when 20 then 1 when 21 then 2 when 22 then 3 when 23 then 4 when 255 then 5 end end as role offset 0
  ) r
  cross join lateral (
    select r.kind, r.role,
           case when r.role = 6 then h.first
                when r.role = 1 and h.format = 236 then get_byte(x.payload, 1) | (get_byte(x.payload, 2) << 8)
                when r.role = 1 then get_byte(x.payload, 1) | (get_byte(x.payload, 2) << 8) | (get_byte(x.payload, 3) << 16)
                  | (get_byte(x.payload, 4)::bigint << 24)
                when r.role = 3 then get_byte(x.payload, 2) | (get_byte(x.payload, 3) << 8) | (get_byte(x.payload, 4) << 16)
                else 0 end::bigint as number,
           case when r.role < 6 then get_byte(x.payload, 5) | (get_byte(x.payload, 6) << 8) | (get_byte(x.payload, 7) << 16) end as about offset 0
  ) c
  cross join lateral unnest(case c.role when 5 then array[false, true] when 2 then array[true] when 4 then array[true]
                                        else array[false] end) w(back)
  where c.role is not null
    and case when c.role <> 1 then true
             else c.number between 1 and case c.kind when 3 then 117440505 else 1785 end and h.source < 254
                  and (c.kind = 1) = (h.destination = 255)
                  and (c.kind = 3 or (c.number + 6) / 7 = get_byte(x.payload, 3)) end
$$;

-- From which number on a stream's bus has carried messages of engine or transmission.
create function furrow.vehicle_buses(equipment_id int, "from" timestamptz, "to" timestamptz)
returns table (stream int, bus bigint, seq bigint)
language sql stable as $$
  select e.stream, e.bus, min(e.seq) from (
    select b.stream, h.header >> 32 & 255, b.seq_first + array_position(b.header_index, (h.at - 1)::smallint) - 1
    from furrow.can_block b cross join lateral unnest(b.headers) with ordinality h(header, at)
    where b.equipment_id = vehicle_buses.equipment_id and b.time_last >= vehicle_buses."from"
      and b.time_first >= vehicle_buses."from" - interval '72 minutes' and b.time_first <= vehicle_buses."to"
      and furrow.group_of(h.header) between 61440 and 61695
    union all
    select s.stream, h.header >> 32 & 255,
           s.seq_base + p.i + case when s.headers is null then 0 else (
             select sum(get_byte(s.data, q.at + j) + case when s.seq_planes > 1 then get_byte(s.data, q.at + s.frames + j) << 8 else 0 end
                        + case when s.seq_planes > 2 then get_byte(s.data, q.at + 2 * s.frames + j) << 16 else 0 end
                        + case when s.seq_planes > 3 then get_byte(s.data, q.at + 3 * s.frames + j) << 24 else 0 end)
             from generate_series(0, p.i) j, (select s.frames * (s.time_planes + 1) as at) q) end
    from furrow.can_chunk c
    join furrow.can_segment s on s.stream = c.stream and s.chunk = c.seq_first
    cross join lateral unnest(coalesce(s.headers, array[s.header])) with ordinality h(header, at)
    cross join lateral (
      select case when s.headers is null then 0
                  else position(set_byte('\x00', 0, h.at::int - 1) in substring(s.data, 1, s.frames)) - 1 end as i) p
    where c.equipment_id = vehicle_buses.equipment_id and c.time_last >= vehicle_buses."from"
      and c.time_first >= vehicle_buses."from" - interval '26 hours' and c.time_first <= vehicle_buses."to"
      and (s.channel between 61440 and 61695 or s.channel = -1) and furrow.group_of(h.header) between 61440 and 61695
  ) e(stream, bus, seq) group by 1, 2
$$;

-- Fast packets of these groups, by the rules of can/transport/transport.hpp: one sender, group and counter after the other. Of the
-- manufacturers' own groups those that are single frames come too. What is said of a bus is looked for a day before the time.
create function furrow.fast_packets(equipment_id int, "from" timestamptz, "to" timestamptz, groups int[]) returns setof furrow.message
language plpgsql stable rows 1000 set jit = off as $$
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
  fallen_at timestamptz;
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
      from furrow.header_frames(equipment_id, "from" - interval '25 seconds', "to", null, null, own_groups) x
      union all
      select x.stream, x.seq, null, x.header, null, x.seq * 2 + case get_byte(x.payload, 7) >> 4 & 7 when 4 then 1 else 0 end
      from furrow.header_frames(equipment_id, "from" - interval '1 day', "to", null, null, case when own_groups <> '{}' then array[60928] else '{}' end) x
      where length(x.payload) = 8 and x.header & 255 < 254
    ), told as (
      select o.stream, o.seq, o.time, o.header, o.payload,
             max(o.claim) over (partition by o.stream, o.header & x'FF000000FF'::bigint order by o.seq) as claim
      from own o
    ), frame as (
      select x.stream, x.seq, x.time, x.header, x.payload, true as fast
      from furrow.header_frames(equipment_id, "from" - interval '25 seconds', "to", null, null, fast_groups) x
      union all
      select t.stream, t.seq, t.time, t.header, t.payload, coalesce(t.claim & 1 = 1, v.seq is null or v.seq > t.seq)
      from told t
      left join furrow.vehicle_buses(equipment_id, "from" - interval '1 day', "to") v
        on v.stream = t.stream and v.bus = t.header >> 32 & 255 and own_groups <> '{}'
      where t.time is not null
    )
    select x.stream, x.time, x.header, x.payload, x.fast, furrow.group_of(x.header) as pgn,
           case when length(x.payload) > 0 then
             (furrow.group_of(x.header)::bigint << 40) | (get_byte(x.payload, 0)::bigint >> 5 << 32) | ((x.header >> 32 & 255) << 16)
             | ((x.header & 255) << 8) | case when x.header >> 16 & 255 < 240 then x.header >> 8 & 255 else 255 end end as key
    from frame x
    where not x.fast or (length(x.payload) >= 2 and x.header & 255 < 254)
    order by x.stream, key, x.seq
  loop
    if f.fast then
      if f.key is distinct from key or f.stream is distinct from stream then
        stream := f.stream;
        key := f.key;
        is_open := false;
        fallen_at := null;
      elsif is_open and (f.time > last_at + interval '750 milliseconds' or f.time < last_at - interval '750 milliseconds') then
        is_open := false;
      end if;
      packet := get_byte(f.payload, 0) & 31;
      said := get_byte(f.payload, 1);
      skip := case packet when 0 then 2 else 1 end;
      room := case packet when 0 then 6 else 7 end;
      if is_open and pieces[packet + 1] is not null then
        if packets > 0 then
          room := greatest(0, least(room, bytes - case packet when 0 then 0 else 7 * packet - 1 end));
        end if;
        continue when (packet > 0 or said = bytes) and length(f.payload) >= skip + room
          and substring(pieces[packet + 1] from 1 for room) = substring(f.payload from skip + 1 for room);
        is_open := false; -- the counter came round, and the former message lacks packets
        room := case packet when 0 then 6 else 7 end;
      end if;
      -- All the rest is there, and for longer than a message takes: of an older one that had lost its first packet.
      if is_open and packet = 0 and (f.time < last_at or f.time > last_at + interval '250 milliseconds') then
        is_open := false;
        for i in 1 .. said / 7 loop
          is_open := is_open or pieces[i + 1] is null;
        end loop;
      end if;
      if not is_open then
        -- Of a message into which the reading has fallen, the rest would mingle with a later one of the same counter.
        if packet > 0 and (f.time < "from" - interval '24 seconds' or f.time <= fallen_at + interval '750 milliseconds') then
          fallen_at := f.time;
          continue;
        end if;
        is_open := true;
        bytes := 0;
        packets := 0;
        next_packet := 0;
        pieces := array_fill(null::bytea, array[32]);
      end if;
      last_at := f.time;
      if packet = 0 and said between 1 and 223 then
        bytes := said;
        packets := 1 + said / 7;
      end if;
      if packets > 0 then
        room := greatest(0, least(room, bytes - case packet when 0 then 0 else 7 * packet - 1 end));
      end if;
      if (packet = 0 and packets = 0) or room = 0 or length(f.payload) < skip + room then
        is_open := false;
        continue;
      end if;
      pieces[packet + 1] := substring(f.payload from skip + 1 for room);
      while next_packet < 32 and pieces[next_packet + 1] is not null loop
        next_packet := next_packet + 1;
      end loop;
      continue when packets = 0 or next_packet < packets;
      is_open := false;
      select substring(string_agg(p.piece, ''::bytea order by p.at) from 1 for bytes) into made.payload
      from unnest(pieces) with ordinality p(piece, at);
      made.transport := 'fast';
    else
      made.payload := f.payload;
      made.transport := 'single';
    end if;
    if f.time >= "from" then
      made.time := f.time;
      made.bus := f.header >> 32 & 255;
      made.source := f.header & 255;
      made.destination := case when f.header >> 16 & 255 < 240 then f.header >> 8 & 255 else 255 end;
      made.priority := f.header >> 26 & 7;
      made.pgn := f.pgn;
      return next made;
    end if;
  end loop;
end $$;

-- What is known by a group and travels in several frames; of the manufacturers' own groups all that is theirs.
create function furrow.assembled(equipment_id int, "from" timestamptz, "to" timestamptz, pgn int) returns setof furrow.message
language plpgsql stable rows 1000 set jit = off as $$
begin
  return query select * from furrow.transported(equipment_id, "from", "to", assembled.pgn);
  if furrow.packet_type(assembled.pgn) <> 'single' then
    return query select * from furrow.fast_packets(equipment_id, "from", "to", array[assembled.pgn]);
  end if;
end $$;

create function furrow.messages(equipment text, "from" timestamptz, "to" timestamptz, pgn int default null)
returns setof furrow.message
language plpgsql stable rows 10000 set jit = off as $$
declare
  id int := furrow.equipment_id(equipment);
  groups int[] := case when pgn is not null then array[pgn] else furrow.groups_of(id, "from" - interval '25 seconds', "to") end;
begin
  return query select * from furrow.transported(id, "from", "to", messages.pgn);
  return query select * from furrow.fast_packets(id, "from", "to", groups);
  return query
    select f.time, (f.header >> 32 & 255)::smallint, (f.header & 255)::smallint,
           case when f.header >> 16 & 255 < 240 then f.header >> 8 & 255 else 255 end::smallint,
           (f.header >> 26 & 7)::smallint, furrow.group_of(f.header), 'single', f.payload
    from furrow.header_frames(id, "from", "to", null, null, array(
      select g from unnest(groups) g
      where furrow.packet_type(g) = 'single' and g not in (60416, 60160, 51200, 50944))) f;
end $$;
comment on function furrow.messages is
  'whole messages of an equipment under J1939, ISO 11783 and NMEA 2000 (of one parameter group, or of all), whichever way they travelled: single, bam, rts, etp, fast; the time is that of the frame that completed a message';
