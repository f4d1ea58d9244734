-- Hookswitch, store, migration 1. Ids are 16-byte UUIDv7, times whole milliseconds since 1970 UTC,
-- JSON is text. Keys are (id, tenant): Citus needs the tenant in every key, and id-first keys append.

-- The database's clock in milliseconds: leases are counted on it, never on a node's clock.
CREATE FUNCTION now_ms() RETURNS BIGINT LANGUAGE sql VOLATILE AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

CREATE TABLE tenant (
    id UUID NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Counts configuration changes: whoever holds a copy of a tenant's configuration, or of a
    -- token's rights, compares this number inside the statement that relies on the copy.
    epoch BIGINT NOT NULL DEFAULT 0,
    sending_paused BOOLEAN NOT NULL DEFAULT FALSE,
    inbound_webhooks_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL
);

CREATE TABLE user_account (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    role TEXT NOT NULL,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX user_account_by_tenant ON user_account (tenant, id);

CREATE TABLE role (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant),
    UNIQUE (tenant, name)
);

-- A browser's session, or (kind 'link') a one-time sign-in link. Only the SHA-256 of its token is kept.
CREATE TABLE session (
    hash BYTEA NOT NULL,
    tenant UUID NOT NULL,
    user_id UUID NOT NULL,
    kind TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (hash, tenant)
);
CREATE INDEX session_by_user ON session (user_id);
CREATE INDEX session_by_expiry ON session (expires_at);

CREATE TABLE token (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX token_by_tenant ON token (tenant, id);

-- Sealed values. Whatever is secret elsewhere is a reference to a row of this table.
CREATE TABLE secret (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    purpose TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);

-- Which references a tenant may name: `file:///run/secrets/acme/`, `k8s://acme/`, ...
CREATE TABLE secret_grant (
    tenant UUID NOT NULL,
    prefix TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, prefix)
);

