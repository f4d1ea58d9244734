-- Hookswitch, store, migration 18: who holds a lease. A process that sends has a number, under which it keeps
-- an advisory lock of its session: whose lock is free is gone, and its leases are freed by whoever lives.
-- One process sends with SQLite, and a lease needs no name there: the columns stay empty.
ALTER TABLE due ADD COLUMN holder INTEGER;
ALTER TABLE node ADD COLUMN holder INTEGER;
CREATE UNIQUE INDEX node_by_holder ON node (holder) WHERE holder IS NOT NULL;
