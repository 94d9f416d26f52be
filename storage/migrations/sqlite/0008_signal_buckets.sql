-- Buckets of signals and maps of yield are SQL functions, which are PostgreSQL's; SQLite is asked through the programs. The number is kept equal on both databases.
select 1;
