-- The customer portal: a one-time link, and the session that it was exchanged for. Of both only the SHA-256 is kept.
CREATE TABLE portal_session (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    -- Only this group's destinations and deliveries; NULL: the whole tenant's.
    group_id UUID,
    access TEXT NOT NULL,
    look TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    link_hash BYTEA NOT NULL UNIQUE,
    link_expires_at BIGINT NOT NULL,
    opened_at BIGINT,
    session_hash BYTEA UNIQUE,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX portal_session_by_tenant ON portal_session (tenant, id);
CREATE INDEX portal_session_by_expiry ON portal_session (expires_at);
