-- Faults that control units report on the bus, and frames whose clock runs ahead. Both are made by the digest, in the statement that
-- moves its position.

-- Updated while a fault is active: room on the page for the next version (HOT).
create table furrow.bus_fault (
  stream int not null,
  first_seq bigint not null,
  spn int not null,
  fmi smallint not null,
  equipment_id int not null,
  bus smallint not null,
  source smallint not null,
  iso_name bigint,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  cleared timestamptz,
  appearances int not null,
  occurrences smallint,
  lamp text not null,
  primary key (stream, first_seq, spn, fmi)
) with (fillfactor = 70);
create index bus_fault_of_machine on furrow.bus_fault (equipment_id, first_seen);
comment on table furrow.bus_fault is 'faults of DM1 (SAE J1939-73): from the message in which a fault appeared to the first message of its sender without it';
comment on column furrow.bus_fault.first_seq is 'the item of the stream in which the fault appeared';
comment on column furrow.bus_fault.source is 'address of the control unit';
comment on column furrow.bus_fault.iso_name is 'ISO 11783 NAME of the control unit, 64 bits signed; null: it has not claimed its address';
comment on column furrow.bus_fault.last_seen is 'time of the last message with the fault; to the minute while it is active';
comment on column furrow.bus_fault.cleared is 'time of the first message without the fault; null: active';
comment on column furrow.bus_fault.appearances is 'a fault that comes back within 60 s continues its row';
comment on column furrow.bus_fault.occurrences is 'as the control unit counts; null: it does not';
comment on column furrow.bus_fault.lamp is 'the most urgent lamp of the last message: red, malfunction, amber, protect, off';

create table furrow.clock_ahead (
  stream int not null,
  after timestamptz not null,
  equipment_id int not null,
  first bigint not null,
  last bigint not null,
  frames bigint not null,
  earliest timestamptz not null,
  latest timestamptz not null,
  primary key (stream, after)
);
create index clock_ahead_of_machine on furrow.clock_ahead (equipment_id);
comment on table furrow.clock_ahead is 'frames whose time was more than a day ahead when the digest read them: those of items first to last that are stamped later than after';
comment on column furrow.clock_ahead.after is 'the hour in which the digest read them, and a day';
comment on column furrow.clock_ahead.frames is 'how many they are, with times from earliest to latest';

create function furrow.expire_faults(at timestamptz, rows_max int) returns bigint
language sql set search_path = pg_catalog, pg_temp set jit = off as $$
  with due as materialized (
    select f.stream, f.first_seq, f.spn, f.fmi
    from furrow.record_rules(at) k
    join furrow.equipment e on e.farm_id = k.farm_id
    cross join lateral (select f.stream, f.first_seq, f.spn, f.fmi from furrow.bus_fault f
                        where f.equipment_id = e.id and f.last_seen < k.cutoff limit rows_max) f
    where k.kind = 'fault'
    limit rows_max
  ), gone as (
    delete from furrow.bus_fault f using due d
    where f.stream = d.stream and f.first_seq = d.first_seq and f.spn = d.spn and f.fmi = d.fmi returning 1
  )
  select count(*) from gone
$$;
comment on function furrow.expire_faults is 'removes faults of the bus past their age: the rule of the kind fault holds for them too';

