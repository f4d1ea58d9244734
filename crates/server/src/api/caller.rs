//! Who calls. A request names itself with `Authorization: Bearer hsk_...` or with the console's
//! session cookie, a customer's portal with a token of its own; all are looked up on the primary at every request, so that what was revoked
//! opens nothing from the next request on. Handlers receive a `Caller`, which carries the only way
//! to the store: the caller's own tenant.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use data_encoding::BASE64URL_NOPAD;
use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::id::TenantId;
use hookswitch_domain::permission::{Permission, Permissions, Role};
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_pipeline::outbound::publish::Rights;
use hookswitch_store::portal::{Portal, Visitor};
use hookswitch_store::tenant::Tenant;
use hookswitch_store::{StoreError, TenantStore, Tx, audit, portal, session, tenant, token};
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::problem::Problem;
use crate::app::App;
use crate::edge::Arrival;

/// The `__Host-` prefix binds the cookie to this host, to TLS (or loopback) and to no path.
pub const SESSION_COOKIE: &str = "__Host-hookswitch";
pub const TOKEN_PREFIX: &str = "hsk_";
/// Of what a portal's pages send. They keep it themselves: a cookie would be shared by all portals in a browser,
/// and by their hosts.
pub const PORTAL_PREFIX: &str = "hsp_";
pub const X_TENANT: HeaderName = HeaderName::from_static("x-tenant");
/// What the log and `/session` call the platform, which has no slug.
const PLATFORM_NAME: &str = "platform";
/// What `/session` calls a customer in the portal. No account and no token holds this role.
const PORTAL_ROLE: &str = "portal";

/// Who calls, what they may do, and the rows that they may reach.
#[derive(Clone)]
pub struct Caller {
    /// The tenant that the request is about; `PLATFORM` when a platform caller names none.
    pub tenant: TenantId,
    pub tenant_slug: Arc<str>,
    pub actor: Actor,
    /// Role and, for tokens, scopes.
    pub permissions: Permissions,
    pub role: Arc<str>,
    /// Whether personal and payload detail is masked in what they read.
    pub redacted: bool,
    /// Belongs to the platform, whichever tenant the request is about.
    pub platform: bool,
    /// The tenant's epoch when this was read: a copy of its configuration with another one is stale.
    pub epoch: i64,
    pub inbound_webhooks_enabled: bool,
    pub store: TenantStore,
    pub arrival: Arrival,
    /// SHA-256 of the session's token, or of the API token: one of them.
    pub session: Option<Vec<u8>>,
    pub token: Option<Vec<u8>>,
    pub expires_at: Option<Timestamp>,
    /// A customer in the portal: their store is narrowed to the portal's group, and few routes are theirs.
    pub portal: Option<Arc<Portal>>,
    /// Taken from a copy and not from the primary: see `known`.
    pub copied: bool,
}

impl Caller {
    /// For what depends on more than the route: the route's own permission was checked before.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        match self.permissions.allow(permission) {
            true => Ok(()),
            false => Err(lacks(permission)),
        }
    }

    /// For publishing: the epoch that the statement has to find, where this caller wasn't read just now.
    pub fn rights(&self) -> Rights {
        Rights { tenant: self.copied.then_some(self.epoch), platform: None }
    }

    /// Writes what this caller did into the trail: the last thing in a transaction.
    pub async fn record(
        &self,
        tx: &mut Tx,
        app: &App,
        action: &'static str,
        target: impl std::fmt::Display + Send,
        detail: serde_json::Value,
    ) -> Result<(), Problem> {
        let entry = Entry { action, target: target.to_string(), correlation_id: None, detail };
        audit::append(tx, &*app.ambient, &self.actor, entry).await?;
        Ok(())
    }

    /// Nobody grants what they don't hold.
    pub fn may_grant(&self, permissions: Permissions) -> Result<(), Problem> {
        match permissions.within(self.permissions) {
            true => Ok(()),
            false => Err(Problem::forbidden("this would grant more than you hold yourself")),
        }
    }
}

