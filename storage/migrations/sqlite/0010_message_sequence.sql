-- Messages of several frames are put together by SQL functions, which are PostgreSQL's. The number is kept equal on both databases; nothing is changed here.
select 1;
