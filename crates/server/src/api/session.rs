//! Signing in and out, and who one is.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::id::{TenantId, UserId};
use hookswitch_domain::permission::Permission;
use hookswitch_domain::secret::Secret;
use hookswitch_store::session::{Kind, NewSession};
use hookswitch_store::{Tx, audit, session, tenant, user};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::{Caller, SESSION_COOKIE, fresh_token, sha256};
use super::features::Features;
use super::guard::same_origin;
use super::portal_sessions::PortalSession as PortalView;
use super::problem::Problem;
use crate::app::App;
use crate::edge::{Arrival, loopback};
use crate::{identity, password};

/// A working day; then one signs in again.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[schema(example = "ann@example.com")]
    email: String,
    #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
    password: Secret,
}

/// Who the caller is.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// `user:usr_...`, `token:tok_...` or `portal:psn_...`, as the audit trail names it.
    #[schema(example = "user:usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    actor: String,
    /// For people.
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    #[schema(example = "Ann Example")]
    name: Option<String>,
    #[schema(example = "tenant_admin")]
    role: String,
    /// Whether this caller belongs to the platform and names the tenant with X-Tenant.
    platform: bool,
    /// Whether personal and payload detail is masked.
    redacted: bool,
    /// The tenant that the request is about; null for a platform caller who names none.
    tenant: Option<TenantName>,
    #[schema(value_type = Vec<String>, example = json!(["destination:read"]))]
    permissions: Vec<Permission>,
    features: Features,
    /// For customers in the portal.
    portal: Option<PortalView>,
}

#[derive(Serialize, ToSchema)]
pub struct TenantName {
    #[schema(value_type = String, example = "ten_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: TenantId,
    #[schema(example = "acme")]
    slug: String,
    #[schema(example = "Acme Ltd")]
    name: String,
}

/// Sign in with email and password. The answer sets the session cookie.
#[utoipa::path(post, path = "/api/v1/session", operation_id = "signIn", tag = "session", request_body = SignIn,
    responses(
        (status = 204, description = "Signed in; the cookie is set"),
        (status = 401, description = "Email or password is wrong"),
        (status = 403, description = "Another site made this request"),
        (status = 429, description = "Too many failed tries from this address; Retry-After says when to come again")),
    extensions(("x-permission" = json!("public"))))]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    axum::Extension(arrival): axum::Extension<Arrival>,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> Result<Response, Problem> {
    same_origin(&headers)?;
    cookie_can_work(&arrival, &headers)?;
    let email = identity::email(&body.email).unwrap_or_default();
    let delay = app.sign_in.enter(&email, arrival.client);
    tokio::time::sleep(delay.map_err(|wait| Problem::too_many("too many failed sign-ins from here", wait))?).await;
    let account = email.clone();
    let found = app.db.system().read(move |tx| Box::pin(async move { user::by_email(tx, &account).await })).await?;
    let found = found.filter(|(user, _)| !user.disabled);
    let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
    let right = password::verify(body.password, hash).await;
    let Some(user) = user.filter(|_| right) else {
        tracing::warn!(request_id = &*arrival.request_id, "sign-in failed");
        return Err(Problem::unauthorized("email or password is wrong"));
    };
    app.sign_in.succeeded(&email, arrival.client);
    let cookie = open(&app, user.tenant, user.id, "password").await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// Starts a session; the id is always a new one.
async fn open(app: &App, tenant: TenantId, user: UserId, how: &'static str) -> Result<HeaderValue, Problem> {
    let ambient = app.ambient.clone();
    let token = fresh_token(&*ambient, "");
    let hash = sha256(&token);
    let store = app.db.for_tenant(tenant);
    let job = store.write(move |tx| {
        Box::pin(async move {
            let at = ambient.now();
            let new = NewSession { hash: &hash, user, kind: Kind::Session, at, expires_at: at.plus(LIFETIME) };
            session::create(tx, &new).await?;
            let entry =
                Entry { action: "session.started", target: user.to_string(), correlation_id: None, detail: json!({"how": how}) };
            audit::append(tx, &*ambient, &Actor::User(user), entry).await.map_err(Problem::from)
        })
    });
    job.await?;
    cookie(&token, LIFETIME)
}

fn cookie(token: &str, lifetime: Duration) -> Result<HeaderValue, Problem> {
    let seconds = lifetime.as_secs();
    let text = format!("{SESSION_COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    HeaderValue::from_str(&text).map_err(|error| Problem::internal(error.to_string()))
}

/// Browsers drop a `__Host-` cookie on plain HTTP; better said than looped.
fn cookie_can_work(arrival: &Arrival, headers: &HeaderMap) -> Result<(), Problem> {
    if arrival.https || loopback(headers) {
        return Ok(());
    }
    let detail = "signing in needs HTTPS, or a browser on this machine (http://localhost). Put a proxy with TLS in front \
        and set public_url = \"https://...\"";
    Err(Problem::bad_request("https_required", detail))
}

/// Who the caller is and what they may do.
#[utoipa::path(get, path = "/api/v1/session", operation_id = "whoAmI", tag = "session",
    responses((status = 200, description = "The caller", body = Me)),
    extensions(("x-permission" = json!("session")), ("x-portal" = json!(true))))]