pub(super) fn lacks(permission: Permission) -> Problem {
    Problem::forbidden(format!("this needs the permission {permission} ({})", permission.about()))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The guard has put it there, or the route is public, where no handler may ask for one.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::unauthorized("sign in, or send a token"))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// What a request shows to prove who it is.
pub(super) enum Credential {
    Token(Vec<u8>),
    Cookie(Vec<u8>),
    Portal(Vec<u8>),
}

impl Credential {
    /// `None` where a request shows nothing, an error where what it shows can't be right.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        match (lines.next(), lines.next()) {
            (Some(line), None) => {
                let text = line.to_str().ok().and_then(|line| line.split_once(' '));
                let token = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
                match token.filter(|token| token.len() <= 128) {
                    Some(token) if token.starts_with(TOKEN_PREFIX) => Ok(Some(Self::Token(sha256(token)))),
                    Some(token) if token.starts_with(PORTAL_PREFIX) => Ok(Some(Self::Portal(sha256(token)))),
                    _ => Err(unknown()),
                }
            }
            (Some(_), Some(_)) => Err(unknown()),
            (None, _) => Ok(cookie(headers).map(|value| Self::Cookie(sha256(value)))),
        }
    }

    pub const fn is_cookie(&self) -> bool {
        matches!(self, Self::Cookie(_))
    }
}

/// One text for everything that isn't right: a guess learns nothing from it.
pub(super) fn unknown() -> Problem {
    Problem::unauthorized("the token or session is unknown, has expired or was revoked")
}

/// The session cookie's value.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == SESSION_COOKIE).map(|(_, value)| value)
}

