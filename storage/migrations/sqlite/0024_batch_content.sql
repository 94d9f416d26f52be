-- A key that comes again with other records is told apart from a batch that comes again. sha256: of the request; null: not
-- known, of batches from before this step.
alter table record_batch add column sha256 text;
