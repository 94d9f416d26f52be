-- Nothing to do: SQLite has one table of frames and no partitions, and one process at a time writes to the file.
-- Both databases have the same numbered steps.
select 1;
