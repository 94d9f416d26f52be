-- Frames that come back from archives. Runs with search_path = pg_catalog. (SQLite notes since this step by which definitions
-- its rollups are made; PostgreSQL has the table since step 8.)

-- The opposite of furrow.note_expired: the numbers are stored again, in this transaction.
create function furrow.note_returned(stream int, numbers int8multirange) returns void
language plpgsql as $$
declare
  whole int8multirange;
begin
  select range_agg(int8range(e.first, e.last + 1)) into whole from furrow.expired e
  where e.stream = note_returned.stream and e.first < upper(numbers) and e.last >= lower(numbers);
  delete from furrow.expired e
  where e.stream = note_returned.stream and e.first < upper(numbers) and e.last >= lower(numbers);
  insert into furrow.expired (stream, first, last)
  select note_returned.stream, lower(r), upper(r) - 1 from unnest(coalesce(whole, '{}') - numbers) r;
end $$;
