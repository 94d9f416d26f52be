-- Who may use the nodes, and what people changed: users and tokens of a farm or of the node, sessions of people who logged in, the audit
-- log with the values before and after. A node of the version before knows none of it and goes on beside this one.
-- Runs with search_path = pg_catalog.

alter table furrow."user"
  alter column farm_id drop not null,
  add column farms jsonb not null default '[]',
  add column equipment jsonb not null default '[]',
  add column last_login_us bigint;
create unique index user_of_node on furrow."user" (name) where farm_id is null;
comment on column furrow."user".farm_id is 'the farm that the user belongs to; null: a user of the node';
comment on column furrow."user".farms is 'of a user of the node: names of the farms that it reaches; empty: every farm';
comment on column furrow."user".equipment is 'of a user of a farm: only these machines; empty: every machine';
comment on column furrow."user".password is 'Argon2id with its parameters and salt; empty: no password opens this';
comment on column furrow."user".last_login_us is 'microseconds since 1970';

alter table furrow.token
  alter column farm_id drop not null,
  add column farms jsonb not null default '[]',
  add column created_by text not null default '',
  add column last_used_us bigint;
create unique index token_of_node on furrow.token (name) where farm_id is null;
comment on column furrow.token.farm_id is 'the farm that the token belongs to; null: a token of the node';
comment on column furrow.token.farms is 'of a token of the node: names of the farms that it reaches; empty: every farm';
comment on column furrow.token.last_used_us is 'microseconds since 1970; written once a minute at most';

create table furrow.session (
  id bigint generated always as identity primary key,
  user_id int not null references furrow."user",
  sha256 text not null unique,
  origin text not null default '',
  created_us bigint not null,
  last_used_us bigint not null,
  expires_us bigint not null
);
create index session_of_user on furrow.session (user_id);
comment on table furrow.session is 'people who are logged in; a row is deleted when its person logs out, or is disabled';
comment on column furrow.session.sha256 is 'of the session''s token, 64 hex digits: the token itself is kept nowhere';
comment on column furrow.session.origin is 'the address that it was made from';

-- Nodes ask for this number every two seconds, and read users, tokens and sessions when it has changed.
create table furrow.identity_state (
  id int primary key check (id = 1),
  version bigint not null
);
insert into furrow.identity_state (id, version) values (1, 1);
comment on table furrow.identity_state is 'one row; its version grows with every change of a user, a token or a session';

create function furrow.note_identity_change() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  update furrow.identity_state set version = version + 1;
  return null;
end $$;
comment on function furrow.note_identity_change is 'also after a change by hand, so that every node sees it within seconds';
create trigger identity_changed after insert or delete or truncate
  or update of farm_id, name, role, status, farms, equipment, password on furrow."user"
  for each statement execute function furrow.note_identity_change();
create trigger identity_changed after insert or delete or truncate
  or update of farm_id, name, sha256, role, status, farms, equipment, expires_us on furrow.token
  for each statement execute function furrow.note_identity_change();
create trigger identity_changed after insert or delete or truncate or update of user_id, sha256, expires_us on furrow.session
  for each statement execute function furrow.note_identity_change();

alter table furrow.audit
  add column farm text not null default '',
  add column origin text not null default '',
  add column before_change jsonb,
  add column after_change jsonb;
create index audit_farm on furrow.audit (farm, id);
comment on table furrow.audit is 'one row for each change that a person or a program made; never a password or a token';
comment on column furrow.audit.farm is 'the farm that was changed; empty: the node, or all farms';
comment on column furrow.audit.origin is 'the address that the change came from; empty: a command on the database';

-- As before; it hides sessions, too.
create or replace function furrow.make_roles() returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  wanted text;
begin
  foreach wanted in array array['furrow_reader', 'furrow_writer'] loop
    if to_regrole(wanted) is null then
      begin
        execute format('create role %I nologin', wanted);
      exception when duplicate_object or unique_violation then
        null; -- another database of this server was quicker
      end;
    end if;
  end loop;
  grant usage on schema furrow to furrow_reader, furrow_writer;
  grant select on all tables in schema furrow to furrow_reader, furrow_writer;
  alter default privileges in schema furrow grant select on tables to furrow_reader, furrow_writer;
  grant insert, update, delete on all tables in schema furrow to furrow_writer;
  alter default privileges in schema furrow grant insert, update, delete on tables to furrow_writer;
  revoke insert, update, delete on furrow.migration from furrow_writer;
  grant usage on all sequences in schema furrow to furrow_writer;
  alter default privileges in schema furrow grant usage on sequences to furrow_writer;
  revoke all on furrow."user", furrow.token, furrow.session from furrow_reader;
end $$;
do $$ begin
  if to_regrole('furrow_reader') is not null then
    revoke all on furrow.session from furrow_reader;
  end if;
end $$;
