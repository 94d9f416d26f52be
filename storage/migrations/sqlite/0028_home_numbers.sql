-- Nothing to do: a SQLite file is the only database of its node, so nothing shares its ids.
-- Both databases have the same numbered steps.
select 1;
