//! The guard: who may use which route. Every operation names its permission in the OpenAPI
//! document (`x-permission`), and that name is what is enforced here, before a handler or even a
//! body is looked at; the document can't say something else than the server does. `public` needs
//! nobody, `session` anybody who is known, and `group:member`, `group:admin` and `group:owner` somebody of
//! the tenant who is that in the group that the request is about, which the handler looks up.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hookswitch_domain::audit::Entry;
use hookswitch_domain::permission::Permission;
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_store::audit;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};

use super::caller::{self, Caller, Credential, X_TENANT};
use super::problem::Problem;
use crate::app::App;
use crate::edge::{Arrival, LogTenant};

pub const X_PERMISSION: &str = "x-permission";
/// Marks what customers in a portal may use too: what isn't marked is not there for them.
pub const X_PORTAL: &str = "x-portal";

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Public,
    Session,
    /// Judged by the handler, which knows the group.
    InGroup,
    May(Permission),
}

impl Need {
    pub fn of(operation: &Operation) -> Option<Self> {
        match operation.extensions.as_ref()?.get(X_PERMISSION)?.as_str()? {
            "public" => Some(Self::Public),
            "session" => Some(Self::Session),
            "group:member" | "group:admin" | "group:owner" => Some(Self::InGroup),
            name => name.parse().ok().map(Self::May),
        }
    }

    /// What a platform caller may do without naming a tenant: the platform has accounts, tokens
    /// and a trail of its own, and no destinations.
    fn without_tenant(self) -> bool {
        use Permission::*;
        let platform_s_own = [TenantRead, TenantWrite, UserRead, UserWrite, TokenRead, TokenWrite, AuditRead, PortalOpen];
        matches!(self, Self::Session) || matches!(self, Self::May(permission) if platform_s_own.contains(&permission))
    }
}

/// Every operation of a path with its method.
pub fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// An operation that doesn't say who may use it is never served.
#[derive(Debug, thiserror::Error)]
#[error("{0} {1} names no permission: give it extensions((\"x-permission\" = json!(...)))")]
pub struct Unguarded(Method, String);

pub struct Guard {
    app: Arc<App>,
    needs: HashMap<String, Vec<(Method, Rule)>>,
}

/// What a route asks of its caller, and whether portals may use it.
#[derive(Debug, Clone, Copy)]
struct Rule {
    need: Need,
    portal: bool,
}

fn in_portals(operation: &Operation) -> bool {
    let marked = operation.extensions.as_ref().and_then(|extensions| extensions.get(X_PORTAL));
    marked.and_then(serde_json::Value::as_bool) == Some(true)
}

impl Guard {
    pub fn new(app: Arc<App>, document: &OpenApi) -> Result<Self, Unguarded> {
        let mut needs: HashMap<String, Vec<(Method, Rule)>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in operations(item) {
                let need = Need::of(operation).ok_or_else(|| Unguarded(method.clone(), path.clone()))?;
                let rule = Rule { need, portal: in_portals(operation) };
                needs.entry(path.clone()).or_default().push((method, rule));
            }
        }
        Ok(Self { app, needs })
    }

    fn rule(&self, path: &str, method: &Method) -> Option<Rule> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.needs.get(path)?.iter().find(|(known, _)| known == method).map(|(_, rule)| *rule)
    }
}

pub async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.as_ref().map_or("", MatchedPath::as_str);
    let Some(rule) = guard.rule(route, request.method()) else {
        return Problem::internal("a route without a guard").into_response();
    };
    if rule.need == Need::Public {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let caller = match admit(&guard.app, rule, route, &parts).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let tenant = LogTenant(caller.tenant_slug.clone());
    parts.extensions.insert(caller);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    response.extensions_mut().insert(tenant);
    response
}

