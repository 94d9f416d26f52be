-- Several databases: each farm has a home, the database in which its machines live. The directory (database, farm_home) is in the main
-- database and is a hint; the truth is home_state of the farm's row in each database. Runs with search_path = pg_catalog.

create table furrow.database (
  name text primary key,
  url text not null,
  weight int not null default 100 check (weight between 0 and 10000),
  created_at timestamptz not null default now()
);
comment on table furrow.database is 'in the main database: the databases in which farms live; one row, main, where there are no others';
comment on column furrow.database.url is 'without a password; empty: this database';
comment on column furrow.database.weight is 'its share of new farms, in relation to the others; 0: it takes none';
insert into furrow.database (name, url) values ('main', '');

create table furrow.farm_home (
  farm text primary key,
  database text not null references furrow.database,
  version bigint not null
);
create index farm_home_database on furrow.farm_home (database);
comment on table furrow.farm_home is 'in the main database: where each farm lives; a farm without a row lives in main';
comment on column furrow.farm_home.version is 'counts the moves of the farm';

-- Nodes ask for this number every few seconds, and read the directory when it has changed.
create table furrow.directory_state (
  id int primary key check (id = 1),
  version bigint not null
);
insert into furrow.directory_state (id, version) values (1, 1);
comment on table furrow.directory_state is 'one row; its version grows with every change of database or farm_home';

create function furrow.note_directory_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  update furrow.directory_state set version = version + 1;
  return null;
end $$;
comment on function furrow.note_directory_change is 'also after a change by hand, so that every node sees it within seconds';
create trigger directory_changed after insert or update or delete or truncate on furrow.database
  for each statement execute function furrow.note_directory_change();
create trigger directory_changed after insert or update or delete or truncate on furrow.farm_home
  for each statement execute function furrow.note_directory_change();

alter table furrow.farm
  add column home text,
  add column home_version bigint not null default 0,
  add column home_state text not null default 'here' check (home_state in ('here', 'leaving', 'gone', 'arriving'));
comment on column furrow.farm.home is 'the database that it lives in or moves to, by its name in the directory; null: this one';
comment on column furrow.farm.home_version is 'counts the moves of the farm, as far as this database knows';
comment on column furrow.farm.home_state is 'here: this database takes claims; leaving, gone: `home` does; arriving: ask again later';

-- A user, a token or a rule of retention makes a row of its farm in main; the farm may live elsewhere.
create view furrow.stored_farm as
select f.id, f.name, (select count(*) from furrow.equipment e where e.farm_id = f.id) as machines, f.home, f.home_version, f.home_state
from furrow.farm f
where f.title <> '' or f.attributes <> '{}' or exists (select from furrow.equipment e where e.farm_id = f.id)
   or exists (select from furrow.field d where d.farm_id = f.id);
comment on view furrow.stored_farm is 'farms of which this database holds machines, fields or a description';

create function furrow.databases() returns table (name text, url text, weight int, farms bigint)
language sql stable set search_path = pg_catalog, pg_temp set jit = off as $$
  select d.name, d.url, d.weight,
         (select count(*) from furrow.farm_home h where h.database = d.name)
         + case when d.name = 'main'
           then (select count(*) from furrow.stored_farm f
                 where f.home_state <> 'gone' and not exists (select from furrow.farm_home h where h.farm = f.name))
           else 0 end
  from furrow.database d order by d.name <> 'main', d.name
$$;
comment on function furrow.databases is 'the databases and how many farms live in each; main first';

-- The home of a farm. A farm that main holds something of lives in main. A new farm gets the database with the fewest farms for its
-- weight, and its row before anything else is written of it. Without another database nothing is written. Callers wait for each other;
-- the lock on the farm's row waits for a claim that makes the farm's first machine here, and such a claim waits for it.
create function furrow.place_farm(farm text) returns table (database text, version bigint)
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
#variable_conflict use_column
declare
  lightest text := 'main';
begin
  return query select h.database, h.version from furrow.farm_home h where h.farm = place_farm.farm;
  if found then
    return;
  end if;
  if not exists (select from furrow.database d where d.name <> 'main')
     or exists (select from furrow.stored_farm f where f.name = place_farm.farm and f.home_state = 'here') then
    return query select 'main'::text, 0::bigint;
    return;
  end if;
  perform pg_advisory_xact_lock(112659113996153);
  insert into furrow.farm (name) values (place_farm.farm) on conflict do nothing;
  perform from furrow.farm f where f.name = place_farm.farm for update;
  return query select h.database, h.version from furrow.farm_home h where h.farm = place_farm.farm;
  if found then
    return;
  end if;
  if exists (select from furrow.stored_farm f where f.name = place_farm.farm and f.home_state = 'here') then
    return query select 'main'::text, 0::bigint;
    return;
  end if;
  select d.name into lightest from furrow.databases() d where d.weight > 0
  order by d.farms::numeric / d.weight, d.name <> 'main', d.name limit 1;
  lightest := coalesce(lightest, 'main');
  insert into furrow.farm_home (farm, database, version) values (place_farm.farm, lightest, 1);
  if lightest <> 'main' then
    update furrow.farm f set home = lightest, home_version = 1, home_state = 'gone' where f.name = place_farm.farm;
  end if;
  return query select lightest, 1::bigint;
