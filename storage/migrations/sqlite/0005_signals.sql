-- Signal definitions and the SQL that uses them are PostgreSQL's; SQLite is asked through the programs. The number is kept equal on both databases.
select 1;
