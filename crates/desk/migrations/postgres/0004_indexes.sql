-- Hookswitch, desk, migration 4: every filter that a list offers goes by an index that ends in the list's order,
-- so that a page costs the same however many records there are and however few of them it shows.

CREATE INDEX board_by_is_inactive ON board (is_inactive, tenant, id);
CREATE INDEX contact_by_is_inactive ON contact (is_inactive, tenant, id);
CREATE INDEX evidence_by_kind ON evidence (kind, tenant, id);
CREATE INDEX location_by_is_inactive ON location (is_inactive, tenant, id);
CREATE INDEX project_by_is_inactive ON project (is_inactive, tenant, id);
CREATE INDEX service_by_is_inactive ON service (is_inactive, tenant, id);
CREATE INDEX tag_definition_by_tagged_type ON tag_definition (tagged_type, tenant, id);
CREATE INDEX time_entry_by_work_item_type ON time_entry (work_item_type, tenant, id);
CREATE INDEX time_sheet_by_user_id ON time_sheet (user_id, tenant, id);
