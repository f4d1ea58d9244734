-- Ordered destinations: of the deliveries that share an ordering key, one at a time is in `due`, the head.
-- The others stand in line, where no claim looks. A delivery without an order has no key here, and costs
-- what it cost before: both the column and the index are empty for it.
ALTER TABLE due ADD COLUMN ordering_key TEXT COLLATE "C";
-- That there is one head per key isn't left to the code.
CREATE UNIQUE INDEX due_head ON due (destination, ordering_key, tenant) WHERE ordering_key IS NOT NULL;

CREATE TABLE line (
    delivery UUID NOT NULL,
    tenant UUID NOT NULL,
    destination UUID NOT NULL,
    -- Empty: what was published without a key stands in one line too.
    ordering_key TEXT COLLATE "C" NOT NULL,
    -- 1, 2, 3 as they were accepted, given under the lane's lock. Counts anew when the line is empty.
    place BIGINT NOT NULL,
    -- As in `due`, for when its turn comes.
    class BIGINT NOT NULL,
    PRIMARY KEY (delivery, tenant)
);
CREATE UNIQUE INDEX line_by_key ON line (destination, ordering_key, place, tenant);
