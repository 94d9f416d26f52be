-- What signals there are, by version, and SQL that reads them from both tiers. Runs with search_path = pg_catalog.

create table furrow.definition_set (
  version int primary key,
  farm_id int references furrow.farm,
  equipment_id int references furrow.equipment,
  name text not null,
  sha256 text not null,
  loaded_at timestamptz not null default now(),
  check (num_nonnulls(farm_id, equipment_id) <= 1)
);
comment on table furrow.definition_set is 'a DBC file as it was loaded: for a farm, for an equipment, or (both null) for all; nothing updates it';

create table furrow.definition_message (
  version int not null references furrow.definition_set,
  message int not null,
  name text not null,
  id bigint not null,
  extended boolean not null,
  pgn int,
  length int not null,
  other_sources int[],
  other_ids bigint[] not null,
  primary key (version, message)
);
comment on column furrow.definition_message.pgn is 'frames of this parameter group are matched; null: the identifier itself';
comment on column furrow.definition_message.other_sources is 'source addresses for which another message of the group stands; null: only its own address is matched';
comment on column furrow.definition_message.other_ids is 'identifiers of the group for which another message stands';

create table furrow.definition_signal (
  version int not null,
  message int not null,
  signal int not null,
  name text not null,
  unit text not null,
  lsb_byte int not null,
  byte_step int not null check (byte_step in (1, -1)),
  bytes int not null check (bytes between 1 and 9),
  shift int not null check (shift between 0 and 7),
  length int not null check (length between 1 and 64),
  is_signed boolean not null,
  is_float boolean not null,
  scale float8 not null,
  "offset" float8 not null,
  valid_max bigint,
  parent int,
  parent_low bigint[] not null,
  parent_high bigint[] not null,
  primary key (version, message, signal),
  foreign key (version, message) references furrow.definition_message
);
create index definition_signal_name on furrow.definition_signal (name);
comment on column furrow.definition_signal.lsb_byte is 'byte of the payload with the lowest bits; the next ones follow it by byte_step (1 Intel, -1 Motorola)';
comment on column furrow.definition_signal.valid_max is 'raw values above it say that there is no value (not available, error ...); null: every one is a value';
comment on column furrow.definition_signal.parent is 'the signal stands only in frames where this one is between parent_low and parent_high';

-- IEEE 754 by its bits.
create function furrow.float_of(raw bigint, length int) returns float8
language sql immutable parallel safe as $$
  select case when length = 16 then
      case when raw >> 10 & 31 = 31 then case when raw & 1023 <> 0 then 'NaN'::float8 when raw & 32768 <> 0 then '-Infinity'::float8 else 'Infinity'::float8 end
           else case when raw & 32768 <> 0 then -1 else 1 end
                * case when raw >> 10 & 31 = 0 then (raw & 1023) * power(2::float8, -24) else (1024 + (raw & 1023)) * power(2::float8, (raw >> 10 & 31) - 25) end end
    when length = 32 then
      case when raw >> 23 & 255 = 255 then case when raw & 8388607 <> 0 then 'NaN'::float8 when raw & 2147483648 <> 0 then '-Infinity'::float8 else 'Infinity'::float8 end
           else case when raw & 2147483648 <> 0 then -1 else 1 end
                * case when raw >> 23 & 255 = 0 then (raw & 8388607) * power(2::float8, -149) else (8388608 + (raw & 8388607)) * power(2::float8, (raw >> 23 & 255) - 150) end end
    else
      case when raw >> 52 & 2047 = 2047 then case when raw & 4503599627370495 <> 0 then 'NaN'::float8 when raw < 0 then '-Infinity'::float8 else 'Infinity'::float8 end
           else case when raw < 0 then -1 else 1 end
                * case when raw >> 52 & 2047 = 0 then (raw & 4503599627370495) * power(2::float8, -1074) else (4503599627370496 + (raw & 4503599627370495)) * power(2::float8, (raw >> 52 & 2047) - 1075) end end
    end
$$;

-- SQL for the raw bits of a signal, from SQL for byte n of a frame in which %s stands for n.
create function furrow.raw_sql(s furrow.definition_signal, byte_sql text) returns text
language plpgsql immutable as $$
declare
  word text;
  wide boolean := s.bytes > 3;
  raw text;
