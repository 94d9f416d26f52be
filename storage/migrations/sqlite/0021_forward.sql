-- A site forwards what it stores to head office. `forward` notes how far head office has each stream: retention keeps the rest, for as
-- long as forward_target has its row. Where to go on is said by head office, not by these rows.
create table forward (
  stream integer primary key references stream,
  acked_seq integer not null default 0,
  told_run integer,
  told_as blob check (length(told_as) = 16),
  acked_at integer
);

create table forward_target (
  only_row integer primary key check (only_row = 1),
  target text not null,
  since integer not null default (unixepoch())
);

-- Streams that retention must leave alone from their number `kept_from` on.
create view forward_hold as
select w.stream, ifnull(f.acked_seq, 0) + 1 as kept_from
from forward_target t cross join stream_watermark w left join forward f on f.stream = w.stream;