end $$;
comment on function furrow.place_farm is 'the database of a farm and the version of that; called by the nodes, in the main database';

-- First half of a claim, as before; and a farm that is not here gets a row that says where it is, and nothing is made for it: moved_to is
-- the name of its database, or empty while it arrives here. For all others moved_to is null. A new machine or stream holds the row of its
-- farm: a move locks that row first (for update), so that no stream appears here that the move does not know.
--
-- furrow.claim and furrow.advance need no change. The transaction that sets home_state to leaving raises the epoch of all streams of the
-- farm. An append under an older claim then fails (FW001), a claim between its two halves finds another epoch and starts again here, and
-- no claim begins here any more.
--
-- Where nothing is missing, as with nearly every claim, one question replaces three statements that would insert nothing.
--
-- A program of the version before reads the numbers 0 for a farm that is not here: it takes the stream for held and asks again.
drop function furrow.enter(text[], text[], uuid[], bigint[]);
create function furrow.enter(farms text[], machines text[], streams uuid[], iso_names bigint[])
returns table (ordinal int, equipment int, stream int, epoch bigint, seq bigint, runs bigint[], run_seqs bigint[],
               moved_to text, moved_version bigint)
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
#variable_conflict use_column
begin
  if exists (
    select from unnest(farms, machines, streams) r(farm, machine, stream) left join furrow.farm f on f.name = r.farm
    where f.id is null or (f.home_state = 'here'
      and (select s.id from furrow.stream s where s.stream_id = r.stream and s.equipment_id =
            (select e.id from furrow.equipment e where e.farm_id = f.id and e.name = r.machine)) is null)
  ) then
    insert into furrow.farm (name)
    select distinct r.farm from unnest(farms) r(farm)
    where (select f.id from furrow.farm f where f.name = r.farm) is null
    order by 1 on conflict do nothing;

    insert into furrow.equipment (farm_id, name)
    select distinct m.farm_id, m.machine
    from (select f.id as farm_id, r.machine
          from unnest(farms, machines) r(farm, machine) join furrow.farm f on f.name = r.farm
          where f.home_state = 'here'
            and (select e.id from furrow.equipment e where e.farm_id = f.id and e.name = r.machine) is null
          for key share of f) m
    order by 1, 2 on conflict do nothing;

    insert into furrow.stream (equipment_id, stream_id)
    select distinct m.equipment, m.stream
    from (select (select e.id from furrow.equipment e where e.farm_id = f.id and e.name = r.machine) as equipment, r.stream
          from unnest(farms, machines, streams) r(farm, machine, stream) join furrow.farm f on f.name = r.farm
          where f.home_state = 'here'
            and (select s.id from furrow.stream s where s.stream_id = r.stream and s.equipment_id =
                  (select e.id from furrow.equipment e where e.farm_id = f.id and e.name = r.machine)) is null
          for key share of f) m
    where m.equipment is not null
    order by 1, 2 on conflict do nothing;
  end if;

  return query
  with machine as materialized (
    select r.ordinal::int as ordinal, r.stream, r.iso_name, f.home_state, f.home, f.home_version,
           case when f.home_state = 'here'
             then (select e.id from furrow.equipment e where e.farm_id = f.id and e.name = r.machine) end as equipment
    from unnest(farms, machines, streams, iso_names) with ordinality r(farm, machine, stream, iso_name, ordinal)
    join furrow.farm f on f.name = r.farm
  ), asked as materialized (
    select m.ordinal, m.equipment, m.home_state, m.home, m.home_version,
           (select s.id from furrow.stream s where s.equipment_id = m.equipment and s.stream_id = m.stream) as stream
    from machine m
  ), named as (
    update furrow.equipment e set iso_name = m.iso_name
    from machine m where e.id = m.equipment and m.iso_name is not null and e.iso_name is distinct from m.iso_name
  ), made as (
    insert into furrow.stream_watermark (stream)
    select distinct a.stream from asked a
    where a.stream is not null and (select w.seq from furrow.stream_watermark w where w.stream = a.stream) is null
    order by 1 on conflict do nothing
  )
  select a.ordinal, coalesce(a.equipment, 0), coalesce(a.stream, 0), coalesce(w.epoch, 0), coalesce(w.seq, 0),
         coalesce((select array_agg(k.run order by k.ordinal) from furrow.stream_run k where k.stream = a.stream), '{}'),
         coalesce((select array_agg(k.first_seq order by k.ordinal) from furrow.stream_run k where k.stream = a.stream), '{}'),
         case when a.home_state = 'here' then null when a.home_state = 'arriving' then '' else coalesce(a.home, '') end,
         a.home_version
  from asked a left join furrow.stream_watermark w on w.stream = a.stream
  where a.stream is not null or a.home_state <> 'here'
  order by a.ordinal;
end $$;
comment on function furrow.enter is 'first half of a claim: makes what is missing and tells what stands; called by the nodes';