begin
  -- | and << bind alike, from left to right
  select string_agg('(' || replace(byte_sql, '%s', (s.lsb_byte + s.byte_step * k)::text) || case when wide then '::bigint' else '' end
                    || case when k > 0 then ' << ' || 8 * k else '' end || ')', ' | ' order by k)
    into word from generate_series(0, least(s.bytes, 8) - 1) k;
  raw := '(' || word || ')';
  if s.bytes = 9 then
    raw := format('((%s >> %s & %s) | (%s::bigint << %s))', raw, s.shift, ~(-1::bigint << (64 - s.shift)),
                  replace(byte_sql, '%s', (s.lsb_byte + s.byte_step * 8)::text), 64 - s.shift);
  elsif s.shift > 0 then
    raw := format('(%s >> %s)', raw, s.shift);
  end if;
  if s.length < 64 and (s.shift + s.length) % 8 <> 0 then
    raw := format('(%s & %s)', raw, ~(-1::bigint << s.length));
  elsif s.length < 64 and s.shift > 0 and s.bytes = 8 then
    raw := format('(%s & %s)', raw, ~(-1::bigint << s.length)); -- >> has brought the sign down
  end if;
  raw := raw || '::bigint';
  if s.is_signed and not s.is_float and s.length < 64 then
    raw := format('(%s << %s >> %s)', raw, 64 - s.length, 64 - s.length);
  end if;
  return raw;
end $$;

-- SQL for "the signal is there", as to its selectors; the longest payload that it asks for comes back in last_byte.
create function furrow.present_sql(s furrow.definition_signal, byte_sql text, inout last_byte int, out condition text)
language plpgsql stable as $$
declare
  p furrow.definition_signal;
  above record;
begin
  last_byte := greatest(last_byte, s.lsb_byte, s.lsb_byte + s.byte_step * (s.bytes - 1));
  if s.parent is null then
    condition := 'true';
    return;
  end if;
  select * into p from furrow.definition_signal d where (d.version, d.message, d.signal) = (s.version, s.message, s.parent);
  if not found then
    condition := 'false';
    return;
  end if;
  select string_agg(format('%s between %s and %s', furrow.raw_sql(p, byte_sql), r.low, r.high), ' or ') into condition
  from unnest(s.parent_low, s.parent_high) r(low, high);
  select * into above from furrow.present_sql(p, byte_sql, last_byte);
  last_byte := above.last_byte;
  condition := format('(%s) and %s', coalesce(condition, 'false'), above.condition);
end $$;

-- 'Message.Signal', or 'Signal' where only one message has it. Of what holds for an equipment the closest set that knows the
-- signal is taken (its own, its farm's, for all), the newest first; or the version asked for.
create function furrow.find_signal(equipment_id int, signal text, version int) returns furrow.definition_signal
language plpgsql stable as $$
declare
  farm int;
  found_in int;
  hits int;
  out furrow.definition_signal;
begin
  select e.farm_id into farm from furrow.equipment e where e.id = find_signal.equipment_id;
  select d.version into found_in
  from furrow.definition_set d
  where (find_signal.version is null or d.version = find_signal.version)
    and (d.farm_id is null or d.farm_id = farm) and (d.equipment_id is null or d.equipment_id = find_signal.equipment_id)
    and exists (select from furrow.definition_signal s join furrow.definition_message m using (version, message)
                where s.version = d.version and find_signal.signal in (m.name || '.' || s.name, s.name))
  order by (d.equipment_id is not null) desc, (d.farm_id is not null) desc, d.version desc limit 1;
  if found_in is null then
    raise exception using errcode = 'no_data_found', message = format('no signal %s%s for this equipment', signal,
      case when version is null then '' else ' in version ' || version end),
      hint = 'furrow.definition_signal has those that are known; `furrow dbc load` loads more';
  end if;
  select count(*) into hits
  from furrow.definition_signal s join furrow.definition_message m using (version, message)
  where s.version = found_in and find_signal.signal in (m.name || '.' || s.name, s.name);
  if hits > 1 then
    raise exception using errcode = 'too_many_rows', message = format('more than one message has a signal %s: write Message.%s', signal, signal);
  end if;
  select s.* into out
  from furrow.definition_signal s join furrow.definition_message m using (version, message)
  where s.version = found_in and find_signal.signal in (m.name || '.' || s.name, s.name);
  return out;
end $$;

-- Where in a segment's data the plane of each byte begins, as columns at_0, at_1 ...
create function furrow.plane_sql(plane_sql text, last_byte int) returns text
language sql immutable as $$
  select string_agg(replace(plane_sql, '%s', n::text) || ' as at_' || n, ', ' order by n) from generate_series(0, last_byte) n
$$;

-- How messages of a group travel: can/transport/fast_packet.cpp says the same.
create function furrow.packet_type(pgn int) returns text
language sql immutable parallel safe as $$
  select case
    when pgn = 126720 or pgn between 130816 and 131071 then 'proprietary'
    when pgn in (126208, 126464) or '{[126983,126988],[126996,126996],[126998,126998],[127233,127233],[127237,127237],[127489,127491],
      [127494,127498],[127503,127504],[127506,127507],[127509,127514],[128275,128275],[128520,128520],[128538,128538],[129029,129029],
      [129038,129041],[129044,129045],[129284,129285],[129301,129302],[129538,129538],[129540,129542],[129545,129545],[129547,129547],
      [129549,129549],[129551,129551],[129556,129556],[129792,129816],[130052,130054],[130060,130061],[130064,130074],[130320,130324],
      [130329,130330],[130561,130575],[130577,130578],[130580,130581],[130583,130584],[130586,130586]}'::int4multirange @> pgn then 'fast'
    else 'single' end
