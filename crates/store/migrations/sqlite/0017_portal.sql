-- The customer portal: a one-time link, and the session that it was exchanged for. Of both only the SHA-256 is kept.
CREATE TABLE portal_session (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    -- Only this group's destinations and deliveries; NULL: the whole tenant's.
    group_id BLOB,
    access TEXT NOT NULL,
    look TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    link_hash BLOB NOT NULL UNIQUE,
    link_expires_at INTEGER NOT NULL,
    opened_at INTEGER,
    session_hash BLOB UNIQUE,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX portal_session_by_tenant ON portal_session (tenant, id);
CREATE INDEX portal_session_by_expiry ON portal_session (expires_at);
