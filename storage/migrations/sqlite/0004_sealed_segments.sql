-- SQLite has one tier, the fresh one: it does not seal. The number is kept equal on both databases; nothing is changed here.
select 1;
