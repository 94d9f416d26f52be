-- Nothing to do: one process at a time appends to this file, so a stream has no other owner than that process.
-- Both databases have the same numbered steps.
select 1;