create or replace function furrow.retention_due(at timestamptz)
returns table (farm text, kind text, cutoff timestamptz, item_rows bigint, items bigint, bytes bigint,
               oldest timestamptz, newest timestamptz)
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select f.name, d.kind, d.cutoff, sum(d.item_rows)::bigint, sum(d.items)::bigint, sum(d.bytes)::bigint, min(d.oldest), max(d.newest) from (
    select k.farm_id, 'frames' as kind, k.cutoff, count(*), sum(c.frames)::bigint,
           sum((select sum(pg_column_size(s.*)) from furrow.can_segment s where s.stream = c.stream and s.chunk = c.seq_first
                and s.time_first >= c.time_first and s.time_first <= c.time_last))::bigint, min(c.time_first), max(c.time_last)
    from furrow.cutoffs('frames', at) k join furrow.equipment e on e.farm_id = k.farm_id
    join furrow.can_chunk c on c.equipment_id = e.id and c.time_last < k.cutoff group by 1, 2, 3
    union all
    select k.farm_id, k.rule, k.cutoff, count(*), count(*), sum(r.bytes)::bigint, min(r.time), max(r.time)
    from furrow.record_rules(at) k join furrow.equipment e on e.farm_id = k.farm_id
    cross join lateral (
      select r.time, pg_column_size(r.*) as bytes from furrow.sensor_reading r
      where k.kind = 'sensor' and r.equipment_id = e.id and r.time < k.cutoff
      union all select r.time, pg_column_size(r.*) from furrow.yield_sample r
      where k.kind = 'yield' and r.equipment_id = e.id and r.time < k.cutoff
      union all select r.time, pg_column_size(r.*) from furrow.token_usage r
      where k.kind = 'tokens' and r.equipment_id = e.id and r.time < k.cutoff
      union all select r.time, pg_column_size(r.*) from furrow.fault r
      where k.kind = 'fault' and r.equipment_id = e.id and r.time < k.cutoff
      union all select r.time, pg_column_size(r.*) from furrow.item_record r
      where k.kind = 'other' and r.equipment_id = e.id and r.time < k.cutoff and r.kind <> 32767) r
    group by 1, 2, 3
    union all
    select k.farm_id, k.rule, k.cutoff, count(*), 0, sum(pg_column_size(b.*))::bigint, min(b.last_seen), max(b.last_seen)
    from furrow.record_rules(at) k join furrow.equipment e on e.farm_id = k.farm_id and k.kind = 'fault'
    join furrow.bus_fault b on b.equipment_id = e.id and b.last_seen < k.cutoff group by 1, 2, 3
    union all
    select k.farm_id, 'telemetry', k.cutoff, count(*), 0, sum(pg_column_size(t.*))::bigint, min(t.time), max(t.time)
    from furrow.cutoffs('telemetry', at) k join furrow.equipment e on e.farm_id = k.farm_id
    join furrow.telemetry t on t.equipment_id = e.id and t.time < k.cutoff group by 1, 2, 3
    union all
    select k.farm_id, 'rollup', k.cutoff, count(*), 0, sum(pg_column_size(r.*))::bigint, min(r.minute), max(r.minute)
    from furrow.cutoffs('rollup', at) k join furrow.equipment e on e.farm_id = k.farm_id
    join furrow.rollup r on r.equipment_id = e.id and r.minute < k.cutoff group by 1, 2, 3
  ) d(farm_id, kind, cutoff, item_rows, items, bytes, oldest, newest) join furrow.farm f on f.id = d.farm_id
  group by 1, 2, 3
  order by 1, 2
$$;

-- Partitions that a machine has nothing in are not locked, for questions without bounds and for the ledger. A database with a thousand
-- partitions and the lock table of the server's defaults answered only a few such questions at a time ("out of shared memory").

