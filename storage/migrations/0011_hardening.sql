-- Functions that call nothing of another schema, locks that hold up one machine only, chunks of any span of time, retention by
-- kind of record, fractions of tokens. Runs with search_path = pg_catalog.

-- Compare and set, as before. The commit is durable whatever the session says: behind a pooler that hands out a connection for
-- each transaction nobody can rely on a session. FW005 names the streams whose row another transaction holds: they
-- are waited for when they come alone, so that no other stream waits with them.
create or replace function furrow.advance(streams int[], epochs bigint[], froms bigint[], tos bigint[], sents bigint[])
returns void language plpgsql as $$
declare
  locked int[];
  missed int[];
begin
  if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if cardinality(streams) = 1 then
    perform from furrow.stream_watermark w where w.stream = any (streams) for update;
    locked := streams;
  else
    select array_agg(l.stream) into locked from (
      select w.stream from furrow.stream_watermark w where w.stream = any (streams) order by w.stream for update skip locked
    ) l;
  end if;
  select array_agg(w.stream) into missed from furrow.stream_watermark w
  where w.stream = any (streams) and (w.stream = any (locked)) is not true;
  if missed is not null then
    raise exception using errcode = 'FW005', message = 'another transaction holds the watermark',
                          detail = array_to_string(missed, ',');
  end if;
  with moved as (
    update furrow.stream_watermark w set seq = r.seq_to, sent = greatest(w.sent, r.sent)
    from unnest(streams, epochs, froms, tos, sents) r(stream, epoch, seq_from, seq_to, sent)
    where w.stream = r.stream and w.epoch = r.epoch and w.seq = r.seq_from
    returning w.stream
  )
  select array_agg(s.stream) into missed
  from unnest(streams) s(stream) where not exists (select from moved where moved.stream = s.stream);
  if missed is not null then
    raise exception using errcode = 'FW001', message = 'the watermark or the epoch is another one',
                          detail = array_to_string(missed, ',');
  end if;
end $$;

-- Second half of a claim, as before. It leaves out the streams whose row another transaction holds.
create or replace function furrow.claim(streams int[], epochs bigint[], seqs bigint[],
                                        run_streams int[], runs bigint[], run_seqs bigint[])
returns table (stream int, epoch bigint)
language plpgsql as $$
#variable_conflict use_column
declare
  timeline bigint := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint;
begin
  if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  return query
  with standing as materialized (
    select w.stream from furrow.stream_watermark w
    join unnest(streams, epochs, seqs) r(stream, epoch, seq) on w.stream = r.stream and w.epoch = r.epoch and w.seq = r.seq
    order by w.stream for update of w skip locked
  ), claimed as (
    update furrow.stream_watermark w set epoch = greatest(w.epoch + 1, (timeline << 40) | 1)
    from standing where w.stream = standing.stream
    returning w.stream, w.epoch
  ), kept as (
    insert into furrow.stream_run (stream, run, first_seq)
    select r.stream, r.run, r.first_seq
    from unnest(run_streams, runs, run_seqs) with ordinality r(stream, run, first_seq, ordinal)
    join claimed c on c.stream = r.stream
    order by r.ordinal on conflict do nothing
  )
  select c.stream, c.epoch from claimed c;
end $$;

-- Chunks of a clock that jumps: their segments still cover less than 26 hours each. There are few, and they are looked at by
-- themselves.
alter table furrow.can_chunk add column wide boolean not null default false;
create index can_chunk_wide on furrow.can_chunk (equipment_id) where wide;
comment on column furrow.can_chunk.time_first is 'the earliest time in it, time_last the latest: less than 26 hours later unless it is wide';
comment on column furrow.can_chunk.wide is 'the clock of the machine has jumped: times in it may lie any time apart';

-- Retention by kind of record.
alter table furrow.retention drop constraint retention_kind_check, add constraint retention_kind_check
  check (kind in ('frames', 'records', 'telemetry', 'rollup', 'sensor', 'yield', 'tokens', 'fault', 'other'));
comment on column furrow.retention.kind is
  'sensor, yield, tokens, fault, other: records of that kind; records: those of every kind without a rule of its own';

create function furrow.record_rules(at timestamptz) returns table (farm_id int, kind text, rule text, cutoff timestamptz)
language sql stable as $$
  select f.id, k.kind, r.kind, at - r.keep_days * interval '24 hours'
  from furrow.farm f
  cross join unnest(array['sensor', 'yield', 'tokens', 'fault', 'other']) k(kind)
  cross join lateral (select o.kind, o.keep_days from furrow.retention o
                      where o.kind in (k.kind, 'records') and (o.farm_id = f.id or o.farm_id is null)
                      order by o.farm_id nulls last, o.kind = 'records' limit 1) r
  where r.keep_days is not null
