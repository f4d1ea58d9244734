//! The presets, as people choose among them.

use axum::Json;
use hookswitch_domain::preset::{Handshake, Preset, SecretOrigin, presets};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::InboundWebhookAuthConfig;
use super::body::InboundIdempotencySource;
use super::handler::InboundAck;
use crate::api::caller::Caller;

/// All presets, by name.
#[derive(Serialize, ToSchema)]
pub struct InboundPresets {
    data: Vec<InboundPreset>,
}

/// What is known of one sender: what `auth_config: {"type": "preset", "preset": name}` stands for.
#[derive(Serialize, ToSchema)]
pub struct InboundPreset {
    #[schema(example = "github")]
    name: String,
    #[schema(example = "GitHub")]
    title: String,
    /// Where the sender describes it.
    documentation: String,
    /// `either` (ours, entered at the sender), `sender` (the sender makes it) or `public_key` (the sender's).
    #[schema(value_type = String)]
    secret: SecretOrigin,
    /// What to do at the sender.
    setup: String,
    auth_config: InboundWebhookAuthConfig,
    idempotency_source: Option<InboundIdempotencySource>,
    ack: Option<InboundAck>,
    /// What the sender asks the URL before it uses it: it is answered.
    #[schema(value_type = Option<String>)]
    handshake: Option<Handshake>,
}

impl From<&Preset> for InboundPreset {
    fn from(preset: &Preset) -> Self {
        let preset = preset.clone();
        Self {
            name: preset.name,
            title: preset.title,
            documentation: preset.documentation,
            secret: preset.secret,
            setup: preset.setup,
            auth_config: preset.auth.into(),
            idempotency_source: preset.idempotency_source.map(Into::into),
            ack: preset.ack.map(Into::into),
            handshake: preset.handshake,
        }
    }
}

/// Senders whose way of proving themselves is known: their auth, idempotency source and acknowledgement.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/presets", operation_id = "listInboundPresets", tag = "inbound",
    extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "All presets", body = InboundPresets)))]
pub async fn list_presets(_caller: Caller) -> Json<InboundPresets> {
    Json(InboundPresets { data: presets().iter().map(InboundPreset::from).collect() })
}
