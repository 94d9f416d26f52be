-- As the step of the same number for PostgreSQL. SQLite drops no "not null": the tables are made again, with the same columns and more.
alter table "user" rename to user_before;
create table "user" (
  id integer primary key,
  farm_id integer references farm,
  name text not null,
  title text not null default '',
  role text not null,
  status text not null default 'active',
  password text not null default '',
  attributes text not null default '{}',
  version integer not null default 1,
  created_at integer not null default (unixepoch()),
  updated_at integer not null default (unixepoch()),
  farms text not null default '[]',
  equipment text not null default '[]',
  last_login_us integer,
  unique (farm_id, name)
);
insert into "user" (id, farm_id, name, title, role, status, password, attributes, version, created_at, updated_at)
select id, farm_id, name, title, role, status, password, attributes, version, created_at, updated_at from user_before;
drop table user_before;
create unique index user_of_node on "user" (name) where farm_id is null;

alter table token rename to token_before;
create table token (
  id integer primary key,
  farm_id integer references farm,
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
  farms text not null default '[]',
  created_by text not null default '',
  last_used_us integer,
  unique (farm_id, name)
);
insert into token (id, farm_id, name, sha256, role, status, user_name, equipment, expires_us, version, created_at, updated_at)
select id, farm_id, name, sha256, role, status, user_name, equipment, expires_us, version, created_at, updated_at from token_before;
drop table token_before;
create unique index token_of_node on token (name) where farm_id is null;

create table session (
  id integer primary key autoincrement,
  user_id integer not null references "user",
  sha256 text not null unique,
  origin text not null default '',
  created_us integer not null,
  last_used_us integer not null,
  expires_us integer not null
);
create index session_of_user on session (user_id);

create table identity_state (
  id integer primary key check (id = 1),
  version integer not null
);
insert into identity_state (id, version) values (1, 1);

create trigger user_added after insert on "user" begin update identity_state set version = version + 1; end;
create trigger user_removed after delete on "user" begin update identity_state set version = version + 1; end;
create trigger user_changed after update of farm_id, name, role, status, farms, equipment, password on "user"
  begin update identity_state set version = version + 1; end;
create trigger token_added after insert on token begin update identity_state set version = version + 1; end;
create trigger token_removed after delete on token begin update identity_state set version = version + 1; end;
create trigger token_changed after update of farm_id, name, sha256, role, status, farms, equipment, expires_us on token
  begin update identity_state set version = version + 1; end;
create trigger session_added after insert on session begin update identity_state set version = version + 1; end;
create trigger session_removed after delete on session begin update identity_state set version = version + 1; end;

alter table audit add column farm text not null default '';
alter table audit add column origin text not null default '';
alter table audit add column before_change text;
alter table audit add column after_change text;
create index audit_farm on audit (farm, id);
