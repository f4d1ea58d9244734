-- Hookswitch, desk, migration 1. Conventions as in the store's migration 1: ids are 16-byte UUIDv7,
-- times whole milliseconds since 1970 UTC, JSON is text, keys are (id, tenant).

CREATE TABLE client (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    client_name TEXT NOT NULL,
    client_type TEXT NOT NULL,
    -- Takes the records for which nobody names a client.
    is_default BOOLEAN NOT NULL,
    is_inactive BOOLEAN NOT NULL,
    -- Address, phone, email, notes: read and written as one document.
    details TEXT NOT NULL,
    properties TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX client_by_tenant ON client (tenant, id);
CREATE UNIQUE INDEX client_default ON client (tenant) WHERE is_default;

CREATE TABLE board (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    board_name TEXT NOT NULL,
    description TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    display_order BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX board_by_tenant ON board (tenant, id);
CREATE UNIQUE INDEX board_default ON board (tenant) WHERE is_default;

CREATE TABLE status (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    board_id UUID NOT NULL,
    name TEXT NOT NULL,
    is_closed BOOLEAN NOT NULL,
    is_default BOOLEAN NOT NULL,
    order_number BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX status_by_tenant ON status (tenant, id);
CREATE UNIQUE INDEX status_default ON status (board_id, tenant) WHERE is_default;

CREATE TABLE priority (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    priority_name TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    order_number BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX priority_by_tenant ON priority (tenant, id);
CREATE UNIQUE INDEX priority_default ON priority (tenant) WHERE is_default;

CREATE TABLE category (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    -- Null: the category serves every board.
    board_id UUID,
    category_name TEXT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX category_by_tenant ON category (tenant, id);

-- The last number given out: the row's lock keeps numbers unique and, as it is held until the
-- commit, without gaps.
CREATE TABLE ticket_counter (
    tenant UUID NOT NULL PRIMARY KEY,
    last_number BIGINT NOT NULL
);

CREATE TABLE ticket (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    ticket_number BIGINT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    client_id UUID,
    board_id UUID NOT NULL,
    status_id UUID NOT NULL,
    priority_id UUID NOT NULL,
    category_id UUID,
    assigned_to UUID,
    due_date BIGINT,
    attributes TEXT NOT NULL,
    ticket_origin TEXT NOT NULL,
    source TEXT NOT NULL,
    entered_by TEXT NOT NULL,
    entered_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    closed_at BIGINT,
    PRIMARY KEY (id, tenant)
);
CREATE UNIQUE INDEX ticket_by_number ON ticket (tenant, ticket_number);
CREATE INDEX ticket_by_tenant ON ticket (tenant, id);

CREATE TABLE ticket_comment (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    ticket_id UUID NOT NULL,
    author_type TEXT NOT NULL,
    author TEXT NOT NULL,
    note TEXT NOT NULL,
    is_internal BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX ticket_comment_by_ticket ON ticket_comment (ticket_id, id);

-- Which record of ours is which record of somebody else's. `alga_entity_id` is the id as it is shown.
CREATE TABLE tenant_external_entity_mappings (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    integration_type TEXT NOT NULL,
    alga_entity_type TEXT NOT NULL,
    alga_entity_id TEXT NOT NULL,
    external_entity_id TEXT NOT NULL,
    external_realm_id TEXT,
    sync_status TEXT NOT NULL DEFAULT 'pending',
    last_synced_at BIGINT,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX external_mapping_by_tenant ON tenant_external_entity_mappings (tenant, id);
CREATE UNIQUE INDEX external_mapping_inside
    ON tenant_external_entity_mappings (alga_entity_id, alga_entity_type, integration_type, tenant);
CREATE UNIQUE INDEX external_mapping_outside
    ON tenant_external_entity_mappings (external_entity_id, alga_entity_type, integration_type, tenant, coalesce(external_realm_id, ''));