CREATE TABLE integration_credentials (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    ref TEXT NOT NULL,
    settings TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX integration_credentials_by_tenant ON integration_credentials (tenant, id);

CREATE TABLE integration_delivery_policy (
    tenant UUID NOT NULL PRIMARY KEY,
    policy TEXT NOT NULL,
    default_signing_profile TEXT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE integration_destinations (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    group_id UUID,
    name TEXT NOT NULL,
    adapter_type TEXT NOT NULL,
    -- Scheme and host, which may be shown. The whole URL may hold a token and is sealed.
    endpoint TEXT NOT NULL,
    url_secret UUID NOT NULL,
    signing_secret UUID,
    previous_secret UUID,
    previous_until BIGINT,
    credential UUID,
    enabled BOOLEAN NOT NULL,
    -- event_types, headers, signing, policy, rate, ordered, body: read and written as one document.
    config TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX integration_destinations_by_tenant ON integration_destinations (tenant, id);

-- One row per destination: whether its work may be claimed, and the earliest moment at which some
-- of it may be due. Pausing a million deliveries is one write to this row.
CREATE TABLE lane (
    destination UUID NOT NULL,
    tenant UUID NOT NULL,
    next_at BIGINT NOT NULL,
    hold TEXT,
    PRIMARY KEY (destination, tenant)
) WITH (fillfactor = 85);
CREATE INDEX lane_by_next ON lane (next_at);

CREATE TABLE event (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    type TEXT NOT NULL,
    payload BYTEA NOT NULL,
    -- group, correlation, causation, depth, references, ordering key, headers, source: see store::event::Meta.
    meta TEXT NOT NULL,
    PRIMARY KEY (id, tenant)
) PARTITION BY RANGE (id);
CREATE INDEX event_by_tenant ON event (tenant, id);

CREATE TABLE delivery (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    event UUID NOT NULL,
    destination UUID NOT NULL,
    state BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Rows of the attempt table: attempts, refusals and interruptions.
    records BIGINT NOT NULL DEFAULT 0,
    interruptions BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT,
    parked_reason TEXT,
    replayed_from UUID,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
) PARTITION BY RANGE (id);
CREATE INDEX delivery_by_tenant ON delivery (tenant, id);
CREATE INDEX delivery_by_event ON delivery (event);

-- Work that isn't finished: narrow, so that claiming costs the same whatever the history weighs.
-- While `leased`, next_at is the moment at which the lease runs out.
CREATE TABLE due (
    delivery UUID NOT NULL,
    tenant UUID NOT NULL,
    destination UUID NOT NULL,
    next_at BIGINT NOT NULL,
    leased BOOLEAN NOT NULL,
    claim BIGINT NOT NULL,
    PRIMARY KEY (delivery, tenant)
) WITH (fillfactor = 85);
CREATE INDEX due_by_lane ON due (destination, next_at);

CREATE TABLE attempt (
    delivery UUID NOT NULL,
    record BIGINT NOT NULL,
    tenant UUID NOT NULL,
    -- Null where nothing was sent, so that the attempts of a delivery count 1, 2, 3 without a gap.
    number BIGINT,
    outcome TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    status BIGINT,
    reason TEXT NOT NULL,
    -- Phase timings in microseconds, the address reached, the head of the answer.
    detail TEXT NOT NULL,
    PRIMARY KEY (delivery, record, tenant)
) PARTITION BY RANGE (delivery);

-- Idempotency-Key of POSTs: the answer is kept for 24 h, without its one-time secrets.
CREATE TABLE idempotency (
    key TEXT NOT NULL,
    scope TEXT NOT NULL,
    tenant UUID NOT NULL,
    request_hash BYTEA NOT NULL,
    status BIGINT NOT NULL,
    response TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key, scope, tenant)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- What a step did, written in the transaction that did it: a repeat of the step returns this.
CREATE TABLE effect (
    step_key TEXT NOT NULL,
    tenant UUID NOT NULL,
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (step_key, tenant)
);

CREATE TABLE inbound_webhooks (
    inbound_webhook_id UUID NOT NULL,
    tenant UUID NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    description TEXT NOT NULL,
    auth_type TEXT NOT NULL,
    auth_config TEXT NOT NULL,
    secret UUID,
    ip_cidrs TEXT NOT NULL,
    idempotency_source TEXT,
    idempotency_window_seconds BIGINT NOT NULL,
    handler_type TEXT NOT NULL,
    handler_config TEXT NOT NULL,
    sample_payload TEXT,
    sample_capture_expires_at BIGINT,
    is_active BOOLEAN NOT NULL,
    rate_limit_per_minute BIGINT NOT NULL,
    auto_disabled_at BIGINT,
    -- duplicate_response, ack, mode, split.
    options TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (inbound_webhook_id, tenant),
    UNIQUE (tenant, slug)
);

CREATE TABLE inbound_webhook_deliveries (
    delivery_id UUID NOT NULL,
    tenant UUID NOT NULL,
    inbound_webhook_id UUID,
    idempotency_key TEXT,
    received_at BIGINT NOT NULL,
    request_method TEXT NOT NULL,
    request_path TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    request_body BYTEA,
    source_ip TEXT NOT NULL,
    user_agent TEXT,
    auth_status TEXT NOT NULL,
    dispatch_status TEXT NOT NULL,
    handler_outcome TEXT,
    response_status BIGINT,
    response_body TEXT,
    duration_ms BIGINT,
    retry_count BIGINT NOT NULL DEFAULT 0,
    is_replay BOOLEAN NOT NULL DEFAULT FALSE,
    replayed_from UUID,
    revision BIGINT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (delivery_id, tenant)
) PARTITION BY RANGE (delivery_id);
CREATE INDEX inbound_webhook_deliveries_by_webhook ON inbound_webhook_deliveries (inbound_webhook_id, delivery_id);

-- Who was first: claimed in the commit that logs the delivery, let go again if it fails.
CREATE TABLE inbound_key (
    webhook UUID NOT NULL,
    key TEXT NOT NULL,
    tenant UUID NOT NULL,
    delivery UUID NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (webhook, key, tenant)
);
CREATE INDEX inbound_key_by_expiry ON inbound_key (expires_at);

-- Received and not finished: whoever works on a delivery holds its row until `next_at`; after a
-- crash it is taken over from there.
CREATE TABLE inbound_due (
    delivery UUID NOT NULL,
    tenant UUID NOT NULL,
    next_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    PRIMARY KEY (delivery, tenant)
);
CREATE INDEX inbound_due_by_time ON inbound_due (next_at);

-- The audit chain. Rows are never changed (triggers below); personal detail lies beside them,
-- and the chain holds only its salted digest, so that it can be erased.
CREATE TABLE audit (
    tenant UUID NOT NULL,
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    correlation_id TEXT,
    digest BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE TABLE audit_detail (
    tenant UUID NOT NULL,
    seq BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE TABLE audit_head (
    tenant UUID NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or deleted';
END $$;
CREATE TRIGGER audit_keeps BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse();

-- Who is alive: caps are divided by the number of live workers.
CREATE TABLE node (
    id UUID NOT NULL PRIMARY KEY,
    roles TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- Whatever falls outside the daily partitions, which store::partition makes ahead of time.
CREATE TABLE event_rest PARTITION OF event DEFAULT;
CREATE TABLE delivery_rest PARTITION OF delivery DEFAULT WITH (fillfactor = 85);
CREATE TABLE attempt_rest PARTITION OF attempt DEFAULT;
CREATE TABLE inbound_webhook_deliveries_rest PARTITION OF inbound_webhook_deliveries DEFAULT WITH (fillfactor = 85);