$$;
comment on function furrow.packet_type is 'single, fast (packets of NMEA 2000), or proprietary: fast from a marine device, single from a tractor''s';

create type furrow.message as (
  "time" timestamptz, bus smallint, source smallint, destination smallint, priority smallint, pgn int, transport text, payload bytea
);

-- Whether messages of a group may come in several frames: those that are longer than one, all of NMEA 2000's fast packets, and
-- the lists of faults of J1939-73 (DM1, DM2, DM6, DM12, DM23, DM27, DM28), which a definition gives with one fault.
create function furrow.comes_in_several(pgn int, length int) returns boolean
language sql immutable parallel safe as $$
  select pgn is not null and pgn not in (60416, 60160, 51200, 50944)
     and (length > 8 or furrow.packet_type(pgn) <> 'single' or pgn in (65226, 65227, 65231, 65236, 64949, 64898, 64896))
$$;

create function furrow.identifier_of(message furrow.message) returns bigint
language sql immutable parallel safe as $$
  select (message.priority::bigint << 26) | (message.pgn << 8) | message.source
       | case when message.pgn >> 8 & 255 < 240 then message.destination << 8 else 0 end
$$;

-- The SELECT of (time, value) of a signal, written out for this one signal: constants instead of looks at its definition for
-- each frame. $1 equipment, $2 from, $3 to.
create function furrow.signal_sql(equipment_id int, signal text, version int) returns text
language plpgsql stable as $$
declare
  s furrow.definition_signal := furrow.find_signal(equipment_id, signal, version);
  m furrow.definition_message;
  matches text;
  channel int;
  sealed_byte constant text := 'get_byte(d.data, d.at_%s + g.i)';
  fresh_byte constant text := '(case when %s < 8 and h.header >> 40 & 4095 <= 8 then (f.payload >> 8 * %s & 255)::int else get_byte(d.long_payload, f.payload::int + %s) end)';
  whole_byte constant text := 'get_byte(m.payload, %s)';
  sealed record;
  fresh record;
  value text;
  several text := '';
