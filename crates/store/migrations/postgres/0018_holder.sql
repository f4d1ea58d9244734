-- Hookswitch, store, migration 18: who holds a lease. A process that sends has a number, under which it keeps
-- an advisory lock of its session: whose lock is free is gone, and its leases are freed by whoever lives.
-- Only while a row is leased.
ALTER TABLE due ADD COLUMN holder BIGINT;
ALTER TABLE node ADD COLUMN holder BIGINT;
CREATE UNIQUE INDEX node_by_holder ON node (holder) WHERE holder IS NOT NULL;
