//! A group's inbound door, as its admins set it: on or off, for which networks, with which secret.

use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use hookswitch_desk::group::inbound::{self, NETWORKS_MAX, Settings};
use hookswitch_desk::group::member;
use hookswitch_domain::id::GroupId;
use hookswitch_domain::time::Timestamp;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Standing;
use crate::api::body::{Json, OrDefault};
use crate::api::caller::Caller;
use crate::api::path::Id;
use crate::api::problem::Problem;
use crate::app::App;

const OVERLAP_SECONDS_MAX: u32 = 30 * 86_400;

/// How other systems bring the group tasks.
#[derive(Serialize, ToSchema)]
pub struct GroupInbound {
    /// Where they send to.
    #[schema(example = "https://hooks.example.com/api/integrations/inbound/grp_01jd8r7c5tevzs9c1ghvzv3hkp/tasks")]
    url: String,
    is_active: bool,
    /// Only from these networks; empty: from everywhere.
    #[schema(value_type = Vec<String>)]
    ip_cidrs: Vec<IpNet>,
    /// Without one nobody is let in: `rotate-secret` makes it.
    has_secret: bool,
    /// Until then the secret that was replaced lets in too.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    /// Holds HMAC-SHA256 in hex over `timestamp.body`, keyed with the secret as it was shown.
    #[schema(value_type = String, example = "X-Signature")]
    signature_header: &'static str,
    /// Holds Unix seconds.
    #[schema(value_type = String, example = "X-Timestamp")]
    timestamp_header: &'static str,
    /// How far the sender's clock may be off.
    #[schema(example = 300)]
    tolerance_seconds: u32,
    /// For a shell: it brings a task once the secret is filled in.
    sample_curl: String,
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupInboundChange {
    #[schema(example = true)]
    is_active: Option<bool>,
    #[schema(value_type = Option<Vec<String>>, example = json!(["192.0.2.0/24"]))]
    ip_cidrs: Option<Vec<IpNet>>,
}

/// How a rotation goes. Without a body, the old secret ends at once.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRotation {
    /// How long the old secret lets in beside the new one.
    #[serde(default)]
    #[schema(default = 0, maximum = 2592000)]
    overlap_seconds: u32,
}

/// The new secret, shown this once.
#[derive(Serialize, ToSchema)]
pub struct GroupSecret {
    #[schema(example = "whsec_...")]
    secret: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
}

impl GroupInbound {
    fn of(app: &App, group: GroupId, settings: Settings) -> Self {
        let url = format!("{}/api/integrations/inbound/{group}/tasks", app.config.base_url());
        Self {
            sample_curl: sample(&url),
            url,
            is_active: settings.is_active,
            ip_cidrs: settings.ip_cidrs,
            has_secret: settings.secret.is_some(),
            previous_secret_until: settings.previous_until.filter(|until| *until > app.ambient.now()),
            signature_header: "X-Signature",
            timestamp_header: "X-Timestamp",
            tolerance_seconds: 300,
        }
    }
}

/// Needs `openssl` and `curl`, which most machines have.
fn sample(url: &str) -> String {
    [
        "SECRET='paste the secret here'",
        r#"BODY='{"externalId":"example-1","name":"Water the plants","description":"Brought by curl"}'"#,
        "TIMESTAMP=$(date +%s)",
        r#"SIGNATURE=$(printf '%s.%s' "$TIMESTAMP" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/^.* //')"#,
        &format!("curl -sS -X POST '{url}' \\"),
        r#"  -H 'Content-Type: application/json' -H "X-Timestamp: $TIMESTAMP" -H "X-Signature: $SIGNATURE" \"#,
        r#"  --data-binary "$BODY""#,
    ]
    .join("\n")
}

