-- Hookswitch, store, migration 1. Ids are 16-byte UUIDv7, times whole milliseconds since 1970 UTC,
-- JSON is text. Keys are (id, tenant): Citus needs the tenant in every key, and id-first keys append.

-- The function now_ms() comes from store::sqlite: the machine's clock in milliseconds.

CREATE TABLE tenant (
    id BLOB NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Counts configuration changes: whoever holds a copy of a tenant's configuration, or of a
    -- token's rights, compares this number inside the statement that relies on the copy.
    epoch INTEGER NOT NULL DEFAULT 0,
    sending_paused INTEGER NOT NULL DEFAULT FALSE,
    inbound_webhooks_enabled INTEGER NOT NULL DEFAULT FALSE,
    created_at INTEGER NOT NULL
);

CREATE TABLE user_account (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    role TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT FALSE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX user_account_by_tenant ON user_account (tenant, id);

CREATE TABLE role (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id, tenant),
    UNIQUE (tenant, name)
);

-- A browser's session, or (kind 'link') a one-time sign-in link. Only the SHA-256 of its token is kept.
CREATE TABLE session (
    hash BLOB NOT NULL,
    tenant BLOB NOT NULL,
    user_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (hash, tenant)
);
CREATE INDEX session_by_user ON session (user_id);
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TABLE token (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX token_by_tenant ON token (tenant, id);

-- Sealed values. Whatever is secret elsewhere is a reference to a row of this table.
CREATE TABLE secret (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    purpose TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
);

-- Which references a tenant may name: `file:///run/secrets/acme/`, `k8s://acme/`, ...
CREATE TABLE secret_grant (
    tenant BLOB NOT NULL,
    prefix TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, prefix)
);

