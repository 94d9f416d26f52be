-- Nothing to change: SQLite has no functions in SQL that read frames. Every program reads the blocks directly there.
select 'the step has the same number in both databases';
