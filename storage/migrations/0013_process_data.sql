-- Process data of ISO 11783-10 by element and DDI. Runs with search_path = pg_catalog.

create table furrow.ddi (
  ddi int primary key,
  name text not null,
  unit text not null,
  scale float8 not null
);
comment on table furrow.ddi is 'values of process data, as can/isobus/ddi.cpp has them: number * scale is in unit; others have the factor 1 and no unit';

-- Consecutive DDIs measure one quantity. A letter gives the role of each: s setpoint, a actual, d default, n minimum, x maximum, - none.
-- A, S and C are sixteen DDIs with the states of sixteen sections each: actual, setpoint, neither.
insert into furrow.ddi (ddi, name, unit, scale)
select r.first + l.at - 1,
       case l.letter when 's' then 'setpoint ' when 'S' then 'setpoint ' when 'a' then 'actual ' when 'A' then 'actual ' when 'd' then 'default '
                     when 'n' then 'minimum ' when 'x' then 'maximum ' else '' end || r.quantity
       || case when r.roles in ('A', 'S', 'C') then format(' %s-%s', 16 * l.at - 15, 16 * l.at) else '' end,
       r.unit, r.scale
from (values
  (1, 'sadnx', 'volume per area application rate', 'mm³/m²', 0.01), (6, 'sadnx', 'mass per area application rate', 'mg/m²', 1),
  (11, 'sadnx', 'count per area application rate', '1/m²', 0.001), (16, 'sadnx', 'spacing application rate', 'mm', 1),
  (21, 'sadnx', 'volume per volume application rate', 'mm³/m³', 1), (26, 'sadnx', 'mass per mass application rate', 'mg/kg', 1),
  (31, 'sadnx', 'volume per mass application rate', 'mm³/kg', 1), (36, 'sadnx', 'volume per time application rate', 'mm³/s', 1),
  (41, 'sadnx', 'mass per time application rate', 'mg/s', 1), (46, 'sadnx', 'count per time application rate', '1/s', 0.001),
  (51, 'sadnx', 'tillage depth', 'mm', 1), (56, 'sadnx', 'seeding depth', 'mm', 1), (61, 'sadnx', 'working height', 'mm', 1),
  (66, 'sadnx', 'working width', 'mm', 1), (71, 'sax', 'volume content', 'ml', 1), (74, 'sax', 'mass content', 'g', 1),
  (77, 'sax', 'count content', '', 1), (80, '-', 'application total volume', 'L', 1),
  (81, '-', 'application total mass', 'kg', 1), (82, '-', 'application total count', '', 1),
  (83, '-', 'volume per area yield', 'ml/m²', 1), (84, '-', 'mass per area yield', 'mg/m²', 1),
  (85, '-', 'count per area yield', '1/m²', 0.001), (86, '-', 'volume per time yield', 'ml/s', 1),
  (87, '-', 'mass per time yield', 'mg/s', 1), (88, '-', 'count per time yield', '1/s', 0.001),
  (89, '-', 'yield total volume', 'L', 1), (90, '-', 'yield total mass', 'kg', 1), (91, '-', 'yield total count', '', 1),
  (92, '-', 'volume per area crop loss', 'ml/m²', 1), (93, '-', 'mass per area crop loss', 'mg/m²', 1),
  (94, '-', 'count per area crop loss', '1/m²', 0.001), (95, '-', 'volume per time crop loss', 'ml/s', 1),
  (96, '-', 'mass per time crop loss', 'mg/s', 1), (97, '-', 'count per time crop loss', '1/s', 0.001),
  (98, '-', 'percentage crop loss', 'ppm', 1), (99, '-', 'crop moisture', 'ppm', 1), (100, '-', 'crop contamination', 'ppm', 1),
  (101, 'sadnx', 'bale width', 'mm', 1), (106, 'sadnx', 'bale height', 'mm', 1), (111, 'sadnx', 'bale size', 'mm', 1),
  (116, '-', 'total area', 'm²', 1), (117, '-', 'effective total distance', 'mm', 1),
  (118, '-', 'ineffective total distance', 'mm', 1), (119, '-', 'effective total time', 's', 1),
  (120, '-', 'ineffective total time', 's', 1), (121, '-', 'product density mass per volume', 'mg/l', 1),
  (122, '-', 'product density mass per 1000', 'mg', 1), (123, '-', 'product density volume per 1000', 'ml', 1),
  (134, '-', 'device element offset x', 'mm', 1), (135, '-', 'device element offset y', 'mm', 1),
  (136, '-', 'device element offset z', 'mm', 1), (140, 's', 'percentage application rate', 'ppm', 1),
  (141, 'a', 'work state', '', 1), (142, '-', 'setpoint time latency', 'ms', 1),
  (143, '-', 'actual value time latency', 'ms', 1), (144, '-', 'yaw angle', '°', 0.001), (145, '-', 'roll angle', '°', 0.001),
  (146, '-', 'pitch angle', '°', 0.001), (147, '-', 'log count', '', 1), (148, '-', 'total fuel consumption', 'ml', 1),
  (149, '-', 'fuel consumption per time', 'mm³/s', 1), (150, '-', 'fuel consumption per area', 'mm³/m²', 1),
  (151, '-', 'area per time capacity', 'mm²/s', 1), (153, 'a', 'normalized difference vegetative index', '', 0.001),
  (154, '-', 'object length', 'mm', 1), (155, '-', 'object width', 'mm', 1), (156, '-', 'object height', 'mm', 1),
  (157, '-', 'connector type', '', 1), (158, '-', 'prescription control state', '', 1),
  (159, '-', 'sub-units per section', '', 1), (160, '-', 'section control state', '', 1),
  (161, 'A', 'condensed work state', '', 1), (177, 'a', 'length of cut', 'mm', 0.001),
  (178, '-', 'element type instance', '', 1), (179, 'a', 'cultural practice', '', 1),
  (180, '-', 'reference point height above ground', 'mm', 1), (181, '-', 'dry mass per area yield', 'mg/m²', 1),
  (182, '-', 'dry mass per time yield', 'mg/s', 1), (183, '-', 'yield total dry mass', 'kg', 1),
  (184, '-', 'reference moisture for dry mass', 'ppm', 1), (185, '-', 'seed cotton mass per area yield', 'mg/m²', 1),
  (186, '-', 'lint cotton mass per area yield', 'mg/m²', 1), (187, '-', 'seed cotton mass per time yield', 'mg/s', 1),
  (188, '-', 'lint cotton mass per time yield', 'mg/s', 1), (189, '-', 'yield total seed cotton mass', 'kg', 1),
  (190, '-', 'yield total lint cotton mass', 'kg', 1), (191, '-', 'lint turnout percentage', 'ppm', 1),
  (192, '-', 'ambient temperature', 'mK', 1), (193, 'sanx', 'product pressure', 'Pa', 0.1),
  (197, 'sanx', 'pump output pressure', 'Pa', 0.1), (201, 'sanx', 'tank agitation pressure', 'Pa', 0.1),
  (205, '-', 'section turn-on time', 'ms', 1), (206, '-', 'section turn-off time', 'ms', 1), (207, '-', 'wind speed', 'mm/s', 1),
  (208, '-', 'wind direction', '°', 1), (209, '-', 'relative humidity', '%', 1), (210, '-', 'sky conditions', '', 1),
  (212, '-', 'last bale average moisture', 'ppm', 1), (214, '-', 'lifetime bale count', '', 1),
  (215, '-', 'lifetime working hours', 'h', 0.05), (216, 'a', 'bale hydraulic pressure', 'Pa', 1),
  (217, '-', 'last bale average hydraulic pressure', 'Pa', 1), (218, 'sa', 'bale compression plunger load', 'ppm', 1),
  (220, '-', 'last bale average plunger load', 'ppm', 1), (221, '-', 'last bale applied preservative', 'ml', 1),
  (222, '-', 'last bale tag number', '', 1), (223, '-', 'last bale mass', 'g', 1), (224, '-', 'delta t', 'mK', 1),
  (225, 'sanx', 'working length', 'mm', 1), (229, 'a', 'net weight', 'g', 1), (230, '-', 'net weight state', '', 1),
  (231, 's', 'net weight', 'g', 1), (232, 'a', 'gross weight', 'g', 1), (233, '-', 'gross weight state', '', 1),
  (234, 'nx', 'gross weight', 'g', 1), (236, '-', 'thresher engagement total time', 's', 1),
  (237, '-', 'header working height status', '', 1), (238, '-', 'header rotational speed status', '', 1),
  (239, '-', 'yield hold status', '', 1), (240, '-', 'unloading system status', '', 1), (241, '-', 'crop temperature', 'mK', 1),
  (242, 'sanx', 'sieve clearance', 'mm', 1), (246, 'sanx', 'chaffer clearance', 'mm', 1),
  (250, 'sanx', 'concave clearance', 'mm', 1), (254, 'sanx', 'separation fan speed', '1/s', 0.001),
  (258, '-', 'hydraulic oil temperature', 'mK', 1), (259, '-', 'yield lag ignore time', 'ms', 1),
  (260, '-', 'yield lead ignore time', 'ms', 1), (261, '-', 'average yield mass per time', 'mg/s', 1),
  (262, '-', 'average crop moisture', 'ppm', 1), (263, '-', 'average yield mass per area', 'mg/m²', 1),
  (264, '-', 'connector pivot x offset', 'mm', 1), (265, '-', 'remaining area', 'm²', 1),
  (266, '-', 'lifetime application total mass', 'kg', 1), (267, '-', 'lifetime application total count', '', 1),
  (268, '-', 'lifetime yield total volume', 'L', 1), (269, '-', 'lifetime yield total mass', 'kg', 1),
  (270, '-', 'lifetime yield total count', '', 1), (271, '-', 'lifetime total area', 'm²', 1),
  (272, '-', 'lifetime effective total distance', 'm', 1), (273, '-', 'lifetime ineffective total distance', 'm', 1),
  (274, '-', 'lifetime effective total time', 's', 1), (275, '-', 'lifetime ineffective total time', 's', 1),
  (276, '-', 'lifetime fuel consumption', 'L', 0.5), (277, '-', 'lifetime average fuel consumption per time', 'mm³/s', 1),
  (278, '-', 'lifetime average fuel consumption per area', 'mm³/m²', 1), (279, '-', 'lifetime yield total dry mass', 'kg', 1),
  (280, '-', 'lifetime yield total seed cotton mass', 'kg', 1), (281, '-', 'lifetime yield total lint cotton mass', 'kg', 1),
  (282, '-', 'lifetime threshing engagement total time', 's', 1), (287, 'sa', 'prescription mode', '', 1),
  (289, 's', 'work state', '', 1), (290, 'S', 'condensed work state', '', 1),
  (306, '-', 'true rotation point x offset', 'mm', 1), (307, '-', 'true rotation point y offset', 'mm', 1),
  (308, 'anx', 'percentage application rate', 'ppm', 1), (311, '-', 'relative yield potential', 'ppm', 1),
  (312, 'nx', 'relative yield potential', 'ppm', 1), (314, 'a', 'percentage crop dry matter', 'ppm', 1),
  (315, '-', 'average percentage crop dry matter', 'ppm', 1), (316, '-', 'effective total fuel consumption', 'ml', 1),
  (317, '-', 'ineffective total fuel consumption', 'ml', 1), (318, '-', 'effective total exhaust fluid consumption', 'ml', 1),
  (319, '-', 'ineffective total exhaust fluid consumption', 'ml', 1), (320, '-', 'last loaded weight', 'g', 1),
  (321, '-', 'last unloaded weight', 'g', 1), (324, '-', 'chopper engagement total time', 's', 1),
  (325, '-', 'lifetime application total volume', 'L', 1), (326, 'sanx', 'header speed', '1/s', 0.001),
  (330, 'sanx', 'cutting drum speed', '1/s', 0.001), (334, '-', 'operating time since last sharpening', 's', 1),
  (335, '-', 'front PTO time', 's', 1), (336, '-', 'rear PTO time', 's', 1), (337, '-', 'lifetime front PTO hours', 'h', 0.1),
  (338, '-', 'lifetime rear PTO hours', 'h', 0.1), (339, '-', 'total loading time', 's', 1),
  (340, '-', 'total unloading time', 's', 1), (341, 'sanx', 'kernel cracker gap', 'mm', 0.001),
  (345, 'sanx', 'swathing width', 'mm', 1), (349, '-', 'nozzle drift reduction', 'ppm', 1),
  (351, '-', 'application total volume', 'ml', 1), (352, '-', 'application total mass', 'g', 1),
  (353, '-', 'total application of nitrogen', 'g', 1), (354, '-', 'total application of ammonium', 'g', 1),
  (355, '-', 'total application of phosphor', 'g', 1), (356, '-', 'total application of potassium', 'g', 1),
  (357, '-', 'total application of dry matter', 'kg', 1), (358, '-', 'average dry yield mass per time', 'mg/s', 1),
  (359, '-', 'average dry yield mass per area', 'mg/m²', 1), (360, '-', 'last bale size', 'mm', 1),
  (361, '-', 'last bale density', 'mg/l', 1), (362, '-', 'total bale length', 'mm', 1), (363, '-', 'last bale dry mass', 'g', 1),
  (364, 'a', 'flake size', 'mm', 1), (365, 'sa', 'downforce pressure', 'Pa', 1),
  (367, 'C', 'condensed section override state', '', 1), (383, '-', 'apparent wind direction', '°', 1),
  (384, '-', 'apparent wind speed', 'mm/s', 1), (385, '-', 'sea level atmospheric pressure', 'Pa', 0.1),
  (386, 'a', 'atmospheric pressure', 'Pa', 0.1), (389, 'sadnx', 'revolutions per time', 'r/min', 0.0001),
  (394, '-', 'fuel tank content', 'ml', 1), (395, '-', 'exhaust fluid tank content', 'ml', 1), (396, 'sanx', 'speed', 'mm/s', 1),
  (400, '-', 'speed source', '', 1), (401, 'a', 'application of nitrogen', 'mg/l', 1),
  (402, 'a', 'application of ammonium', 'mg/l', 1), (403, 'a', 'application of phosphor', 'mg/l', 1),
  (404, 'a', 'application of potassium', 'mg/l', 1), (405, 'a', 'application of dry matter', 'mg/l', 1),
  (406, 'a', 'protein content', 'ppm', 1), (407, '-', 'average protein content', 'ppm', 1),
  (408, '-', 'average crop contamination', 'ppm', 1), (409, '-', 'total exhaust fluid consumption', 'ml', 1),
  (410, '-', 'exhaust fluid consumption per time', 'mm³/s', 1), (411, '-', 'exhaust fluid consumption per area', 'mm³/m²', 1),
  (412, '-', 'lifetime exhaust fluid consumption', 'L', 0.5), (426, 'sa', 'downforce', 'N', 1),
  (428, '-', 'loaded total mass', 'kg', 1), (429, '-', 'unloaded total mass', 'kg', 1),
  (430, '-', 'lifetime loaded total mass', 'kg', 1), (431, '-', 'lifetime unloaded total mass', 'kg', 1),
  (432, 'sanx', 'application rate of nitrogen', 'mg/m²', 1), (436, 'sanx', 'application rate of ammonium', 'mg/m²', 1),
  (440, 'sanx', 'application rate of phosphor', 'mg/m²', 1), (444, 'sanx', 'application rate of potassium', 'mg/m²', 1),
  (448, 'sanx', 'application rate of dry matter', 'ppm', 1), (452, '-', 'loaded total volume', 'ml', 1),
  (453, '-', 'unloaded total volume', 'ml', 1), (466, '-', 'relative connector angle', '°', 0.001),
  (467, '-', 'percentage content', '%', 0.01), (472, 'snx', 'length of cut', 'mm', 0.001),
  (475, 'snx', 'bale hydraulic pressure', 'Pa', 1), (483, 'sanx', 'engine speed', 'r/min', 0.0001),
  (488, '-', 'exhaust fluid level', '%', 0.01), (489, '-', 'exhaust fluid tank capacity', 'ml', 1),
  (490, '-', 'fuel tank capacity', 'ml', 1), (491, '-', 'fuel level', '%', 0.01), (492, '-', 'total engine hours', 'h', 0.05),
  (493, '-', 'lifetime engine hours', 'h', 0.1), (501, 'sanx', 'engine torque', '%', 0.001), (509, '-', 'track number', '', 1),
  (512, '-', 'guidance line swath width', 'mm', 1), (513, '-', 'guidance line deviation', 'mm', 1),
  (514, '-', 'GNSS quality', '', 1), (515, '-', 'tramline control state', '', 1), (520, '-', 'canopy height', 'mm', 1),
  (526, '-', 'cooling fluid temperature', 'mK', 1), (529, 'sa', 'disc gang angle', '°', 0.001),
  (541, 'asdnx', 'PTO speed', 'r/min', 0.0001), (550, '-', 'ground cover', '%', 0.1),
  (551, 'asdnx', 'PTO torque', 'N·m', 0.0001), (578, 'sanxd', 'temperature', 'mK', 1),
  (588, 'sanxd', 'volume per area application rate', 'ml/m²', 0.1), (595, '-', 'machine mode', '', 1),
  (597, '-', 'total distance', 'mm', 1), (598, '-', 'lifetime total distance', 'm', 1),
  (633, 'sadnx', 'volume per distance application rate', 'ml/m', 0.001), (638, 'sadnx', 'tire pressure', 'Pa', 0.1),
  (643, '-', 'tire temperature', 'mK', 1), (655, '-', 'apparent soil conductivity', 'mS/m', 0.1),
  (658, '-', 'CO2 equivalent per area', 'mg/m²', 1), (664, '-', 'total CO2 equivalent', 'kg', 1),
  (666, '-', 'working direction', '', 1), (679, '-', 'crop contamination total mass', 'kg', 1)
) r(first, roles, quantity, unit, scale)
cross join lateral string_to_table(case when r.roles in ('A', 'S', 'C') then repeat(r.roles, 16) else r.roles end, null)
  with ordinality l(letter, at);

