//! What an inbound webhook looks like from outside, and how what people send is checked.

use hookswitch_domain::id::InboundWebhookId;
use hookswitch_domain::inbound::*;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::tenant::Slug;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::inbound::{Alias, Webhook as Row};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::super::body::present;
use super::super::problem::{Checks, Problem};
use super::auth::{self, InboundWebhookAuthConfig};
use super::handler::{Chosen, InboundAck, InboundDuplicateResponse, InboundMode, InboundWebhookHandlerConfig};
use crate::app::App;

const DESCRIPTION_CHARS_MAX: usize = 2_000;

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

impl From<IdempotencySource> for InboundIdempotencySource {
    fn from(source: IdempotencySource) -> Self {
        match source {
            IdempotencySource::Header(value) => Self { kind: SourceKind::Header, value },
            IdempotencySource::Jsonata(value) => Self { kind: SourceKind::Jsonata, value },
        }
    }
}

impl From<InboundIdempotencySource> for IdempotencySource {
    fn from(source: InboundIdempotencySource) -> Self {
        match source.kind {
            SourceKind::Header => Self::Header(source.value),
            SourceKind::Jsonata => Self::Jsonata(source.value),
        }
    }
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
    /// `hmac_sha256`, `bearer`, `ip_allowlist`, `path_token`, `signature`, `static_header`, `basic`, `body_field` or
    /// `preset`; the same as `auth_config.type`.
    #[schema(example = "hmac_sha256")]
    auth_type: String,
    #[schema(value_type = InboundWebhookAuthConfig)]
    auth_config: Map<String, Value>,
    /// Networks that are demanded on top of the scheme.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    ip_cidrs: Vec<IpNet>,
    /// Where it is left away, a preset's own source is taken; null: there is none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<InboundIdempotencySource>)]
    idempotency_source: Option<Option<InboundIdempotencySource>>,
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
    #[serde(default)]
    #[schema(required = false)]
    duplicate_response: InboundDuplicateResponse,
    /// Where it is left away, a preset's own is taken.
    ack: Option<InboundAck>,
    #[serde(default)]
    #[schema(required = false)]
    mode: InboundMode,
    /// JSONata that gives the list of what comes in one request: one delivery each, 500 at most.
    split: Option<String>,
    /// Take GET too, its query being the body.
    #[serde(default)]
    #[schema(default = false)]
    allow_get: bool,
    /// Former slugs that still lead here: those that are left out stop. Absent: all stay.
    aliases: Option<Vec<String>>,
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
    /// Former slugs that are to stay.
    pub aliases: Option<Vec<String>>,
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
        let (auth, secret) = auth::read(self.auth_config)?;
        let secret = check_auth(&mut checks, &self.auth_type, &auth, secret.as_ref());
        let source = match self.idempotency_source {
            Some(given) => given.map(IdempotencySource::from),
            None => auth.preset().and_then(|preset| preset.idempotency_source.clone()),
        };
        check_source(&mut checks, source.as_ref(), app).await?;
        let shown_type = match &self.handler_config {
            None => None,
            Some(InboundWebhookHandlerConfig::DirectAction { .. }) => Some("direct_action"),
            Some(InboundWebhookHandlerConfig::Workflow { .. }) => Some("workflow"),
        };
        if self.handler_type.as_deref() == Some("workflow") && shown_type != Some("workflow") {
            checks.fail("handler_type", "not_supported", "workflows are not part of this version; use direct_action");
        } else if self.handler_type.is_some() && self.handler_type.as_deref() != shown_type {
            checks.fail("handler_type", "mismatch", "must be the same as handler_config.type");
        }
        let handler = match self.handler_config {
            None => None,
            Some(config) => config.check(&mut checks, app).await?,
        };
        let usual = || auth.preset().and_then(|preset| preset.ack.clone()).map(InboundAck::from);
        let chosen = Chosen {
            duplicate_response: self.duplicate_response,
            ack: self.ack.or_else(usual).unwrap_or_default(),
            mode: self.mode,
            split: self.split,
            allow_get: self.allow_get,
        };
        let options = chosen.check(&mut checks, app).await?;
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
            options,
            aliases: self.aliases,
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

/// Checks the scheme, and returns the secret as it is kept.
fn check_auth(checks: &mut Checks, auth_type: &str, auth: &Auth, secret: Option<&Secret>) -> Option<Secret> {
    if auth_type != auth.type_name() {
        checks.fail("auth_type", "mismatch", "must be the same as auth_config.type");
    }
    let mut refuse = |AuthError { field, rule }| checks.fail(format!("auth_config.{field}"), "invalid", rule);
    if let Err(error) = auth.check() {
        refuse(error);
        return None;
    }
    secret.and_then(|secret| auth.read_secret(secret).map_err(refuse).ok())
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
    duplicate_response: InboundDuplicateResponse,
    ack: InboundAck,
    mode: InboundMode,
    split: Option<String>,
    allow_get: bool,
    /// Former URLs that still lead here.
    aliases: Vec<InboundAlias>,
    /// Until when the next request is kept as a sample.
    #[schema(value_type = Option<String>, format = DateTime)]
    sample_capture_expires_at: Option<Timestamp>,
    /// When the sample came that there is.
    #[schema(value_type = Option<String>, format = DateTime)]
    sample_captured_at: Option<Timestamp>,
    /// Since when its handler fails, without a success in between.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    auto_disabled_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_delivery_at: Option<Timestamp>,
    /// Until then the secret that a rotation replaced lets in too.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    revision: i64,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A former URL of a webhook.
#[derive(Serialize, ToSchema)]
pub struct InboundAlias {
    slug: String,
    url: String,
    /// When the webhook was renamed.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// What is shown beside a webhook's configuration.
#[derive(Default)]
pub(super) struct Beside {
    pub last_delivery_at: Option<Timestamp>,
    pub aliases: Vec<Alias>,
}

impl InboundWebhookConfig {
    pub(super) fn of(row: Row, beside: Beside, app: &App, tenant_slug: &str) -> Self {
        let url = |slug: &str| format!("{}/api/inbound/{tenant_slug}/{slug}", app.config.base_url());
        let options = Chosen::from(row.options);
        let now = app.ambient.now();
        Self {
            id: row.id,
            url: url(&row.slug),
            aliases: (beside.aliases.into_iter())
                .map(|alias| InboundAlias { url: url(&alias.slug), slug: alias.slug, created_at: alias.created_at })
                .collect(),
            name: row.name,
            slug: row.slug,
            description: row.description,
            is_active: row.is_active,
            auth_type: row.auth.type_name(),
            auth_config: row.auth.into(),
            ip_cidrs: row.ip_cidrs,
            idempotency_source: row.idempotency_source.map(Into::into),
            idempotency_window_seconds: row.idempotency_window_seconds,
            handler_type: row.handler.as_ref().map_or("direct_action", Handler::type_name),
            handler_config: row.handler.map(InboundWebhookHandlerConfig::from),
            rate_limit_per_minute: row.rate_limit_per_minute,
            duplicate_response: options.duplicate_response,
            ack: options.ack,
            mode: options.mode,
            split: options.split,
            allow_get: options.allow_get,
            sample_capture_expires_at: row.capture.until.filter(|until| *until > now),
            sample_captured_at: row.capture.sample.map(|(_, at)| at),
            failing_since: row.failing_since,
            auto_disabled_at: row.auto_disabled_at,
            last_delivery_at: beside.last_delivery_at,
            previous_secret_until: row.previous_until,
            revision: row.revision,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
