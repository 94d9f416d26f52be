-- The owner of a stream: a fence says whose claim it is. Runs with search_path = pg_catalog.

alter table furrow.stream_watermark add column owner uuid;
comment on column furrow.stream_watermark.owner is
  'the process that claimed the stream last, new at each start of a node; null: a program that does not say';

-- Compare and set, as before. The hint of FW001 says stream:epoch:seq:owner of each stream that did not match.
create or replace function furrow.advance(streams int[], epochs bigint[], froms bigint[], tos bigint[], sents bigint[])
returns void language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
declare
  locked int[];
  missed int[];
  found text;
begin
  if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if cardinality(streams) = 1 then
    perform from furrow.stream_watermark w where w.stream = any (streams) for update;
    locked := streams;
  else
    select array_agg(l.stream) into locked from (
      select w.stream from furrow.stream_watermark w where w.stream = any (streams) order by w.stream for update skip locked
    ) l;
  end if;
  select array_agg(w.stream) into missed from furrow.stream_watermark w
  where w.stream = any (streams) and (w.stream = any (locked)) is not true;
  if missed is not null then
    raise exception using errcode = 'FW005', message = 'another transaction holds the watermark',
                          detail = array_to_string(missed, ',');
  end if;
  with moved as (
    update furrow.stream_watermark w set seq = r.seq_to, sent = greatest(w.sent, r.sent)
    from unnest(streams, epochs, froms, tos, sents) r(stream, epoch, seq_from, seq_to, sent)
    where w.stream = r.stream and w.epoch = r.epoch and w.seq = r.seq_from
    returning w.stream
  )
  select array_agg(s.stream) into missed
  from unnest(streams) s(stream) where not exists (select from moved where moved.stream = s.stream);
  if missed is not null then
    select string_agg(format('%s:%s:%s:%s', w.stream, w.epoch, w.seq, w.owner), ',') into found
    from furrow.stream_watermark w where w.stream = any (missed);
    raise exception using errcode = 'FW001', message = 'the watermark or the epoch is another one',
                          detail = array_to_string(missed, ','), hint = coalesce(found, '');
  end if;
end $$;

-- Second half of a claim. It keeps who claims. A claim that held an epoch gives way to a newer one of another owner: such a
-- stream comes back without an epoch. Streams whose row another transaction holds are left out.
create function furrow.claim(streams int[], epochs bigint[], seqs bigint[],
                             run_streams int[], runs bigint[], run_seqs bigint[], owner uuid, held bigint[])
returns table (stream int, epoch bigint)
language plpgsql set search_path = pg_catalog, pg_temp set jit = off as $$
#variable_conflict use_column
declare
  timeline bigint := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint;
begin
  if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  return query
  with standing as materialized (
    select w.stream, r.held > 0 and w.epoch > r.held and w.owner is distinct from claim.owner as taken
    from furrow.stream_watermark w
    join unnest(streams, epochs, seqs, held) r(stream, epoch, seq, held)
      on w.stream = r.stream and w.epoch = r.epoch and w.seq = r.seq
    order by w.stream for update of w skip locked
  ), claimed as (
    update furrow.stream_watermark w set epoch = greatest(w.epoch + 1, (timeline << 40) | 1), owner = claim.owner
    from standing where w.stream = standing.stream and not standing.taken
    returning w.stream, w.epoch
  ), kept as (
    insert into furrow.stream_run (stream, run, first_seq)
    select r.stream, r.run, r.first_seq
    from unnest(run_streams, runs, run_seqs) with ordinality r(stream, run, first_seq, ordinal)
    join claimed c on c.stream = r.stream
    order by r.ordinal on conflict do nothing
  )
  select c.stream, c.epoch from claimed c
  union all select s.stream, null from standing s where s.taken;
end $$;

-- Of a program that says nothing of itself.
create or replace function furrow.claim(streams int[], epochs bigint[], seqs bigint[],
                                        run_streams int[], runs bigint[], run_seqs bigint[])
returns table (stream int, epoch bigint)
language sql set search_path = pg_catalog, pg_temp set jit = off as $$
  select c.stream, c.epoch
  from furrow.claim(streams, epochs, seqs, run_streams, runs, run_seqs, null,
                    array_fill(0::bigint, array[cardinality(streams)])) c
$$;
