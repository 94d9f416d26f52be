-- A key that comes again with other records is told apart from a batch that comes again.
alter table furrow.record_batch add column sha256 text;
comment on column furrow.record_batch.sha256 is 'of the request; null: not known, of batches from before this step';
