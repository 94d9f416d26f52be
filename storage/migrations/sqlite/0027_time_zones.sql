-- A farm has a time zone, so that its days can begin at local midnight. A node takes names that the time zone files of its
-- computer have, and finds out itself when a day begins.
alter table farm add column time_zone text not null default 'UTC';
