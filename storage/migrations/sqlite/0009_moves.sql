-- By which definition the rollups of a signal are made, so that they are still known for what they are when the database
-- moves to PostgreSQL. Those that are there already were made by one that nobody noted: no definition is equal to it.
create table rollup_definition (
  signal integer not null references signal_name,
  definition text not null,
  since integer not null default (unixepoch()),
  primary key (signal, definition)
) without rowid;
insert into rollup_definition (signal, definition) select distinct signal, 'not noted' from rollup;
