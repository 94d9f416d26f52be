-- What the schema is beside its numbered steps while telemetry and rollup are hypertables of TimescaleDB (docs/decisions/0044-timescaledb.md).
-- `furrow db migrate --timescale` runs it. Each later numbered step runs after furrow.unwrap_for_step, and this text again after the step, in
-- one transaction: so a step finds the functions that it knows, and every function may be made again.
-- Runs with search_path = pg_catalog. A database without hypertables has none of it.

create or replace function furrow.timescale_schema() returns name
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'timescaledb'
$$;

create or replace function furrow.is_hypertable(of_table text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select exists (select from timescaledb_information.hypertables h where h.hypertable_schema = 'furrow' and h.hypertable_name = of_table)
$$;

-- A function that does the same for hypertables takes the place of one of a numbered step, which stays under another name.
create or replace function furrow.wrapped_names() returns text[]
language sql immutable set search_path = pg_catalog, pg_temp set jit = off as $$
  select array['wanted_partitions', 'partitions_due', 'empty_partition', 'drop_partition', 'expire_telemetry', 'expire_rollup', 'telemetry_due',
               'retention_due', 'let_go']
$$;

create or replace function furrow.unwrap_for_step() returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  f record;
begin
  for f in select p.oid::regprocedure as name, o.oid::regprocedure as plain, p.proname
           from pg_proc p join pg_proc o on o.proname = p.proname || '_plain' and o.pronamespace = p.pronamespace
           where p.pronamespace = 'furrow'::regnamespace and p.proname = any (furrow.wrapped_names())
  loop
    execute format('drop function %s', f.name);
    execute format('alter function %s rename to %I', f.plain, f.proname);
  end loop;
end $$;

do $$
declare
  f record;
begin
  perform furrow.unwrap_for_step();
  for f in select p.oid::regprocedure as name, p.proname from pg_proc p
           where p.pronamespace = 'furrow'::regnamespace and p.proname = any (furrow.wrapped_names())
  loop
    execute format('alter function %s rename to %I', f.name, f.proname || '_plain');
  end loop;
end $$;

-- Chunks are partitions of a hypertable, and are listed beside the others. With "offset 0" nobody's conditions are asked about a partition of
-- another table.
create or replace view furrow.time_partition as
(select p.relname::text as of_table, c.relname::text as name, b.bound = 'DEFAULT' as is_default,
       case when b.bound like 'FOR VALUES FROM (MINVALUE)%' then timestamptz '-infinity'
            else (regexp_match(b.bound, 'FROM \(''([^'']+)''\)'))[1]::timestamptz end as time_from,
       (regexp_match(b.bound, 'TO \(''([^'']+)''\)'))[1]::timestamptz as time_to
from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
cross join lateral (select pg_get_expr(c.relpartbound, c.oid) as bound) b
where i.inhparent in (to_regclass('furrow.can_segment'), to_regclass('furrow.telemetry')) and c.relispartition
offset 0)
union all
(select k.hypertable_name::text, k.chunk_name::text, false, k.range_start, k.range_end
from timescaledb_information.chunks k
where k.hypertable_schema = 'furrow' and k.hypertable_name in ('telemetry', 'rollup') and k.chunk_schema = 'furrow'
offset 0);

-- TimescaleDB makes a chunk when a row needs it.
create function furrow.wanted_partitions(at timestamptz, of_table text default 'can_segment')
returns table (time_from timestamptz, time_to timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  if furrow.is_hypertable(of_table) then
    return;
  end if;
  return query select w.time_from, w.time_to from furrow.wanted_partitions_plain(at, of_table) w;
end $$;

create or replace function furrow.rollup_past(partition text, time_to timestamptz, at timestamptz) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  past boolean;
begin
  execute format('select not exists (select from furrow.equipment e left join furrow.cutoffs(''rollup'', $1) k on k.farm_id = e.farm_id '
                 'where (k.cutoff is null or k.cutoff < $2) and exists (select from furrow.%I r where r.equipment_id = e.id '
                 'and r.minute >= coalesce(k.cutoff, ''-infinity'')))', partition) into past using at, time_to;
  return past;
end $$;
comment on function furrow.rollup_past is 'whether no farm keeps a row of this chunk, which ends at time_to';

create function furrow.partitions_due(at timestamptz) returns table (name text, time_from timestamptz, time_to timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  return query
  select d.name, d.time_from, d.time_to from furrow.partitions_due_plain(at) d
  union all
  select p.name, p.time_from, p.time_to from furrow.time_partition p
  where p.of_table = 'rollup' and p.time_to <= (select max(k.cutoff) from furrow.cutoffs('rollup', at) k)
    and furrow.rollup_past(p.name, p.time_to, at)
  order by 2, 1;
end $$;
comment on function furrow.partitions_due is 'partitions of can_segment, and chunks of telemetry and rollup, of which retention lets nothing stay';

-- As before, and a row of the hypertable is measured where it is read: one that has gone through a sort is 3 bytes shorter, and plans for
-- compressed chunks sort.
create function furrow.telemetry_due(at timestamptz)
returns table (farm_id int, kind text, cutoff timestamptz, item_rows bigint, bytes bigint, oldest timestamptz, newest timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  tier text;
begin
  foreach tier in array array['telemetry', 'telemetry_10s', 'telemetry_1m'] loop
    return query execute format(case when furrow.is_hypertable(tier) then $q$
      select k.farm_id, %1$L::text, k.cutoff, count(*), sum(t.bytes)::bigint, min(t.time), max(t.time)
      from furrow.cutoffs(%1$L, $1) k join furrow.equipment e on e.farm_id = k.farm_id
      cross join lateral (select t.time, pg_column_size(t.*) as bytes from furrow.%1$I t
                          where t.equipment_id = e.id and t.time < k.cutoff and t.time < %2$L offset 0) t
      group by 1, 3
      $q$ else $q$
      select k.farm_id, %1$L::text, k.cutoff, count(*), sum(pg_column_size(t.*))::bigint, min(t.time), max(t.time)
      from furrow.cutoffs(%1$L, $1) k join furrow.equipment e on e.farm_id = k.farm_id
      join furrow.%1$I t on t.equipment_id = e.id and t.time < k.cutoff and t.time < %2$L group by 1, 3
      $q$ end, tier, coalesce((select max(k.cutoff) from furrow.cutoffs(tier, at) k), '-infinity')) using at;
  end loop;
end $$;
comment on function furrow.telemetry_due is 'rows of telemetry that are past the age of their tier';

-- The same for rollups, whose columns all have a fixed width.
create function furrow.retention_due(at timestamptz)
returns table (farm text, kind text, cutoff timestamptz, item_rows bigint, items bigint, bytes bigint, oldest timestamptz, newest timestamptz)
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select d.farm, d.kind, d.cutoff, d.item_rows, d.items,
         case d.kind when 'rollup' then d.item_rows * (select pg_column_size(r.*) from furrow.rollup r limit 1) else d.bytes end,
         d.oldest, d.newest
  from furrow.retention_due_plain(at) d order by 1, 2
$$;
comment on function furrow.retention_due is 'what retention would take away, by farm and kind; bytes as stored, without indexes';

-- First half. Of a chunk nothing is seen after it has gone, so to the commit nobody writes into it: what is thinned here is all it has.
create function furrow.empty_partition(partition text, at timestamptz, out chunks bigint, out frames bigint)
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  owner constant text := (select p.of_table from furrow.time_partition p where p.name = partition);
begin
  if furrow.is_hypertable(owner) then
    execute format('lock table only furrow.%I in share mode', partition);
  end if;
  if owner is distinct from 'rollup' then
    select e.chunks, e.frames into chunks, frames from furrow.empty_partition_plain(partition, at) e;
  elsif exists (select from furrow.partitions_due(at) d where d.name = partition) then
    chunks := 0;
    frames := 0;
  else
    raise exception using errcode = 'FW004', message = 'the partition is not due any more';
  end if;
end $$;

-- Second half. The hypertable is locked, so that nobody plans with a chunk that goes.
create function furrow.drop_partition(partition text, at timestamptz default now()) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  owner constant text := (select p.of_table from furrow.time_partition p where p.name = partition);
  chunk record;
begin
  if not furrow.is_hypertable(owner) or owner is null then
    perform furrow.drop_partition_plain(partition, at);
    return;
  end if;
  execute format('lock table only furrow.%I in access exclusive mode', owner);
  select p.* into chunk from furrow.time_partition p where p.name = partition and p.of_table = owner;
  if chunk is null or not (case owner when 'rollup' then furrow.rollup_past(partition, chunk.time_to, at)
                                else furrow.telemetry_past(partition, chunk.time_to, at) end) then
    raise exception using errcode = 'FW004', message = 'the partition is not due any more';
  end if;
  execute format('select %I.drop_chunks(%L::regclass, older_than => %L::timestamptz, newer_than => %L::timestamptz)',
                 furrow.timescale_schema(), 'furrow.' || owner, chunk.time_to, chunk.time_from);
end $$;

-- TimescaleDB stops a statement that unpacks many rows. What retention and a move unpack is bounded by themselves.
create or replace function furrow.may_unpack() returns void
language sql volatile set search_path = pg_catalog, pg_temp set jit = off as $$
  select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)
$$;

-- A delete names the machine and the newest time as constants: of compressed chunks, only the batches that have such rows are unpacked. A
-- join would unpack all of them. All rows of one machine up to a time go, so the limit is passed by what came meanwhile, and of rollups by
-- minutes of the same signals.
create function furrow.expire_telemetry(at timestamptz, rows_max int, tier text default 'telemetry') returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  newest constant timestamptz := (select max(k.cutoff) from furrow.cutoffs(tier, at) k);
  one record;
  part bigint;
  rows_gone bigint := 0;
begin
  if tier <> 'telemetry' or not furrow.is_hypertable(tier) then
    return furrow.expire_telemetry_plain(at, rows_max, tier);
  end if;
  if newest is null then
    return 0;
  end if;
  perform furrow.may_unpack();
  for one in execute format($q$
    select d.equipment_id, max(d.time) as upto from (
      select t.equipment_id, t.time
      from furrow.cutoffs('telemetry', $1) k
      join furrow.equipment e on e.farm_id = k.farm_id
      cross join lateral (select t.equipment_id, t.time from furrow.telemetry t
                          where t.equipment_id = e.id and t.time < k.cutoff and t.time < %1$L order by t.time limit $2) t
      limit $2) d
    group by 1 order by 1
    $q$, newest) using at, rows_max
  loop
    execute format('with gone as (delete from furrow.telemetry t where t.equipment_id = %s and t.time <= %L returning t.*), %s '
                   'select count(*) from gone', one.equipment_id, one.upto, furrow.thin_sql('gone', 'telemetry_10s')) into part using at;
    rows_gone := rows_gone + part;
  end loop;
  return rows_gone;
end $$;

create function furrow.expire_rollup(at timestamptz, rows_max int) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  newest constant timestamptz := (select max(k.cutoff) from furrow.cutoffs('rollup', at) k);
  one record;
  part bigint;
  rows_gone bigint := 0;
begin
  if not furrow.is_hypertable('rollup') then
    return furrow.expire_rollup_plain(at, rows_max);
  end if;
  if newest is null then
    return 0;
  end if;
  perform furrow.may_unpack();
  for one in execute format($q$
    select d.equipment_id, array_agg(distinct d.signal) as signals, max(d.minute) as upto from (
      select r.equipment_id, r.signal, r.minute
      from furrow.cutoffs('rollup', $1) k
      join furrow.equipment e on e.farm_id = k.farm_id
      cross join lateral (select r.equipment_id, r.signal, r.minute from furrow.rollup r
                          where r.equipment_id = e.id and r.minute < k.cutoff and r.minute < %1$L limit $2) r
      limit $2) d
    group by 1 order by 1
    $q$, newest) using at, rows_max
  loop
    execute format('delete from furrow.rollup r where r.equipment_id = %s and r.signal = any (%L::int[]) and r.minute <= %L',
                   one.equipment_id, one.signals, one.upto);
    get diagnostics part = row_count;
    rows_gone := rows_gone + part;
  end loop;
  return rows_gone;
end $$;

-- Of a farm that has gone, each machine's rows of a hypertable go at once, by its constant. Then the rest, as before.
create function furrow.let_go(farm text, rows_max int) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  f furrow.farm;
  machine int;
  owner text;
  count bigint;
begin
  select o.* into f from furrow.farm o where o.name = farm for update;
  if f.home_state = 'gone' then
    foreach owner in array array['rollup', 'telemetry'] loop
      continue when not furrow.is_hypertable(owner);
      for machine in select e.id from furrow.equipment e where e.farm_id = f.id order by 1 loop
        count := furrow.forget_machine(owner, machine);
        if count > 0 then
          return count;
        end if;
      end loop;
    end loop;
  end if;
  return furrow.let_go_plain(farm, rows_max);
end $$;
comment on function furrow.let_go is 'removes rows of a farm that lives elsewhere now; called by a move, when the ledgers of both sides are equal';

create or replace function furrow.forget_machine(of_table text, machine int) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  count bigint;
begin
  perform furrow.may_unpack();
  -- Whole batches go as they are, and are not in the count of the delete.
  execute format('select count(*) from furrow.%I t where t.equipment_id = %s', of_table, machine) into count;
  if count > 0 then
    execute format('delete from furrow.%I t where t.equipment_id = %s', of_table, machine);
  end if;
  return count;
end $$;
comment on function furrow.forget_machine is 'removes all rows of a machine from a hypertable, and answers how many';

-- The first row of an interval. With its parameters in a plan that is kept, only the batch that may have it is unpacked; a join with the
-- intervals would unpack all batches for each.
create or replace function furrow.first_telemetry(machine int, from_time timestamptz, before timestamptz)
returns setof furrow.telemetry_10s
language plpgsql stable rows 1 set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan as $$
begin
  return query select t.* from furrow.telemetry_all t
  where t.equipment_id = machine and t.time >= from_time and t.time < before order by t.time limit 1;
end $$;
comment on function furrow.first_telemetry is 'the first row of telemetry of a machine from a time on and before another';

-- The width that people set holds for the chunks that are made from now on.
create or replace function furrow.chunk_width() returns interval
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select case p.width when 'day' then interval '24 hours' else interval '168 hours' end from furrow.partitioning p
$$;
create or replace function furrow.follow_width() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  owner text;
begin
  foreach owner in array array['telemetry', 'rollup'] loop
    if furrow.is_hypertable(owner) then
      execute format('select %I.set_chunk_time_interval(%L::regclass, furrow.chunk_width())', furrow.timescale_schema(), 'furrow.' || owner);
    end if;
  end loop;
  return null;
end $$;
revoke execute on function furrow.follow_width from public;
create or replace trigger follow_width after update of width on furrow.partitioning
  for each row when (new.width <> old.width) execute function furrow.follow_width();

-- Conversion, in one transaction a table: begin_hypertable, hypertable_part for each part of the old table, end_hypertable.

-- The digest waits from here to the commit; who reads does not. A statement that waits for a lock holds up all that come after it.
create or replace function furrow.begin_hypertable(of_table text) returns table (part regclass, blocks bigint)
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  old constant regclass := format('furrow.%I', of_table)::regclass;
  next constant text := of_table || '_next';
  options text;
  grants record;
begin
  if not furrow.care_lock() then
    raise exception using errcode = 'lock_not_available',
      message = 'another process runs retention or partitions now: try again later';
  end if;
  if of_table = 'telemetry' then
    if (select p.telemetry_before from furrow.partitioning p) is not null then
      raise exception using errcode = 'object_in_use',
        message = 'telemetry of an older version has no partitions yet: run `furrow db partitions --now`, then this command again';
    end if;
    perform furrow.drop_detached(now()); -- what retention has left half done
  end if;
  perform furrow.lock_soon(old, 'share row exclusive');
  select ' with (' || array_to_string(c.reloptions, ', ') || ')' into options from pg_class c where c.oid = old;
  execute format('create table furrow.%I (like furrow.%I including all)%s', next, of_table, coalesce(options, ''));
  execute format('comment on table furrow.%I is %L', next, obj_description(old, 'pg_class'));
  for grants in select a.grantee, a.privilege_type from pg_class c cross join lateral aclexplode(c.relacl) a
                where c.oid = old and a.grantee <> c.relowner loop
    execute format('grant %s on furrow.%I to %s', grants.privilege_type, next,
                   case grants.grantee when 0 then 'public' else grants.grantee::regrole::text end);
  end loop;
  execute format('select %I.create_hypertable(%L::regclass, %L, chunk_time_interval => furrow.chunk_width(), create_default_indexes => false, '
                 'associated_schema_name => ''furrow'', associated_table_prefix => %L)', furrow.timescale_schema(), 'furrow.' || next,
                 case of_table when 'rollup' then 'minute' else 'time' end, of_table);
  return query select t.relid::regclass, pg_relation_size(t.relid) / current_setting('block_size')::bigint
               from (select p.relid, p.isleaf from pg_partition_tree(old) p
                     union all select old, true where not exists (select from pg_partition_tree(old))) t
               where t.isleaf;
end $$;

create or replace function furrow.lock_soon(of_table regclass, mode text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  before constant text := current_setting('lock_timeout');
begin
  for attempt in 1 .. 1000 loop
    begin
      perform set_config('lock_timeout', '100ms', true);
      execute format('lock table %s in %s mode', of_table, mode);
      perform set_config('lock_timeout', before, true);
      return;
    exception when lock_not_available then
      perform pg_sleep(0.2);
    end;
  end loop;
  raise exception using errcode = 'lock_not_available',
    message = format('statements that run for long use %s: wait for their end, then run the command again', of_table);
end $$;

create or replace function furrow.hypertable_part(of_table text, part regclass, block_from bigint, block_to bigint) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  moved bigint;
begin
  execute format('insert into furrow.%I select * from only %s where ctid >= %L::tid and ctid < %L::tid', of_table || '_next', part,
                 format('(%s,0)', block_from), format('(%s,0)', block_to));
  get diagnostics moved = row_count;
  return moved;
end $$;

create or replace function furrow.end_hypertable(of_table text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  old constant regclass := format('furrow.%I', of_table)::regclass;
  key constant text := (select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = old and i.indisprimary);
  schema constant name := furrow.timescale_schema();
  bound text[];
  text_of text;
begin
  perform furrow.lock_soon(old, 'access exclusive');
  -- Views, and functions with a parsed body, know the table and not its name: each is made again of its own text.
  select array_agg(d.text order by d.oid) into bound from (
    select v.oid, format('create or replace view %s as %s', v.oid::regclass, pg_get_viewdef(v.oid)) as text
    from pg_class v where v.relkind = 'v' and v.oid in (
      select r.ev_class from pg_depend d join pg_rewrite r on r.oid = d.objid
      where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = old)
    union all
    select p.oid, pg_get_functiondef(p.oid)
    from pg_proc p where p.oid in (
      select d.objid from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = old)) d;
  execute format('alter table furrow.%I rename to %I', of_table, of_table || '_old');
  execute format('alter table furrow.%I rename to %I', of_table || '_next', of_table);
  foreach text_of in array coalesce(bound, '{}') loop
    execute text_of;
  end loop;
  execute format('drop table furrow.%I', of_table || '_old');
  execute format('alter index furrow.%I rename to %I', of_table || '_next_pkey', key);
  execute format('alter table furrow.%I set (timescaledb.compress, timescaledb.compress_segmentby = %L, timescaledb.compress_orderby = %L)',
                 of_table, case of_table when 'rollup' then 'equipment_id, signal' else 'equipment_id' end,
                 case of_table when 'rollup' then 'minute' else 'time' end);
  -- A chunk whose end is older is compressed. Rows that come later still find their place.
  execute format('select %I.add_compression_policy(%L::regclass, compress_after => interval ''168 hours'')', schema, 'furrow.' || of_table);
end $$;

do $$ begin
  if to_regrole('furrow_writer') is not null then
    perform furrow.grant_care();
  end if;
  revoke execute on function furrow.drop_partition from public;
end $$;
