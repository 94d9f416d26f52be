-- Telemetry in partitions like those of sealed frames, and two coarser tiers that outlive it (docs/decisions/0037-telemetry-tiers.md).
-- Runs with search_path = pg_catalog.

-- Neither retention nor the making of partitions runs beside this step.
do $$ begin
  perform pg_advisory_xact_lock(112659113996152);
end $$;

alter table furrow.retention drop constraint retention_kind_check, add constraint retention_kind_check
  check (kind in ('frames', 'records', 'telemetry', 'rollup', 'sensor', 'yield', 'tokens', 'fault', 'other',
                  'telemetry_10s', 'telemetry_1m'));
alter table furrow.partitioning add column telemetry_before timestamptz;
comment on table furrow.partitioning is 'how wide the partitions of can_segment and telemetry are, and how many are made ahead of now';
comment on column furrow.partitioning.telemetry_before is
  'all telemetry is still in telemetry_before, which will hold what is earlier than this; null: telemetry has its partitions';

-- From here to the commit history waits, and so does the digest; appends do not. A statement that waits for a lock holds up all that
-- come after it: so each wait is short.
do $$ begin
  for attempt in 1 .. 100 loop
    begin
      perform set_config('lock_timeout', '100ms', true);
      lock table furrow.telemetry in access exclusive mode;
      perform set_config('lock_timeout', '10s', true);
      return;
    exception when lock_not_available then
      perform pg_sleep(0.2);
    end;
  end loop;
  raise exception using errcode = 'lock_not_available',
    message = 'statements that run for long use furrow.telemetry: wait for their end, then migrate again';
end $$;

-- For the time in which telemetry_before is checked: what is as late as its end is put aside, and is seen after that.
create function furrow.put_aside() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  delete from furrow.telemetry_default t
  where t.equipment_id = new.equipment_id and t.time = new.time and (t.stream, t.seq) < (new.stream, new.seq);
  insert into furrow.telemetry_default select new.* on conflict do nothing;
  return null;
end $$;
revoke execute on function furrow.put_aside from public;

-- No row is written anew. The table becomes the default partition, alone: nothing has to be checked. A check that is not validated yet
-- holds for new rows from now on; furrow.settle_telemetry makes the table a partition with an end once a node has validated it. An
-- empty table stays the default partition.
do $$
declare
  ends constant timestamptz := date_bin('168 hours', now(), timestamptz '2000-01-03 00:00:00+00') + interval '336 hours';
  filled constant boolean := exists (select from furrow.telemetry);
  old constant text := case when filled then 'telemetry_before' else 'telemetry_default' end;
  machine int;
begin
  execute format('alter table furrow.telemetry rename to %I', old);
  execute format('alter index furrow.telemetry_pkey rename to %I', old || '_pkey');
  execute format('create table furrow.telemetry (like furrow.%I including all) partition by range (time)', old);
  if filled then
    create table furrow.telemetry_default (like furrow.telemetry including all);
    select min(t.equipment_id) into machine from furrow.telemetry_before t;
    while machine is not null loop
      with gone as (
        delete from furrow.telemetry_before t where t.equipment_id = machine and t.time >= ends returning t.*
      )
      insert into furrow.telemetry_default select * from gone;
      select min(t.equipment_id) into machine from furrow.telemetry_before t where t.equipment_id > machine;
    end loop;
    execute format('alter table furrow.telemetry_before add constraint telemetry_before_time check (time < %L) not valid', ends);
    execute format('create trigger put_aside before insert on furrow.telemetry_before for each row when (new.time >= %L) '
                   'execute function furrow.put_aside()', ends);
    update furrow.partitioning set telemetry_before = ends;
  end if;
  execute format('alter table furrow.telemetry attach partition furrow.%I default', old);
end $$;
comment on table furrow.telemetry is 'one row a second and machine while it is heard; NULL: not said, or too long ago';

