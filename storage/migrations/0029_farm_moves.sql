-- A farm moves to another database of the cluster (docs/decisions/0042-a-farm-moves-forward.md). It leaves the source in one
-- transaction, is admitted at the target in one, and its history follows in slices. Runs with search_path = pg_catalog.

create table furrow.farm_move (
  farm text primary key,
  source text not null,
  target text not null,
  version bigint not null,
  step text not null check (step in ('expect', 'leave', 'admit', 'point', 'follow', 'compare', 'release')),
  by text not null,
  since timestamptz not null default now(),
  stepped_at timestamptz not null default now(),
  progress text not null default ''
);
comment on table furrow.farm_move is 'in the main database: farms on their way to another database; a row is deleted when its farm has moved';
comment on column furrow.farm_move.version is 'home_version of the farm from this move on';
comment on column furrow.farm_move.step is 'what is done next; doing it again changes nothing';

create table furrow.arrival (
  farm_id int primary key references furrow.farm,
  source text not null,
  version bigint not null,
  part int not null default 0,
  equipment_id int not null default 0,
  place text[] not null default '{}',
  rows_copied bigint[] not null default '{}',
  since timestamptz not null default now()
);
comment on table furrow.arrival is 'farms that live here and whose history is still in another database; retention leaves them alone';
comment on column furrow.arrival.part is 'the table that is copied next; then equipment_id and place: after which row';
comment on column furrow.arrival.rows_copied is 'of each such table, the rows that have come';

create table furrow.elsewhere (
  stream int not null references furrow.stream,
  first bigint not null,
  last bigint not null check (last >= first),
  database text not null,
  primary key (stream, first)
);
comment on table furrow.elsewhere is 'numbers first to last of a stream are durable in another database, and will come from there; ranges do not overlap';

alter table furrow.digest add column paused boolean not null default false;
comment on column furrow.digest.paused is 'the farm has left: neither seq nor state changes here any more';

-- Numbers in another database are accounted for.
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
union all select stream, first, last, 'expired' from furrow.expired
union all select stream, first, last, 'elsewhere' from furrow.elsewhere;
comment on view furrow.held is
  'numbers first to last of a stream: stored, quarantined, dropped by a person, lost (kind 32767: the gateway''s disk lost it), expired (retention removed them), or elsewhere (in another database, on their way here)';

-- A farm that has gone is in the ledger of its new home.
create or replace view furrow.ledger as
select f.name as farm, e.name as equipment, s.stream_id, s.id as stream, w.sent, w.seq as durable,
       c.stored, w.seq - c.covered as lost, c.held - c.covered as doubled, c.quarantined,
       c.dropped, c.lost_at_gateway, c.expired,
       coalesce(x.elsewhere, 0)::bigint as elsewhere
from furrow.stream s
join furrow.equipment e on e.id = s.equipment_id
join furrow.farm f on f.id = e.farm_id
join furrow.stream_watermark w on w.stream = s.id
cross join lateral furrow.ledger_counts(s.id, w.seq) c
left join (select o.stream, sum(o.last - o.first + 1) as elsewhere from furrow.elsewhere o group by o.stream) x on x.stream = s.id
where f.home_state <> 'gone';

-- Retention and removal work on farms that are here as a whole.
create function furrow.is_settled(farm_id int) returns boolean
language sql stable parallel safe set search_path = pg_catalog, pg_temp set jit = off as $$
  select exists (select from furrow.farm f where f.id = is_settled.farm_id and f.home_state = 'here')
     and not exists (select from furrow.arrival a where a.farm_id = is_settled.farm_id)
$$;
comment on function furrow.is_settled is 'whether the farm lives here and all its history does';

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
  where r.keep_days is not null and furrow.is_settled(f.id);
end;

create or replace function furrow.record_rules(at timestamptz) returns table (farm_id int, kind text, rule text, cutoff timestamptz)
language sql stable
begin atomic
  select f.id, k.kind, r.kind, at - r.keep_days * interval '24 hours'
  from furrow.farm f
  cross join unnest(array['sensor', 'yield', 'tokens', 'fault', 'other']) k(kind)
  cross join lateral (select o.kind, o.keep_days from furrow.retention o
                      where o.kind in (k.kind, 'records') and (o.farm_id = f.id or o.farm_id is null)
                      order by o.farm_id nulls last, o.kind = 'records' limit 1) r
  where r.keep_days is not null and furrow.is_settled(f.id);
end;

