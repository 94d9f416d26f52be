-- Nothing to do: this file is the only database of its node, so no farm moves.
-- Both databases have the same numbered steps.
select 1;
