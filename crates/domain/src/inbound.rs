//! Inbound webhooks: what a received request may become.
