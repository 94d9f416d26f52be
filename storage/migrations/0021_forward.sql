-- A site forwards what it stores to head office. `forward` notes how far head office has each stream: retention keeps the rest, for as
-- long as forward_target has its row. Where to go on is said by head office, not by these rows. Runs with search_path = pg_catalog.
create table furrow.forward (
  stream int primary key references furrow.stream,
  acked_seq bigint not null default 0,
  told_run bigint,
  told_as uuid,
  acked_at timestamptz
);
comment on table furrow.forward is 'at a site: how far head office has each stream, as it said last';
comment on column furrow.forward.acked_seq is 'items up to this number are durable at head office';
comment on column furrow.forward.told_run is 'the newest run that head office knows';
comment on column furrow.forward.told_as is 'the id that the stream has at head office, where it is another one';

create table furrow.forward_target (
  only_row boolean primary key default true check (only_row),
  target text not null,
  since timestamptz not null default now(),
  holder text not null default '',
  held_until timestamptz not null default now()
);
comment on table furrow.forward_target is 'at a site: where it forwards to; without its row retention waits for nobody';
comment on column furrow.forward_target.holder is 'the node that forwards, of several of this site, while it asks again in time';

create function furrow.forward_holds(stream int, seq bigint) returns boolean
language sql stable parallel safe set search_path = pg_catalog, pg_temp set jit = off as $$
  select exists (select from furrow.forward_target)
     and forward_holds.seq > coalesce((select f.acked_seq from furrow.forward f where f.stream = forward_holds.stream), 0)
$$;
comment on function furrow.forward_holds is 'whether this number must still be forwarded: retention leaves it alone';

-- As before, but for what must still be forwarded: retention, and its preview, leave it alone.
create or replace function furrow.expire_chunks(at timestamptz, chunks_max int, out chunks bigint, out frames bigint)
language sql set jit = off
begin atomic
  with due as materialized (
    select c.stream, c.seq_first
    from furrow.can_chunk c
    join furrow.equipment e on e.id = c.equipment_id
    join furrow.cutoffs('frames', at) k on k.farm_id = e.farm_id
    where least(c.time_last, c.sealed_at) < k.cutoff and not furrow.forward_holds(c.stream, c.seq_last)
    order by c.stream, c.seq_first limit chunks_max for update of c skip locked
  ), whole as (
    select array_agg(d.stream) as streams, array_agg(d.seq_first) as seqs from due d
  )
  select r.chunks, r.frames from whole w cross join lateral furrow.remove_chunks(w.streams, w.seqs, null, null) r;
end;

create or replace function furrow.partitions_due(at timestamptz) returns table (name text, time_from timestamptz, time_to timestamptz)
language sql stable set jit = off
begin atomic
  select p.name, p.time_from, p.time_to from furrow.segment_partition p
  where p.time_to <= (select max(k.cutoff) from furrow.cutoffs('frames', at) k)
    and not exists (
      select from furrow.can_chunk c
      join furrow.equipment e on e.id = c.equipment_id
      left join furrow.cutoffs('frames', at) k on k.farm_id = e.farm_id
      where c.time_first < p.time_to and c.time_last >= p.time_from
        and (k.cutoff is null or furrow.forward_holds(c.stream, c.seq_last) or least(c.time_last, c.sealed_at) >= k.cutoff))
  order by p.time_from;
end;

do $$
declare
  f record;
  text_now text;
begin
  for f in select p.oid, p.proname, p.prosrc from pg_proc p where p.pronamespace = 'furrow'::regnamespace
           and p.proname in ('expire_records', 'retention_due', 'due_bytes') loop
    text_now := replace(f.prosrc, 'r.time < k.cutoff', 'r.time < k.cutoff and not furrow.forward_holds(r.stream, r.seq)');
    text_now := replace(text_now, 'least(c.time_last, c.sealed_at) < k.cutoff',
      'least(c.time_last, c.sealed_at) < k.cutoff and not furrow.forward_holds(c.stream, c.seq_last)');
    if text_now = f.prosrc then
      raise exception 'the function % is not the one that this step knows', f.proname;
    end if;
    execute replace(pg_get_functiondef(f.oid), f.prosrc, text_now);
  end loop;
end $$;