begin
  select * into m from furrow.definition_message d where (d.version, d.message) = (s.version, s.message);
  if m.pgn is null then
    matches := format('header & 4294967295 = %s and header >> 56 & 3 <> 2', m.id + case when m.extended then 2147483648 else 0 end);
    channel := case when not m.extended then 262144 + m.id::int
                    when m.id >> 16 & 255 < 240 then (m.id >> 8 & x'3FF00'::bigint)::int else (m.id >> 8 & x'3FFFF'::bigint)::int end;
  else
    matches := format('header & 3758096384 = 2147483648 and header >> 56 & 3 <> 2 and case when header >> 16 & 255 < 240 then header >> 8 & 261888 else header >> 8 & 262143 end = %s', m.pgn)
      || case when m.other_sources is null then format(' and header & 255 = %s', m.id & 255)
              when cardinality(m.other_sources) > 0 then format(' and not (header & 255)::int = any (%L::int[])', m.other_sources) else '' end
      || case when cardinality(m.other_ids) > 0 then format(' and not header & 536870911 = any (%L::bigint[])', m.other_ids) else '' end;
    channel := m.pgn;
  end if;
  select * into sealed from furrow.present_sql(s, sealed_byte, 0);
  select * into fresh from furrow.present_sql(s, fresh_byte, 0);
  if furrow.comes_in_several(m.pgn, m.length) then
    -- A frame of a group that travels as fast packets is no message by itself, but for an FD frame.
    if furrow.packet_type(m.pgn) <> 'single' then
      matches := matches || ' and header >> 56 & 3 = 1';
    end if;
    several := format($q$
    union all
      select m.time, %s
      from furrow.assembled($1, $2, $3, %s) m
      where %s and case when length(m.payload) > %s then %s else false end$q$,
      furrow.raw_sql(s, whole_byte), m.pgn,
      case when m.other_sources is null then format('m.source = %s', m.id & 255)
           else format('not m.source = any (%L::int[])', m.other_sources) end
        || case when cardinality(m.other_ids) = 0 then ''
                else format(' and not (m.transport in (''single'', ''fast'') and furrow.identifier_of(m) = any (%L::bigint[]))', m.other_ids) end,
      sealed.last_byte, (furrow.present_sql(s, whole_byte, 0)).condition);
  end if;
  value := case when s.is_float then format('nullif(furrow.float_of(x.raw, %s), ''NaN'')', s.length)
                when s.length = 64 and not s.is_signed then '(case when x.raw < 0 then x.raw + 18446744073709551616 else x.raw end)::float8'
                else 'x.raw::float8' end
           || case when s.scale = 1 then '' else format(' * %s::float8', quote_literal(s.scale)) end
           || case when s."offset" = 0 and s.scale > 0 then '' else format(' + %s::float8', quote_literal(s."offset")) end;
  if s.valid_max is not null then
    value := format('case when x.raw <= %s%s then %s end', s.valid_max,
                    case when s.length = 64 and not s.is_signed then ' or x.raw >= 0' else '' end, value);
  end if;
  -- Three sources under one roof: segments of one header that lie between the two times, other segments, fresh blocks. The first
  -- has most of what there is and is written for speed: what is the same for a segment is worked out once for it, in d; no time is
  -- looked at again; seconds as float8 are exact to the microsecond for the times that it takes, and faster than an interval added.
  return format($q$
    select x.time, %1$s as value from (
      select to_timestamp((d.time_anchors[(g.i >> 7) + 1] + (g.i & 127) * d.time_step + get_byte(d.data, g.i)
                           + ((get_byte(d.data, d.high_at + g.i) << 8) & d.high_mask)) / 1000000::float8) as time,
             %2$s as raw
      from furrow.can_chunk c
      join furrow.can_segment b on b.stream = c.stream and b.chunk = c.seq_first
      cross join lateral (
        select b.data || ''::bytea as data, b.time_step,
               (select array_agg((extract(epoch from b.time_base) * 1000000)::bigint + a.anchor order by a.n)
                from unnest(b.time_anchors) with ordinality a(anchor, n)) as time_anchors,
               (b.time_planes - 1) * b.frames as high_at, case b.time_planes when 2 then 65280 else 0 end as high_mask, %9$s offset 0
      ) d
      cross join generate_series(0, b.frames - 1) g(i)
      where c.equipment_id = $1 and c.time_first >= $2 - interval '26 hours' and c.time_first <= $3 and c.time_last >= $2
        and b.time_first >= $2 and b.time_first <= $3 and b.time_last <= $3
        and b.channel = %4$s and b.payload_planes > %5$s and b.time_planes <= 2 and b.time_base between %11$s
        and (select b.header >> 40 & 4095 > %5$s and %3$s from (select b.header as header) u) and %6$s
    union all
     select y.time, y.raw from (
      select b.time_base + (d.time_anchors[(g.i >> 7) + 1] + (g.i & 127) * d.time_step + get_byte(d.data, d.time_at + g.i)
                + case when d.time_planes > 1 then get_byte(d.data, d.time_at + d.frames + g.i) << 8 else 0 end
                + case when d.time_planes > 2 then get_byte(d.data, d.time_at + 2 * d.frames + g.i) << 16 else 0 end
                + case when d.time_planes > 3 then (get_byte(d.data, d.time_at + 3 * d.frames + g.i)::bigint << 24)
                    + case when d.time_planes > 4 then get_byte(d.data, d.time_at + 4 * d.frames + g.i)::bigint << 32 else 0 end
                  else 0 end) * interval '1 microsecond' as time,
             %2$s as raw
      from furrow.can_chunk c
      join furrow.can_segment b on b.stream = c.stream and b.chunk = c.seq_first
      cross join lateral (
        select b.data || ''::bytea as data, b.time_anchors || '{}'::bigint[] as time_anchors,
               coalesce(b.headers, array[b.header]) as headers, b.frames, b.time_planes::int as time_planes, b.time_step,
               case when b.headers is null then 0 else b.frames end as time_at, %10$s offset 0
      ) d
      cross join generate_series(0, b.frames - 1) g(i)
      where c.equipment_id = $1 and c.time_first >= $2 - interval '26 hours' and c.time_first <= $3 and c.time_last >= $2
        and b.time_first >= $2 - interval '26 hours' and b.time_first <= $3 and b.time_last >= $2
        and b.channel = any (array[%4$s, -1]) and b.payload_planes > %5$s
        and (b.time_first < $2 or b.time_last > $3 or b.time_planes > 2 or b.header is null or b.time_base not between %11$s)
        and exists (select from unnest(coalesce(b.headers, array[b.header])) u(header) where %3$s)
        and (select u.header >> 40 & 4095 > %5$s and %3$s
             from (select d.headers[case when b.header is null then get_byte(d.data, g.i) else 0 end + 1] as header) u)
        and %6$s
    union all
      select b.time_base + f.time_offset * interval '1 microsecond', %7$s
      from furrow.can_block b
      cross join lateral (select b.headers || '{}'::bigint[] as headers, b.long_payload || ''::bytea as long_payload offset 0) d
      cross join lateral unnest(b.header_index, b.time_offset, b.payload) f(header_index, time_offset, payload)
      cross join lateral (select d.headers[f.header_index + 1] as header) h
      where b.equipment_id = $1 and b.time_first >= $2 - interval '72 minutes' and b.time_first <= $3 and b.time_last >= $2
        and exists (select from unnest(b.headers) u(header) where %3$s)
        and (select u.header >> 40 & 4095 > %5$s and %3$s from (select h.header as header) u)
        and case when h.header >> 40 & 4095 > %5$s then %8$s else false end
     offset 0) y where y.time between $2 and $3%12$s
    offset 0) x $q$,
    value, furrow.raw_sql(s, sealed_byte), matches, channel, sealed.last_byte, sealed.condition,
    furrow.raw_sql(s, fresh_byte), fresh.condition, furrow.plane_sql('b.frames * (b.time_planes + b.seq_planes + %s)', sealed.last_byte),
    furrow.plane_sql('b.frames * (b.time_planes + b.seq_planes + (b.headers is not null)::int + %s)', sealed.last_byte),
    quote_literal('1970-01-01 00:00:00+00') || ' and ' || quote_literal('2099-01-01 00:00:00+00'), several);
