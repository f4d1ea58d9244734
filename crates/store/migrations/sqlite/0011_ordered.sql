-- Ordered destinations: of the deliveries that share an ordering key, one at a time is in `due`, the head.
-- The others stand in line, where no claim looks. A delivery without an order has no key here, and costs
-- what it cost before: both the column and the index are empty for it.
ALTER TABLE due ADD COLUMN ordering_key TEXT;
-- That there is one head per key isn't left to the code.
CREATE UNIQUE INDEX due_head ON due (destination, ordering_key, tenant) WHERE ordering_key IS NOT NULL;

CREATE TABLE line (
    delivery BLOB NOT NULL,
    tenant BLOB NOT NULL,
    destination BLOB NOT NULL,
    -- Empty: what was published without a key stands in one line too.
    ordering_key TEXT NOT NULL,
    -- 1, 2, 3 as they were accepted, given under the lane's lock. Counts anew when the line is empty.
    place INTEGER NOT NULL,
    -- As in `due`, for when its turn comes.
    class INTEGER NOT NULL,
    PRIMARY KEY (delivery, tenant)
) WITHOUT ROWID;
CREATE UNIQUE INDEX line_by_key ON line (destination, ordering_key, place, tenant);
