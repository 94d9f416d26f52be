-- A float8 holds 53 bits: furrow.signal rounds whole numbers beyond 2^53. Those of up to 64 bits come with all digits from here.
-- The SELECT of furrow.signal_sql, with another value in front of the same frames.
create function furrow.signal_whole(equipment text, signal text, "from" timestamptz, "to" timestamptz, version int default null)
returns table ("time" timestamptz, value numeric)
language plpgsql stable rows 100000 set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  id int := furrow.equipment_id(furrow.asked(equipment, signal, "from", "to"));
  s furrow.definition_signal;
  of_frames text;
  number text := 'x.raw::numeric';
begin
  if furrow.process_sql(signal) is not null then -- of 32 bits: a float8 holds them
    return;
  end if;
  s := furrow.find_signal(id, signal, version);
  if s.is_float or s.scale <> floor(s.scale) or s."offset" <> floor(s."offset")
     or abs(s.scale) > 9007199254740992 or abs(s."offset") > 9007199254740992 then
    return;
  end if;
  select k."from", k."to" into "from", "to" from furrow.known_times(id, "from", "to") k;
  of_frames := furrow.signal_sql(id, signal, version);
  if s.length = 64 and not s.is_signed then
    number := '(case when x.raw < 0 then x.raw + 18446744073709551616 else x.raw end)::numeric';
  end if;
  number := number || format(' * %L::numeric + %L::numeric', s.scale::text, s."offset"::text);
  if s.valid_max is not null then
    number := format('case when x.raw <= %s%s then %s end', s.valid_max,
                     case when s.length = 64 and not s.is_signed then ' or x.raw >= 0' else '' end, number);
  end if;
  return query execute 'select x.time, ' || number || substr(of_frames, strpos(of_frames, ' as value from (')) using id, "from", "to";
end $$;
comment on function furrow.signal_whole is
  'like furrow.signal with all digits, for signals that are whole numbers (no float, factor and offset whole); no rows for other signals';