create function furrow.known_times(equipment_id int, inout "from" timestamptz, inout "to" timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  low constant timestamptz := least(
    (select min(c.time_first) from furrow.can_chunk c where c.equipment_id = known_times.equipment_id),
    (select min(b.time_first) from furrow.can_block b where b.equipment_id = known_times.equipment_id));
  high constant timestamptz := greatest(
    (select max(c.time_first) from furrow.can_chunk c where c.equipment_id = known_times.equipment_id) + interval '26 hours',
    (select max(c.time_last) from furrow.can_chunk c where c.equipment_id = known_times.equipment_id and c.wide),
    (select max(b.time_first) from furrow.can_block b where b.equipment_id = known_times.equipment_id) + interval '72 minutes');
begin
  "from" := greatest("from", coalesce(low, timestamptz '2000-01-03 00:00:00+00'));
  "to" := least("to", coalesce(high, timestamptz '2000-01-03 00:00:00+00'));
end $$;
comment on function furrow.known_times is 'the two times, or the first and last time of the machine''s frames where they lie between';

create or replace function furrow.signal(equipment text, signal text, "from" timestamptz, "to" timestamptz, version int default null)
returns table ("time" timestamptz, value float8)
language plpgsql stable rows 100000 set search_path = pg_catalog, pg_temp set jit = off as $$ -- compiling takes longer than the answer
declare
  id int := furrow.equipment_id(furrow.asked(equipment, signal, "from", "to"));
begin
  select k."from", k."to" into "from", "to" from furrow.known_times(id, "from", "to") k;
  return query execute coalesce(furrow.process_sql(signal), furrow.signal_sql(id, signal, version)) using id, "from", "to";
end $$;

-- Their texts, with the times narrowed before frames are read.
do $$
declare
  f record;
  text_now text;
  narrowed constant text := 'select k."from", k."to" into "from", "to" from furrow.known_times(id, "from", "to") k;';
begin
  for f in select p.oid, p.proname, p.prosrc from pg_proc p
           where p.pronamespace = 'furrow'::regnamespace and p.proname in ('messages', 'position_track', 'signal_bucket') loop
    text_now := f.prosrc;
    if f.proname = 'messages' then
      text_now := replace(text_now, ' else furrow.groups_of(id, "from" - interval ''25 seconds'', "to") end;', ' end;');
      text_now := regexp_replace(text_now, '\mbegin\M', e'begin\n  ' || narrowed || e'\n'
        '  groups := coalesce(groups, furrow.groups_of(id, "from" - interval ''25 seconds'', "to"));');
    elsif f.proname = 'position_track' then
      text_now := regexp_replace(text_now, '\mbegin\M', e'declare\n  id int := furrow.equipment_id(equipment);\nbegin\n  ' || narrowed);
    else -- rollups may reach further back than frames
      text_now := replace(text_now, '  return query execute', '  ' || narrowed || e'\n  return query execute');
    end if;
    if text_now = f.prosrc then
      raise exception 'the function % is not the one that this step knows', f.proname;
    end if;
    execute replace(pg_get_functiondef(f.oid), f.prosrc, text_now);
  end loop;
end $$;

create function furrow.sealed_runs(stream int) returns table (first bigint, last bigint)
language plpgsql stable rows 100 set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  partitions_max constant int := 100; -- with fewer, a plan that is made once a session costs less
  ranges_max constant int := 64;
  monday constant timestamptz := '2000-01-03 00:00:00+00';
  weeks tstzmultirange;
begin
  if (select count(*) from pg_inherits i where i.inhparent = 'furrow.can_segment'::regclass) <= partitions_max then
    return query
      select r.first, r.first + r.frames - 1 from furrow.can_chunk k cross join lateral unnest(k.run_first, k.run_frames) r(first, frames)
      where k.stream = sealed_runs.stream
        and k.frames = (select sum(g.frames) from furrow.can_segment g where g.stream = k.stream and g.chunk = k.seq_first
                        and g.time_first >= k.time_first and g.time_first <= k.time_last);
    return;
  end if;
  weeks := (
    select range_agg(tstzrange(date_bin('7 days', k.time_first, monday), date_bin('7 days', k.time_last, monday) + interval '7 days'))
    from furrow.can_chunk k where k.stream = sealed_runs.stream);
  if weeks is null then
    return;
  end if;
  if (select count(*) from unnest(weeks)) > ranges_max then
    weeks := multirange(range_merge(weeks));
  end if;
  -- Times that stand in the text let the planner leave out partitions.
  return query execute
    'select r.first, r.first + r.frames - 1 from furrow.can_chunk k cross join lateral unnest(k.run_first, k.run_frames) r(first, frames) '
    'where k.stream = $1 and k.frames = (select sum(g.frames) from furrow.can_segment g where g.stream = k.stream and g.chunk = k.seq_first '
    'and g.time_first >= k.time_first and g.time_first <= k.time_last and ('
    || (select string_agg(format('g.time_first >= to_timestamp(%s) and g.time_first < to_timestamp(%s)', date_part('epoch', lower(w)),
                                 date_part('epoch', upper(w))), ' or ')
        from unnest(weeks) w) || '))'
    using stream;
end $$;
comment on function furrow.sealed_runs is 'numbers of a stream in chunks whose segments add up';

create or replace view furrow.sealed_run as
select s.id as stream, r.first, r.last from furrow.stream s cross join lateral furrow.sealed_runs(s.id) r;
