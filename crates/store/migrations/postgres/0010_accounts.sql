-- Hookswitch, store, migration 10: what operators look at: counters, digests of deliveries, notifications.

-- Attempts in the order in which they were numbered. The index only ever grows at its right end.
CREATE SEQUENCE attempt_seq;
ALTER TABLE attempt ADD COLUMN seq BIGINT NOT NULL DEFAULT nextval('attempt_seq');
CREATE INDEX attempt_by_seq ON attempt (seq);

-- How far the attempts are counted and anchored: moved on in the transaction that counts them.
CREATE TABLE account (
    name TEXT NOT NULL PRIMARY KEY,
    upto BIGINT NOT NULL,
    at BIGINT NOT NULL
);
INSERT INTO account (name, upto, at) VALUES ('attempts', 0, 0);

-- Attempts counted per destination and span of time (`width` and start in milliseconds).
CREATE TABLE delivery_stat (
    tenant UUID NOT NULL,
    width BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    destination UUID NOT NULL,
    attempts BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    dead_lettered BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    -- How long what was sent took: a histogram whose bounds stand in store::stat.
    h0 BIGINT NOT NULL, h1 BIGINT NOT NULL, h2 BIGINT NOT NULL, h3 BIGINT NOT NULL, h4 BIGINT NOT NULL,
    h5 BIGINT NOT NULL, h6 BIGINT NOT NULL, h7 BIGINT NOT NULL, h8 BIGINT NOT NULL, h9 BIGINT NOT NULL,
    h10 BIGINT NOT NULL, h11 BIGINT NOT NULL, h12 BIGINT NOT NULL, h13 BIGINT NOT NULL, h14 BIGINT NOT NULL,
    PRIMARY KEY (tenant, width, bucket, destination)
);
CREATE INDEX delivery_stat_by_age ON delivery_stat (width, bucket);

-- Per tenant: how far its attempts are anchored in its audit chain, and which row of the chain
-- says what retention has removed.
CREATE TABLE delivery_digest (
    tenant UUID NOT NULL PRIMARY KEY,
    upto BIGINT NOT NULL,
    purged_before BIGINT NOT NULL DEFAULT 0,
    purge_seq BIGINT NOT NULL DEFAULT 0
);

-- Who is told of what. The target's secret part (an address of a chat service) is sealed.
CREATE TABLE notification_rule (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    -- channel, triggers, cooldown: read and written as one document.
    config TEXT NOT NULL,
    url_secret UUID,
    -- When each trigger last told somebody, and what it had seen by then.
    state TEXT NOT NULL,
    last_sent_at BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX notification_rule_by_tenant ON notification_rule (tenant, id);
