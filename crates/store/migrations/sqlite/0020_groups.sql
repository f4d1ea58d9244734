-- A group's own destinations, newest first.
CREATE INDEX integration_destinations_by_group ON integration_destinations (group_id, tenant, id) WHERE group_id IS NOT NULL;
