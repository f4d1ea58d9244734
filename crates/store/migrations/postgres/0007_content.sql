-- Hookswitch, store, migration 7: what destinations get of an event, and what events may look like.

-- Settings of a tenant: an event type that isn't registered is refused; a destination answers a
-- challenge before anything is sent to it.
ALTER TABLE tenant ADD COLUMN strict_event_types BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tenant ADD COLUMN require_ownership_challenge BOOLEAN NOT NULL DEFAULT FALSE;

-- The catalogue. `version` counts the changes of the schema.
CREATE TABLE event_type (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    group_name TEXT,
    schema TEXT,
    example TEXT,
    archived BOOLEAN NOT NULL DEFAULT FALSE,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant),
    UNIQUE (tenant, name)
);

-- The bytes of a delivery that its destination's expressions made, once an attempt with them has
-- failed: the next one sends the same. Rows of finished deliveries are swept away.
CREATE TABLE delivery_body (
    delivery UUID NOT NULL,
    tenant UUID NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (delivery, tenant)
);
