-- Care of what grows: partitions made ahead, what each farm keeps, and which numbers retention has let go.

create table furrow.partitioning (
  only_row boolean primary key default true check (only_row),
  width text not null default 'week' check (width in ('day', 'week')),
  ahead int not null default 4 check (ahead between 1 and 60)
);
insert into furrow.partitioning default values;
comment on table furrow.partitioning is 'how wide the partitions of can_segment are, and how many are made ahead of now';

create view furrow.segment_partition as
select c.relname::text as name, b.bound = 'DEFAULT' as is_default,
       (regexp_match(b.bound, 'FROM \(''([^'']+)''\)'))[1]::timestamptz as time_from,
       (regexp_match(b.bound, 'TO \(''([^'']+)''\)'))[1]::timestamptz as time_to
from pg_inherits i join pg_class c on c.oid = i.inhrelid
cross join lateral (select pg_get_expr(c.relpartbound, c.oid) as bound) b
where i.inhparent = 'furrow.can_segment'::regclass;
comment on view furrow.segment_partition is 'partitions of can_segment with their times, the first included';

-- Days and weeks of UTC, weeks from Monday. Of a week of which a part has a partition already, its free days are taken one by
-- one. Times before 2000 and beyond what is made ahead are those of clocks that are wrong: no partition is made for them.
create function furrow.wanted_partitions(at timestamptz)
returns table (time_from timestamptz, time_to timestamptz)
language sql stable as $$
  with setting as (
    select case p.width when 'day' then interval '24 hours' else interval '168 hours' end as step, p.ahead from furrow.partitioning p
  ), slot as (
    select date_bin(s.step, at, timestamptz '2000-01-03 00:00:00+00') + n * s.step as start, s.step
    from setting s cross join lateral generate_series(0, s.ahead) n
    union
    select date_bin(s.step, d.time_first, timestamptz '2000-01-03 00:00:00+00'), s.step
    from setting s cross join furrow.can_segment_default d
    where d.time_first >= timestamptz '2000-01-03 00:00:00+00'
      and d.time_first < date_bin(s.step, at, timestamptz '2000-01-03 00:00:00+00') + (s.ahead + 1) * s.step
      and (select count(*) from furrow.segment_partition) < 1500
  ), piece as (
    select s.start, s.start + s.step as stop, s.start as slot, s.step from slot s
    union
    select d, d + interval '24 hours', s.start, s.step
    from slot s cross join lateral generate_series(s.start, s.start + s.step - interval '24 hours', interval '24 hours') d
  ), free as (
    select p.* from piece p
    where not exists (select from furrow.segment_partition o where o.time_from < p.stop and o.time_to > p.start)
  )
  select f.start, f.stop from free f
  where f.stop - f.start = f.step
     or not exists (select from free w where w.slot = f.slot and w.stop - w.start = f.step)
  order by 1
$$;
comment on function furrow.wanted_partitions is 'times for which can_segment should have a partition and has none';

create function furrow.partition_name(time_from timestamptz, time_to timestamptz) returns text
language plpgsql immutable as $$
begin
  if time_from is null or time_to is null or time_to - time_from not in (interval '24 hours', interval '168 hours')
     or date_bin(interval '24 hours', time_from, timestamptz '2000-01-03 00:00:00+00') <> time_from then
    raise exception using errcode = 'invalid_parameter_value', message = 'a partition is a day or a week of UTC';
  end if;
  return 'can_segment_' || case when time_to - time_from = interval '24 hours' then 'd' else 'w' end
         || to_char(time_from at time zone 'UTC', 'YYYYMMDD');
end $$;