pub async fn who_am_i(caller: Caller) -> Result<axum::Json<Me>, Problem> {
    let actor = caller.actor.clone();
    let home = if caller.platform { caller.store.db().system() } else { caller.store.clone() };
    let person = match actor {
        Actor::User(id) => home.read(move |tx| Box::pin(async move { user::get(tx, id).await })).await?,
        _ => None,
    };
    let tenant = caller.store.read(|tx| Box::pin(tenant::own(tx))).await?;
    let (email, name) = person.map(|user| (user.email, user.name)).unzip();
    Ok(axum::Json(Me {
        actor: caller.actor.to_string(),
        email,
        name,
        role: caller.role.to_string(),
        platform: caller.platform,
        redacted: caller.redacted,
        tenant: tenant.map(|tenant| TenantName { id: tenant.id, slug: tenant.slug, name: tenant.name }),
        permissions: caller.permissions.iter().collect(),
        features: Features { inbound_webhooks_enabled: caller.inbound_webhooks_enabled },
        portal: caller.portal.as_deref().cloned().map(PortalView::from),
    }))
}

/// Sign out: the session ends at once, and the cookie is taken back.
#[utoipa::path(delete, path = "/api/v1/session", operation_id = "signOut", tag = "session",
    responses((status = 204, description = "Signed out")),
    extensions(("x-permission" = json!("session")), ("x-portal" = json!(true))))]
pub async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    if let Some(portal) = &caller.portal {
        return super::portal_sessions::end(&app, &caller, portal.id).await;
    }
    if let (Some(hash), Actor::User(_)) = (caller.session, &caller.actor) {
        let home = if caller.platform { app.db.system() } else { caller.store.clone() };
        home.write(move |tx| Box::pin(async move { session::delete(tx, &hash).await })).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie("", Duration::ZERO)?)]).into_response())
}

/// The one-time link that `demo` and `admin` print. Not in the OpenAPI document: a page, not an operation.
pub fn link_route() -> Router<Arc<App>> {
    Router::new().route("/signin", get(follow_link))
}

#[derive(Deserialize)]
struct Link {
    token: String,
}

async fn follow_link(
    State(app): State<Arc<App>>,
    axum::Extension(arrival): axum::Extension<Arrival>,
    headers: HeaderMap,
    link: Result<Query<Link>, QueryRejection>,
) -> Result<Response, Problem> {
    cookie_can_work(&arrival, &headers)?;
    let gone = || Problem::unauthorized("this sign-in link was used already or has expired");
    let Ok(Query(link)) = link else { return Err(gone()) };
    let (hash, now) = (sha256(&link.token), app.ambient.now());
    let store = app.db.system();
    let job = store.write(move |tx| Box::pin(async move { session::take_link(tx, &hash, now).await }));
    let Some((tenant, user)) = job.await? else {
        app.pace.check_stranger(arrival.client).map_err(|wait| Problem::too_many("too many bad links", wait))?;
        return Err(gone());
    };
    let cookie = open(&app, tenant, user, "link").await?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/console/")).into_response())
}

/// Makes a sign-in link for an account of the transaction's tenant; returns its token.
pub async fn make_link(
    tx: &mut Tx,
    ambient: &dyn hookswitch_domain::time::Ambient,
    user: UserId,
    lifetime: Duration,
) -> Result<String, Problem> {
    let token = fresh_token(ambient, "");
    let (hash, at) = (sha256(&token), ambient.now());
    session::create(tx, &NewSession { hash: &hash, user, kind: Kind::Link, at, expires_at: at.plus(lifetime) }).await?;
    Ok(token)
}
