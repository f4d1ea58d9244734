-- Hookswitch, store, migration 10: what operators look at: counters, digests of deliveries, notifications.

-- Attempts in the order in which they were committed: what counts and anchors them reads what is new
-- by this number, and settling writes nothing more. It is the rowid, named, so that it outlasts a
-- VACUUM; retention leaves the last row, so that no number comes twice.
CREATE TABLE attempt_numbered (
    seq INTEGER PRIMARY KEY,
    delivery BLOB NOT NULL,
    record INTEGER NOT NULL,
    tenant BLOB NOT NULL,
    -- Null where nothing was sent, so that the attempts of a delivery count 1, 2, 3 without a gap.
    number INTEGER,
    outcome TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    status INTEGER,
    reason TEXT NOT NULL,
    -- Phase timings in microseconds, the address reached, the head of the answer.
    detail TEXT NOT NULL,
    -- A delivery's id is nobody else's, so that its tenant needn't stand in the index too.
    UNIQUE (delivery, record)
);
INSERT INTO attempt_numbered (delivery, record, tenant, number, outcome, started_at, status, reason, detail)
    SELECT delivery, record, tenant, number, outcome, started_at, status, reason, detail FROM attempt ORDER BY started_at;
DROP TABLE attempt;
ALTER TABLE attempt_numbered RENAME TO attempt;

-- How far the attempts are counted and anchored: moved on in the transaction that counts them.
CREATE TABLE account (
    name TEXT NOT NULL PRIMARY KEY,
    upto INTEGER NOT NULL,
    at INTEGER NOT NULL
);
INSERT INTO account (name, upto, at) VALUES ('attempts', 0, 0);

-- Attempts counted per destination and span of time (`width` and start in milliseconds).
CREATE TABLE delivery_stat (
    tenant BLOB NOT NULL,
    width INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    destination BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    dead_lettered INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    -- How long what was sent took: a histogram whose bounds stand in store::stat.
    h0 INTEGER NOT NULL, h1 INTEGER NOT NULL, h2 INTEGER NOT NULL, h3 INTEGER NOT NULL, h4 INTEGER NOT NULL,
    h5 INTEGER NOT NULL, h6 INTEGER NOT NULL, h7 INTEGER NOT NULL, h8 INTEGER NOT NULL, h9 INTEGER NOT NULL,
    h10 INTEGER NOT NULL, h11 INTEGER NOT NULL, h12 INTEGER NOT NULL, h13 INTEGER NOT NULL, h14 INTEGER NOT NULL,
    PRIMARY KEY (tenant, width, bucket, destination)
);
CREATE INDEX delivery_stat_by_age ON delivery_stat (width, bucket);

-- Per tenant: how far its attempts are anchored in its audit chain, and which row of the chain
-- says what retention has removed.
CREATE TABLE delivery_digest (
    tenant BLOB NOT NULL PRIMARY KEY,
    upto INTEGER NOT NULL,
    purged_before INTEGER NOT NULL DEFAULT 0,
    purge_seq INTEGER NOT NULL DEFAULT 0
);

-- Who is told of what. The target's secret part (an address of a chat service) is sealed.
CREATE TABLE notification_rule (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    name TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- channel, triggers, cooldown: read and written as one document.
    config TEXT NOT NULL,
    url_secret BLOB,
    -- When each trigger last told somebody, and what it had seen by then.
    state TEXT NOT NULL,
    last_sent_at INTEGER,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX notification_rule_by_tenant ON notification_rule (tenant, id);