pub fn sha256(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// A fresh token of 256 random bits, to be shown once.
pub fn fresh_token(ambient: &dyn Ambient, prefix: &str) -> String {
    format!("{prefix}{}", BASE64URL_NOPAD.encode(&ambient.random::<32>()))
}

/// Who a credential belongs to, before the request has named a tenant.
struct Identity {
    tenant: TenantId,
    slug: Option<String>,
    epoch: i64,
    actor: Actor,
    role: String,
    permissions: Permissions,
    session: Option<Vec<u8>>,
    token: Option<Vec<u8>>,
    expires_at: Option<Timestamp>,
    portal: Option<Portal>,
}

/// Looks the credential up, and the tenant that a platform caller names, in one read.
pub(super) async fn identify(
    app: &App,
    credential: Credential,
    arrival: Arrival,
    named: Option<String>,
) -> Result<Caller, Problem> {
    let now = app.ambient.now();
    let found = app.db.system().read(move |tx| Box::pin(find(tx, credential, named, now))).await?;
    let Some((identity, tenant)) = found? else {
        app.pace.check_stranger(arrival.client).map_err(|wait| Problem::too_many("too many bad credentials", wait))?;
        return Err(unknown());
    };
    let platform = identity.tenant == PLATFORM;
    let (id, slug, epoch, inbound) = match tenant {
        Some(tenant) => (tenant.id, tenant.slug.into(), tenant.epoch, tenant.inbound_webhooks_enabled),
        None => (identity.tenant, identity.slug.map_or_else(|| PLATFORM_NAME.into(), Arc::from), identity.epoch, false),
    };
    Ok(Caller {
        tenant: id,
        tenant_slug: slug,
        actor: identity.actor,
        permissions: identity.permissions,
        redacted: identity.role.parse::<Role>().is_ok_and(Role::redacted),
        role: identity.role.into(),
        platform,
        epoch,
        inbound_webhooks_enabled: inbound,
        store: app.db.for_tenant(id).within(identity.portal.as_ref().and_then(|portal| portal.group_id)),
        arrival,
        session: identity.session,
        token: identity.token,
        expires_at: identity.expires_at,
        portal: identity.portal.map(Arc::new),
        copied: false,
    })
}

/// Looks at a caller anew, on the primary, after their rights have changed.
pub async fn again(app: &App, caller: &Caller, permission: Permission) -> Result<Caller, Problem> {
    let credential = match (&caller.token, &caller.session) {
        (Some(hash), _) => Credential::Token(hash.clone()),
        (None, Some(hash)) => Credential::Cookie(hash.clone()),
        (None, None) => return Err(unknown()),
    };
    caller.token.iter().for_each(|hash| app.known.forget(hash));
    let named = (caller.tenant != PLATFORM).then(|| caller.tenant_slug.to_string());
    let fresh = identify(app, credential, caller.arrival.clone(), named).await?;
    fresh.require(permission)?;
    app.known.keep(&fresh);
    Ok(fresh)
}

/// Looks on the primary whether a caller who stays connected still may. What they hold is renewed.
pub async fn still(app: &App, caller: &mut Caller, permission: Permission) -> Result<(), Problem> {
    let credential = match (&caller.token, &caller.session) {
        (Some(hash), _) => Credential::Token(hash.clone()),
        (None, Some(hash)) => Credential::Cookie(hash.clone()),
        (None, None) => return Err(unknown()),
    };
    let named = (caller.tenant != PLATFORM).then(|| caller.tenant_slug.to_string());
    let fresh = identify(app, credential, caller.arrival.clone(), named).await?;
    fresh.require(permission)?;
    *caller = fresh;
    Ok(())
}

/// Outer error: the database. Inner: what the caller hears.
type Found = Result<Option<(Identity, Option<Tenant>)>, Problem>;

async fn find(tx: &mut Tx, credential: Credential, named: Option<String>, now: Timestamp) -> Result<Found, StoreError> {
    let Some(identity) = look_up(tx, credential, now).await? else { return Ok(Ok(None)) };
    let Some(slug) = named else {
        let tenant = tenant::by_id(tx, identity.tenant).await?;
        return Ok(Ok(Some((identity, tenant))));
    };
    if identity.tenant != PLATFORM && identity.slug.as_deref() != Some(&*slug) {
        // The same for a tenant that exists and one that doesn't.
        return Ok(Err(Problem::forbidden("X-Tenant names a tenant that isn't yours; only platform callers name one")));
    }
    let Some(tenant) = tenant::by_slug(tx, &slug).await? else {
        return Ok(Err(Problem::new(http::StatusCode::NOT_FOUND, "tenant_not_found", "X-Tenant names no tenant")));
    };
    Ok(Ok(Some((identity, Some(tenant)))))
}

async fn look_up(tx: &mut Tx, credential: Credential, now: Timestamp) -> Result<Option<Identity>, StoreError> {
    Ok(match credential {
        Credential::Token(hash) => token::find(tx, &hash, now).await?.map(|bearer| Identity {
            tenant: bearer.tenant,
            slug: bearer.slug,
            epoch: bearer.epoch,
            actor: Actor::Token(bearer.id),
            role: bearer.role,
            permissions: bearer.permissions,
            session: None,
            token: Some(hash),
            expires_at: bearer.expires_at,
            portal: None,
        }),
        Credential::Cookie(hash) => session::find(tx, &hash, now).await?.map(|person| Identity {
            tenant: person.tenant,
            slug: person.slug,
            epoch: person.epoch,
            actor: Actor::User(person.user),
            role: person.role,
            permissions: person.permissions,
            session: Some(hash),
            token: None,
            expires_at: None,
            portal: None,
        }),
        Credential::Portal(hash) => portal::find(tx, &hash, now).await?.map(|Visitor { portal, slug, epoch }| Identity {
            tenant: portal.tenant,
            slug: Some(slug),
            epoch,
            actor: Actor::Portal(portal.id),
            role: PORTAL_ROLE.to_owned(),
            permissions: portal.access.permissions(),
            session: None,
            token: None,
            expires_at: Some(portal.expires_at),
            portal: Some(portal),
        }),
    })
}

/// The key under which a caller's requests are counted.
pub(super) fn pace_key(actor: &Actor) -> Uuid {
    match actor {
        Actor::User(id) => id.uuid(),
        Actor::Token(id) => id.uuid(),
        Actor::Portal(id) => id.uuid(),
        Actor::Operator | Actor::System | Actor::Webhook(_) => Uuid::nil(),
    }
}
