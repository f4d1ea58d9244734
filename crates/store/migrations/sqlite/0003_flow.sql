-- Classes of waiting work, and what is kept of destinations that fail.

-- 0 fresh, 1 retry, 2 replay: within a lane each class is found by itself, so that a million replays
-- don't stand before one fresh event. Part of the one index that claims use; no second index.
ALTER TABLE due ADD COLUMN class INTEGER NOT NULL DEFAULT 0;
UPDATE due SET class = 1 WHERE claim > 0 AND NOT leased;
DROP INDEX due_by_lane;
CREATE INDEX due_by_lane ON due (destination, class, next_at);

-- Destinations that have failed for a while, or whose breaker is open; the others have no row.
-- Written when that changes, never per delivery.
CREATE TABLE destination_health (
    destination BLOB NOT NULL,
    tenant BLOB NOT NULL,
    failing_since INTEGER NOT NULL,
    -- Warnings that were given: after a day, after three.
    warned INTEGER NOT NULL DEFAULT 0,
    -- Probes that failed since the breaker opened; null while it is closed.
    failed_probes INTEGER,
    -- Nothing of the lane is claimed before this.
    not_before INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, tenant)
);
