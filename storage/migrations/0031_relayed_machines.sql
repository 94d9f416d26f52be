-- Head office says of a machine that a site forwards it also while the line of the site is away.
alter table furrow.equipment add column relayed boolean not null default false;
comment on column furrow.equipment.relayed is 'whether the stream that was claimed last came from a site, and not from the gateway itself';
