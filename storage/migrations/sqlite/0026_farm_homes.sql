-- Nothing to do: this file is the only database of its node, so every farm lives here.
-- Both databases have the same numbered steps.
select 1;
