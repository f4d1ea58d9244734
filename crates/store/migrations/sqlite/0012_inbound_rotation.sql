-- A rotation's overlap: until then the old secret of an inbound webhook lets in beside the new one.
ALTER TABLE inbound_webhooks ADD COLUMN previous_secret BLOB;
ALTER TABLE inbound_webhooks ADD COLUMN previous_until INTEGER;
CREATE INDEX inbound_webhooks_by_overlap ON inbound_webhooks (previous_until) WHERE previous_until IS NOT NULL;