-- Asked when the row of furrow.seal is locked, which a farm that leaves locks too.
create function furrow.may_seal(stream int) returns boolean
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select exists (select from furrow.stream s join furrow.equipment e on e.id = s.equipment_id join furrow.farm f on f.id = e.farm_id
                 where s.id = may_seal.stream and f.home_state = 'here')
     and not exists (select from furrow.elsewhere x join furrow.seal l on l.stream = x.stream
                     where x.stream = may_seal.stream and x.last > l.sealed_to)
$$;
comment on function furrow.may_seal is 'whether the fresh frames of a stream are all here: none has left, or is still to come';

create function furrow.streams_of(farm_id int) returns setof int
language sql stable parallel safe rows 100 set search_path = pg_catalog, pg_temp set jit = off as $$
  select s.id from furrow.stream s join furrow.equipment e on e.id = s.equipment_id where e.farm_id = streams_of.farm_id order by s.id
$$;
comment on function furrow.streams_of is 'streams of all machines of a farm';

-- In main: begins a move, or answers the one that is under way. Answers its row.
create function furrow.begin_farm_move(farm text, target text, by text) returns furrow.farm_move
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  made furrow.farm_move;
  home record;
begin
  lock table furrow.farm_move in share row exclusive mode;
  select m.* into made from furrow.farm_move m where m.farm = begin_farm_move.farm;
  if made.farm is not null then
    if made.target <> begin_farm_move.target then
      raise exception using errcode = 'object_in_use',
        message = format('farm %s is moving to %s: finish that move first', made.farm, made.target);
    end if;
    return made;
  end if;
  if not exists (select from furrow.database d where d.name = begin_farm_move.target) then
    raise exception using errcode = 'no_data_found', message = format('no database %s: `furrow db list` shows them', begin_farm_move.target);
  end if;
  select h.database, h.version into home from furrow.farm_home h where h.farm = begin_farm_move.farm;
  if not found then
    if not exists (select from furrow.stored_farm f where f.name = begin_farm_move.farm and f.home_state = 'here') then
      raise exception using errcode = 'no_data_found', message = format('no farm %s: `furrow farm list` shows them', begin_farm_move.farm);
    end if;
    select 'main' as database, 0::bigint as version into home;
  end if;
  if home.database = begin_farm_move.target then
    raise exception using errcode = 'object_in_use', message = format('farm %s lives in %s already', begin_farm_move.farm, home.database);
  end if;
  insert into furrow.farm_move as m (farm, source, target, version, step, by)
  values (begin_farm_move.farm, home.database, begin_farm_move.target,
          1 + greatest(home.version, (select f.home_version from furrow.farm f where f.name = begin_farm_move.farm)),
          'expect', begin_farm_move.by)
  returning m.* into made;
  return made;
end $$;

