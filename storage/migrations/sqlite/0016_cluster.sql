-- Nothing to do: one node at a time serves this file, so there are no leases, no other nodes and no homes of machines.
-- Both databases have the same numbered steps.
select 1;
