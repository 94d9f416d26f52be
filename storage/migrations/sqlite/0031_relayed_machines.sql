-- Head office says of a machine that a site forwards it also while the line of the site is away. True when the stream that was claimed
-- last came from a site, and not from the gateway itself.
alter table equipment add column relayed integer not null default 0 check (relayed in (0, 1));