end $$;

-- The equipment, when what is asked of it has an answer.
create function furrow.asked(equipment text, signal text, "from" timestamptz, "to" timestamptz, bucket interval default '1 second')
returns text
language plpgsql stable as $$
begin
  if equipment is null or signal is null or "from" is null or "to" is null or bucket is null then
    raise exception using errcode = 'invalid_parameter_value',
      message = format('the %s is null', case when equipment is null then 'equipment' when signal is null then 'name of the signal'
                                              when "from" is null then 'first time' when "to" is null then 'last time' else 'bucket' end),
      hint = 'Times without an end are ''-infinity'' and ''infinity''.';
  elsif bucket <= interval '0' or extract(year from bucket) <> 0 or extract(month from bucket) <> 0 then
    raise exception using errcode = 'invalid_parameter_value', message = format('a bucket of %s is not possible', bucket),
      hint = 'It is longer than nothing, of days, hours, minutes or seconds: ''1 minute'', ''30 days''.';
  end if;
  return equipment;
end $$;

create function furrow.signal(equipment text, signal text, "from" timestamptz, "to" timestamptz, version int default null)
returns table ("time" timestamptz, value float8)
language plpgsql stable rows 100000 set jit = off as $$ -- compiling takes longer than the answer
declare
  id int := furrow.equipment_id(furrow.asked(equipment, signal, "from", "to"));
begin
  return query execute furrow.signal_sql(id, signal, version) using id, "from", "to";
end $$;
comment on function furrow.signal is
  'values of a signal (''Message.Signal'', or ''Signal'' where one message has it) between two times, both included; NULL: said to be no value';

create function furrow.signal_bucket(equipment text, signal text, "from" timestamptz, "to" timestamptz, bucket interval,
                                     version int default null)
returns table ("time" timestamptz, count bigint, min float8, max float8, mean float8, last float8)
language plpgsql stable rows 1000 set jit = off as $$
declare
  id int := furrow.equipment_id(furrow.asked(equipment, signal, "from", "to", bucket));
