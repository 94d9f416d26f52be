-- Nothing to do: a node decodes the frames of a SQLite file itself.
-- Both databases have the same numbered steps.
select 1;