$$;
comment on function furrow.record_rules is
  'of each farm and kind of record, the rule that holds and the time before which records go: a farm''s own rules first, then the rule of the kind';

create or replace function furrow.expire_records(at timestamptz, records_max int) returns bigint
language plpgsql as $$
declare
  one record;
  part record;
  total bigint := 0;
begin
  for part in select * from (values ('sensor', 'sensor_reading'), ('yield', 'yield_sample'), ('tokens', 'token_usage'),
                                    ('fault', 'fault'), ('other', 'item_record')) v(kind, held_in) loop
    for one in execute format($q$
      with due as materialized (
        select r.stream, r.seq
        from furrow.record_rules($1) k
        join furrow.equipment e on e.farm_id = k.farm_id
        cross join lateral (select r.stream, r.seq from furrow.%1$I r
                            where r.equipment_id = e.id and r.time < k.cutoff %2$s limit $2) r
        where k.kind = $3
        limit $2
      ), gone as (
        delete from furrow.%1$I t using due d where t.stream = d.stream and t.seq = d.seq returning t.stream, t.seq
      )
      select g.stream, count(*) as records, range_agg(int8range(g.seq, g.seq + 1)) as numbers from gone g group by 1
      $q$, part.held_in, case when part.kind = 'other' then 'and r.kind <> 32767' else '' end) using at, records_max, part.kind
    loop
      total := total + one.records;
      perform furrow.note_expired(one.stream, one.numbers);
    end loop;
    exit when total >= records_max;
  end loop;
  perform furrow.expire_batch_keys(at, records_max);
  return total;
end $$;

create or replace function furrow.expire_batch_keys(at timestamptz, keys_max int) returns void
language sql as $$
  with due as materialized (
    select b.stream, b.key
    from (select r.farm_id, max(r.cutoff) as cutoff from furrow.record_rules(at) r group by 1) k
    join furrow.equipment e on e.farm_id = k.farm_id
    join furrow.stream s on s.equipment_id = e.id
    join furrow.record_batch b on b.stream = s.id and b.created_at < k.cutoff
    where exists (select from furrow.expired x
                  where x.stream = b.stream and x.first <= b.seq_first and x.last >= b.seq_first + b.records - 1
                        - (length(b.refused) - length(replace(b.refused, e'\n', ''))))
    limit keys_max
  )
  delete from furrow.record_batch b using due d where b.stream = d.stream and b.key = d.key
$$;

-- Frames that came from a clock in the future were there when they were sealed: they go by that time.
create or replace function furrow.retention_due(at timestamptz)
returns table (farm text, kind text, cutoff timestamptz, item_rows bigint, items bigint, bytes bigint,
               oldest timestamptz, newest timestamptz)
language sql stable set jit = off as $$
  select f.name, d.kind, d.cutoff, d.item_rows, d.items, d.bytes, d.oldest, d.newest from (
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
    select k.farm_id, 'telemetry', k.cutoff, count(*), 0, sum(pg_column_size(t.*))::bigint, min(t.time), max(t.time)
    from furrow.cutoffs('telemetry', at) k join furrow.equipment e on e.farm_id = k.farm_id
    join furrow.telemetry t on t.equipment_id = e.id and t.time < k.cutoff group by 1, 2, 3
    union all
    select k.farm_id, 'rollup', k.cutoff, count(*), 0, sum(pg_column_size(r.*))::bigint, min(r.minute), max(r.minute)
    from furrow.cutoffs('rollup', at) k join furrow.equipment e on e.farm_id = k.farm_id
    join furrow.rollup r on r.equipment_id = e.id and r.minute < k.cutoff group by 1, 2, 3
  ) d(farm_id, kind, cutoff, item_rows, items, bytes, oldest, newest) join furrow.farm f on f.id = d.farm_id
  order by 1, 2
$$;

-- Tokens may be fractions. A node of the version before goes on writing the whole ones.
alter table furrow.token_usage
  add column prompt_tokens_fraction double precision not null default 0,
  add column completion_tokens_fraction double precision not null default 0;
comment on column furrow.token_usage.prompt_tokens_fraction is 'what is added to prompt_tokens, at least 0 and below 1';
comment on column furrow.token_usage.completion_tokens_fraction is 'what is added to completion_tokens, at least 0 and below 1';