create table furrow.telemetry_10s (like furrow.telemetry including all);
comment on table furrow.telemetry_10s is 'of each 10 s whose rows retention took out of telemetry, the first';
create table furrow.telemetry_1m (like furrow.telemetry including all);
comment on table furrow.telemetry_1m is 'of each minute whose rows retention took out of telemetry_10s, the first';

create unique index telemetry_10s_span on furrow.telemetry_10s
  (equipment_id, date_bin(interval '10 seconds', time, timestamptz '2000-01-01 00:00:00+00'));
create unique index telemetry_1m_span on furrow.telemetry_1m
  (equipment_id, date_bin(interval '1 minute', time, timestamptz '2000-01-01 00:00:00+00'));

create view furrow.telemetry_all as
select * from furrow.telemetry union all select * from furrow.telemetry_10s union all select * from furrow.telemetry_1m;
comment on view furrow.telemetry_all is 'telemetry of every tier: a row each second, or the first row of each 10 s or minute of older times';

-- The functions of 0007_care.sql, for both tables that are partitioned by time. A node of the version before calls them for can_segment.

create view furrow.time_partition as
select p.relname::text as of_table, c.relname::text as name, b.bound = 'DEFAULT' as is_default,
       case when b.bound like 'FOR VALUES FROM (MINVALUE)%' then timestamptz '-infinity'
            else (regexp_match(b.bound, 'FROM \(''([^'']+)''\)'))[1]::timestamptz end as time_from,
       (regexp_match(b.bound, 'TO \(''([^'']+)''\)'))[1]::timestamptz as time_to
from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
cross join lateral (select pg_get_expr(c.relpartbound, c.oid) as bound) b
where i.inhparent in ('furrow.can_segment'::regclass, 'furrow.telemetry'::regclass);
comment on view furrow.time_partition is 'partitions of can_segment and telemetry with their times, the first included';

create or replace view furrow.segment_partition as
select p.name, p.is_default, p.time_from, p.time_to from furrow.time_partition p where p.of_table = 'can_segment';

