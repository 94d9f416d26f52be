-- What each farm keeps, and which numbers retention has let go. SQLite has no partitions. See the PostgreSQL file.
create table retention (
  farm_id integer references farm,
  kind text not null check (kind in ('frames', 'records', 'telemetry', 'rollup')),
  keep_days integer check (keep_days between 1 and 36500),
  changed_at integer not null default (unixepoch())
);
create unique index retention_of on retention (coalesce(farm_id, 0), kind);

create table expired (
  stream integer not null references stream,
  first integer not null,
  last integer not null check (last >= first),
  primary key (stream, first)
) without rowid;

drop view ledger;
drop view held;
create view held as
select stream, seq_first as first, seq_first + frames - 1 as last, 'stored' as what from can_block
union all select stream, seq, seq, case kind when 32767 then 'lost' else 'stored' end from item_record
union all select stream, seq, seq, 'stored' from sensor_reading
union all select stream, seq, seq, 'stored' from yield_sample
union all select stream, seq, seq, 'stored' from token_usage
union all select stream, seq, seq, 'stored' from fault
union all select stream, seq, seq, case when dropped_at is null then 'quarantined' else 'dropped' end from quarantine
union all select stream, first, last, 'expired' from expired;

create view ledger as
with ordered as (
  select *, last - first + 1 as count,
         max(last) over (partition by stream order by first, last rows between unbounded preceding and 1 preceding)
           as last_before
  from held
), counted as (
  select o.stream, sum(o.count) as held,
         sum(case when o.what in ('stored', 'quarantined') then o.count else 0 end) as stored,
         sum(o.what = 'quarantined') as quarantined, sum(o.what = 'dropped') as dropped,
         sum(o.what = 'lost') as lost_at_gateway,
         sum(case when o.what = 'expired' then o.count else 0 end) as expired,
         sum(max(0, min(o.last, w.seq) - max(o.first - 1, coalesce(o.last_before, 0), 0))) as covered
  from ordered o join stream_watermark w on w.stream = o.stream
  group by o.stream
)
select f.name as farm, e.name as equipment, s.stream_id, s.id as stream, w.sent, w.seq as durable,
       coalesce(c.stored, 0) as stored, w.seq - coalesce(c.covered, 0) as lost,
       coalesce(c.held - c.covered, 0) as doubled, coalesce(c.quarantined, 0) as quarantined,
       coalesce(c.dropped, 0) as dropped, coalesce(c.lost_at_gateway, 0) as lost_at_gateway,
       coalesce(c.expired, 0) as expired
from stream s
join equipment e on e.id = s.equipment_id
join farm f on f.id = e.farm_id
join stream_watermark w on w.stream = s.id
left join counted c on c.stream = s.id;
