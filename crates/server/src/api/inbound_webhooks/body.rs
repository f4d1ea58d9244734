//! What an inbound webhook looks like from outside, and how what people send is checked.

use std::collections::BTreeMap;

use hookswitch_domain::id::InboundWebhookId;
use hookswitch_domain::inbound::*;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::tenant::Slug;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::mapping;
use hookswitch_store::inbound::Webhook as Row;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::problem::{Checks, Problem};
use crate::app::App;

const DESCRIPTION_CHARS_MAX: usize = 2_000;

/// How a sender proves itself; `type` repeats `auth_type`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum InboundWebhookAuthConfig {
    /// HMAC-SHA256 of the raw body, hex, plain or after `sha256=`.
    HmacSha256 {
        /// The header that carries it.
        #[serde(default = "signature_header")]
        #[schema(default = "X-Alga-Signature")]
        signature_header: String,
        /// 16 characters or more; generated where absent. Never shown again.
        #[serde(default, skip_serializing)]
        #[schema(value_type = Option<String>, write_only)]
        secret: Option<Secret>,
    },
    /// `Authorization: Bearer <secret>`.
    Bearer {
        #[serde(default, skip_serializing)]
        #[schema(value_type = Option<String>, write_only)]
        secret: Option<Secret>,
    },
    /// The sender's address is in one of these networks.
    IpAllowlist {
        #[schema(value_type = Vec<String>, example = json!(["192.0.2.0/24"]))]
        ip_cidrs: Vec<IpNet>,
    },
    /// The secret in a query parameter.
    PathToken {
        #[serde(default = "param")]
        #[schema(default = "token")]
        param: String,
        #[serde(default, skip_serializing)]
        #[schema(value_type = Option<String>, write_only)]
        secret: Option<Secret>,
    },
}

fn signature_header() -> String {
    "X-Alga-Signature".to_owned()
}

fn param() -> String {
    "token".to_owned()
}

impl InboundWebhookAuthConfig {
    fn split(self) -> (Auth, Option<Secret>) {
        match self {
            Self::HmacSha256 { signature_header, secret } => (Auth::HmacSha256 { signature_header }, secret),
            Self::Bearer { secret } => (Auth::Bearer {}, secret),
            Self::IpAllowlist { ip_cidrs } => (Auth::IpAllowlist { ip_cidrs }, None),
            Self::PathToken { param, secret } => (Auth::PathToken { param }, secret),
        }
    }
}

impl From<Auth> for InboundWebhookAuthConfig {
    fn from(auth: Auth) -> Self {
        match auth {
            Auth::HmacSha256 { signature_header } => Self::HmacSha256 { signature_header, secret: None },
            Auth::Bearer {} => Self::Bearer { secret: None },
            Auth::IpAllowlist { ip_cidrs } => Self::IpAllowlist { ip_cidrs },
            Auth::PathToken { param } => Self::PathToken { param, secret: None },
        }
    }
}

/// What a verified request does; `type` repeats `handler_type`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum InboundWebhookHandlerConfig {
    /// One action, with a JSONata expression over the body for each of its fields.
    DirectAction {
        #[schema(example = "createTicket")]
        action: String,
        #[schema(example = json!({"title": "alert.message", "external_id": "alert.id"}))]
        field_mapping: BTreeMap<String, String>,
    },
}

/// Where a request's idempotency key stands.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundIdempotencySource {
    /// `header` or `jsonata`.
    #[serde(rename = "type")]
    kind: SourceKind,
    /// The header's name, or an expression over the body.
    #[schema(example = "alert.id")]
    value: String,
}

#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SourceKind {
    Header,
    Jsonata,
}

/// An inbound webhook, as it is created and replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundWebhookInput {
    #[schema(example = "NinjaOne alerts")]
    name: String,
    /// a-z, 0-9 and hyphens; unique in the tenant. It ends the URL and names the external mappings.
    #[schema(example = "ninja-alerts")]
    slug: String,
    #[serde(default)]
    description: String,
    #[serde(default = "yes")]
    #[schema(default = true)]
    is_active: bool,
    /// `hmac_sha256`, `bearer`, `ip_allowlist` or `path_token`; the same as `auth_config.type`.
    #[schema(example = "hmac_sha256")]
    auth_type: String,
    auth_config: InboundWebhookAuthConfig,
    /// Networks that are demanded on top of the scheme.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    ip_cidrs: Vec<IpNet>,
    idempotency_source: Option<InboundIdempotencySource>,
    #[serde(default = "window")]
    #[schema(minimum = 1, maximum = 2592000, default = 86400)]
    idempotency_window_seconds: u32,
    /// `direct_action`; the same as `handler_config.type`.
    handler_type: Option<String>,
    /// Absent or null: not configured yet; requests are taken in and fail as `not_configured`.
    handler_config: Option<InboundWebhookHandlerConfig>,
    #[serde(default = "rate")]
    #[schema(minimum = 1, maximum = 60000, default = 600)]
    rate_limit_per_minute: u32,
    /// `acknowledge` (200) or `conflict` (409).
    #[serde(default)]
    #[schema(value_type = String, default = "acknowledge")]
    duplicate_response: DuplicateResponse,
}

