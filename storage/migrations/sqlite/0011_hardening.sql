-- Retention by kind of record, and fractions of tokens. See the PostgreSQL file.
create table retention_by_kind (
  farm_id integer references farm,
  kind text not null check (kind in ('frames', 'records', 'telemetry', 'rollup', 'sensor', 'yield', 'tokens', 'fault', 'other')),
  keep_days integer check (keep_days between 1 and 36500),
  changed_at integer not null default (unixepoch())
);
insert into retention_by_kind select farm_id, kind, keep_days, changed_at from retention;
drop table retention;
alter table retention_by_kind rename to retention;
create unique index retention_of on retention (coalesce(farm_id, 0), kind);

alter table token_usage add column prompt_tokens_fraction real not null default 0;
alter table token_usage add column completion_tokens_fraction real not null default 0;

-- Days of UTC, as microseconds since 1970.
create view token_sums as
select f.name as farm, u.agent, u.model, u.time - u.time % 86400000000 as day, count(*) as records,
       sum(u.prompt_tokens + u.prompt_tokens_fraction) as prompt_tokens,
       sum(u.completion_tokens + u.completion_tokens_fraction) as completion_tokens, sum(u.cost_usd) as cost_usd
from token_usage u join equipment e on e.id = u.equipment_id join farm f on f.id = e.farm_id
group by 1, 2, 3, 4;