async fn admit(app: &App, rule: Rule, route: &str, parts: &Parts) -> Result<Caller, Problem> {
    let need = rule.need;
    let headers = &parts.headers;
    let arrival = parts.extensions.get::<Arrival>().cloned().ok_or_else(|| Problem::internal("no edge"))?;
    let Some(credential) = Credential::of(headers)? else {
        return Err(Problem::unauthorized("sign in, or send a token: Authorization: Bearer hsk_..."));
    };
    if credential.is_cookie() && !parts.method.is_safe() {
        same_site(headers)?;
    }
    let named = headers.get(X_TENANT).map(|slug| slug.to_str().unwrap_or_default().to_owned());
    let publishing = need == Need::May(Permission::EventPublish);
    let known = match &credential {
        Credential::Token(hash) if publishing => app.known.get(hash, named.as_deref(), app.ambient.now(), &arrival),
        _ => None,
    };
    if let Some(caller) = known {
        return Ok(caller);
    }
    let caller = caller::identify(app, credential, arrival, named).await?;
    if caller.portal.is_some() && !rule.portal {
        tracing::warn!(actor = %caller.actor, route, tenant = &*caller.tenant_slug, "denied");
        return Err(Problem::forbidden("the customer portal has no part in this"));
    }
    if let Need::May(permission) = need
        && !caller.permissions.allow(permission)
    {
        tracing::warn!(actor = %caller.actor, route, %permission, tenant = &*caller.tenant_slug, "denied");
        return Err(caller::lacks(permission));
    }
    if caller.tenant == PLATFORM && !need.without_tenant() {
        return Err(Problem::bad_request("tenant_required", "name the tenant that this is about with the header X-Tenant: slug"));
    }
    if publishing {
        app.known.keep(&caller);
    } else {
        let paced = app.pace.check(caller::pace_key(&caller.actor));
        paced.map_err(|wait| Problem::too_many("too many requests with this token", wait))?;
        note_platform_use(app, &caller, &parts.method, route).await?;
    }
    Ok(caller)
}

/// What the platform does in a tenant stands in that tenant's trail, reads too.
async fn note_platform_use(app: &App, caller: &Caller, method: &Method, route: &str) -> Result<(), Problem> {
    if !caller.platform || caller.tenant == PLATFORM {
        return Ok(());
    }
    let entry = Entry {
        action: "platform.access",
        target: format!("{method} {route}"),
        correlation_id: Some(caller.arrival.request_id.to_string()),
        detail: json!({"role": &*caller.role}),
    };
    let (ambient, actor) = (app.ambient.clone(), caller.actor.clone());
    let job = caller.store.write(move |tx| Box::pin(async move { audit::append(tx, &*ambient, &actor, entry).await }));
    job.await?;
    Ok(())
}

/// A browser sends the cookie with requests that other sites make it send. Those can neither set
/// this header without asking us first (we never allow it), nor hide where they come from.
fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let marked = headers.get("x-requested-with").is_some_and(|value| value == "hookswitch");
    if !marked {
        return Err(csrf("a change with the session cookie needs the header X-Requested-With: hookswitch"));
    }
    same_origin(headers)
}

/// Refuses a request whose browser says that another site made it.
pub(super) fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(csrf("another site made this request"));
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return Ok(()) };
    let from = origin.split_once("://").map(|(_, host)| host);
    if from.is_none() || from != text(HOST.as_str()) {
        return Err(csrf("another site made this request"));
    }
    Ok(())
}

fn csrf(detail: &str) -> Problem {
    Problem::new(http::StatusCode::FORBIDDEN, "csrf", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let named =
            |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        pairs.iter().map(named).collect()
    }

    #[test]
    fn a_change_by_cookie_comes_from_our_own_pages() {
        let ours = ("x-requested-with", "hookswitch");
        let host = ("host", "hooks.example.com");
        assert!(same_site(&headers(&[ours, host, ("origin", "https://hooks.example.com")])).is_ok());
        assert!(same_site(&headers(&[ours, host, ("sec-fetch-site", "same-origin")])).is_ok());
        let bad: &[&[(&str, &str)]] = &[
            &[host, ("origin", "https://hooks.example.com")],
            &[ours, host, ("origin", "https://evil.example")],
            &[ours, host, ("origin", "null")],
            &[ours, host, ("sec-fetch-site", "cross-site")],
            &[ours, host, ("sec-fetch-site", "same-site")],
        ];
        for pairs in bad {
            assert!(same_site(&headers(pairs)).is_err(), "{pairs:?}");
        }
    }
}
