-- Messages of several frames are never mixed from two. Runs with search_path = pg_catalog.

-- TP and ETP, by the rules of can/transport/transport.hpp. A conversation (bus, sender, receiver, kind) is read from end to end before
-- the next one, so that no more than one message is held, whatever the time asked for. What began before it is looked for as long as
-- a message may take: 255 packets 1.25 s apart, an hour of ETP.
-- role: 1 announced, 2 cleared to send, 3 data packet offset, 4 acknowledged, 5 aborted, 6 data. kind: 1 bam, 2 rts, 3 etp.
create or replace function furrow.transported(equipment_id int, "from" timestamptz, "to" timestamptz, pgn int) returns setof furrow.message
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
  size int;
  next_packet int;
  due int; -- the packet that has to come next; null: none until the receiver asks again
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
      due := 0;
      base := 0;
      offered := 0;
      pieces := '{}';
    elsif not is_open then
      null; -- of a conversation that began before the log, that was refused, or that is over
    elsif f.role = 6 then
      continue when f.kind = 3 and f.number > offered;
      packet := base + f.number - 1;
      size := greatest(0, least(7, bytes - 7 * packet));
      if delivered then
        last_at := f.time;
        continue;
      end if;
      continue when due is null;
      if packet <> due then
        -- A double of the last one, or a packet of another message, or one after a gap.
        continue when packet + 1 = due and substring(f.payload from 2 for size) = pieces[packet + 1];
        due := null;
        is_open := f.kind <> 1;
        continue;
      end if;
      last_at := f.time;
      continue when packet >= packets or packet >= next_packet + 256 or length(f.payload) <= size;
      pieces[packet + 1] := substring(f.payload from 2 for size);
      due := packet + 1;
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
      if f.kind = 2 and get_byte(f.payload, 1) <> 0 and get_byte(f.payload, 2) <> 0 then
        due := get_byte(f.payload, 2) - 1;
      end if;
    elsif f.about = about and f.role = 3 then
      last_at := f.time;
      offered := get_byte(f.payload, 1);
      base := f.number;
      due := base;
    elsif f.about = about then
      is_open := false;
    end if;
  end loop;
end $$;

-- Fast packets of these groups, by the rules of can/transport/transport.hpp: one sender, group and counter after the other. Of the
-- manufacturers' own groups those that are single frames come too. What is said of a bus is looked for a day before the time.
create or replace function furrow.fast_packets(equipment_id int, "from" timestamptz, "to" timestamptz, groups int[]) returns setof furrow.message
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
      elsif is_open and (f.time > last_at + interval '750 milliseconds' or f.time < last_at - interval '750 milliseconds') then
        is_open := false;
      end if;
      packet := get_byte(f.payload, 0) & 31;
      said := get_byte(f.payload, 1);
      skip := case packet when 0 then 2 else 1 end;
      if packet = 0 then
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
