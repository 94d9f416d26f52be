-- A farm has a time zone, and days can begin at its midnight. Runs with search_path = pg_catalog.

alter table furrow.farm add column time_zone text not null default 'UTC';
comment on column furrow.farm.time_zone is 'time zone of the IANA database, as pg_timezone_names has it';

-- As in 0026, and a time zone is a description.
create or replace view furrow.stored_farm as
select f.id, f.name, (select count(*) from furrow.equipment e where e.farm_id = f.id) as machines, f.home, f.home_version, f.home_state
from furrow.farm f
where f.title <> '' or f.attributes <> '{}' or f.time_zone <> 'UTC' or exists (select from furrow.equipment e where e.farm_id = f.id)
   or exists (select from furrow.field d where d.farm_id = f.id);

-- Where a clock is set back to midnight, midnight comes twice. The conversion takes the later one.
create function furrow.day_start(day date, zone text) returns timestamptz
language sql stable
begin atomic
  select (day::timestamp at time zone zone)
         - case when ((day::timestamp at time zone zone) - interval '1 hour') at time zone zone >= day::timestamp
                then interval '1 hour' else interval '0' end;
end;
comment on function furrow.day_start is 'the first moment of a local day';

create function furrow.rollup_day_in(farm text, zone text default 'farm')
returns table (equipment_id int, signal int, day timestamptz, count bigint, min float8, max float8, sum float8, mean float8,
               last float8, last_time timestamptz)
language sql stable rows 10000
begin atomic
  select d.equipment_id, d.signal, furrow.day_start(d.local_day, d.zone), sum(d.count)::bigint, min(d.min), max(d.max), sum(d.sum),
         sum(d.sum) / sum(d.count), (array_agg(d.last order by d.last_time desc))[1], max(d.last_time)
  from (
    select r.*, (r.minute at time zone z.name)::date as local_day, z.name as zone
    from furrow.farm f
    cross join lateral (select case rollup_day_in.zone when 'farm' then f.time_zone else rollup_day_in.zone end as name) z
    join furrow.equipment e on e.farm_id = f.id
    join furrow.rollup r on r.equipment_id = e.id
    where f.name = rollup_day_in.farm
  ) d
  group by d.equipment_id, d.signal, d.local_day, d.zone;
end;
comment on function furrow.rollup_day_in is
  'rollup_day of the machines of a farm, by days of a time zone; ''farm'': of the farm''s own';

create function furrow.token_sums("from" timestamptz, "to" timestamptz, zone text)
returns table (farm text, agent text, model text, day timestamptz, records bigint, prompt_tokens float8, completion_tokens float8,
               cost_usd float8)
language sql stable
begin atomic
  select d.name, d.agent, d.model, furrow.day_start(d.local_day, d.zone), count(*),
         sum(d.prompt_tokens)::float8 + sum(d.prompt_tokens_fraction),
         sum(d.completion_tokens)::float8 + sum(d.completion_tokens_fraction), sum(d.cost_usd)
  from (
    select f.name, u.*, (u.time at time zone z.name)::date as local_day, z.name as zone
    from furrow.farm f
    cross join lateral (select case token_sums.zone when 'farm' then f.time_zone else token_sums.zone end as name) z
    join furrow.equipment e on e.farm_id = f.id
    join furrow.token_usage u on u.equipment_id = e.id and u.time between token_sums."from" and token_sums."to"
  ) d
  group by d.name, d.agent, d.model, d.local_day, d.zone;
end;
comment on function furrow.token_sums(timestamptz, timestamptz, text) is
  'token_sums by days of a time zone; ''farm'': of each farm''s own';
