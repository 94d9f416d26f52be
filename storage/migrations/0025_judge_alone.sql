-- A judgement waits for no standby, as a beat does not. Its row lock makes every judgement a commit: while a synchronous standby was away,
-- right after a failover, judges waited, could not renew their own leases meanwhile, and were declared dead themselves. A judgement that a
-- failover takes back is made again. Runs with search_path = pg_catalog.

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
  perform set_config('synchronous_commit', 'local', true);
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