create function furrow.time_column(of_table text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if of_table = 'can_segment' then
    return 'time_first';
  elsif of_table = 'telemetry' then
    return 'time';
  end if;
  raise exception using errcode = 'invalid_parameter_value', message = 'this table has no partitions by time';
end $$;

drop function furrow.wanted_partitions(timestamptz);
create function furrow.wanted_partitions(at timestamptz, of_table text default 'can_segment')
returns table (time_from timestamptz, time_to timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if of_table = 'telemetry' and (select p.telemetry_before from furrow.partitioning p) is not null then
    return; -- telemetry_before comes first
  end if;
  return query execute format($q$
  with setting as (
    select case p.width when 'day' then interval '24 hours' else interval '168 hours' end as step, p.ahead from furrow.partitioning p
  ), standing as materialized (
    select p.time_from, p.time_to from furrow.time_partition p where p.of_table = %1$L
  ), slot as (
    select date_bin(s.step, $1, timestamptz '2000-01-03 00:00:00+00') + n * s.step as start, s.step
    from setting s cross join lateral generate_series(0, s.ahead) n
    union
    select date_bin(s.step, d.%2$I, timestamptz '2000-01-03 00:00:00+00'), s.step
    from setting s cross join furrow.%3$I d
    where d.%2$I >= timestamptz '2000-01-03 00:00:00+00'
      and d.%2$I < date_bin(s.step, $1, timestamptz '2000-01-03 00:00:00+00') + (s.ahead + 1) * s.step
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
  $q$, of_table, furrow.time_column(of_table), of_table || '_default') using at;
end $$;
comment on function furrow.wanted_partitions is 'times for which the table should have a partition and has none';

drop function furrow.partition_name(timestamptz, timestamptz);
create function furrow.partition_name(time_from timestamptz, time_to timestamptz, of_table text default 'can_segment') returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if time_from is null or time_to is null or time_to - time_from not in (interval '24 hours', interval '168 hours')
     or date_bin(interval '24 hours', time_from, timestamptz '2000-01-03 00:00:00+00') <> time_from then
    raise exception using errcode = 'invalid_parameter_value', message = 'a partition is a day or a week of UTC';
  end if;
  return of_table || '_' || case when time_to - time_from = interval '24 hours' then 'd' else 'w' end
         || to_char(time_from at time zone 'UTC', 'YYYYMMDD');
end $$;

-- Into a partition that is not attached yet, from the default partition.
create function furrow.move_rows(partition text, of_table text, time_from timestamptz, time_to timestamptz) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  moved bigint;
begin
  execute format('with gone as (delete from furrow.%1$I s where s.%2$I >= $1 and s.%2$I < $2 returning s.*) '
                 'insert into furrow.%3$I select * from gone', of_table || '_default', furrow.time_column(of_table), partition)
    using time_from, time_to;
  get diagnostics moved = row_count;
  return moved;
end $$;

drop function furrow.open_partition(timestamptz, timestamptz);
create function furrow.open_partition(time_from timestamptz, time_to timestamptz, of_table text default 'can_segment') returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  name text := furrow.partition_name(time_from, time_to, of_table);
begin
  execute format('create table furrow.%1$I (like furrow.%2$I including all, constraint %3$I check (%4$I is not null and '
                 '%4$I >= %5$L::timestamptz and %4$I < %6$L::timestamptz))%7$s', name, of_table, name || '_time',
                 furrow.time_column(of_table), time_from, time_to,
                 case of_table when 'can_segment' then ' with (toast_tuple_target = 512)' end);
  -- The digest writes telemetry of the last seconds again. It would wait for this transaction, and this one for it.
  return furrow.move_rows(name, of_table, time_from,
                          case of_table when 'telemetry' then least(time_to, now() - interval '1 minute') else time_to end);
end $$;

drop function furrow.attach_partition(timestamptz, timestamptz);
create function furrow.attach_partition(time_from timestamptz, time_to timestamptz, of_table text default 'can_segment') returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  name text := furrow.partition_name(time_from, time_to, of_table);
  moved bigint;
begin
  execute format('lock table only furrow.%I in access exclusive mode', of_table);
  execute format('lock table furrow.%I in access exclusive mode', of_table || '_default');
  moved := furrow.move_rows(name, of_table, time_from, time_to);
  execute format('alter table furrow.%I attach partition furrow.%I for values from (%L) to (%L)', of_table, name, time_from, time_to);
  return moved;
end $$;

-- telemetry_before becomes a partition that ends. First half: every row is looked at, and nobody waits.
create function furrow.check_telemetry() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if exists (select from pg_constraint c where c.conrelid = to_regclass('furrow.telemetry_before')
             and c.conname = 'telemetry_before_time' and not c.convalidated) then
    alter table furrow.telemetry_before validate constraint telemetry_before_time;
  end if;
end $$;

-- Second half, the last message of a transaction of its own: no row of telemetry_before is looked at.
create function furrow.settle_telemetry() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  ends constant timestamptz := (select p.telemetry_before from furrow.partitioning p);
begin
  lock table only furrow.telemetry in access exclusive mode;
  if ends is null then
    return; -- another node was quicker
  end if;
  lock table furrow.telemetry_before, furrow.telemetry_default in access exclusive mode;
  drop trigger put_aside on furrow.telemetry_before;
  alter table furrow.telemetry detach partition furrow.telemetry_before;
  execute format('alter table furrow.telemetry attach partition furrow.telemetry_before for values from (minvalue) to (%L)', ends);
  alter table furrow.telemetry attach partition furrow.telemetry_default default;
  update furrow.partitioning set telemetry_before = null;
end $$;

-- Retention. Rows past their age leave a tier; the first of each 10 s, and then of each minute, stays in the next one.

-- A coarser tier without a rule of its own is kept 10 and 60 times as long as telemetry: no tier then has more rows than the first.
create or replace function furrow.cutoffs(kind text, at timestamptz) returns table (farm_id int, cutoff timestamptz)
language sql stable
begin atomic
  select f.id, at - r.keep_days * interval '24 hours'
  from furrow.farm f
  cross join lateral (
    select o.keep_days * case when o.kind = cutoffs.kind then 1 when cutoffs.kind = 'telemetry_10s' then 10 else 60 end as keep_days
    from furrow.retention o
    where (o.kind = cutoffs.kind or (o.kind = 'telemetry' and cutoffs.kind in ('telemetry_10s', 'telemetry_1m')))
      and (o.farm_id = f.id or o.farm_id is null)
    order by o.farm_id nulls last, o.kind <> cutoffs.kind limit 1) r
  where r.keep_days is not null;
end;

-- The end of a statement that has rows in `source` (a relation or a part of the statement): the first of each span goes to the coarser
-- tier, unless that has an earlier one. $1 is the time that counts as now. What is past the age of all coarser tiers goes nowhere. There
-- is one sort, and no join for which the planner could guess wrong: the coarser tier may be empty, or grow manyfold.
create function furrow.thin_sql(source text, coarser text) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  sets constant text := (select string_agg(format('%1$I = excluded.%1$I', a.attname), ', ') from pg_attribute a
                         where a.attrelid = 'furrow.telemetry'::regclass and a.attnum > 0 and not a.attisdropped);
  span constant text := format('date_bin(interval %L, time, timestamptz ''2000-01-01 00:00:00+00'')',
                               case coarser when 'telemetry_10s' then '10 seconds' else '1 minute' end);
begin
  return format($q$
  lasting as materialized (
    select e.id, case %2$L when 'telemetry_10s' then least(coalesce(a.cutoff, '-infinity'), coalesce(b.cutoff, '-infinity'))
                      else coalesce(b.cutoff, '-infinity') end as since
    from furrow.equipment e
    left join furrow.cutoffs('telemetry_10s', $1) a on a.farm_id = e.farm_id
    left join furrow.cutoffs('telemetry_1m', $1) b on b.farm_id = e.farm_id
  ), thinned as (
    insert into furrow.%2$I as t
    select distinct on (g.equipment_id, %3$s) g.* from %1$s g join lasting l on l.id = g.equipment_id and g.time >= l.since
    order by g.equipment_id, %3$s, g.time
    on conflict (equipment_id, %3$s) do update set %4$s
    where excluded.time < t.time or (excluded.time = t.time and (excluded.stream, excluded.seq) > (t.stream, t.seq))
  )$q$, source, coarser, span, sets);
end $$;

drop function furrow.expire_telemetry(timestamptz, int);
create function furrow.expire_telemetry(at timestamptz, rows_max int, tier text default 'telemetry') returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  newest constant timestamptz := (select max(k.cutoff) from furrow.cutoffs(tier, at) k);
  coarser constant text := case tier when 'telemetry' then 'telemetry_10s' when 'telemetry_10s' then 'telemetry_1m' end;
  rows_gone bigint;
begin
  if newest is null then
    return 0;
  end if;
  -- The newest time stands in the text, so that later partitions are neither planned nor locked.
  execute format($q$
  with due as materialized (
    select t.equipment_id, t.time
    from furrow.cutoffs(%1$L, $1) k
    join furrow.equipment e on e.farm_id = k.farm_id
    cross join lateral (select t.equipment_id, t.time from furrow.%1$I t
                        where t.equipment_id = e.id and t.time < k.cutoff and t.time < %2$L order by t.time limit $2) t
    limit $2
  ), gone as (
    delete from furrow.%1$I t using due d where t.equipment_id = d.equipment_id and t.time = d.time and t.time < %2$L returning t.*
  )%3$s
  select count(*) from gone
  $q$, tier, newest, case when coarser is not null then ', ' || furrow.thin_sql('gone', coarser) end) into rows_gone using at, rows_max;
  return rows_gone;
end $$;

create function furrow.thin_partition(partition text, at timestamptz) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  rows_seen bigint;
begin
  execute format('with %s select count(*) from furrow.%I', furrow.thin_sql(format('furrow.%I', partition), 'telemetry_10s'), partition)
    into rows_seen using at;
  return rows_seen;
end $$;

create function furrow.telemetry_past(partition text, time_to timestamptz, at timestamptz) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  past boolean;
begin
  execute format('select not exists (select from furrow.equipment e left join furrow.cutoffs(''telemetry'', $1) k on k.farm_id = e.farm_id '
                 'where (k.cutoff is null or k.cutoff < $2) and exists (select from furrow.%I t where t.equipment_id = e.id '
                 'and t.time >= coalesce(k.cutoff, ''-infinity'')))', partition) into past using at, time_to;
  return past;
end $$;
comment on function furrow.telemetry_past is 'whether no farm keeps a row of this partition, which ends at time_to';

create or replace function furrow.partitions_due(at timestamptz) returns table (name text, time_from timestamptz, time_to timestamptz)
language sql stable set jit = off
begin atomic
  select p.name, p.time_from, p.time_to from furrow.segment_partition p
  where p.time_to <= (select max(k.cutoff) from furrow.cutoffs('frames', at) k)
    and not exists (
      select from furrow.can_chunk c
      join furrow.equipment e on e.id = c.equipment_id
      left join furrow.cutoffs('frames', at) k on k.farm_id = e.farm_id
      where c.time_first < p.time_to and c.time_last >= p.time_from
        and (k.cutoff is null or furrow.forward_holds(c.stream, c.seq_last) or least(c.time_last, c.sealed_at) >= k.cutoff))
  union all
  select p.name, p.time_from, p.time_to from furrow.time_partition p
  where p.of_table = 'telemetry' and p.time_to <= (select max(k.cutoff) from furrow.cutoffs('telemetry', at) k)
    and furrow.telemetry_past(p.name, p.time_to, at)
  order by time_from, name;
end;
comment on function furrow.partitions_due is 'partitions of can_segment and telemetry of which retention lets nothing stay';

-- First half, as before; of telemetry, what stays of its rows goes to the coarser tier.
create or replace function furrow.empty_partition(partition text, at timestamptz, out chunks bigint, out frames bigint)
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  bounds record;
  streams int[];
  seqs bigint[];
begin
  select * into bounds from furrow.partitions_due(at) d where d.name = partition;
  if bounds is null then
    raise exception using errcode = 'FW004', message = 'the partition is not due any more';
  end if;
  chunks := 0;
  frames := 0;
  if exists (select from furrow.time_partition p where p.name = partition and p.of_table = 'telemetry') then
    perform furrow.thin_partition(partition, at);
    return;
  end if;
  select array_agg(d.stream), array_agg(d.seq_first) into streams, seqs from (
    select c.stream, c.seq_first from furrow.can_chunk c
    where c.time_first < bounds.time_to and c.time_last >= bounds.time_from for update of c
  ) d;
  select r.chunks, r.frames into chunks, frames
  from furrow.remove_chunks(streams, seqs, bounds.time_from, bounds.time_to) r;
end $$;

-- Second half, as before. A partition of telemetry is not dropped here: rows that came since the first half are still in it alone. It
-- leaves the table, so that no more can come, and furrow.drop_detached goes over it once more.
drop function furrow.drop_partition(text);
create function furrow.drop_partition(partition text, at timestamptz default now()) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  bounds record;
  is_telemetry constant boolean :=
    exists (select from furrow.time_partition p where p.name = partition and p.of_table = 'telemetry' and not p.is_default);
begin
  if is_telemetry then
    lock table only furrow.telemetry in access exclusive mode;
    if not exists (select from furrow.time_partition p where p.name = partition and furrow.telemetry_past(p.name, p.time_to, at)) then
      raise exception using errcode = 'FW004', message = 'the partition is not due any more';
    end if;
    execute format('alter table furrow.telemetry detach partition furrow.%I', partition);
    return;
  end if;
  lock table only furrow.can_segment in access exclusive mode;
  select * into bounds from furrow.segment_partition p where p.name = partition and not p.is_default;
  if bounds is null or exists (select from furrow.can_chunk c
                               where c.time_first < bounds.time_to and c.time_last >= bounds.time_from) then
    raise exception using errcode = 'FW004', message = 'the partition is not empty any more';
  end if;
  execute format('drop table furrow.%I', partition);
end $$;

create function furrow.drop_detached(at timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  name text;
  total bigint := 0;
begin
  for name in select c.relname from pg_class c where c.relnamespace = 'furrow'::regnamespace and c.relkind = 'r'
              and not c.relispartition and c.relname ~ '^telemetry_([dw][0-9]{8}|before)$' order by 1
  loop
    total := total + furrow.thin_partition(name, at);
    execute format('drop table furrow.%I', name);
  end loop;
  return total;
end $$;
comment on function furrow.drop_detached is 'drops partitions that have left telemetry, and answers how many rows they had';

create function furrow.telemetry_due(at timestamptz)
returns table (farm_id int, kind text, cutoff timestamptz, item_rows bigint, bytes bigint, oldest timestamptz, newest timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  tier text;
begin
  foreach tier in array array['telemetry', 'telemetry_10s', 'telemetry_1m'] loop
    return query execute format($q$
      select k.farm_id, %1$L::text, k.cutoff, count(*), sum(pg_column_size(t.*))::bigint, min(t.time), max(t.time)
      from furrow.cutoffs(%1$L, $1) k join furrow.equipment e on e.farm_id = k.farm_id
      join furrow.%1$I t on t.equipment_id = e.id and t.time < k.cutoff and t.time < %2$L group by 1, 3
      $q$, tier, coalesce((select max(k.cutoff) from furrow.cutoffs(tier, at) k), '-infinity')) using at;
  end loop;
end $$;
comment on function furrow.telemetry_due is 'rows of telemetry that are past the age of their tier';

do $$
declare
  f record;
  text_now text;
begin
  for f in select p.oid, p.prosrc from pg_proc p where p.pronamespace = 'furrow'::regnamespace and p.proname = 'retention_due' loop
    text_now := regexp_replace(f.prosrc, 'select k\.farm_id, ''telemetry'', k\.cutoff, [^;]*? group by 1, 2, 3',
      'select t.farm_id, t.kind, t.cutoff, t.item_rows, 0, t.bytes, t.oldest, t.newest from furrow.telemetry_due(at) t');
    if text_now = f.prosrc or position('furrow.telemetry t' in text_now) > 0 then
      raise exception 'the function retention_due is not the one that this step knows';
    end if;
    execute replace(pg_get_functiondef(f.oid), f.prosrc, text_now);
  end loop;
end $$;

create or replace function furrow.grant_care() returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  grant execute on function furrow.open_partition, furrow.attach_partition, furrow.drop_partition, furrow.check_telemetry,
    furrow.settle_telemetry, furrow.drop_detached to furrow_writer;
end $$;
comment on function furrow.grant_care is 'lets furrow_writer make and drop partitions of can_segment and telemetry, and no other table';
revoke execute on function furrow.open_partition, furrow.attach_partition, furrow.drop_partition, furrow.check_telemetry,
  furrow.settle_telemetry, furrow.drop_detached from public;
do $$ begin
  if to_regrole('furrow_writer') is not null then
    perform furrow.grant_care();
  end if;
end $$;
