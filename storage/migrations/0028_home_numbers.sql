-- Homes have numbers, and ids of their own: those of home N begin at N << 25. An id then means the same row wherever it is
-- written, in the front and in a farm that has moved. Main has number 0.
alter table furrow.database add column number int unique check (number between 1 and 63);

-- DBC files of a farm are in its home, those for all machines in main. The other databases have copies of their definitions.
alter table furrow.definition_set add column copied boolean not null default false;
comment on column furrow.definition_set.copied is 'from main, of a DBC file for all machines; a node keeps it current';

-- A number is given once: rows with its ids may be in the database of a farm that has moved.
alter table furrow.directory_state add column last_number int not null default 0 check (last_number between 0 and 63);
comment on column furrow.directory_state.last_number is 'the highest number that a database had';

create table furrow.numbering (
  one boolean primary key default true check (one),
  number int not null check (number between 0 and 63)
);
comment on table furrow.numbering is 'the number of this database in the directory of main, which has 0; no row: there are no others';

-- Makes this database home `number`, and returns the number that it has. A database that holds rows with ids keeps its number; one
-- that lists others is main and keeps 0. Only an empty one becomes a home. Main gets 0 and keeps its ids.
create function furrow.number_ids(number int) returns int
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  had int;
  wanted text;
begin
  lock table furrow.farm, furrow.signal_name, furrow.dbc in share row exclusive mode;
  select n.number into had from furrow.numbering n;
  if had = number_ids.number or had = 0 and exists (select from furrow.database d where d.name <> 'main') then
    return had;
  elsif exists (select from furrow.farm) or exists (select from furrow.signal_name) or exists (select from furrow.dbc) then
    if had is not null then
      return had;
    elsif number_ids.number > 0 then
      raise exception using errcode = 'object_in_use',
        message = 'this database has farms, signals or DBC files already: a new home must be empty';
    end if;
  end if;
  insert into furrow.numbering as n (number) values (number_ids.number) on conflict (one) do update set number = excluded.number;
  if number_ids.number = 0 and had is null then
    return 0;
  end if;
  foreach wanted in array array['farm', 'equipment', 'stream', 'signal_name', 'field', 'dbc'] loop
    execute format('alter sequence %s minvalue %s maxvalue %s start %2$s restart',
                   pg_get_serial_sequence('furrow.' || wanted, 'id'), (number_ids.number << 25) + 1,
                   case number_ids.number when 0 then 2147483647 else ((number_ids.number + 1)::bigint << 25) - 1 end);
  end loop;
  return number_ids.number;
end $$;
comment on function furrow.number_ids is 'makes an empty database a home whose ids no other home has';
revoke execute on function furrow.number_ids from public;
