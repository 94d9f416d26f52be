-- SQLite notes here by which definitions its rollups are made; PostgreSQL has the table since step 8. The number is kept
-- equal on both databases. Runs with search_path = pg_catalog.
select 1;