fn yes() -> bool {
    true
}

fn window() -> u32 {
    WINDOW_SECONDS_DEFAULT
}

fn rate() -> u32 {
    RATE_PER_MINUTE_DEFAULT
}

/// A checked webhook.
pub(super) struct Draft {
    pub name: String,
    pub slug: String,
    pub description: String,
    pub is_active: bool,
    pub auth: Auth,
    pub secret: Option<Secret>,
    pub ip_cidrs: Vec<IpNet>,
    pub idempotency_source: Option<IdempotencySource>,
    pub idempotency_window_seconds: u32,
    pub handler: Option<Handler>,
    pub rate_limit_per_minute: u32,
    pub options: Options,
}

impl InboundWebhookInput {
    pub(super) async fn check(self, app: &App) -> Result<Draft, Problem> {
        let mut checks = Checks::default();
        checks.name("name", &self.name);
        check_slug(&mut checks, &self.slug);
        if self.description.chars().count() > DESCRIPTION_CHARS_MAX {
            checks.fail("description", "length", "must have 2000 characters at most");
        } else if self.description.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t') {
            checks.fail("description", "invalid", "must not hold control characters");
        }
        if !(1..=WINDOW_SECONDS_MAX).contains(&self.idempotency_window_seconds) {
            checks.fail("idempotency_window_seconds", "invalid", "must be 1 to 2592000");
        }
        if !(1..=RATE_PER_MINUTE_MAX).contains(&self.rate_limit_per_minute) {
            checks.fail("rate_limit_per_minute", "invalid", "must be 1 to 60000");
        }
        let (auth, secret) = self.auth_config.split();
        check_auth(&mut checks, &self.auth_type, &auth, secret.as_ref());
        let source = self.idempotency_source.map(|source| match source.kind {
            SourceKind::Header => IdempotencySource::Header(source.value),
            SourceKind::Jsonata => IdempotencySource::Jsonata(source.value),
        });
        check_source(&mut checks, source.as_ref(), app).await?;
        let handler = self.handler_config.map(|InboundWebhookHandlerConfig::DirectAction { action, field_mapping }| {
            Handler::DirectAction { action, field_mapping }
        });
        if self.handler_type.as_deref() == Some("workflow") {
            checks.fail("handler_type", "not_supported", "workflows are not part of this version; use direct_action");
        } else if self.handler_type.is_some() && self.handler_type.as_deref() != handler.as_ref().map(Handler::type_name) {
            checks.fail("handler_type", "mismatch", "must be the same as handler_config.type");
        }
        check_handler(&mut checks, handler.as_ref(), app).await?;
        checks.finish()?;
        Ok(Draft {
            name: self.name,
            slug: self.slug,
            description: self.description,
            is_active: self.is_active,
            auth,
            secret,
            ip_cidrs: self.ip_cidrs,
            idempotency_source: source,
            idempotency_window_seconds: self.idempotency_window_seconds,
            handler,
            rate_limit_per_minute: self.rate_limit_per_minute,
            options: Options { duplicate_response: self.duplicate_response },
        })
    }
}

fn check_slug(checks: &mut Checks, slug: &str) {
    if let Err(error) = slug.parse::<Slug>() {
        checks.fail("slug", "invalid", error.to_string());
    } else if RESERVED_SLUGS.contains(&slug) {
        checks.fail("slug", "reserved", "is reserved for a bundled integration; take another one");
    }
}

