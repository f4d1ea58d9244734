-- Hookswitch, store, migration 14: inbound webhooks: samples, tests, batches, dead letters, former configurations, former URLs.

-- A part of a batch names the request that it came in.
ALTER TABLE inbound_webhook_deliveries ADD COLUMN split_from BLOB;
ALTER TABLE inbound_webhook_deliveries ADD COLUMN is_test INTEGER NOT NULL DEFAULT FALSE;
ALTER TABLE inbound_webhook_deliveries ADD COLUMN dead_lettered_at INTEGER;
-- How long the body was, once retention has cut it.
ALTER TABLE inbound_webhook_deliveries ADD COLUMN body_bytes INTEGER;
CREATE INDEX inbound_webhook_deliveries_rejected ON inbound_webhook_deliveries (tenant, delivery_id) WHERE auth_status <> 'verified';
CREATE INDEX inbound_webhook_deliveries_dead ON inbound_webhook_deliveries (tenant, delivery_id) WHERE dead_lettered_at IS NOT NULL;

-- sample_payload names the sealed row that holds the sample.
ALTER TABLE inbound_webhooks ADD COLUMN sample_captured_at INTEGER;
ALTER TABLE inbound_webhooks ADD COLUMN failing_since INTEGER;
ALTER TABLE inbound_webhooks ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;

-- What a webhook did at each of its revisions, for replays with the configuration of then.
CREATE TABLE inbound_revision (
    webhook BLOB NOT NULL,
    revision INTEGER NOT NULL,
    tenant BLOB NOT NULL,
    handler_config TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (webhook, revision, tenant)
);
INSERT INTO inbound_revision (webhook, revision, tenant, handler_config, created_at)
    SELECT inbound_webhook_id, revision, tenant, handler_config, updated_at FROM inbound_webhooks;

-- Former slugs, which lead to their webhook until somebody removes them.
CREATE TABLE inbound_alias (
    webhook BLOB NOT NULL,
    slug TEXT NOT NULL,
    tenant BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (webhook, slug, tenant),
    UNIQUE (tenant, slug)
);
