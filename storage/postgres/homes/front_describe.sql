-- What a front needs to know of the main database, as one document; front.sql says of what kind its parts are.
select jsonb_build_object(
  'homes', (
    select jsonb_agg(jsonb_build_object('number', h.number, 'name', h.name, 'url', h.url) order by h.number)
    from (select 0, 'main', '' union all select d.number, d.name, d.url from furrow.database d where d.number is not null) h(number, name, url)),
  'relations', (
    -- Rows about the whole cluster are in main alone; logins are nobody's business in a front.
    select jsonb_agg(jsonb_build_object(
      'name', c.relname,
      'columns', (select jsonb_agg(a.attname order by a.attnum) from pg_attribute a
                  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
      'everywhere', c.relname not in ('migration', 'node', 'cluster', 'database', 'farm_home', 'ddi', 'partitioning'))
      order by c.relname)
    from pg_class c
    where c.relnamespace = to_regnamespace('furrow') and c.relkind in ('r', 'p', 'v')
      and not exists (select from pg_inherits i where i.inhrelid = c.oid)
      and c.relname not in ('user', 'token', 'session', 'identity_state', 'numbering')),
  'composites', (
    select jsonb_agg(jsonb_build_object(
      'name', c.relname,
      'columns', (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
                  from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)))
    from pg_class c
    where c.relnamespace = to_regnamespace('furrow') and c.relkind = 'c' and c.relname in ('frame', 'message')),
  'routines', (
    select jsonb_agg(jsonb_build_object(
      'name', p.proname, 'arguments', pg_get_function_arguments(p.oid), 'inputs', p.pronargs,
      'types', (select jsonb_agg(format_type(u.t, null) order by u.n) from unnest(p.proargtypes) with ordinality u(t, n)),
      'version_at', array_position(p.proargnames[1:p.pronargs], 'version'),
      'result', pg_get_function_result(p.oid), 'route', w.route))
    from (values ('frames', 'equipment'), ('messages', 'equipment'), ('signal', 'equipment'), ('signal_bucket', 'equipment'), ('signal_whole', 'equipment'),
                 ('position_track', 'equipment'), ('yield_map', 'place'), ('rollup_day_in', 'farm'),
                 ('token_sums', 'all'), ('retention_due', 'all'), ('day_start', 'main')) w(name, route)
    join pg_proc p on p.proname = w.name where p.pronamespace = to_regnamespace('furrow')))