create function furrow.token_sums("from" timestamptz, "to" timestamptz)
returns table (farm text, agent text, model text, day timestamptz, records bigint, prompt_tokens float8, completion_tokens float8,
               cost_usd float8)
language sql stable as $$
  select f.name, u.agent, u.model, date_bin('1 day', u.time, timestamptz '2000-01-01 00:00:00+00'), count(*),
         sum(u.prompt_tokens)::float8 + sum(u.prompt_tokens_fraction),
         sum(u.completion_tokens)::float8 + sum(u.completion_tokens_fraction), sum(u.cost_usd)
  from furrow.farm f
  join furrow.equipment e on e.farm_id = f.id
  join furrow.token_usage u on u.equipment_id = e.id and u.time between token_sums."from" and token_sums."to"
  group by 1, 2, 3, 4
$$;
comment on function furrow.token_sums is 'tokens and cost by farm, agent, model and day of UTC, of the records between two times, both included';

-- A look at the partitions costs what is asked for, not what there is: read once, and not compiled.
create or replace function furrow.wanted_partitions(at timestamptz)
returns table (time_from timestamptz, time_to timestamptz)
language sql stable set jit = off as $$
  with setting as (
    select case p.width when 'day' then interval '24 hours' else interval '168 hours' end as step, p.ahead from furrow.partitioning p
  ), standing as materialized (
    select p.time_from, p.time_to from furrow.segment_partition p
  ), slot as (
    select date_bin(s.step, at, timestamptz '2000-01-03 00:00:00+00') + n * s.step as start, s.step
    from setting s cross join lateral generate_series(0, s.ahead) n
    union
    select date_bin(s.step, d.time_first, timestamptz '2000-01-03 00:00:00+00'), s.step
    from setting s cross join furrow.can_segment_default d
    where d.time_first >= timestamptz '2000-01-03 00:00:00+00'
      and d.time_first < date_bin(s.step, at, timestamptz '2000-01-03 00:00:00+00') + (s.ahead + 1) * s.step
      and (select count(*) from standing) < 1500
  ), piece as (
    select s.start, s.start + s.step as stop, s.start as slot, s.step from slot s
    union
    select d, d + interval '24 hours', s.start, s.step
    from slot s cross join lateral generate_series(s.start, s.start + s.step - interval '24 hours', interval '24 hours') d
  ), free as (
    select p.* from piece p
    where not exists (select from standing o where o.time_from < p.stop and o.time_to > p.start)
  )
  select f.start, f.stop from free f
  where f.stop - f.start = f.step
     or not exists (select from free w where w.slot = f.slot and w.stop - w.start = f.step)
  order by 1
$$;

alter function furrow.partitions_due set jit = off;
alter function furrow.expire_chunks set jit = off;
alter function furrow.expire_telemetry set jit = off;
alter function furrow.expire_rollup set jit = off;

-- As before, but planned for the times that are asked for.
create or replace function furrow.groups_of(equipment_id int, "from" timestamptz, "to" timestamptz) returns int[]
language plpgsql stable as $$
begin
  return (select coalesce(array_agg(distinct furrow.group_of(h.header)) filter (where furrow.group_of(h.header) is not null), '{}') from (
    select u.header from furrow.can_block b cross join lateral unnest(b.headers) u(header)
    where b.equipment_id = groups_of.equipment_id and b.time_last >= groups_of."from"
      and b.time_first >= groups_of."from" - interval '72 minutes' and b.time_first <= groups_of."to"
    union
    select u.header
    from furrow.can_chunk c join furrow.can_segment s on s.stream = c.stream and s.chunk = c.seq_first
    cross join lateral unnest(coalesce(s.headers, array[s.header])) u(header)
    where c.equipment_id = groups_of.equipment_id and c.time_last >= groups_of."from"
      and c.time_first >= groups_of."from" - interval '26 hours' and c.time_first <= groups_of."to"
  ) h);
end $$;

