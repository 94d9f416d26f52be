-- Who is here: one lease for each node, judged by the clock of the database alone; which node serves a machine, and where people want it.
-- Runs with search_path = pg_catalog.

create table furrow.node (
  name text primary key,
  incarnation uuid not null,
  status text not null check (status in ('alive', 'draining', 'left', 'dead')),
  drain boolean not null default false,
  lease_until timestamptz not null,
  unbroken_since timestamptz not null,
  gateway text not null default '',
  http text not null default '',
  link text not null default '',
  build text not null default '',
  wire_min int not null default 0,
  wire_max int not null default 0,
  weight int not null default 100 check (weight between 0 and 10000),
  sessions int not null default 0,
  frames_s bigint not null default 0,
  lag_ms int not null default 0,
  since timestamptz not null,
  judged_by text not null default ''
) with (fillfactor = 50);
comment on table furrow.node is 'one row for each name of a node; written once a second by the node while it runs';
comment on column furrow.node.incarnation is 'the process that has the name: each start is another; the first eight digits stand in its application_name';
comment on column furrow.node.drain is 'people want the node to take no sessions; it obeys with its next beat';
comment on column furrow.node.unbroken_since is 'since when the lease has not lapsed for a moment: only who has a lease for four seconds judges';
comment on column furrow.node.gateway is 'addresses at which gateways reach the node, with commas in between';
comment on column furrow.node.since is 'since when the status is what it is';
comment on column furrow.node.judged_by is 'the node that has declared this one dead';

create table furrow.cluster (
  id int primary key check (id = 1),
  view bigint not null,
  timeline bigint not null,
  quiet_until timestamptz not null
);
comment on table furrow.cluster is 'one row; view counts the changes of status in furrow.node';
comment on column furrow.cluster.quiet_until is 'nobody is judged before: after a failover the leases may be older than they were';

create table furrow.machine_home (
  equipment_id int primary key references furrow.equipment on delete cascade,
  node text,
  incarnation uuid,
  since timestamptz not null default now(),
  pinned_to text
) with (fillfactor = 70);
comment on table furrow.machine_home is 'the node that served a machine last, and the node to which people have pinned it';
create index machine_home_pinned on furrow.machine_home (equipment_id) where pinned_to is not null;

create function furrow.wal_timeline() returns bigint
language sql volatile set search_path = pg_catalog, pg_temp set jit = off as $$
  select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
$$;

insert into furrow.cluster values (1, 0, furrow.wal_timeline(), '-infinity');

create function furrow.change_view() returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  number bigint;
begin
  update furrow.cluster c set view = c.view + 1 returning c.view into number;
  perform pg_notify('furrow_cluster', number::text);
end $$;

-- Ends what a process has left open in this database: a frozen one would hold its locks for hours. A session of a role that this one
-- may not end stays.
create function furrow.end_sessions(of uuid) returns int
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  session record;
  ended int := 0;
begin
  for session in
    select a.pid from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid()
      and a.application_name like 'furrow/%/' || left(of::text, 8) || '/%'
  loop
    begin
      if pg_terminate_backend(session.pid) then
        ended := ended + 1;
      end if;
    exception when insufficient_privilege then null;
    end;
  end loop;
  return ended;
end $$;

-- Renews the lease of a node, or takes the name for a new process (`joins`), and says who is here. Nothing waits for a standby: a lease
-- that a failover takes back is renewed a second later.
create function furrow.beat(node text, me uuid, joins boolean, ends boolean, at_gateway text, at_http text, at_link text, program text,
                            wire int[], has_sessions int, has_frames_s bigint, has_lag_ms int)
returns table (view bigint, name text, mine boolean, status text, drain boolean, lease_ms int, gateway text, http text, link text,
               build text, wire_min int, wire_max int, weight int, sessions int, frames_s bigint, lag_ms int, since timestamptz,
               judged_by text, incarnation uuid)
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
#variable_conflict use_column
declare
  moment constant timestamptz := clock_timestamp();
  wal constant bigint := furrow.wal_timeline();
  found_row furrow.node;
  next_status text;