CREATE TABLE integration_credentials (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    ref TEXT NOT NULL,
    settings TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX integration_credentials_by_tenant ON integration_credentials (tenant, id);

CREATE TABLE integration_delivery_policy (
    tenant BLOB NOT NULL PRIMARY KEY,
    policy TEXT NOT NULL,
    default_signing_profile TEXT,
    updated_at INTEGER NOT NULL
);

CREATE TABLE integration_destinations (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    group_id BLOB,
    name TEXT NOT NULL,
    adapter_type TEXT NOT NULL,
    -- Scheme and host, which may be shown. The whole URL may hold a token and is sealed.
    endpoint TEXT NOT NULL,
    url_secret BLOB NOT NULL,
    signing_secret BLOB,
    previous_secret BLOB,
    previous_until INTEGER,
    credential BLOB,
    enabled INTEGER NOT NULL,
    -- event_types, headers, signing, policy, rate, ordered, body: read and written as one document.
    config TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX integration_destinations_by_tenant ON integration_destinations (tenant, id);

-- One row per destination: whether its work may be claimed, and the earliest moment at which some
-- of it may be due. Pausing a million deliveries is one write to this row.
CREATE TABLE lane (
    destination BLOB NOT NULL,
    tenant BLOB NOT NULL,
    next_at INTEGER NOT NULL,
    hold TEXT,
    PRIMARY KEY (destination, tenant)
);
CREATE INDEX lane_by_next ON lane (next_at);

CREATE TABLE event (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    type TEXT NOT NULL,
    payload BLOB NOT NULL,
    -- group, correlation, causation, depth, references, ordering key, headers, source: see store::event::Meta.
    meta TEXT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX event_by_tenant ON event (tenant, id);

CREATE TABLE delivery (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    event BLOB NOT NULL,
    destination BLOB NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Rows of the attempt table: attempts, refusals and interruptions.
    records INTEGER NOT NULL DEFAULT 0,
    interruptions INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER,
    parked_reason TEXT,
    replayed_from BLOB,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX delivery_by_tenant ON delivery (tenant, id);
CREATE INDEX delivery_by_event ON delivery (event);

-- Work that isn't finished: narrow, so that claiming costs the same whatever the history weighs.
-- While `leased`, next_at is the moment at which the lease runs out.
CREATE TABLE due (
    delivery BLOB NOT NULL,
    tenant BLOB NOT NULL,
    destination BLOB NOT NULL,
    next_at INTEGER NOT NULL,
    leased INTEGER NOT NULL,
    claim INTEGER NOT NULL,
    PRIMARY KEY (delivery, tenant)
);
CREATE INDEX due_by_lane ON due (destination, next_at);

CREATE TABLE attempt (
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
    PRIMARY KEY (delivery, record, tenant)
);

-- Idempotency-Key of POSTs: the answer is kept for 24 h, without its one-time secrets.
CREATE TABLE idempotency (
    key TEXT NOT NULL,
    scope TEXT NOT NULL,
    tenant BLOB NOT NULL,
    request_hash BLOB NOT NULL,
    status INTEGER NOT NULL,
    response TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key, scope, tenant)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- What a step did, written in the transaction that did it: a repeat of the step returns this.
CREATE TABLE effect (
    step_key TEXT NOT NULL,
    tenant BLOB NOT NULL,
    result TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (step_key, tenant)
);

CREATE TABLE inbound_webhooks (
    inbound_webhook_id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL,
    auth_type TEXT NOT NULL,
    auth_config TEXT NOT NULL,
    secret BLOB,
    ip_cidrs TEXT NOT NULL,
    idempotency_source TEXT,
    idempotency_window_seconds INTEGER NOT NULL,
    handler_type TEXT NOT NULL,
    handler_config TEXT NOT NULL,
    sample_payload TEXT,
    sample_capture_expires_at INTEGER,
    is_active INTEGER NOT NULL,
    rate_limit_per_minute INTEGER NOT NULL,
    auto_disabled_at INTEGER,
    -- duplicate_response, ack, mode, split.
    options TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (inbound_webhook_id, tenant),
    UNIQUE (tenant, slug)
);

CREATE TABLE inbound_webhook_deliveries (
    delivery_id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    inbound_webhook_id BLOB,
    idempotency_key TEXT,
    received_at INTEGER NOT NULL,
    request_method TEXT NOT NULL,
    request_path TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    request_body BLOB,
    source_ip TEXT NOT NULL,
    user_agent TEXT,
    auth_status TEXT NOT NULL,
    dispatch_status TEXT NOT NULL,
    handler_outcome TEXT,
    response_status INTEGER,
    response_body TEXT,
    duration_ms INTEGER,
    retry_count INTEGER NOT NULL DEFAULT 0,
    is_replay INTEGER NOT NULL DEFAULT FALSE,
    replayed_from BLOB,
    revision INTEGER,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, tenant)
);
CREATE INDEX inbound_webhook_deliveries_by_webhook ON inbound_webhook_deliveries (inbound_webhook_id, delivery_id);

-- Who was first: claimed in the commit that logs the delivery, let go again if it fails.
CREATE TABLE inbound_key (
    webhook BLOB NOT NULL,
    key TEXT NOT NULL,
    tenant BLOB NOT NULL,
    delivery BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (webhook, key, tenant)
);
CREATE INDEX inbound_key_by_expiry ON inbound_key (expires_at);

-- Received and not finished: whoever works on a delivery holds its row until `next_at`; after a
-- crash it is taken over from there.
CREATE TABLE inbound_due (
    delivery BLOB NOT NULL,
    tenant BLOB NOT NULL,
    next_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (delivery, tenant)
);
CREATE INDEX inbound_due_by_time ON inbound_due (next_at);

-- The audit chain. Rows are never changed (triggers below); personal detail lies beside them,
-- and the chain holds only its salted digest, so that it can be erased.
CREATE TABLE audit (
    tenant BLOB NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    correlation_id TEXT,
    digest BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE TABLE audit_detail (
    tenant BLOB NOT NULL,
    seq INTEGER NOT NULL,
    salt BLOB NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE TABLE audit_head (
    tenant BLOB NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL
);
CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;

-- Who is alive: caps are divided by the number of live workers.
CREATE TABLE node (
    id BLOB NOT NULL PRIMARY KEY,
    roles TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);
