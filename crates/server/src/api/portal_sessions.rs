//! Customer portals: a host makes a one-time link, whoever follows it first gets a session that sees one
//! tenant's or one group's destinations, deliveries and catalogue alone (`guard` and `TenantStore::within`
//! keep it there). Link and session are shown once and kept as hashes; either dies with a revocation.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::id::{GroupId, PortalSessionId, TenantId, made_at};
use hookswitch_domain::portal::{Access, Look, Scheme};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::portal::{self, Portal};
use hookswitch_store::{audit, tenant};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::{Caller, PORTAL_PREFIX, fresh_token, sha256};
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;
use crate::edge::Arrival;

/// A link is followed at once, or it lies around.
const LINK_LIFETIME_MAX: Duration = Duration::from_secs(15 * 60);
const EXPIRES_IN: u32 = 60 * 60;
const EXPIRES_IN_MAX: u32 = 24 * 60 * 60;
const LINK_PREFIX: &str = "hsl_";

/// How the portal looks.
#[derive(Default, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PortalLook {
    /// The host's colour, `#rrggbb`; the page makes it dark or light enough to be read.
    #[schema(example = "#0b7285")]
    accent: Option<String>,
    /// Stands at the top instead of the tenant's name.
    #[schema(example = "Acme", min_length = 1, max_length = 60)]
    logo_text: Option<String>,
    /// `data:image/...;base64,...` of 32 KiB at most, or an address below one of `portal.image_origins`.
    logo_url: Option<String>,
    /// `light`, `dark` or `auto`.
    #[schema(value_type = String, default = "auto")]
    scheme: Scheme,
}

impl From<PortalLook> for Look {
    fn from(PortalLook { accent, logo_text, logo_url, scheme }: PortalLook) -> Self {
        Self { accent, logo_text, logo_url, scheme }
    }
}

impl From<Look> for PortalLook {
    fn from(Look { accent, logo_text, logo_url, scheme }: Look) -> Self {
        Self { accent, logo_text, logo_url, scheme }
    }
}

/// A portal that may be opened, or was.
#[derive(Serialize, ToSchema)]
pub struct PortalSession {
    #[schema(value_type = String, example = "psn_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: PortalSessionId,
    /// Only this group's destinations and deliveries; null: the whole tenant's.
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    /// `read`, `replay` or `manage`.
    #[schema(value_type = String, example = "manage")]
    access: Access,
    look: PortalLook,
    #[schema(example = "token:tok_01jd8r7c5tevzs9c1ghvzv3hkp")]
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until then the link can be followed, once.
    #[schema(value_type = String, format = DateTime)]
    link_expires_at: Timestamp,
    /// When it was followed.
    #[schema(value_type = Option<String>, format = DateTime)]
    opened_at: Option<Timestamp>,
    /// Until then the portal stays open.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<Portal> for PortalSession {
    fn from(row: Portal) -> Self {
        let Portal {
            id, group_id, access, look, created_by, created_at, link_expires_at, opened_at, expires_at, revoked_at, ..
        } = row;
        let look = look.into();
        Self { id, group_id, access, look, created_by, created_at, link_expires_at, opened_at, expires_at, revoked_at }
    }
}

/// A portal session with, this once, its link.
#[derive(Serialize, ToSchema)]
pub struct CreatedPortalSession {
    #[serde(flatten)]
    session: PortalSession,
    /// Opens the portal once. Send the customer's browser there, or use it as the address of a frame. The secret stands
    /// behind `#`, where no server, proxy or referrer sees it.
    #[schema(example = "https://hooks.example.com/portal/#hsl_3q2-7w...")]
    url: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPortalSession {
    /// The tenant's slug. A caller who belongs to one tenant may leave it away.
    #[schema(value_type = Option<String>)]
    tenant: Option<String>,
    /// Only what belongs to this group; absent: the whole tenant's.
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    /// Seconds until the portal closes. Its link has to be followed before that, and within 15 minutes.
    #[serde(default = "an_hour")]
    #[schema(minimum = 1, maximum = 86400, default = 3600, example = 3600)]
    expires_in: u32,
    /// `read`; `replay`: and send deliveries again; `manage`: and create, edit, pause, rotate, test and delete destinations.
    #[serde(default)]
    #[schema(value_type = String, default = "manage")]
    access: Access,
    #[serde(default)]
    look: PortalLook,
}

const fn an_hour() -> u32 {
    EXPIRES_IN
}

/// List the links that were made and the portals that were opened, newest first.
#[utoipa::path(get, path = "/api/v1/portal-sessions", operation_id = "listPortalSessions", tag = "portal", params(PageParams),
    responses((status = 200, description = "A page of portal sessions", body = Listed<PortalSession>)),
    extensions(("x-permission" = json!("portal:open"))))]
