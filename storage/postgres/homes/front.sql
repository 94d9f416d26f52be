-- What `furrow front create` writes into the database for people's SQL, in one transaction. front.cpp gives it
-- pg_temp.given, a row with one document:
--   homes       number, name, options, login, proxied: options and login are those of postgres_fdw, proxied is the
--               connection string for PL/Proxy
--   relations   name, columns, everywhere: tables and views; everywhere: each home has rows of its own
--   composites  name, columns: row types that functions return
--   routines    functions: name, arguments, inputs (how many), types (of these), version_at (which of them is a version of
--               definitions), result, route; route: the argument that names a machine, a place or a farm; 'all' for a
--               function whose answers are put together; 'main'
-- Rows that different homes have made have different ids. Versions of definitions are counted by each home: here the number
-- of the home is in their upper bits.
create temp table home on commit drop as
  select h.* from pg_temp.given g, jsonb_to_recordset(g.document -> 'homes')
    as h(number int, name text, options jsonb, login jsonb, proxied text);
create temp table relation on commit drop as
  select r.name, array(select jsonb_array_elements_text(r.columns)) as columns, r.everywhere
  from pg_temp.given g, jsonb_to_recordset(g.document -> 'relations') as r(name text, columns jsonb, everywhere boolean);
create temp table composite on commit drop as
  select c.* from pg_temp.given g, jsonb_to_recordset(g.document -> 'composites') as c(name text, columns text);
create temp table routine on commit drop as
  select f.* from pg_temp.given g, jsonb_to_recordset(g.document -> 'routines')
    as f(name text, arguments text, inputs int, types text[], version_at int, result text, route text);

create extension if not exists postgres_fdw schema public;
create extension if not exists plproxy schema public;

set local client_min_messages = warning; -- of an earlier run much is dropped

do $$
declare
  one record;
  parts text;
begin
  if to_regclass('furrow.migration') is not null and to_regclass('furrow.home') is null then
    raise exception using errcode = 'object_in_use',
      message = 'this database holds a schema of Furrow itself: a front needs a database of its own';
  end if;
  -- What an earlier run made, also of homes that are gone.
  drop schema if exists furrow cascade;
  for one in select s.srvname as name from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw
             where w.fdwname in ('postgres_fdw', 'plproxy') and s.srvname like 'furrow\_%' loop
    execute format('drop server %I cascade', one.name);
  end loop;
  for one in select n.nspname as name from pg_namespace n where n.nspname like 'furrow\_home\_%' loop
    execute format('drop schema %I cascade', one.name);
  end loop;

  create schema furrow;
  create table furrow.home (number int primary key, name text not null unique, partition int not null unique);
  insert into furrow.home select h.number, h.name, row_number() over (order by h.number) - 1 from pg_temp.home h;

  -- Tables and views, by postgres_fdw.
  for one in select * from pg_temp.home order by number loop
    execute format('create server %I foreign data wrapper postgres_fdw options (%s)', 'furrow_home_' || one.name,
      (select string_agg(format('%I %L', k, v), ', ') from jsonb_each_text(one.options) o(k, v)));
    execute format('create user mapping for public server %I options (%s)', 'furrow_home_' || one.name,
      (select string_agg(format('%I %L', k, v), ', ') from jsonb_each_text(one.login) o(k, v)));
    execute format('create schema %I', 'furrow_home_' || one.name);
    execute format('import foreign schema furrow limit to (%s) from server %I into %I',
      (select string_agg(quote_ident(r.name), ', ') from pg_temp.relation r where r.everywhere or one.number = 0),
      'furrow_home_' || one.name, 'furrow_home_' || one.name);
    -- These are joined with others: the planner must know that they are small.
    execute format('analyze %1$I.farm, %1$I.equipment, %1$I.stream, %1$I.field, %1$I.signal_name', 'furrow_home_' || one.name);
  end loop;
  for one in select * from pg_temp.relation order by name loop
    -- A farm that lives elsewhere has a second row in main.
    select string_agg(format('select %s from %I.%I', (select string_agg(
                               case when c = 'version' and (one.name = 'dbc' or one.name like 'definition\_%')
                                 then format('version + %s as version', h.number << 25) else quote_ident(c) end, ', ' order by n)
                               from unnest(one.columns) with ordinality o(c, n)),
                             'furrow_home_' || h.name, one.name)
                      || case one.name when 'farm' then ' where home_state <> ''gone''' else '' end, ' union all ' order by h.number)
    into parts from pg_temp.home h where one.everywhere or h.number = 0;
    execute format('create view furrow.%I as %s', one.name, parts);
  end loop;

  -- Where machines and fields live. Each home makes the join; a farm that has moved from it does not count.
  for one in select * from (values ('machine', 'equipment'), ('place', 'field')) w(name, of) loop
    select string_agg(format('select %s as home, e.id, f.name as farm, e.name from %I.%I e join %2$I.farm f on f.id = e.farm_id '
                             'where f.home_state = ''here''', h.number, 'furrow_home_' || h.name, one.of), ' union all ' order by h.number)
    into parts from pg_temp.home h;
    execute format('create view furrow.%I as %s', one.name, parts);
  end loop;

  -- Functions, by PL/Proxy. It wants a power of two of partitions: those beyond the last home stand for main.
  execute format('create server furrow_homes foreign data wrapper plproxy options (%s)',
    (select string_agg(format('%I %L', 'p' || n, coalesce(h.proxied, m.proxied)), ', ' order by n)
     from pg_temp.home m, generate_series(0, (2 ^ ceil(log(2, (select count(*) from pg_temp.home))))::int - 1) n
     left join furrow.home f on f.partition = n left join pg_temp.home h on h.number = f.number where m.number = 0));
  execute format('create user mapping for public server furrow_homes options (%s)',
    (select string_agg(format('%I %L', k, v), ', ')
     from pg_temp.home h, jsonb_each_text(h.login) o(k, v)
     where h.number = 0 and k in ('user', 'password')));
  for one in select * from pg_temp.composite loop
    execute format('create type furrow.%I as (%s)', one.name, one.columns);
  end loop;
