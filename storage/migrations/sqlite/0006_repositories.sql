-- As the step of the same number for PostgreSQL. Attributes, boundary and lists are JSON texts.
alter table farm add column title text not null default '';
alter table farm add column attributes text not null default '{}';
alter table farm add column version integer not null default 1;
alter table farm add column updated_at integer not null default 0;

alter table equipment add column address integer check (address between 0 and 253);
alter table equipment add column kind text not null default 'unknown';
alter table equipment add column status text not null default 'active';
alter table equipment add column maker text not null default '';
alter table equipment add column model text not null default '';
alter table equipment add column serial text not null default '';
alter table equipment add column firmware text not null default '';
alter table equipment add column attributes text not null default '{}';
alter table equipment add column version integer not null default 1;
alter table equipment add column updated_at integer not null default 0;

create table field (
  id integer primary key,
  farm_id integer not null references farm,
  name text not null,
  crop text not null default '',
  soil text not null default '',
  season text not null default '',
  boundary text not null check (json_valid(boundary)),
  area_m2 real not null check (area_m2 > 0),
  west_deg real not null,
  south_deg real not null,
  east_deg real not null,
  north_deg real not null,
  attributes text not null default '{}',
  version integer not null default 1,
  created_at integer not null default (unixepoch()),
  updated_at integer not null default (unixepoch()),
  unique (farm_id, name)
);
create index field_box on field (farm_id, west_deg, east_deg, south_deg, north_deg);

create table "user" (
  id integer primary key,
  farm_id integer not null references farm,
  name text not null,
  title text not null default '',
  role text not null,
  status text not null default 'active',
  password text not null default '',
  attributes text not null default '{}',
  version integer not null default 1,
  created_at integer not null default (unixepoch()),
  updated_at integer not null default (unixepoch()),
  unique (farm_id, name)
);

create table token (
  id integer primary key,
  farm_id integer not null references farm,
  name text not null,
  sha256 text not null unique,
  role text not null,
  status text not null default 'active',
  user_name text not null default '',
  equipment text not null default '[]',
  expires_us integer,
  version integer not null default 1,
  created_at integer not null default (unixepoch()),
  updated_at integer not null default (unixepoch()),
  unique (farm_id, name)
);