pub async fn list(caller: Caller, list: List) -> Result<axum::Json<Listed<PortalSession>>, Problem> {
    let page = list.page;
    let rows = caller.store.read(move |tx| Box::pin(async move { portal::list(tx, &page).await })).await?;
    Ok(axum::Json(Listed::of(&page, rows, |row| row.id.uuid(), PortalSession::from)))
}

/// Show a portal session.
#[utoipa::path(get, path = "/api/v1/portal-sessions/{id}", operation_id = "getPortalSession", tag = "portal",
    params(("id" = String, Path, description = "`psn_...`")),
    responses((status = 200, description = "The portal session", body = PortalSession)),
    extensions(("x-permission" = json!("portal:open"))))]
pub async fn get(caller: Caller, Id(id): Id<PortalSessionId>) -> Result<axum::Json<PortalSession>, Problem> {
    let found = caller.store.read(move |tx| Box::pin(portal::get(tx, id))).await?;
    found.map(|row| axum::Json(row.into())).ok_or_else(Problem::not_found)
}

/// Make a one-time link to the customer portal of a tenant, or of one of its groups.
#[utoipa::path(post, path = "/api/v1/portal-sessions", operation_id = "createPortalSession", tag = "portal",
    request_body = NewPortalSession,
    responses((status = 201, description = "Made; `url` is shown this once", body = CreatedPortalSession),
        (status = 403, description = "The portal would be given more than the caller holds")),
    extensions(("x-permission" = json!("portal:open"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, new: Create<NewPortalSession>) -> Result<Response, Problem> {
    let NewPortalSession { tenant, group_id, expires_in, access, look } = new.body;
    let look = Look::from(look);
    let mut checks = Checks::default();
    if !(1..=EXPIRES_IN_MAX).contains(&expires_in) {
        checks.fail("expires_in", "invalid", "must be 1 to 86400 seconds");
    }
    if let Err(error) = look.check(&app.config.portal.image_origins) {
        checks.fail(format!("look.{}", error.field), "invalid", error.rule);
    }
    checks.finish()?;
    caller.may_grant(access.permissions())?;
    let store = app.db.for_tenant(whose(&app, &caller, tenant).await?);
    let job = new.once.run(&store, move |tx| {
        Box::pin(async move {
            let (link, id): (_, PortalSessionId) = (fresh_token(&*app.ambient, LINK_PREFIX), app.ambient.fresh());
            let (now, lifetime) = (app.ambient.now(), Duration::from_secs(expires_in.into()));
            let row = Portal {
                id,
                tenant: tx.tenant(),
                group_id,
                access,
                look,
                created_by: caller.actor.to_string(),
                created_at: made_at(id.uuid()),
                link_expires_at: now.plus(lifetime.min(LINK_LIFETIME_MAX)),
                opened_at: None,
                expires_at: now.plus(lifetime),
                revoked_at: None,
            };
            portal::create(tx, &row, &sha256(&link)).await?;
            let detail = json!({ "group_id": group_id, "access": access, "expires_at": row.expires_at });
            caller.record(tx, &app, "portal.link_made", id, detail).await?;
            let url = format!("{}/portal/#{link}", app.config.base_url());
            Ok(Created::new(&PortalSession::from(row))?.secret("url", url))
        })
    });
    job.await
}

/// The tenant that the link is for: the caller's own, or the one that a platform caller names.
async fn whose(app: &App, caller: &Caller, named: Option<String>) -> Result<TenantId, Problem> {
    let unknown = || Problem::invalid("tenant", "unknown_tenant", "names no tenant of yours");
    match named {
        None if caller.tenant == PLATFORM => {
            Err(Problem::invalid("tenant", "required", "name the tenant that the portal is for"))
        }
        None => Ok(caller.tenant),
        Some(slug) if caller.tenant != PLATFORM => (slug == *caller.tenant_slug).then_some(caller.tenant).ok_or_else(unknown),
        Some(slug) => {
            let found = app.db.system().read(move |tx| Box::pin(async move { tenant::by_slug(tx, &slug).await })).await?;
            found.map(|tenant| tenant.id).ok_or_else(unknown)
        }
    }
}

/// Revoke a portal: neither its link nor the session that it was exchanged for opens anything from the next request on.
#[utoipa::path(delete, path = "/api/v1/portal-sessions/{id}", operation_id = "revokePortalSession", tag = "portal",
    params(("id" = String, Path, description = "`psn_...`")),
    responses((status = 204, description = "Revoked")),
    extensions(("x-permission" = json!("portal:open"))))]
