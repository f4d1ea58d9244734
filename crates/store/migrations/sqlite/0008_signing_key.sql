-- Ed25519 keys of destinations. The private half is the row of `secret` with the same id.
CREATE TABLE signing_key (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    destination BLOB NOT NULL,
    public_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Null for the current one; those before it sign until then.
    signs_until INTEGER,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX signing_key_by_destination ON signing_key (tenant, destination);