begin
  perform set_config('synchronous_commit', 'local', true);
  if exists (select from furrow.cluster c where c.timeline <> wal) then
    update furrow.cluster c set timeline = wal, quiet_until = moment + interval '4 s' where c.timeline <> wal;
  end if;
  select n.* into found_row from furrow.node n where n.name = node for update;
  if joins and found_row.incarnation is distinct from me then
    insert into furrow.node as n (name, incarnation, status, lease_until, unbroken_since, since)
    values (node, me, 'alive', moment + interval '3 s', moment, moment)
    on conflict (name) do update set incarnation = me, status = 'alive', drain = false, lease_until = excluded.lease_until,
      unbroken_since = moment, since = moment, judged_by = '';
    if found_row.incarnation is not null then
      perform furrow.end_sessions(found_row.incarnation);
    end if;
    perform furrow.change_view();
    select n.* into found_row from furrow.node n where n.name = node;
  end if;
  if found_row.incarnation = me and found_row.status in ('alive', 'draining') then
    next_status := case when found_row.drain or ends then 'draining' else 'alive' end;
    update furrow.node n set lease_until = moment + interval '3 s', status = next_status,
      unbroken_since = case when n.lease_until < moment then moment else n.unbroken_since end,
      since = case when n.status = next_status then n.since else moment end,
      gateway = at_gateway, http = at_http, link = at_link, build = program, wire_min = wire[1], wire_max = wire[2],
      sessions = has_sessions, frames_s = has_frames_s, lag_ms = has_lag_ms
    where n.name = node;
    if next_status <> found_row.status then
      perform furrow.change_view();
    end if;
  end if;
  return query
  select c.view, n.name, n.name = node and n.incarnation = me and n.status in ('alive', 'draining'), n.status, n.drain,
         least(greatest(extract(epoch from n.lease_until - moment) * 1000, -2000000000), 2000000000)::int, n.gateway, n.http, n.link,
         n.build, n.wire_min, n.wire_max, n.weight, n.sessions, n.frames_s, n.lag_ms, n.since, n.judged_by, n.incarnation
  from furrow.node n cross join furrow.cluster c
  order by (n.name = node) desc, (n.status in ('alive', 'draining')) desc, n.name limit 1000;
end $$;
comment on function furrow.beat is 'renews the lease of a node for three seconds and says who is here; called by the nodes';

-- Declares dead whose lease is past. It refuses where the leases may have lapsed for another reason than the death of their nodes.
create function furrow.judge(node text, me uuid)
returns table (refused text, dead text[])
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  moment timestamptz;
  grace constant interval := interval '4 s';
  standing furrow.cluster;
  mine furrow.node;
  late record;
  names text[] := '{}';
  reason text;
begin
  select c.* into standing from furrow.cluster c for update;
  moment := clock_timestamp();
  select n.* into mine from furrow.node n where n.name = node and n.incarnation = me and n.status in ('alive', 'draining');
  reason := case
    when mine.name is null then 'the judge has no lease'
    when mine.lease_until < moment or mine.unbroken_since > moment - grace then 'the lease of the judge has lapsed'
    when pg_postmaster_start_time() > moment - grace then 'the server has started a moment ago'
    when standing.timeline <> furrow.wal_timeline() then 'the server has a new timeline'
    when standing.quiet_until > moment then 'a failover was a moment ago'
  end;
  if standing.timeline <> furrow.wal_timeline() then
    update furrow.cluster c set timeline = furrow.wal_timeline(), quiet_until = moment + grace;
  end if;
  if reason is not null then
    return query select reason, names;
    return;
  end if;
  -- Whose row is locked renews its lease at this moment.
  for late in
    select n.name, n.incarnation from furrow.node n
    where n.status in ('alive', 'draining') and n.lease_until < moment and n.name <> node
    order by n.name for update skip locked
  loop
    update furrow.node n set status = 'dead', since = moment, judged_by = node, sessions = 0, frames_s = 0, lag_ms = 0
    where n.name = late.name;
    perform furrow.end_sessions(late.incarnation);
    names := names || late.name;
  end loop;
  delete from furrow.node n where n.status in ('left', 'dead') and n.since < moment - interval '7 days';
  if cardinality(names) > 0 then
    perform furrow.change_view();
  end if;
  return query select ''::text, names;
end $$;
comment on function furrow.judge is 'declares nodes dead whose lease is past, and ends their sessions; called by the nodes';

create function furrow.leave(node text, me uuid) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
begin
  update furrow.node n set status = 'left', lease_until = clock_timestamp(), since = clock_timestamp(), sessions = 0, frames_s = 0, lag_ms = 0
  where n.name = node and n.incarnation = me and n.status in ('alive', 'draining');
  if not found then
    return false;
  end if;
  perform furrow.change_view();
  return true;
end $$;

-- What people want of a node; null: as it is. Answers the status, or null when there is no such node.
create function furrow.steer(node text, drains boolean, weighs int) returns text
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  standing text;
begin
  select n.status into standing from furrow.node n where n.name = node for update;
  if standing in ('left', 'dead') and drains is not null then
    return standing;
  end if;
  update furrow.node n set drain = coalesce(drains, n.drain), weight = coalesce(weighs, n.weight) where n.name = node;
  return case when standing is null then null when drains is null then standing when drains then 'draining' else 'alive' end;
end $$;

-- Machines that a node serves now. Many at a time, so that a claim costs nothing for it.
create function furrow.settle(at_node text, me uuid, farms text[], names text[]) returns bigint
language sql volatile set search_path = pg_catalog, pg_temp set jit = off as $$
  with served as (
    select e.id from unnest(farms, names) m(farm, name) join furrow.farm f on f.name = m.farm
    join furrow.equipment e on e.farm_id = f.id and e.name = m.name
  ), written as (
    insert into furrow.machine_home as h (equipment_id, node, incarnation) select s.id, at_node, me from served s
    on conflict (equipment_id) do update set node = at_node, incarnation = me, since = now()
    where (h.node, h.incarnation) is distinct from (at_node, me)
    returning 1
  )
  select count(*) from written
$$;