pub async fn revoke(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<PortalSessionId>) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            if !portal::revoke(tx, id, app.ambient.now()).await? {
                return Err(Problem::not_found());
            }
            caller.record(tx, &app, "portal.revoked", id, json!({})).await
        })
    });
    job.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The customer leaves: the same, done by themselves.
pub async fn end(app: &Arc<App>, caller: &Caller, id: PortalSessionId) -> Result<Response, Problem> {
    let (app, caller) = (app.clone(), caller.clone());
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            portal::revoke(tx, id, app.ambient.now()).await?;
            caller.record(tx, &app, "portal.left", id, json!({})).await
        })
    });
    job.await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPortal {
    /// What stands behind `#` in the link.
    #[schema(value_type = String, format = Password, example = "hsl_3q2-7w")]
    token: Secret,
}

/// An open portal.
#[derive(Serialize, ToSchema)]
pub struct OpenedPortal {
    /// Send it as `Authorization: Bearer ...`. It isn't kept and can't be shown again.
    #[schema(example = "hsp_3q2-7w...")]
    token: String,
    session: PortalSession,
}

/// Follow a one-time link: exchange its secret for a session. The second one to try is told that it was used.
#[utoipa::path(post, path = "/api/v1/portal-sessions/open", operation_id = "openPortalSession", tag = "portal",
    request_body = OpenPortal,
    responses((status = 200, description = "Open; `token` is shown this once", body = OpenedPortal),
        (status = 404, description = "There is no such link"),
        (status = 410, description = "The link was used, has expired or was revoked: `link_used`, `link_expired`, `link_revoked`"),
        (status = 429, description = "Too many bad links from this address; Retry-After says when to come again")),
    extensions(("x-permission" = json!("public"))))]
pub async fn open(
    State(app): State<Arc<App>>,
    axum::Extension(arrival): axum::Extension<Arrival>,
    Json(body): Json<OpenPortal>,
) -> Result<axum::Json<OpenedPortal>, Problem> {
    let hash = sha256(body.token.expose_text().unwrap_or_default());
    let found = app.db.system().read(move |tx| Box::pin(async move { portal::by_link(tx, &hash).await })).await?;
    let Some(mut row) = found else {
        app.pace.check_stranger(arrival.client).map_err(|wait| Problem::too_many("too many bad links", wait))?;
        let detail = "this link is unknown or very old; ask whoever sent it for a new one";
        return Err(Problem::new(StatusCode::NOT_FOUND, "link_unknown", detail));
    };
    let (token, now) = (fresh_token(&*app.ambient, PORTAL_PREFIX), app.ambient.now());
    let (id, hash, ambient) = (row.id, sha256(&token), app.ambient.clone());
    let store = app.db.for_tenant(row.tenant);
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            if !portal::open(tx, id, &hash, now).await? {
                return Ok(false);
            }
            let entry = Entry { action: "portal.opened", target: id.to_string(), correlation_id: None, detail: json!({}) };
            audit::append(tx, &*ambient, &Actor::Portal(id), entry).await?;
            Ok(true)
        })
    });
    if !job.await? {
        return Err(closed(&row, now));
    }
    row.opened_at = Some(now);
    Ok(axum::Json(OpenedPortal { token, session: row.into() }))
}

/// Why a link that was good once isn't any more, for the person who followed it.
fn closed(row: &Portal, now: Timestamp) -> Problem {
    let gone = |code, detail| Problem::new(StatusCode::GONE, code, detail);
    if row.revoked_at.is_some() {
        return gone("link_revoked", "this link was withdrawn; ask whoever sent it for a new one");
    }
    match row.link_expires_at <= now && row.opened_at.is_none() {
        true => gone("link_expired", "this link has expired; ask whoever sent it for a new one"),
        false => gone("link_used", "this link was used already, and each works once; ask whoever sent it for a new one"),
    }
}