/// Show how other systems bring the group tasks.
#[utoipa::path(get, path = "/api/v1/groups/{id}/inbound", operation_id = "getGroupInbound", tag = "groups",
    params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 200, description = "The settings, never the secret", body = GroupInbound)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn get_inbound(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GroupId>,
) -> Result<Answer<GroupInbound>, Problem> {
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?.admin()?;
            Ok(inbound::get(tx, id).await?)
        })
    });
    Ok(Answer(GroupInbound::of(&app, id, job.await?)))
}

/// Change whether, and from which networks, other systems may bring tasks.
#[utoipa::path(put, path = "/api/v1/groups/{id}/inbound", operation_id = "changeGroupInbound", tag = "groups",
    request_body = GroupInboundChange, params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 200, description = "The settings as they are now", body = GroupInbound)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn put_inbound(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Json(body): Json<GroupInboundChange>,
) -> Result<Answer<GroupInbound>, Problem> {
    if body.ip_cidrs.as_ref().is_some_and(|networks| networks.len() > NETWORKS_MAX) {
        return Err(Problem::invalid("ip_cidrs", "length", "must have at most 100 entries"));
    }
    let (store, shown) = (caller.store.clone(), app.clone());
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?.admin()?;
            member::hold(tx, id).await?;
            let mut settings = inbound::get(tx, id).await?;
            let before = settings.clone();
            settings.is_active = body.is_active.unwrap_or(settings.is_active);
            settings.ip_cidrs = body.ip_cidrs.unwrap_or(settings.ip_cidrs);
            if settings != before {
                inbound::put(tx, id, &settings, app.ambient.now()).await?;
                let detail = json!({ "is_active": settings.is_active, "ip_cidrs": settings.ip_cidrs });
                caller.record(tx, &app, "group.inbound_changed", id, detail).await?;
            }
            Ok(settings)
        })
    });
    Ok(Answer(GroupInbound::of(&shown, id, job.await?)))
}

/// Give the group's inbound door a secret, or a new one. The old one ends at once, or after the overlap.
#[utoipa::path(post, path = "/api/v1/groups/{id}/inbound/rotate-secret", operation_id = "rotateGroupInboundSecret",
    tag = "groups", request_body = GroupRotation, params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 200, description = "The new secret, shown this once", body = GroupSecret)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn rotate_inbound(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GroupId>,
    OrDefault(GroupRotation { overlap_seconds }): OrDefault<GroupRotation>,
) -> Result<Answer<GroupSecret>, Problem> {
    if overlap_seconds > OVERLAP_SECONDS_MAX {
        return Err(Problem::invalid("overlap_seconds", "invalid", "must be 0 to 2592000"));
    }
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?.admin()?;
            member::hold(tx, id).await?;
            let overlap = Duration::from_secs(overlap_seconds.into());
            let (secret, settings) = inbound::rotate(tx, &app.engine.secrets, &*app.ambient, id, overlap).await?;
            let until = settings.previous_until;
            let detail = json!({ "overlap_seconds": overlap_seconds, "previous_secret_until": until });
            caller.record(tx, &app, "group.inbound_secret_rotated", id, detail).await?;
            Ok(GroupSecret { secret, previous_secret_until: until })
        })
    });
    Ok(Answer(job.await?))
}

/// End a rotation's overlap now: the old secret never lets in again. Without one, nothing changes.
#[utoipa::path(post, path = "/api/v1/groups/{id}/inbound/finalize-rotation", operation_id = "finalizeGroupInboundRotation",
    tag = "groups", params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 200, description = "The new secret lets in alone", body = GroupInbound)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn finalize_inbound(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GroupId>,
) -> Result<Answer<GroupInbound>, Problem> {
    let (store, shown) = (caller.store.clone(), app.clone());
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?.admin()?;
            member::hold(tx, id).await?;
            if inbound::end_rotation(tx, id, app.ambient.now()).await? {
                caller.record(tx, &app, "group.inbound_rotation_finalized", id, json!({})).await?;
            }
            Ok(inbound::get(tx, id).await?)
        })
    });
    Ok(Answer(GroupInbound::of(&shown, id, job.await?)))
}
