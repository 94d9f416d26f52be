-- Nothing to do: one node at a time serves this file, so there are no leases and no clocks of other servers.
-- Both databases have the same numbered steps.
select 1;
