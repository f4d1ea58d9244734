-- Hookswitch, desk, migration 3: groups and their tasks. A group's invitation code and the secret of its
-- inbound door are no fields of its record: neither is ever published or noted in its history.

CREATE TABLE task_group (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    version INTEGER NOT NULL,
    search_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    invitation_code TEXT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX task_group_by_tenant ON task_group (tenant, id);
CREATE INDEX task_group_by_key ON task_group (tenant, search_key);
CREATE UNIQUE INDEX task_group_by_code ON task_group (tenant, invitation_code);

CREATE TABLE group_member (
    group_id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    user_id BLOB NOT NULL,
    role TEXT NOT NULL,
    -- For finished tasks of this group.
    points INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (group_id, tenant, user_id)
);
CREATE INDEX group_member_by_user ON group_member (user_id, tenant, group_id);

CREATE TABLE group_inbound (
    group_id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    is_active INTEGER NOT NULL,
    -- Networks, as a JSON list; empty: from everywhere.
    ip_cidrs TEXT NOT NULL,
    secret BLOB,
    -- Lets in too, until then.
    previous_secret BLOB,
    previous_until INTEGER,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (group_id, tenant)
);
CREATE INDEX group_inbound_overlaps ON group_inbound (previous_until) WHERE previous_until IS NOT NULL;

CREATE TABLE task (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    version INTEGER NOT NULL,
    search_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    group_id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    assigned_user_id BLOB,
    difficulty INTEGER NOT NULL,
    requires_approval INTEGER NOT NULL,
    due_at INTEGER,
    frequency TEXT NOT NULL,
    template_id TEXT,
    -- What the group's inbound door calls it.
    external_id TEXT,
    status TEXT NOT NULL,
    points INTEGER NOT NULL,
    completion_notes TEXT,
    completed_at INTEGER,
    completed_by BLOB,
    approved_at INTEGER,
    approved_by BLOB,
    rejection_reason TEXT,
    created_by_user_id BLOB,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX task_by_tenant ON task (tenant, id);
CREATE INDEX task_by_key ON task (tenant, search_key);
CREATE INDEX task_by_group_id ON task (group_id, tenant, id);
CREATE INDEX task_by_status ON task (group_id, status, tenant, id);
CREATE INDEX task_by_assigned_user_id ON task (assigned_user_id, tenant, id);
CREATE UNIQUE INDEX task_by_external_id ON task (group_id, tenant, external_id);
CREATE INDEX task_open ON task (due_at) WHERE status IN ('Pending', 'InProgress');

CREATE TABLE task_swap (
    id BLOB NOT NULL,
    tenant BLOB NOT NULL,
    version INTEGER NOT NULL,
    search_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    group_id BLOB NOT NULL,
    requester_user_id BLOB NOT NULL,
    requester_task_id BLOB NOT NULL,
    target_user_id BLOB NOT NULL,
    target_task_id BLOB NOT NULL,
    reason TEXT,
    allow_difficulty_override INTEGER NOT NULL,
    status TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by BLOB,
    decision_reason TEXT,
    PRIMARY KEY (id, tenant)
);
CREATE INDEX task_swap_by_tenant ON task_swap (tenant, id);
CREATE INDEX task_swap_by_group_id ON task_swap (group_id, tenant, id);
CREATE INDEX task_swap_by_requester_task_id ON task_swap (requester_task_id, tenant, id);
CREATE INDEX task_swap_by_target_task_id ON task_swap (target_task_id, tenant, id);
CREATE INDEX task_swap_pending ON task_swap (expires_at) WHERE status = 'Pending';