-- First half: the table, and into it what stands in the default partition. Waits for nobody. A check that says the same as the
-- bounds spares the second half a look at every row.
create function furrow.open_partition(time_from timestamptz, time_to timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog as $$
declare
  name text := furrow.partition_name(time_from, time_to);
  moved bigint;
begin
  execute format('create table furrow.%I (like furrow.can_segment including all, constraint %I check '
                 '(time_first is not null and time_first >= %L::timestamptz and time_first < %L::timestamptz)) '
                 'with (toast_tuple_target = 512)', name, name || '_time', time_from, time_to);
  execute format('with gone as (delete from furrow.can_segment_default s where s.time_first >= $1 and s.time_first < $2 returning s.*) '
                 'insert into furrow.%I select * from gone', name) using time_from, time_to;
  get diagnostics moved = row_count;
  return moved;
end $$;

-- Second half, in the same transaction and the last message of it: what has come in since, and in its place. Holds the table
-- against everybody from the first line to the commit that must follow at once. Not its default partition alone: a statement
-- that waited for that one would have planned without the new partition, and would then find the rows in neither.
create function furrow.attach_partition(time_from timestamptz, time_to timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog as $$
declare
  name text := furrow.partition_name(time_from, time_to);
  moved bigint;
begin
  lock table only furrow.can_segment in access exclusive mode;
  lock table furrow.can_segment_default in access exclusive mode;
  execute format('with gone as (delete from furrow.can_segment_default s where s.time_first >= $1 and s.time_first < $2 returning s.*) '
                 'insert into furrow.%I select * from gone', name) using time_from, time_to;
  get diagnostics moved = row_count;
  execute format('alter table furrow.can_segment attach partition furrow.%I for values from (%L) to (%L)', name, time_from, time_to);
  return moved;
end $$;

create table furrow.retention (
  farm_id int references furrow.farm,
  kind text not null check (kind in ('frames', 'records', 'telemetry', 'rollup')),
  keep_days int check (keep_days between 1 and 36500),
  changed_at timestamptz not null default now()
);
create unique index retention_of on furrow.retention (coalesce(farm_id, 0), kind);
comment on table furrow.retention is 'how long a farm keeps what; nothing goes of which no row speaks';
comment on column furrow.retention.farm_id is 'null: every farm without a row of its own for this kind';
comment on column furrow.retention.keep_days is 'days of 24 hours; null: for ever';

create function furrow.cutoffs(kind text, at timestamptz) returns table (farm_id int, cutoff timestamptz)
language sql stable as $$
  select f.id, at - r.keep_days * interval '24 hours'
  from furrow.farm f
  cross join lateral (select o.keep_days from furrow.retention o
                      where o.kind = cutoffs.kind and (o.farm_id = f.id or o.farm_id is null)
                      order by o.farm_id nulls last limit 1) r
  where r.keep_days is not null
$$;
comment on function furrow.cutoffs is 'of each farm that does not keep all of a kind, the time before which it goes';

create table furrow.expired (
  stream int not null references furrow.stream,
  first bigint not null,
  last bigint not null check (last >= first),
  primary key (stream, first)
);
comment on table furrow.expired is 'numbers first to last of a stream were stored, and retention has let them go; ranges do not touch';

-- One who takes numbers away at a time: all do so with this lock, to the end of their transaction.
create function furrow.care_lock() returns boolean
language sql volatile as $$ select pg_try_advisory_xact_lock(112659113996152) $$;

create function furrow.note_expired(stream int, numbers int8multirange) returns void
language plpgsql as $$
declare
  whole int8multirange;
begin
  select range_agg(int8range(e.first, e.last + 1)) into whole from furrow.expired e
  where e.stream = note_expired.stream and e.first <= upper(numbers) and e.last >= lower(numbers) - 1;
  delete from furrow.expired e
  where e.stream = note_expired.stream and e.first <= upper(numbers) and e.last >= lower(numbers) - 1;
  insert into furrow.expired (stream, first, last)
  select note_expired.stream, lower(r), upper(r) - 1 from unnest(coalesce(whole, '{}') + numbers) r;
end $$;

-- Chunks and their segments, all but those of a partition that is about to go as a whole. A chunk that had lost segments is not
-- noted: its numbers stay lost.
create function furrow.remove_chunks(streams int[], seqs bigint[], keep_from timestamptz, keep_to timestamptz,
                                     out chunks bigint, out frames bigint)
language plpgsql as $$
declare
  one record;
begin
  chunks := 0;
  frames := 0;
  for one in
    with due as materialized (
      select c.stream, c.seq_first, c.time_first, c.time_last
      from unnest(streams, seqs) d(stream, seq_first) join furrow.can_chunk c using (stream, seq_first)
    ), held as materialized (
      select s.stream, s.chunk, sum(s.frames) as frames
      from due d join furrow.can_segment s on s.stream = d.stream and s.chunk = d.seq_first
       and s.time_first >= d.time_first and s.time_first <= d.time_last group by 1, 2
    ), chunk as (
      delete from furrow.can_chunk c using due d where c.stream = d.stream and c.seq_first = d.seq_first
      returning c.stream, c.seq_first, c.frames, c.run_first, c.run_frames
    ), segment as (
      delete from furrow.can_segment s using due d
      where s.stream = d.stream and s.chunk = d.seq_first and s.time_first >= d.time_first and s.time_first <= d.time_last
        and (s.time_first >= keep_from and s.time_first < keep_to) is not true
    )
    select c.stream, count(distinct c.seq_first) as chunks, sum(r.frames)::bigint as frames,
           range_agg(int8range(r.first, r.first + r.frames)) filter (where h.frames = c.frames) as numbers
    from chunk c
    cross join lateral unnest(c.run_first, c.run_frames) r(first, frames)
    left join held h on h.stream = c.stream and h.chunk = c.seq_first
    group by c.stream
  loop
    chunks := chunks + one.chunks;
    frames := frames + one.frames;
    if one.numbers is not null then
      perform furrow.note_expired(one.stream, one.numbers);
    end if;
  end loop;
end $$;

-- Sealed frames past their age, a few chunks at a time. What is not sealed yet is not looked at: neither is then what the digest
-- has still to read.
create function furrow.expire_chunks(at timestamptz, chunks_max int, out chunks bigint, out frames bigint)
language sql as $$
  with due as materialized (
    select c.stream, c.seq_first
    from furrow.can_chunk c
    join furrow.equipment e on e.id = c.equipment_id
    join furrow.cutoffs('frames', at) k on k.farm_id = e.farm_id
    where c.time_last < k.cutoff
    order by c.stream, c.seq_first limit chunks_max for update of c skip locked
  ), whole as (
    select array_agg(d.stream) as streams, array_agg(d.seq_first) as seqs from due d
  )
  select r.chunks, r.frames from whole w cross join lateral furrow.remove_chunks(w.streams, w.seqs, null, null) r
$$;

-- Records past their age, of all kinds; that the gateway's disk has lost an item stays on record.
create function furrow.expire_records(at timestamptz, records_max int) returns bigint
language plpgsql as $$
declare
  one record;
  kind text;
  total bigint := 0;
begin
  foreach kind in array array['sensor_reading', 'yield_sample', 'token_usage', 'fault', 'item_record'] loop
    for one in execute format($q$
      with due as materialized (
        select r.stream, r.seq
        from furrow.cutoffs('records', $1) k
        join furrow.equipment e on e.farm_id = k.farm_id
        cross join lateral (select r.stream, r.seq from furrow.%1$I r
                            where r.equipment_id = e.id and r.time < k.cutoff %2$s limit $2) r
        limit $2
      ), gone as (
        delete from furrow.%1$I t using due d where t.stream = d.stream and t.seq = d.seq returning t.stream, t.seq
      )
      select g.stream, count(*) as records, range_agg(int8range(g.seq, g.seq + 1)) as numbers from gone g group by 1
      $q$, kind, case when kind = 'item_record' then 'and r.kind <> 32767' else '' end) using at, records_max
    loop
      total := total + one.records;
      perform furrow.note_expired(one.stream, one.numbers);
    end loop;
    exit when total >= records_max;
  end loop;
  perform furrow.expire_batch_keys(at, records_max);
  return total;
end $$;

-- Keys of batches of which no record is left, and which are past that age themselves: nobody sends them again.
create function furrow.expire_batch_keys(at timestamptz, keys_max int) returns void
language sql as $$
  with due as materialized (
    select b.stream, b.key
    from furrow.cutoffs('records', at) k
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

create function furrow.expire_telemetry(at timestamptz, rows_max int) returns bigint
language sql as $$
  with due as materialized (
    select t.equipment_id, t.time
    from furrow.cutoffs('telemetry', at) k
    join furrow.equipment e on e.farm_id = k.farm_id
    cross join lateral (select t.equipment_id, t.time from furrow.telemetry t
                        where t.equipment_id = e.id and t.time < k.cutoff order by t.time limit rows_max) t
    limit rows_max
  ), gone as (
    delete from furrow.telemetry t using due d where t.equipment_id = d.equipment_id and t.time = d.time returning 1
  )
  select count(*) from gone
$$;

create function furrow.expire_rollup(at timestamptz, rows_max int) returns bigint
language sql as $$
  with due as materialized (
    select r.equipment_id, r.signal, r.minute
    from furrow.cutoffs('rollup', at) k
    join furrow.equipment e on e.farm_id = k.farm_id
    cross join lateral (select r.equipment_id, r.signal, r.minute from furrow.rollup r
                        where r.equipment_id = e.id and r.minute < k.cutoff limit rows_max) r
    limit rows_max
  ), gone as (
    delete from furrow.rollup r using due d
    where r.equipment_id = d.equipment_id and r.signal = d.signal and r.minute = d.minute returning 1
  )
  select count(*) from gone
$$;

-- A partition may go as a whole when every chunk that reaches into it is past the age of its farm.
create function furrow.partitions_due(at timestamptz) returns table (name text, time_from timestamptz, time_to timestamptz)
language sql stable as $$
  select p.name, p.time_from, p.time_to from furrow.segment_partition p
  where p.time_to <= (select max(k.cutoff) from furrow.cutoffs('frames', at) k)
    and not exists (
      select from furrow.can_chunk c
      join furrow.equipment e on e.id = c.equipment_id
      left join furrow.cutoffs('frames', at) k on k.farm_id = e.farm_id
      where c.time_first < p.time_to and c.time_last >= p.time_from
        and (k.cutoff is null or c.time_last >= k.cutoff))
  order by p.time_from
$$;
comment on function furrow.partitions_due is 'partitions of can_segment of which retention lets nothing stay';

-- First half: its chunks, and what they have in the partitions beside it. Waits for nobody.
create function furrow.empty_partition(partition text, at timestamptz, out chunks bigint, out frames bigint)
language plpgsql as $$
declare
  bounds record;
  streams int[];
  seqs bigint[];
begin
  select * into bounds from furrow.partitions_due(at) d where d.name = partition;
  if bounds is null then
    raise exception using errcode = 'FW004', message = 'the partition is not due any more';
  end if;
  select array_agg(d.stream), array_agg(d.seq_first) into streams, seqs from (
    select c.stream, c.seq_first from furrow.can_chunk c
    where c.time_first < bounds.time_to and c.time_last >= bounds.time_from for update of c
  ) d;
  select r.chunks, r.frames into chunks, frames
  from furrow.remove_chunks(streams, seqs, bounds.time_from, bounds.time_to) r;
end $$;

-- Second half, in the same transaction and the last message of it. What a sealer has put there in between keeps it.
create function furrow.drop_partition(partition text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
  bounds record;
begin
  lock table only furrow.can_segment in access exclusive mode;
  select * into bounds from furrow.segment_partition p where p.name = partition and not p.is_default;
  if bounds is null or exists (select from furrow.can_chunk c
                               where c.time_first < bounds.time_to and c.time_last >= bounds.time_from) then
    raise exception using errcode = 'FW004', message = 'the partition is not empty any more';
  end if;
  execute format('drop table furrow.%I', partition);
end $$;

create function furrow.retention_due(at timestamptz)
returns table (farm text, kind text, cutoff timestamptz, item_rows bigint, items bigint, bytes bigint,
               oldest timestamptz, newest timestamptz)
language sql stable as $$
  select f.name, d.kind, d.cutoff, d.item_rows, d.items, d.bytes, d.oldest, d.newest from (
    select k.farm_id, 'frames' as kind, k.cutoff, count(*), sum(c.frames)::bigint,
           sum((select sum(pg_column_size(s.*)) from furrow.can_segment s where s.stream = c.stream and s.chunk = c.seq_first
                and s.time_first >= c.time_first and s.time_first <= c.time_last))::bigint, min(c.time_first), max(c.time_last)
    from furrow.cutoffs('frames', at) k join furrow.equipment e on e.farm_id = k.farm_id
    join furrow.can_chunk c on c.equipment_id = e.id and c.time_last < k.cutoff group by 1, 2, 3
    union all
    select k.farm_id, 'records', k.cutoff, count(*), count(*), sum(r.bytes)::bigint, min(r.time), max(r.time)
    from furrow.cutoffs('records', at) k join furrow.equipment e on e.farm_id = k.farm_id
    cross join lateral (
      select r.time, pg_column_size(r.*) as bytes from furrow.sensor_reading r where r.equipment_id = e.id and r.time < k.cutoff
      union all select r.time, pg_column_size(r.*) from furrow.yield_sample r where r.equipment_id = e.id and r.time < k.cutoff
      union all select r.time, pg_column_size(r.*) from furrow.token_usage r where r.equipment_id = e.id and r.time < k.cutoff
      union all select r.time, pg_column_size(r.*) from furrow.fault r where r.equipment_id = e.id and r.time < k.cutoff
      union all select r.time, pg_column_size(r.*) from furrow.item_record r
                where r.equipment_id = e.id and r.time < k.cutoff and r.kind <> 32767) r
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
comment on function furrow.retention_due is 'what retention would take away, by farm and kind; bytes as stored, without indexes';

-- As before, and of the partitions only those of the chunk's time are looked into.
create or replace view furrow.sealed_run as
select k.stream, r.first, r.first + r.frames - 1 as last
from furrow.can_chunk k cross join lateral unnest(k.run_first, k.run_frames) r(first, frames)
where k.frames = (select sum(g.frames) from furrow.can_segment g where g.stream = k.stream and g.chunk = k.seq_first
                  and g.time_first >= k.time_first and g.time_first <= k.time_last);

-- What retention has let go is accounted for, and counted apart.
create or replace view furrow.held as
select stream, seq_first as first, seq_first + frames - 1 as last, 'stored' as what from furrow.can_block
union all select stream, first, last, 'stored' from furrow.sealed_run
union all select stream, seq, seq, case kind when 32767 then 'lost' else 'stored' end from furrow.item_record
union all select stream, seq, seq, 'stored' from furrow.sensor_reading
union all select stream, seq, seq, 'stored' from furrow.yield_sample
union all select stream, seq, seq, 'stored' from furrow.token_usage
union all select stream, seq, seq, 'stored' from furrow.fault
union all select stream, seq, seq, case when dropped_at is null then 'quarantined' else 'dropped' end
from furrow.quarantine
union all select stream, first, last, 'expired' from furrow.expired;
comment on view furrow.held is
  'numbers first to last of a stream: stored, quarantined, dropped by a person, lost (kind 32767: the gateway''s disk lost it), or expired (retention let them go)';

-- A function that is not taken into the query that calls it: planned once a query, run once a stream. As part of the view it was
-- priced at more than jit_above_cost while the small tables had no statistics (those of a small fleet never get any), and
-- compiling took twenty times as long as the answer.
create function furrow.ledger_counts(stream int, durable bigint)
returns table (held bigint, stored bigint, covered bigint, quarantined bigint, dropped bigint, lost_at_gateway bigint, expired bigint)
language sql stable rows 1 set jit = off as $$
  select coalesce(sum(o.count), 0)::bigint,
         coalesce(sum(o.count) filter (where o.what in ('stored', 'quarantined')), 0)::bigint,
         coalesce(sum(greatest(0, least(o.last, ledger_counts.durable) - greatest(o.first - 1, o.last_before, 0))), 0)::bigint,
         count(*) filter (where o.what = 'quarantined'),
         count(*) filter (where o.what = 'dropped'),
         count(*) filter (where o.what = 'lost'),
         coalesce(sum(o.count) filter (where o.what = 'expired'), 0)::bigint
  from (
    select h.*, h.last - h.first + 1 as count,
           coalesce(max(h.last) over (order by h.first, h.last rows between unbounded preceding and 1 preceding), 0)
             as last_before
    from furrow.held h where h.stream = ledger_counts.stream
  ) o
$$;
comment on function furrow.ledger_counts is
  'numbers of a stream that the tables hold, by what became of them; covered: numbers up to durable that are held, each counted once';

create or replace view furrow.ledger as
select f.name as farm, e.name as equipment, s.stream_id, s.id as stream, w.sent, w.seq as durable,
       c.stored, w.seq - c.covered as lost, c.held - c.covered as doubled, c.quarantined,
       c.dropped, c.lost_at_gateway, c.expired
from furrow.stream s
join furrow.equipment e on e.id = s.equipment_id
join furrow.farm f on f.id = e.farm_id
join furrow.stream_watermark w on w.stream = s.id
cross join lateral furrow.ledger_counts(s.id, w.seq) c;

-- These run with their owner's rights, so that a node without DDL has its partitions made: not for everybody.
create function furrow.grant_care() returns void
language plpgsql as $$
begin
  grant execute on function furrow.open_partition, furrow.attach_partition, furrow.drop_partition to furrow_writer;
end $$;
comment on function furrow.grant_care is 'lets furrow_writer make and drop partitions of can_segment, and no other table';
revoke execute on function furrow.open_partition, furrow.attach_partition, furrow.drop_partition from public;
do $$ begin
  if to_regrole('furrow_writer') is not null then
    perform furrow.grant_care();
  end if;
end $$;
