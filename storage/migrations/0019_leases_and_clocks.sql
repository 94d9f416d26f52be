-- Leases when the clock of the database goes back: it is set back, or the standby that takes over has a clock that is behind. And no
-- NOTIFY: nodes ask once a second in any case, and a notification costs a lock that all commits share. Runs with search_path = pg_catalog.

create or replace function furrow.change_view() returns void
language sql set search_path = pg_catalog, pg_temp set jit = off as $$
  update furrow.cluster c set view = c.view + 1
$$;

-- Renews the lease of a node, or takes the name for a new process (`joins`), and says who is here. Nothing waits for a standby: a lease
-- that a failover takes back is renewed a second later. A lease that ends later than any can is of a clock that has gone back since, and
-- begins anew: it would stand for as long as the clock went back.
create or replace function furrow.beat(node text, me uuid, joins boolean, ends boolean, at_gateway text, at_http text, at_link text, program text,
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
  if exists (select from furrow.cluster c where c.timeline <> wal or c.quiet_until > moment + interval '4 s') then
    update furrow.cluster c set timeline = wal, quiet_until = moment + interval '4 s'
    where c.timeline <> wal or c.quiet_until > moment + interval '4 s';
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
  -- The own row is locked: nothing may wait for another one now.
  if exists (select from furrow.node n where n.lease_until > moment + interval '4 s' and n.status in ('alive', 'draining')) then
    update furrow.node n set lease_until = moment + interval '3 s', unbroken_since = moment
    where n.name in (select m.name from furrow.node m where m.lease_until > moment + interval '4 s'
                     and m.status in ('alive', 'draining') for update skip locked);
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

-- Declares dead whose lease is past. It refuses where the leases may have lapsed for another reason than the death of their nodes.
create or replace function furrow.judge(node text, me uuid)
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
    when pg_postmaster_start_time() between moment - grace and moment then 'the server has started a moment ago'
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

comment on table furrow.machine_home is 'the node that serves a machine, and the node to which people have pinned it';
