-- One process at a time appends to this file, so a stream has no other owner.
select 1;