end $$;

-- The number of the home of a farm.
create function furrow.home_of(farm text) returns int
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  found_in int;
begin
  select h.number into found_in from furrow.home h
  where h.name = coalesce((select f.database from furrow.farm_home f where f.farm = home_of.farm), 'main');
  if found_in is null then
    raise exception using errcode = 'undefined_object',
      message = format('the farm %s lives in a database that this front does not know', home_of.farm),
      hint = 'run `furrow front create` again';
  end if;
  return found_in;
end $$;

-- The machine of this name and its home. It reads the schema of a home, which readers of the front may not.
create function furrow.machine_of(equipment text, out home int, out id int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  its_farm constant text := case when position('/' in equipment) > 0 then split_part(equipment, '/', 1) end;
  schema text;
  found_in int[];
  ids int[];
begin
  -- With its farm in front, one home is asked, and the others may be away.
  if its_farm is not null then
    select h.number, 'furrow_home_' || h.name into home, schema from furrow.home h where h.number = furrow.home_of(its_farm);
    execute format('select e.id from %1$I.equipment e join %1$I.farm f on f.id = e.farm_id '
                   'where f.name = $1 and e.name = $2 and f.home_state = ''here''', schema)
    into id using its_farm, substr(equipment, position('/' in equipment) + 1);
    if id is not null then
      return;
    end if;
  end if;
  select array_agg(m.home), array_agg(m.id) into found_in, ids from furrow.machine m
  where m.name = machine_of.equipment or m.farm || '/' || m.name = machine_of.equipment;
  if ids is null then
    raise exception using errcode = 'no_data_found', message = format('no equipment %s', machine_of.equipment);
  elsif cardinality(ids) > 1 then
    raise exception using errcode = 'too_many_rows',
      message = format('more than one farm has an equipment %s: write farm/%s', machine_of.equipment, machine_of.equipment);
  end if;
  home := found_in[1];
  id := ids[1];
end $$;

-- Immutable, because the id of a machine never changes, not even when its farm moves. The planner then writes the id into
-- what it sends to the homes; it would fetch all rows and ask for each one otherwise.
create function furrow.equipment_id(equipment text) returns int
language sql immutable set search_path = pg_catalog, pg_temp set jit = off
begin atomic
  select m.id from furrow.machine_of(equipment) m;
end;

create function furrow.partition_of_equipment(equipment text) returns int
language sql stable set search_path = pg_catalog, pg_temp set jit = off
begin atomic
  select h.partition from furrow.home h where h.number = (select m.home from furrow.machine_of(equipment) m);
end;

-- The same for a function that may be given a version of definitions: those of another home have other signals.
create function furrow.partition_of_equipment(equipment text, version int) returns int
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  its_home constant int := (select m.home from furrow.machine_of(equipment) m);
begin
  if version >> 25 <> its_home then
    raise exception using errcode = 'invalid_parameter_value',
      message = format('the definitions of version %s are in another database than the equipment %s', version, equipment),
      hint = format('furrow.definition_set has those of its database from version %s on', its_home << 25);
  end if;
  return (select h.partition from furrow.home h where h.number = its_home);
end $$;

create function furrow.partition_of_farm(farm text) returns int
language sql stable set search_path = pg_catalog, pg_temp set jit = off
begin atomic
  select h.partition from furrow.home h where h.number = furrow.home_of(farm);
end;

-- Of the place of a yield map: a field or a machine, by the rules and in the words of yield_map itself, over all homes.
create function furrow.partition_of_place(place text) returns int
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  wanted constant text := regexp_replace(place, '^(field|equipment):', '');
  found_in int[];
begin
  if place like 'equipment:%' then
    return furrow.partition_of_equipment(wanted);
  end if;
  select array_agg(p.home) into found_in from furrow.place p where p.name = wanted or p.farm || '/' || p.name = wanted;
  if place not like 'field:%' then
    select found_in || array_agg(m.home) into found_in from furrow.machine m
    where m.name = wanted or m.farm || '/' || m.name = wanted;
  end if;
  if found_in is null then
    raise exception using errcode = 'no_data_found', message = format('no field and no equipment %s', wanted);
  elsif cardinality(found_in) > 1 then
    raise exception using errcode = 'too_many_rows', message = format('more than one field or equipment is called %s', wanted),
      hint = 'write field:FARM/NAME or equipment:FARM/NAME';
  end if;
  return (select h.partition from furrow.home h where h.number = found_in[1]);
end $$;

do $$
declare
  one record;
  home record;
begin
  for one in select * from pg_temp.routine where route <> 'all' loop
    if one.version_at is null then
      execute format('create function furrow.%I(%s) returns %s language plproxy as %L', one.name, one.arguments, one.result,
        format('cluster ''furrow_homes''; run on %s;',
               case one.route when 'main' then '0' else format('furrow.partition_of_%s(%1$s)', one.route) end));
    else
      -- PL/Proxy takes the word `from` of a query for the argument of that name, so here the arguments have numbers.
      execute format('create function furrow.%I(%s, partition int) returns %s language plproxy as %L', one.name || '_in',
        (select string_agg(format('a%s %s', n, t), ', ' order by n) from unnest(one.types) with ordinality u(t, n)), one.result,
        format('cluster ''furrow_homes''; run on partition; select * from furrow.%I(%s);', one.name,
               (select string_agg('a' || n, ', ' order by n) from generate_series(1, one.inputs) n)));
      execute format('create function furrow.%I(%s) returns %s language sql stable set search_path = pg_catalog, pg_temp '
                     'set jit = off as %L', one.name, one.arguments, one.result,
        format('select * from furrow.%I(%s, furrow.partition_of_%s($1, $%s))', one.name || '_in',
               (select string_agg('$' || n || case n when one.version_at then ' & 33554431' else '' end, ', ' order by n)
                from generate_series(1, one.inputs) n), one.route, one.version_at));
    end if;
  end loop;
  for one in select * from pg_temp.routine where route = 'all' loop
    for home in select * from furrow.home order by partition loop
      execute format('create function %I.%I(%s) returns %s language plproxy as %L', 'furrow_home_' || home.name, one.name,
        one.arguments, one.result,
        format('cluster ''furrow_homes''; run on %s; target furrow.%I;', home.partition, one.name));
    end loop;
    execute format('create function furrow.%I(%s) returns %s language sql security definer set search_path = pg_catalog, pg_temp '
                   'set jit = off as %L', one.name, one.arguments, one.result,
      (select string_agg(format('select * from %I.%I(%s)', 'furrow_home_' || h.name, one.name,
                                (select string_agg('$' || n, ', ') from generate_series(1, one.inputs) n)),
                         ' union all ' order by h.partition) from furrow.home h));
  end loop;
  if to_regrole('furrow_reader') is null then
    create role furrow_reader nologin;
  end if;
end $$;
grant usage on schema furrow to furrow_reader;
grant select on all tables in schema furrow to furrow_reader;
grant execute on all functions in schema furrow to furrow_reader;
revoke execute on all functions in schema furrow from public;
grant usage on foreign server furrow_homes to furrow_reader;
