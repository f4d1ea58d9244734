-- Hookswitch, store, migration 5: what failed for good, jobs over many deliveries, and the
-- installation's own switch.

-- Deliveries that ended without having been delivered, or that only a person lets go on. Narrow, and
-- written by the settle that ends them, so that nobody has to look for them among the history.
-- What waits behind a pause is not in here: it is derived, because pausing is one write.
CREATE TABLE dead_letter (
    delivery BLOB NOT NULL,
    tenant BLOB NOT NULL,
    destination BLOB NOT NULL,
    event_type TEXT NOT NULL,
    -- dead_lettered, failed or parked, as in delivery.state.
    state INTEGER NOT NULL,
    -- The last try's outcome, or why it is parked.
    reason TEXT NOT NULL,
    -- When it came to this, on the database's clock.
    at INTEGER NOT NULL,
    -- The delivery that replays it: dealt with, whatever becomes of that one.
    replayed_as BLOB,
    PRIMARY KEY (delivery, tenant)
);
CREATE INDEX dead_letter_open ON dead_letter (tenant, delivery) WHERE replayed_as IS NULL;
CREATE INDEX dead_letter_by_tenant ON dead_letter (tenant, delivery);
CREATE INDEX dead_letter_by_destination ON dead_letter (tenant, destination, delivery);
CREATE INDEX dead_letter_by_age ON dead_letter (at);

INSERT INTO dead_letter (delivery, tenant, destination, event_type, state, reason, at)
SELECT d.id, d.tenant, d.destination, e.type, d.state, coalesce(d.parked_reason, a.outcome, 'exhausted'), d.updated_at
FROM delivery d
JOIN event e ON e.id = d.event AND e.tenant = d.tenant
LEFT JOIN attempt a ON a.delivery = d.id AND a.record = d.records AND a.tenant = d.tenant
WHERE d.state IN (6, 7) OR (d.state = 5 AND d.parked_reason = 'exhausted');

-- Work over many deliveries: done in small steps, each of which moves `looked` and does its items in
-- one transaction, under a claim number. That makes each item exactly once, whoever dies when.
CREATE TABLE job (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    -- What it is about, as JSON: see store::job::Spec.
    spec TEXT NOT NULL,
    rate_per_second INTEGER NOT NULL,
    -- Everything up to this id was looked at.
    looked BLOB,
    -- How many items there were at the start; null where nobody counted.
    total INTEGER,
    done INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    claim INTEGER NOT NULL DEFAULT 0,
    -- The next step is due then, on the database's clock.
    next_at INTEGER NOT NULL,
    -- Why the last step failed, while it does.
    trouble TEXT,
    started_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX job_by_tenant ON job (tenant, id);
CREATE INDEX job_due ON job (next_at) WHERE state = 'running';

-- One row: what holds for every tenant.
CREATE TABLE installation (
    sending_paused INTEGER NOT NULL DEFAULT FALSE
);
INSERT INTO installation (sending_paused) VALUES (FALSE);
