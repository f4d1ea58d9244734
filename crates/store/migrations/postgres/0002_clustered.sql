-- The pair of a change to SQLite's layout. PostgreSQL keeps rows in heaps; what pays here is room for
-- changed rows on the page where they lie, so that settling writes no index.
ALTER TABLE lane SET (fillfactor = 70);