-- At the target: whoever claims a stream of the farm here is told to ask again.
create function furrow.expect_farm(farm text, source text, version bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  f furrow.farm;
begin
  perform set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') not in ('on', 'remote_apply');
  insert into furrow.farm (name) values (farm) on conflict do nothing;
  select o.* into f from furrow.farm o where o.name = farm for update;
  if f.home_version >= version and f.home_state in ('arriving', 'here') then
    return;
  end if;
  if f.home_state = 'here' and (exists (select from furrow.equipment e where e.farm_id = f.id)
                                or exists (select from furrow.field d where d.farm_id = f.id)) then
    raise exception using errcode = 'object_in_use', message = format('the target has machines or fields of farm %s already', farm);
  end if;
  update furrow.farm o set home = expect_farm.source, home_version = expect_farm.version, home_state = 'arriving' where o.id = f.id;
end $$;

-- At the source: from the commit on no item of the farm is stored here, and nothing changes what is. An append holds the rows of its
-- watermarks, a sealer that of `seal`, the digest that of `digest`: each is either done before, or finds the farm gone. The sealer's rows
-- are locked first: while that waits, appends go on.
create function furrow.leave_farm(farm text, target text, version bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  f furrow.farm;
begin
  perform set_config('synchronous_commit', 'on', true) where current_setting('synchronous_commit') not in ('on', 'remote_apply');
  select o.* into f from furrow.farm o where o.name = farm;
  if f.id is null then
    raise exception using errcode = 'no_data_found', message = format('no farm %s', farm);
  end if;
  insert into furrow.seal (stream) select s from furrow.streams_of(f.id) s on conflict do nothing;
  perform from furrow.seal l where l.stream in (select furrow.streams_of(f.id)) order by l.stream for update;
  select o.* into f from furrow.farm o where o.name = farm for update;
  if f.home_version >= version and f.home_state in ('leaving', 'gone') then
    return;
  elsif f.home_state <> 'here' then
    raise exception using errcode = 'object_in_use', message = format('farm %s is not in this database (%s)', farm, f.home_state);
  end if;
  insert into furrow.seal (stream) select s from furrow.streams_of(f.id) s on conflict do nothing;
  perform from furrow.seal l where l.stream in (select furrow.streams_of(f.id)) order by l.stream for update;
  insert into furrow.stream_watermark (stream) select s from furrow.streams_of(f.id) s on conflict do nothing;
  perform from furrow.stream_watermark w where w.stream in (select furrow.streams_of(f.id)) order by w.stream for update;
  -- Also of streams that the digest has yet to begin, so that it does not begin them now.
  insert into furrow.digest (stream) select s from furrow.streams_of(f.id) s where exists (select from furrow.digest)
  order by 1 on conflict do nothing;
  perform from furrow.digest d where d.stream in (select furrow.streams_of(f.id)) order by d.stream for update;
  update furrow.stream_watermark w set epoch = w.epoch + 1, owner = null where w.stream in (select furrow.streams_of(f.id));
  update furrow.digest d set paused = true where d.stream in (select furrow.streams_of(f.id));
  update furrow.farm o set home = leave_farm.target, home_version = leave_farm.version, home_state = 'leaving' where o.id = f.id;
end $$;
comment on function furrow.leave_farm is 'fences all streams of a farm: from now on its home is the target';

-- At the source: the numbers from `low` to `high` are the next slice of a stream, with some `weight` of rows. It cuts neither a block nor
-- a chunk.
create function furrow.move_slice(stream int, high bigint, weight int) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  low bigint := 1;
  at bigint;
  of_table text;
begin
  foreach of_table in array array['sensor_reading', 'yield_sample', 'token_usage', 'fault', 'item_record', 'quarantine'] loop
    execute format('select t.seq from furrow.%I t where t.stream = $1 and t.seq <= $2 order by t.seq desc offset $3 limit 1', of_table)
      into at using stream, high, weight - 1;
    low := greatest(low, at);
  end loop;
  low := greatest(low,
    (select b.seq_first from furrow.can_block b where b.stream = move_slice.stream and b.seq_first <= high
     order by b.seq_first desc offset weight - 1 limit 1),
    (select c.seq_first from furrow.can_chunk c where c.stream = move_slice.stream and c.seq_first <= high
     order by c.seq_first desc offset weight / 256 limit 1),
    (select x.first from furrow.expired x where x.stream = move_slice.stream and x.first <= high
     order by x.first desc offset weight - 1 limit 1));
  return least(low,
    (select b.seq_first from furrow.can_block b where b.stream = move_slice.stream and b.seq_first <= low
       and b.seq_first + b.frames > low order by b.seq_first desc limit 1),
    (select c.seq_first from furrow.can_chunk c where c.stream = move_slice.stream and c.seq_first <= low and c.seq_last >= low
     order by c.seq_first desc limit 1));
end $$;
comment on function furrow.move_slice is 'the first number of the next slice of a stream whose last number is `high`';

-- At the target: these numbers have come, in this transaction.
create function furrow.note_arrived(stream int, low bigint, high bigint) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  with gone as (
    delete from furrow.elsewhere x where x.stream = note_arrived.stream and x.first <= high and x.last >= low
    returning x.first, x.last, x.database
  )
  insert into furrow.elsewhere (stream, first, last, database)
  select note_arrived.stream, r.first, r.last, g.database
  from gone g cross join lateral (values (g.first, least(g.last, low - 1)), (greatest(g.first, high + 1), g.last)) r(first, last)
  where r.first <= r.last;
end $$;

-- What a database holds of streams up to a number, each number once: the ledger of both sides.
create function furrow.kept(streams int[], up_to bigint[])
returns table (stream int, covered bigint, doubled bigint, items bigint, expired bigint, lost_at_gateway bigint, elsewhere bigint)
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select r.stream, coalesce(c.covered, 0)::bigint, coalesce(c.held - c.covered, 0)::bigint, coalesce(c.items, 0)::bigint,
         coalesce(c.expired, 0)::bigint, coalesce(c.lost, 0)::bigint, coalesce(c.elsewhere, 0)::bigint
  from unnest(streams, up_to) r(stream, up_to)
  cross join lateral (
    select sum(o.count) as held, sum(greatest(0, o.last - greatest(o.first - 1, o.last_before))) as covered,
           sum(o.count) filter (where o.what in ('stored', 'quarantined', 'dropped')) as items,
           sum(o.count) filter (where o.what = 'expired') as expired, sum(o.count) filter (where o.what = 'lost') as lost,
           sum(o.count) filter (where o.what = 'elsewhere') as elsewhere
    from (
      select h.what, h.first, least(h.last, r.up_to) as last, least(h.last, r.up_to) - h.first + 1 as count,
             coalesce(max(least(h.last, r.up_to)) over (order by h.first, h.last rows between unbounded preceding and 1 preceding), 0)
               as last_before
      from furrow.held h where h.stream = r.stream and h.first <= r.up_to
    ) o
  ) c
  order by r.stream
$$;
comment on function furrow.kept is 'numbers of streams, up to one of each, that this database holds; items: stored, quarantined or dropped';

-- At the source, of a farm that has gone: removes up to so many rows and answers how many. 0: all is removed, and only the row of the farm
-- stays, to say where it is.
create function furrow.let_go(farm text, rows_max int) returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_custom_plan as $$
declare
  f furrow.farm;
  streams int[];
  machines int[];
  one record;
  of_table text;
  count bigint;
begin
  select o.* into f from furrow.farm o where o.name = farm for update;
  if f.home_state is distinct from 'gone' then
    raise exception using errcode = 'object_in_use', message = format('farm %s has not gone from this database', farm);
  end if;
  streams := array(select furrow.streams_of(f.id));
  machines := array(select e.id from furrow.equipment e where e.farm_id = f.id);
  count := 0;
  for one in select c.stream, c.seq_first, c.time_first, c.time_last from furrow.can_chunk c where c.stream = any (streams)
             order by c.stream, c.seq_first limit greatest(1, rows_max / 256)
  loop
    delete from furrow.can_segment s
    where s.stream = one.stream and s.chunk = one.seq_first and s.time_first >= one.time_first and s.time_first <= one.time_last;
    delete from furrow.can_chunk c where c.stream = one.stream and c.seq_first = one.seq_first;
    count := count + 256;
  end loop;
  if count > 0 then
    return count;
  end if;
  for one in select * from (values
    ('can_block', 'stream', 'seq_first'), ('sensor_reading', 'stream', 'seq'), ('yield_sample', 'stream', 'seq'),
    ('token_usage', 'stream', 'seq'), ('fault', 'stream', 'seq'), ('item_record', 'stream', 'seq'), ('quarantine', 'stream', 'seq'),
    ('expired', 'stream', 'first'), ('record_batch', 'stream', 'key'), ('bus_fault', 'stream', 'first_seq'),
    ('clock_ahead', 'stream', 'after'), ('rollup', 'equipment_id', 'minute'), ('telemetry', 'equipment_id', 'time'),
    ('telemetry_10s', 'equipment_id', 'time'), ('telemetry_1m', 'equipment_id', 'time')) v(of_table, owner, key)
  loop
    execute format('with due as materialized (select t.%2$I, t.%3$I from furrow.%1$I t where t.%2$I = any ($1) limit $2) '
                   'delete from furrow.%1$I t using due d where t.%2$I = d.%2$I and t.%3$I = d.%3$I', one.of_table, one.owner, one.key)
      using case one.owner when 'stream' then streams else machines end, rows_max;
    get diagnostics count = row_count;
    if count > 0 then
      return count;
    end if;
  end loop;
  foreach of_table in array array['source', 'stream_run', 'bus', 'seal', 'digest', 'forward', 'elsewhere', 'stream_watermark'] loop
    execute format('delete from furrow.%I t where t.stream = any ($1)', of_table) using streams;
  end loop;
  delete from furrow.stream s where s.id = any (streams);
  foreach of_table in array array['machine_home', 'removed_equipment', 'equipment_state'] loop
    execute format('delete from furrow.%I t where t.equipment_id = any ($1)', of_table) using machines;
  end loop;
  foreach of_table in array array['definition_signal', 'definition_message'] loop
    execute format('delete from furrow.%I t where t.version in (select d.version from furrow.definition_set d '
                   'where d.farm_id = $1 or d.equipment_id = any ($2))', of_table) using f.id, machines;
  end loop;
  foreach of_table in array array['definition_set', 'dbc'] loop
    execute format('delete from furrow.%I t where t.farm_id = $1 or t.equipment_id = any ($2)', of_table) using f.id, machines;
  end loop;
  delete from furrow.equipment e where e.farm_id = f.id;
  delete from furrow.field d where d.farm_id = f.id;
  delete from furrow.retention r where r.farm_id = f.id;
  delete from furrow.arrival a where a.farm_id = f.id;
  update furrow.farm o set title = '', attributes = '{}' where o.id = f.id and (o.title <> '' or o.attributes <> '{}');
  return 0;
end $$;
comment on function furrow.let_go is 'removes rows of a farm that lives elsewhere now; called by a move, when the ledgers of both sides are equal';