begin
  return query execute format(
    'select date_bin($4, v.time, timestamptz ''2000-01-01 00:00:00+00''), count(*), min(v.value), max(v.value), avg(v.value), '
    '(max(array[date_part(''epoch'', v.time), v.value]))[2] from (%s) v where v.value is not null group by 1 order by 1',
    furrow.signal_sql(id, signal, version)) using id, "from", "to", bucket;
end $$;
comment on function furrow.signal_bucket is 'count, least, greatest, mean and last value by buckets of time; buckets without a value are left out';

-- Positions as they were sent: NMEA 2000 129025 and J1939 65267, both single frames.
create function furrow.position_track(equipment text, "from" timestamptz, "to" timestamptz)
returns table ("time" timestamptz, latitude float8, longitude float8)
language sql stable rows 10000 as $$
  select p.time, p.latitude * 1e-7, p.longitude * 1e-7
  from (
    select f.time,
           get_byte(f.payload, 0) | (get_byte(f.payload, 1) << 8) | (get_byte(f.payload, 2) << 16) | (get_byte(f.payload, 3) << 24),
           get_byte(f.payload, 4) | (get_byte(f.payload, 5) << 8) | (get_byte(f.payload, 6) << 16) | (get_byte(f.payload, 7) << 24)
    from furrow.frames(position_track.equipment, position_track."from", position_track."to", pgn => 129025) f
    where length(f.payload) = 8
  ) p(time, latitude, longitude)
  where p.latitude <= 2147483644 and p.longitude <= 2147483644
  union all
  select p.time, p.latitude * 1e-7 - 210, p.longitude * 1e-7 - 210
  from (
    select f.time,
           get_byte(f.payload, 0) | (get_byte(f.payload, 1) << 8) | (get_byte(f.payload, 2) << 16) | (get_byte(f.payload, 3)::bigint << 24),
           get_byte(f.payload, 4) | (get_byte(f.payload, 5) << 8) | (get_byte(f.payload, 6) << 16) | (get_byte(f.payload, 7)::bigint << 24)
    from furrow.frames(position_track.equipment, position_track."from", position_track."to", pgn => 65267) f
    where length(f.payload) = 8
  ) p(time, latitude, longitude)
  where p.latitude <= 4211081215 and p.longitude <= 4211081215
$$;
comment on function furrow.position_track is 'where an equipment said that it was, in degrees; positions that are not available are left out';

create view furrow.sealing as
select c.sealed_at as "time", f.name as farm, e.name as equipment, c.stream, c.time_first, c.time_last, c.frames,
       (select sum(pg_column_size(s.*)) from furrow.can_segment s where s.stream = c.stream and s.chunk = c.seq_first) as bytes
from furrow.can_chunk c join furrow.equipment e on e.id = c.equipment_id join furrow.farm f on f.id = e.farm_id;
comment on view furrow.sealing is 'chunks by the time of their sealing; bytes as stored, without indexes';

-- Roles belong to the whole server: made here where that is allowed, else by whoever may.
create function furrow.make_roles() returns void
language plpgsql as $$
declare
  wanted text;
begin
  foreach wanted in array array['furrow_reader', 'furrow_writer'] loop
    if to_regrole(wanted) is null then
      begin
        execute format('create role %I nologin', wanted);
      exception when duplicate_object or unique_violation then
        null; -- another database of this server was quicker
      end;
    end if;
  end loop;
  grant usage on schema furrow to furrow_reader, furrow_writer;
  grant select on all tables in schema furrow to furrow_reader, furrow_writer;
  alter default privileges in schema furrow grant select on tables to furrow_reader, furrow_writer;
  grant insert, update, delete on all tables in schema furrow to furrow_writer;
  alter default privileges in schema furrow grant insert, update, delete on tables to furrow_writer;
  revoke insert, update, delete on furrow.migration from furrow_writer;
  grant usage on all sequences in schema furrow to furrow_writer;
  alter default privileges in schema furrow grant usage on sequences to furrow_writer;
  foreach wanted in array array['furrow."user"', 'furrow.token'] loop -- of a later step, which hides them too
    if to_regclass(wanted) is not null then
      execute format('revoke all on %s from furrow_reader', wanted);
    end if;
  end loop;
end $$;
comment on function furrow.make_roles is 'furrow_reader reads all but logins and tokens, furrow_writer writes and changes no table; grant them to those who log in';
do $$ begin
  perform furrow.make_roles();
exception when insufficient_privilege then
  raise notice 'roles are not made: select furrow.make_roles() as one who may create roles';
end $$;