fn check_auth(checks: &mut Checks, auth_type: &str, auth: &Auth, secret: Option<&Secret>) {
    if auth_type != auth.type_name() {
        checks.fail("auth_type", "mismatch", "must be the same as auth_config.type");
    }
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte))
    };
    match auth {
        Auth::HmacSha256 { signature_header } if !token(signature_header) || signature_header.len() > 100 => {
            checks.fail("auth_config.signature_header", "invalid", "must be a header name");
        }
        Auth::PathToken { param } if !token(param) || param.len() > 100 => {
            checks.fail("auth_config.param", "invalid", "must be a parameter name without special characters");
        }
        Auth::IpAllowlist { ip_cidrs } if ip_cidrs.is_empty() => {
            checks.fail("auth_config.ip_cidrs", "required", "must name a network: an empty list lets nobody in");
        }
        _ => {}
    }
    let long_enough =
        |secret: &Secret| secret.expose_text().is_some_and(|text| (SECRET_CHARS_MIN..=1_024).contains(&text.chars().count()));
    if secret.is_some_and(|secret| !long_enough(secret)) {
        checks.fail("auth_config.secret", "length", "must have 16 to 1024 characters");
    }
}

async fn check_source(checks: &mut Checks, source: Option<&IdempotencySource>, app: &App) -> Result<(), Problem> {
    match source {
        Some(IdempotencySource::Header(name))
            if name.is_empty() || name.len() > 100 || !name.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            checks.fail("idempotency_source.value", "invalid", "must be a header name");
        }
        Some(IdempotencySource::Jsonata(text)) => {
            if let Err(error) = app.engine.sandbox.check(text).await? {
                let place = error.position.map(|at| format!(" (at character {at})")).unwrap_or_default();
                checks.fail("idempotency_source.value", "expression", format!("{} {}{place}", error.code, error.message));
            }
        }
        _ => {}
    }
    Ok(())
}

async fn check_handler(checks: &mut Checks, handler: Option<&Handler>, app: &App) -> Result<(), Problem> {
    let Some(Handler::DirectAction { action, field_mapping }) = handler else { return Ok(()) };
    let Some(found) = app.engine.registry.get(action) else {
        checks.fail("handler_config.action", "unknown", "there is no such action; /api/v1/inbound-webhooks/actions lists them");
        return Ok(());
    };
    for error in mapping::check(&app.engine.sandbox, found.definition().fields, field_mapping).await? {
        let field = format!("handler_config.field_mapping.{}", error.field);
        checks.fail(field, "mapping", format!("{} ({})", error.detail, error.code));
    }
    Ok(())
}

/// An inbound webhook as it is shown: never its secret.
#[derive(Serialize, ToSchema)]
pub struct InboundWebhookConfig {
    #[schema(value_type = String, example = "iwh_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: InboundWebhookId,
    name: String,
    slug: String,
    /// Where senders post to.
    #[schema(example = "https://hookswitch.example.com/api/inbound/acme/ninja-alerts")]
    url: String,
    description: String,
    is_active: bool,
    auth_type: &'static str,
    auth_config: InboundWebhookAuthConfig,
    #[schema(value_type = Vec<String>)]
    ip_cidrs: Vec<IpNet>,
    idempotency_source: Option<InboundIdempotencySource>,
    idempotency_window_seconds: u32,
    handler_type: &'static str,
    handler_config: Option<InboundWebhookHandlerConfig>,
    rate_limit_per_minute: u32,
    #[schema(value_type = String)]
    duplicate_response: DuplicateResponse,
    #[schema(value_type = Option<String>, format = DateTime)]
    auto_disabled_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_delivery_at: Option<Timestamp>,
    revision: i64,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl InboundWebhookConfig {
    pub(super) fn of(row: Row, last_delivery_at: Option<Timestamp>, app: &App, tenant_slug: &str) -> Self {
        Self {
            id: row.id,
            url: format!("{}/api/inbound/{tenant_slug}/{}", app.config.base_url(), row.slug),
            name: row.name,
            slug: row.slug,
            description: row.description,
            is_active: row.is_active,
            auth_type: row.auth.type_name(),
            auth_config: row.auth.into(),
            ip_cidrs: row.ip_cidrs,
            idempotency_source: row.idempotency_source.map(|source| match source {
                IdempotencySource::Header(value) => InboundIdempotencySource { kind: SourceKind::Header, value },
                IdempotencySource::Jsonata(value) => InboundIdempotencySource { kind: SourceKind::Jsonata, value },
            }),
            idempotency_window_seconds: row.idempotency_window_seconds,
            handler_type: row.handler.as_ref().map_or("direct_action", Handler::type_name),
            handler_config: row.handler.map(|Handler::DirectAction { action, field_mapping }| {
                InboundWebhookHandlerConfig::DirectAction { action, field_mapping }
            }),
            rate_limit_per_minute: row.rate_limit_per_minute,
            duplicate_response: row.options.duplicate_response,
            auto_disabled_at: row.auto_disabled_at,
            last_delivery_at,
            revision: row.revision,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
