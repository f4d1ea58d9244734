-- Hookswitch, store, migration 16: what repeats a delivery is found by it.

CREATE INDEX inbound_webhook_deliveries_repeats ON inbound_webhook_deliveries (replayed_from, tenant) WHERE replayed_from IS NOT NULL;
