-- Buckets of a signal from its rollups where they say the same as the frames; what was harvested where. Runs with
-- search_path = pg_catalog.

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
  id int := furrow.equipment_id(equipment);
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
