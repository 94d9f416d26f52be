-- What people say of a farm: its machines, fields, users and tokens. `version` grows with every change; columns that were
-- not there before have defaults, so that a node of the version before goes on beside this one.

alter table furrow.farm
  add column title text not null default '',
  add column attributes jsonb not null default '{}',
  add column version bigint not null default 1,
  add column updated_at timestamptz not null default now();

alter table furrow.equipment
  add column address smallint check (address between 0 and 253),
  add column kind text not null default 'unknown',
  add column status text not null default 'active',
  add column maker text not null default '',
  add column model text not null default '',
  add column serial text not null default '',
  add column firmware text not null default '',
  add column attributes jsonb not null default '{}',
  add column version bigint not null default 1,
  add column updated_at timestamptz not null default now();
comment on column furrow.equipment.address is 'ISO 11783 source address that the machine prefers';

create table furrow.field (
  id int generated always as identity primary key,
  farm_id int not null references furrow.farm,
  name text collate "C" not null,
  crop text not null default '',
  soil text not null default '',
  season text not null default '',
  boundary jsonb not null,
  area_m2 double precision not null check (area_m2 > 0),
  west_deg double precision not null,
  south_deg double precision not null,
  east_deg double precision not null,
  north_deg double precision not null,
  attributes jsonb not null default '{}',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (farm_id, name)
);
create index field_box on furrow.field using gist (box(point(west_deg, south_deg), point(east_deg, north_deg)));
comment on column furrow.field.boundary is 'GeoJSON Polygon; edges are straight in longitude and latitude';
comment on column furrow.field.area_m2 is 'on the WGS 84 ellipsoid, without the holes';

create table furrow."user" (
  id int generated always as identity primary key,
  farm_id int not null references furrow.farm,
  name text collate "C" not null,
  title text not null default '',
  role text not null,
  status text not null default 'active',
  password text not null default '',
  attributes jsonb not null default '{}',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (farm_id, name)
);
comment on column furrow."user".password is 'scrypt$N$r$p$salt$hash in hex; empty: no password opens this';

create table furrow.token (
  id int generated always as identity primary key,
  farm_id int not null references furrow.farm,
  name text collate "C" not null,
  sha256 text not null unique,
  role text not null,
  status text not null default 'active',
  user_name text collate "C" not null default '',
  equipment jsonb not null default '[]',
  expires_us bigint,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (farm_id, name)
);
comment on column furrow.token.sha256 is 'of the token, 64 hex digits: the token itself is kept nowhere';
comment on column furrow.token.expires_us is 'microseconds since 1970; null: never';

-- A dashboard reads all else, and nobody's hashes.
do $$ begin
  if to_regrole('furrow_reader') is not null then
    revoke all on furrow."user", furrow.token from furrow_reader;
  end if;
end $$;
