-- Nothing to do: one node at a time serves this file, so nobody is judged and there is no standby.
-- Both databases have the same numbered steps.
select 1;
