-- Ed25519 keys of destinations. The private half is the row of `secret` with the same id.
CREATE TABLE signing_key (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    destination UUID NOT NULL,
    public_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Null for the current one; those before it sign until then.
    signs_until BIGINT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX signing_key_by_destination ON signing_key (tenant, destination);