-- The SELECT of (time, value) of a signal 'PD.element_N.ddi_N', in the unit of its DDI, like furrow.signal_sql; null for another name.
-- Commands 3 (value) and 10 (set value and acknowledge) carry one. $1 equipment, $2 from, $3 to.
create function furrow.process_sql(signal text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  part int[] := regexp_match(signal, '^PD\.element_([0-9]{1,4})\.ddi_([0-9]{1,5})$')::int[];
begin
  if part is null or part[1] > 4095 or part[2] > 65535 then
    return null;
  end if;
  return format($q$
    select f.time, (((get_byte(f.payload, 4) | (get_byte(f.payload, 5) << 8) | (get_byte(f.payload, 6) << 16))::bigint
                     | (get_byte(f.payload, 7)::bigint << 24)) << 32 >> 32)::float8 * %s::float8 as value
    from furrow.header_frames($1, $2, $3, null, null, array[51968]) f
    where case when length(f.payload) = 8 then get_byte(f.payload, 0) in (%s, %s) and get_byte(f.payload, 1) = %s
                 and get_byte(f.payload, 2) = %s and get_byte(f.payload, 3) = %s else false end$q$,
    quote_literal(coalesce((select d.scale from furrow.ddi d where d.ddi = part[2]), 1)),
    (part[1] & 15) << 4 | 3, (part[1] & 15) << 4 | 10, part[1] >> 4, part[2] & 255, part[2] >> 8);
end $$;

create or replace function furrow.signal(equipment text, signal text, "from" timestamptz, "to" timestamptz, version int default null)
returns table ("time" timestamptz, value float8)
language plpgsql stable rows 100000 set search_path = pg_catalog, pg_temp set jit = off as $$ -- compiling takes longer than the answer
declare
  id int := furrow.equipment_id(furrow.asked(equipment, signal, "from", "to"));
begin
  return query execute coalesce(furrow.process_sql(signal), furrow.signal_sql(id, signal, version)) using id, "from", "to";
end $$;
comment on function furrow.signal is
  'values of a signal (''Message.Signal'', ''Signal'' where one message has it, or ''PD.element_N.ddi_N'') between two times, both included; NULL: said to be no value';

-- $1 equipment, $2 from, $3 to, $4 bucket, $5 signal, $6 low, $7 high: rollups between low and high, frames before and after. Process
-- data is read from frames alone: frames that were digested before this step have no rollups by element and DDI.
create or replace function furrow.signal_bucket(equipment text, signal text, "from" timestamptz, "to" timestamptz, bucket interval,
                                                version int default null)
returns table ("time" timestamptz, count bigint, min float8, max float8, mean float8, last float8)
language plpgsql stable rows 1000 set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  id int := furrow.equipment_id(furrow.asked(equipment, signal, "from", "to", bucket));
  s furrow.definition_signal;
  value_sql text := furrow.process_sql(signal);
  origin constant text := 'timestamptz ''2000-01-01 00:00:00+00''';
  number int;
  low timestamptz;
  high timestamptz;
  parts text[] := '{}';
  frames text;
begin
  if value_sql is null then
    s := furrow.find_signal(id, signal, version);
    value_sql := furrow.signal_sql(id, signal, version);
    select n.id into number from furrow.definition_message m join furrow.signal_name n on n.name = m.name || '.' || s.name
    where (m.version, m.message) = (s.version, s.message);
    select r.low, r.high into low, high from furrow.rolled_up(id, number, s.definition, "from", "to", bucket) r;
  end if;
  if low is not null then
    parts := array[
      'select date_bin($4, r.minute, ' || origin || '), r.count, r.min, r.max, r.sum, r.last, r.last_time '
      'from furrow.rollup r where r.equipment_id = $1 and r.signal = $5 and r.minute >= $6 and r.minute < $7'];
  end if;
  if low is null or "from" < low or (high <= "to" and isfinite(high)) then
    frames := 'select date_bin($4, v.time, ' || origin || ') as bucket, count(*) as count, min(v.value) as min, max(v.value) as max, '
      'sum(v.value) as sum, (max(array[date_part(''epoch'', v.time), v.value]))[2] as last, max(v.time) as last_time '
      'from (' || value_sql || ') v '
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

-- Rollups of process data that were made before were made across all elements and DDIs.
update furrow.signal_name set name = name || ' (all elements and DDIs)'
where name in ('PD.process_command', 'PD.process_element', 'PD.process_entity', 'PD.process_value');
