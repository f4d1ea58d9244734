//! The tenant's delivery policy; a destination overrides it field by field.

use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::audit::Entry;
use hookswitch_domain::retry::{OnExhausted, Policy};
use hookswitch_domain::signature::Profile;
use hookswitch_store::policy::{self as rows, DeliveryPolicy as Row};
use hookswitch_store::{Tx, audit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::problem::{Checks, Problem};
use crate::app::App;

/// How deliveries are tried. Absent fields take the product's defaults.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryPolicy {
    #[schema(minimum = 1, maximum = 50, default = 10)]
    max_attempts: u32,
    /// Delay before attempt 1, 2, ... in seconds; the last repeats.
    #[schema(example = json!([0, 5, 300, 1800]))]
    schedule_seconds: Vec<u64>,
    /// One whole exchange.
    #[schema(minimum = 1000, maximum = 60000, default = 15000)]
    timeout_ms: u64,
    /// Share of each delay that may be added at random.
    #[schema(minimum = 0, maximum = 1, default = 0.2)]
    jitter: f64,
    /// `dead_letter`, `park` or `discard`.
    #[schema(value_type = String, default = "dead_letter")]
    on_exhausted: OnExhausted,
    /// For destinations that name no profile of their own.
    #[schema(default = "standard")]
    default_signing_profile: Option<String>,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Row::default().into()
    }
}

impl From<Row> for DeliveryPolicy {
    fn from(Row { policy, default_signing_profile }: Row) -> Self {
        let Policy { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted } = policy;
        let profile = default_signing_profile.unwrap_or_else(|| Profile::default().name().to_owned());
        Self { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted, default_signing_profile: Some(profile) }
    }
}

/// The policy that holds for this tenant.
#[utoipa::path(get, path = "/api/v1/integrations/delivery-policy", operation_id = "getDeliveryPolicy", tag = "destinations",
    extensions(("x-permission" = json!("destination:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The policy", body = DeliveryPolicy)))]
pub async fn get(caller: Caller) -> Result<axum::Json<DeliveryPolicy>, Problem> {
    let found = caller.store.read::<_, Problem, _>(|tx: &mut Tx| Box::pin(async move { Ok(rows::get(tx).await?) })).await?;
    Ok(axum::Json(found.into()))
}

/// Replace the policy. Deliveries that are waiting follow it from their next attempt on.
#[utoipa::path(put, path = "/api/v1/integrations/delivery-policy", operation_id = "putDeliveryPolicy", tag = "destinations",
    request_body = DeliveryPolicy, extensions(("x-permission" = json!("destination:update"))),
    responses((status = 200, description = "The policy as it is now", body = DeliveryPolicy)))]
pub async fn put(
    caller: Caller,
    State(app): State<Arc<App>>,
    Json(body): Json<DeliveryPolicy>,
) -> Result<axum::Json<DeliveryPolicy>, Problem> {
    let DeliveryPolicy { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted, default_signing_profile } = body;
    let policy = Policy { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted };
    let mut checks = Checks::default();
    if let Err(error) = policy.check() {
        checks.fail(error.field, "invalid", error.rule);
    }
    match default_signing_profile.as_deref().map(Profile::named) {
        Some(None) => checks.fail("default_signing_profile", "unknown", "must be standard, oneprotect, fr022, alga or none"),
        Some(Some(Profile::None)) if !app.config.allow_unsigned => {
            checks.fail(
                "default_signing_profile",
                "unsigned",
                "unsigned requests are switched off here (signing.allow_unsigned)",
            );
        }
        _ => {}
    }
    checks.finish()?;
    let row = Row { policy, default_signing_profile };
    let store = caller.store.clone();
    let written = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            rows::put(tx, &row).await?;
            audit::bump_epoch(tx).await?;
            let mut detail = serde_json::to_value(&row.policy).unwrap_or_default();
            detail["default_signing_profile"] = row.default_signing_profile.as_deref().into();
            let entry =
                Entry { action: "delivery_policy.changed", target: caller.tenant_slug.to_string(), correlation_id: None, detail };
            audit::append(tx, &*app.ambient, &caller.actor, entry).await?;
            Ok(row)
        })
    });
    Ok(axum::Json(written.await?.into()))
}
