-- Desk, migration 18: what adapters made of a record elsewhere is kept per destination, whose id is the realm.
-- Two Jira sites that each have an issue of one ticket are two mappings; a sender's own ids stay one per
-- integration, in whatever realm.
DROP INDEX external_mapping_inside;
CREATE UNIQUE INDEX external_mapping_inside
    ON tenant_external_entity_mappings (alga_entity_id, alga_entity_type, integration_type, tenant,
        (CASE WHEN substr(coalesce(external_realm_id, ''), 1, 4) = 'dst_' THEN external_realm_id ELSE '' END));
