-- Hookswitch, desk, migration 2: records. Every record has a version, which optimistic changes compare, and a
-- search key: the beginning of what people look it up by, in lower case, compared byte by byte.

CREATE TABLE desk_counter (
    -- What is counted: ticket, invoice, project.
    name TEXT NOT NULL,
    tenant UUID NOT NULL,
    -- The row's lock keeps numbers unique and, as it is held until the commit, without gaps.
    last_number BIGINT NOT NULL,
    PRIMARY KEY (name, tenant)
);
INSERT INTO desk_counter (name, tenant, last_number) SELECT 'ticket', tenant, last_number FROM ticket_counter;
DROP TABLE ticket_counter;

CREATE TABLE record_history (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    kind TEXT NOT NULL,
    record_id UUID NOT NULL,
    what TEXT NOT NULL,
    actor TEXT NOT NULL,
    causation_id TEXT,
    changes TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX record_history_by_tenant ON record_history (tenant, id);
CREATE INDEX record_history_by_record ON record_history (record_id, tenant, id);

ALTER TABLE board ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE board ADD COLUMN search_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE board ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE board ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE board ADD COLUMN is_inactive BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE board ADD COLUMN default_priority_id UUID;
ALTER TABLE board ADD COLUMN default_assigned_to UUID;
ALTER TABLE board ADD COLUMN default_assigned_team_id UUID;
UPDATE board SET search_key = substr(lower(board_name), 1, 64);
CREATE INDEX board_by_key ON board (tenant, search_key);

ALTER TABLE status ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE status ADD COLUMN search_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE status ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE status ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE status ADD COLUMN color TEXT;
UPDATE status SET search_key = substr(lower(name), 1, 64);
CREATE INDEX status_by_key ON status (tenant, search_key);
CREATE INDEX status_by_board_id ON status (board_id, tenant, id);

ALTER TABLE priority ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE priority ADD COLUMN search_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE priority ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE priority ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE priority ADD COLUMN color TEXT;
UPDATE priority SET search_key = substr(lower(priority_name), 1, 64);
CREATE INDEX priority_by_key ON priority (tenant, search_key);

ALTER TABLE category ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE category ADD COLUMN search_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE category ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE category ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE category ADD COLUMN parent_category UUID;
UPDATE category SET search_key = substr(lower(category_name), 1, 64);
CREATE INDEX category_by_key ON category (tenant, search_key);
CREATE INDEX category_by_board_id ON category (board_id, tenant, id);
CREATE INDEX category_by_parent_category ON category (parent_category, tenant, id);

ALTER TABLE client ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE client ADD COLUMN search_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE client ADD COLUMN url TEXT;
ALTER TABLE client ADD COLUMN phone_no TEXT;
ALTER TABLE client ADD COLUMN email TEXT;
ALTER TABLE client ADD COLUMN address TEXT;
ALTER TABLE client ADD COLUMN address_2 TEXT;
ALTER TABLE client ADD COLUMN city TEXT;
ALTER TABLE client ADD COLUMN state TEXT;
ALTER TABLE client ADD COLUMN zip TEXT;
ALTER TABLE client ADD COLUMN country TEXT;
ALTER TABLE client ADD COLUMN default_currency_code TEXT;
ALTER TABLE client ADD COLUMN notes TEXT;
ALTER TABLE client ADD COLUMN billing_email TEXT;
ALTER TABLE client ADD COLUMN parent_client_id UUID;
UPDATE client SET search_key = substr(lower(client_name), 1, 64);
CREATE INDEX client_by_key ON client (tenant, search_key);
CREATE INDEX client_by_client_type ON client (client_type, tenant, id);
CREATE INDEX client_by_is_inactive ON client (is_inactive, tenant, id);
CREATE INDEX client_by_parent_client_id ON client (parent_client_id, tenant, id);

UPDATE client SET url = details::json ->> 'url', phone_no = details::json ->> 'phone_no', email = details::json ->> 'email', address = details::json ->> 'address', address_2 = details::json ->> 'address_2', city = details::json ->> 'city', state = details::json ->> 'state', zip = details::json ->> 'zip', country = details::json ->> 'country', default_currency_code = details::json ->> 'default_currency_code', notes = details::json ->> 'notes';
ALTER TABLE client DROP COLUMN details;

ALTER TABLE ticket ADD COLUMN location_id UUID;
ALTER TABLE ticket ADD COLUMN contact_id UUID;
ALTER TABLE ticket ADD COLUMN subcategory_id UUID;
ALTER TABLE ticket ADD COLUMN assigned_team_id UUID;
ALTER TABLE ticket ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE ticket ADD COLUMN search_key TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE ticket SET search_key = substr(lower(title), 1, 64);
CREATE INDEX ticket_by_key ON ticket (tenant, search_key);
CREATE INDEX ticket_by_status_id ON ticket (status_id, tenant, id);
CREATE INDEX ticket_by_board_id ON ticket (board_id, tenant, id);
CREATE INDEX ticket_by_client_id ON ticket (client_id, tenant, id);
CREATE INDEX ticket_by_priority_id ON ticket (priority_id, tenant, id);
CREATE INDEX ticket_by_assigned_to ON ticket (assigned_to, tenant, id);
CREATE INDEX ticket_by_assigned_team_id ON ticket (assigned_team_id, tenant, id);
CREATE INDEX ticket_by_category_id ON ticket (category_id, tenant, id);
CREATE INDEX ticket_by_subcategory_id ON ticket (subcategory_id, tenant, id);
CREATE INDEX ticket_by_contact_id ON ticket (contact_id, tenant, id);
CREATE INDEX ticket_by_location_id ON ticket (location_id, tenant, id);
ALTER TABLE ticket_comment ADD COLUMN is_resolution BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE location (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    client_id UUID NOT NULL,
    name TEXT NOT NULL,
    address_line1 TEXT,
    address_line2 TEXT,
    address_line3 TEXT,
    city TEXT,
    state_province TEXT,
    postal_code TEXT,
    country_code TEXT,
    phone TEXT,
    email TEXT,
    is_default BOOLEAN NOT NULL,
    is_billing BOOLEAN NOT NULL,
    is_shipping BOOLEAN NOT NULL,
    is_inactive BOOLEAN NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX location_by_tenant ON location (tenant, id);
CREATE INDEX location_by_key ON location (tenant, search_key);
CREATE INDEX location_by_client_id ON location (client_id, tenant, id);
CREATE UNIQUE INDEX location_default ON location (client_id, tenant) WHERE is_default;

CREATE TABLE contact (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    full_name TEXT NOT NULL,
    client_id UUID,
    email TEXT,
    role TEXT,
    notes TEXT,
    is_inactive BOOLEAN NOT NULL,
    phone_numbers TEXT NOT NULL,
    additional_email_addresses TEXT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX contact_by_tenant ON contact (tenant, id);
CREATE INDEX contact_by_key ON contact (tenant, search_key);
CREATE INDEX contact_by_client_id ON contact (client_id, tenant, id);
CREATE INDEX contact_by_email ON contact (email, tenant, id);

CREATE TABLE team (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    team_name TEXT NOT NULL,
    description TEXT,
    manager_user_id UUID,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX team_by_tenant ON team (tenant, id);
CREATE INDEX team_by_key ON team (tenant, search_key);
CREATE INDEX team_by_manager_user_id ON team (manager_user_id, tenant, id);

CREATE TABLE asset (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    asset_type TEXT NOT NULL,
    client_id UUID,
    asset_tag TEXT,
    serial_number TEXT,
    status TEXT NOT NULL,
    location TEXT,
    location_id UUID,
    purchase_date TEXT,
    warranty_end_date TEXT,
    attributes TEXT NOT NULL,
    extension TEXT NOT NULL,
    rmm_provider TEXT,
    rmm_device_id TEXT,
    rmm_organization_id TEXT,
    agent_status TEXT NOT NULL,
    last_seen_at BIGINT,
    last_rmm_sync_at BIGINT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX asset_by_tenant ON asset (tenant, id);
CREATE INDEX asset_by_key ON asset (tenant, search_key);
CREATE INDEX asset_by_client_id ON asset (client_id, tenant, id);
CREATE INDEX asset_by_asset_type ON asset (asset_type, tenant, id);
CREATE INDEX asset_by_status ON asset (status, tenant, id);
CREATE INDEX asset_by_asset_tag ON asset (asset_tag, tenant, id);
CREATE INDEX asset_by_serial_number ON asset (serial_number, tenant, id);
CREATE INDEX asset_by_location_id ON asset (location_id, tenant, id);
CREATE INDEX asset_by_agent_status ON asset (agent_status, tenant, id);

CREATE INDEX asset_by_device ON asset (rmm_device_id, rmm_provider, tenant);
CREATE INDEX asset_by_provider ON asset (rmm_provider, tenant, id);

-- Which assets a ticket is about.
CREATE TABLE asset_association (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    asset_id UUID NOT NULL,
    ticket_id UUID NOT NULL,
    relationship_type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX asset_association_by_tenant ON asset_association (tenant, id);
CREATE UNIQUE INDEX asset_association_once ON asset_association (asset_id, ticket_id, tenant);
CREATE INDEX asset_association_by_ticket ON asset_association (ticket_id, tenant, id);

CREATE TABLE invoice (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    invoice_number TEXT NOT NULL,
    client_id UUID,
    po_number TEXT,
    invoice_date TEXT,
    due_date TEXT,
    finalized_at BIGINT,
    subtotal BIGINT NOT NULL,
    tax BIGINT NOT NULL,
    total_amount BIGINT NOT NULL,
    credit_applied BIGINT NOT NULL,
    currency_code TEXT NOT NULL,
    status TEXT NOT NULL,
    is_manual BOOLEAN NOT NULL,
    tax_source TEXT NOT NULL,
    charges TEXT NOT NULL,
    paid_at BIGINT,
    payment_reference TEXT,
    custom_fields TEXT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX invoice_by_tenant ON invoice (tenant, id);
CREATE INDEX invoice_by_key ON invoice (tenant, search_key);
CREATE INDEX invoice_by_client_id ON invoice (client_id, tenant, id);
CREATE INDEX invoice_by_status ON invoice (status, tenant, id);
CREATE UNIQUE INDEX invoice_number ON invoice (invoice_number, tenant);

CREATE TABLE service (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    service_name TEXT NOT NULL,
    description TEXT,
    default_rate BIGINT,
    is_inactive BOOLEAN NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX service_by_tenant ON service (tenant, id);
CREATE INDEX service_by_key ON service (tenant, search_key);

CREATE TABLE time_period (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    start_date TEXT NOT NULL,
    end_date TEXT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX time_period_by_tenant ON time_period (tenant, id);
CREATE INDEX time_period_by_key ON time_period (tenant, search_key);

CREATE INDEX time_period_by_days ON time_period (tenant, start_date, end_date);

CREATE TABLE time_sheet (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    user_id UUID NOT NULL,
    time_period_id UUID NOT NULL,
    approval_status TEXT NOT NULL,
    notes TEXT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX time_sheet_by_tenant ON time_sheet (tenant, id);
CREATE INDEX time_sheet_by_key ON time_sheet (tenant, search_key);
CREATE INDEX time_sheet_by_time_period_id ON time_sheet (time_period_id, tenant, id);
CREATE INDEX time_sheet_by_approval_status ON time_sheet (approval_status, tenant, id);
CREATE UNIQUE INDEX time_sheet_once ON time_sheet (user_id, time_period_id, tenant);

CREATE TABLE time_entry (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    user_id UUID NOT NULL,
    work_item_type TEXT NOT NULL,
    work_item_id TEXT,
    service_id UUID NOT NULL,
    start_time BIGINT NOT NULL,
    duration_minutes BIGINT NOT NULL,
    is_billable BOOLEAN NOT NULL,
    notes TEXT,
    tax_region TEXT,
    end_time BIGINT NOT NULL,
    work_date TEXT NOT NULL,
    work_timezone TEXT NOT NULL,
    billable_duration BIGINT NOT NULL,
    time_period_id UUID NOT NULL,
    time_sheet_id UUID NOT NULL,
    approval_status TEXT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX time_entry_by_tenant ON time_entry (tenant, id);
CREATE INDEX time_entry_by_key ON time_entry (tenant, search_key);
CREATE INDEX time_entry_by_user_id ON time_entry (user_id, tenant, id);
CREATE INDEX time_entry_by_work_item_id ON time_entry (work_item_id, tenant, id);
CREATE INDEX time_entry_by_service_id ON time_entry (service_id, tenant, id);
CREATE INDEX time_entry_by_time_sheet_id ON time_entry (time_sheet_id, tenant, id);
CREATE INDEX time_entry_by_time_period_id ON time_entry (time_period_id, tenant, id);

CREATE TABLE project (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    project_name TEXT NOT NULL,
    project_number TEXT NOT NULL,
    client_id UUID,
    description TEXT,
    start_date TEXT,
    end_date TEXT,
    status TEXT NOT NULL,
    is_inactive BOOLEAN NOT NULL,
    assigned_to UUID,
    budgeted_hours DOUBLE PRECISION,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX project_by_tenant ON project (tenant, id);
CREATE INDEX project_by_key ON project (tenant, search_key);
CREATE INDEX project_by_client_id ON project (client_id, tenant, id);
CREATE INDEX project_by_status ON project (status, tenant, id);
CREATE INDEX project_by_assigned_to ON project (assigned_to, tenant, id);
CREATE UNIQUE INDEX project_number ON project (project_number, tenant);

CREATE TABLE project_phase (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    project_id UUID NOT NULL,
    phase_name TEXT NOT NULL,
    description TEXT,
    order_number BIGINT NOT NULL,
    start_date TEXT,
    end_date TEXT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX project_phase_by_tenant ON project_phase (tenant, id);
CREATE INDEX project_phase_by_key ON project_phase (tenant, search_key);
CREATE INDEX project_phase_by_project_id ON project_phase (project_id, tenant, id);

-- The statuses that a project's tasks may have.
CREATE TABLE project_status_mapping (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    project_id UUID NOT NULL,
    name TEXT NOT NULL,
    display_order BIGINT NOT NULL,
    is_visible BOOLEAN NOT NULL,
    is_closed BOOLEAN NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX project_status_mapping_by_tenant ON project_status_mapping (tenant, id);
CREATE INDEX project_status_mapping_by_key ON project_status_mapping (tenant, search_key);
CREATE INDEX project_status_mapping_by_project_id ON project_status_mapping (project_id, tenant, id);

CREATE TABLE project_task (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    project_id UUID NOT NULL,
    phase_id UUID NOT NULL,
    project_status_mapping_id UUID NOT NULL,
    task_name TEXT NOT NULL,
    description TEXT,
    assigned_to UUID,
    assigned_team_id UUID,
    estimated_hours DOUBLE PRECISION,
    actual_hours DOUBLE PRECISION,
    due_date BIGINT,
    priority_id UUID,
    task_type_key TEXT NOT NULL,
    service_id UUID,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX project_task_by_tenant ON project_task (tenant, id);
CREATE INDEX project_task_by_key ON project_task (tenant, search_key);
CREATE INDEX project_task_by_project_id ON project_task (project_id, tenant, id);
CREATE INDEX project_task_by_phase_id ON project_task (phase_id, tenant, id);
CREATE INDEX project_task_by_project_status_mapping_id ON project_task (project_status_mapping_id, tenant, id);
CREATE INDEX project_task_by_assigned_to ON project_task (assigned_to, tenant, id);
CREATE INDEX project_task_by_assigned_team_id ON project_task (assigned_team_id, tenant, id);
CREATE INDEX project_task_by_priority_id ON project_task (priority_id, tenant, id);
CREATE INDEX project_task_by_service_id ON project_task (service_id, tenant, id);

CREATE TABLE tag_definition (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    tag_text TEXT NOT NULL,
    tagged_type TEXT NOT NULL,
    background_color TEXT,
    text_color TEXT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX tag_definition_by_tenant ON tag_definition (tenant, id);
CREATE INDEX tag_definition_by_key ON tag_definition (tenant, search_key);
CREATE UNIQUE INDEX tag_definition_once ON tag_definition (tag_text, tagged_type, tenant);

-- Which tag is on which record.
CREATE TABLE tag_mapping (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    tag_id UUID NOT NULL,
    tagged_type TEXT NOT NULL,
    tagged_id UUID NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE UNIQUE INDEX tag_mapping_once ON tag_mapping (tagged_id, tag_id, tenant);
CREATE INDEX tag_mapping_by_tenant ON tag_mapping (tenant, id);
CREATE INDEX tag_mapping_by_tag ON tag_mapping (tag_id, tenant, id);

CREATE TABLE alert (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    source TEXT NOT NULL,
    severity TEXT NOT NULL,
    is_security BOOLEAN NOT NULL,
    client_id UUID,
    asset_id UUID,
    attributes TEXT NOT NULL,
    status TEXT NOT NULL,
    assigned_to UUID,
    ticket_id UUID,
    acknowledged_at BIGINT,
    resolved_at BIGINT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX alert_by_tenant ON alert (tenant, id);
CREATE INDEX alert_by_key ON alert (tenant, search_key);
CREATE INDEX alert_by_status ON alert (status, tenant, id);
CREATE INDEX alert_by_severity ON alert (severity, tenant, id);
CREATE INDEX alert_by_assigned_to ON alert (assigned_to, tenant, id);
CREATE INDEX alert_by_client_id ON alert (client_id, tenant, id);
CREATE INDEX alert_by_asset_id ON alert (asset_id, tenant, id);
CREATE INDEX alert_by_ticket_id ON alert (ticket_id, tenant, id);

CREATE TABLE evidence (
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    version BIGINT NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    storage_ref TEXT,
    alert_id UUID,
    ticket_id UUID,
    attributes TEXT NOT NULL,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX evidence_by_tenant ON evidence (tenant, id);
CREATE INDEX evidence_by_key ON evidence (tenant, search_key);
CREATE INDEX evidence_by_alert_id ON evidence (alert_id, tenant, id);
CREATE INDEX evidence_by_ticket_id ON evidence (ticket_id, tenant, id);
CREATE INDEX evidence_by_hash ON evidence (hash, tenant, id);