-- As before, but planned for the times that are asked for, and not compiled (0.6 s for an answer of 20 ms).
create or replace function furrow.position_track(equipment text, "from" timestamptz, "to" timestamptz)
returns table ("time" timestamptz, latitude float8, longitude float8)
language plpgsql stable rows 10000 as $$
begin
  return query
  select p.time, (p.latitude * 1e-7)::float8, (p.longitude * 1e-7)::float8
  from (
    select f.time,
           get_byte(f.payload, 0) | (get_byte(f.payload, 1) << 8) | (get_byte(f.payload, 2) << 16) | (get_byte(f.payload, 3) << 24),
           get_byte(f.payload, 4) | (get_byte(f.payload, 5) << 8) | (get_byte(f.payload, 6) << 16) | (get_byte(f.payload, 7) << 24)
    from furrow.frames(position_track.equipment, position_track."from", position_track."to", pgn => 129025) f
    where length(f.payload) = 8
  ) p(time, latitude, longitude)
  where p.latitude <= 2147483644 and p.longitude <= 2147483644
  union all
  select p.time, (p.latitude * 1e-7 - 210)::float8, (p.longitude * 1e-7 - 210)::float8
  from (
    select f.time,
           get_byte(f.payload, 0) | (get_byte(f.payload, 1) << 8) | (get_byte(f.payload, 2) << 16) | (get_byte(f.payload, 3)::bigint << 24),
           get_byte(f.payload, 4) | (get_byte(f.payload, 5) << 8) | (get_byte(f.payload, 6) << 16) | (get_byte(f.payload, 7)::bigint << 24)
    from furrow.frames(position_track.equipment, position_track."from", position_track."to", pgn => 65267) f
    where length(f.payload) = 8
  ) p(time, latitude, longitude)
  where p.latitude <= 4211081215 and p.longitude <= 4211081215;
end $$;

-- The texts of functions that stay what they are, but for a phrase:
-- 1. Chunks of any span are found. 2. Bounds in which no setting of a session takes part let the planner leave out partitions,
-- which it then does not lock. 3. Frames from the future go by the time of their sealing.
do $$
declare
  f record;
  text_now text;
begin
  for f in select p.oid, p.proname, p.prosrc from pg_proc p where p.pronamespace = 'furrow'::regnamespace loop
    text_now := regexp_replace(f.prosrc, 'c\.time_first >= (\S+) - interval ''26 hours''',
      '(c.time_first >= \1 - interval ''26 hours'' or c.wide)', 'g');
    text_now := regexp_replace(text_now, '(\S+) - interval ''26 hours''',
      '((\1 at time zone ''UTC'') - interval ''26 hours'') at time zone ''UTC''', 'g');
    if f.proname in ('groups_of', 'vehicle_buses') then
      text_now := replace(text_now, 's.chunk = c.seq_first', format(
        's.chunk = c.seq_first and s.time_first >= ((%1$s."from" at time zone ''UTC'') - interval ''26 hours'') at time zone ''UTC'' '
        'and s.time_first <= %1$s."to"', f.proname));
    elsif f.proname = 'messages' then
      -- A query takes header_frames in only when none of its arguments is a query.
      text_now := regexp_replace(text_now, '  return query\s+select f\.time,(.*), array\((.*)\)\) f;',
        e'  groups := array(\\2);\n  return query\n    select f.time,\\1, groups) f;');
    elsif f.proname = 'fast_packets' then
      text_now := regexp_replace(text_now, '"from" - interval ''(25 seconds|1 day)''',
        '(("from" at time zone ''UTC'') - interval ''\1'') at time zone ''UTC''', 'g');
    end if;
    text_now := replace(text_now, 'c.time_last < k.cutoff', 'least(c.time_last, c.sealed_at) < k.cutoff');
    text_now := replace(text_now, 'c.time_last >= k.cutoff', 'least(c.time_last, c.sealed_at) >= k.cutoff');
    if text_now <> f.prosrc then
      execute replace(pg_get_functiondef(f.oid), f.prosrc, text_now);
    end if;
  end loop;
end $$;

-- Nothing of another schema is called, whatever the search path of the one who calls. A function in plain SQL has its names looked
-- up here and now, once for all; a query that calls it still takes it in. Any other function brings its search path along, and is
-- not compiled: its statements are short. A later step that makes a function does the same (a test looks at all of them).
do $$
declare
  f record;
begin
  for f in select p.oid, p.oid::regprocedure as name, p.prosrc, l.lanname from pg_proc p join pg_language l on l.oid = p.prolang
           where p.pronamespace = 'furrow'::regnamespace and p.prosqlbody is null loop
    if f.lanname = 'sql' then
      execute replace(pg_get_functiondef(f.oid), 'AS $function$' || f.prosrc || '$function$',
                      'begin atomic ' || f.prosrc || e'\n; end');
    else
      execute format('alter function %s set search_path = pg_catalog, pg_temp', f.name);
      execute format('alter function %s set jit = off', f.name);
    end if;
  end loop;
end $$;
