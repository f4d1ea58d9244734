//! Idempotency-Key on POSTs that create: the same key and body give the same answer for 24 h, the
//! same key with another body is 422. The key is committed with what it made. One-time secrets are
//! not kept, so a repeat's answer lacks them.

use std::sync::Arc;

use axum::extract::{FromRequest, MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use hookswitch_domain::id::TenantId;
use hookswitch_domain::time::Ambient;
use hookswitch_store::idempotency::{self, Claim, Claimed};
use hookswitch_store::{TenantStore, Tx};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body;
use super::caller::Caller;
use super::problem::Problem;
use crate::app::App;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A JSON body of a request that creates something, with its key.
pub struct Create<T> {
    pub body: T,
    pub once: Once,
}

/// Does a thing once per key.
pub struct Once {
    claim: Option<Claim>,
    ambient: Arc<dyn Ambient>,
}

/// What was made, as the answer shows it.
pub struct Created {
    status: StatusCode,
    body: serde_json::Value,
    /// Shown now and never again.
    secrets: serde_json::Map<String, serde_json::Value>,
}

impl Created {
    pub fn new(body: &impl Serialize) -> Result<Self, Problem> {
        Self::with_status(StatusCode::CREATED, body)
    }

    pub fn with_status(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_value(body).map_err(|error| Problem::internal(error.to_string()))?;
        Ok(Self { status, body, secrets: serde_json::Map::new() })
    }

    /// Adds a field that only the first answer carries.
    #[must_use]
    pub fn secret(mut self, field: &str, value: String) -> Self {
        self.secrets.insert(field.to_owned(), value.into());
        self
    }

    fn response(mut self) -> Response {
        if let Some(body) = self.body.as_object_mut() {
            body.extend(self.secrets);
        }
        json(self.status, self.body.to_string())
    }
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Create<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let key = key(request.headers())?;
        let scope = request.extensions().get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
        let (tenant, scope) = place(&request, scope);
        let bytes = body::read(request, body::LIMIT).await?;
        let claim = key.zip(tenant).map(|(key, tenant)| claim(app, tenant, key, scope, &bytes));
        Ok(Self { body: body::parse(&bytes)?, once: Once { claim, ambient: app.ambient.clone() } })
    }
}

/// For requests that create something and bring no body.
impl FromRequest<Arc<App>> for Once {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let key = key(request.headers())?;
        // The path with its ids is what is asked for.
        let scope = request.uri().path().to_owned();
        let (tenant, scope) = place(&request, scope);
        let claim = key.zip(tenant).map(|(key, tenant)| claim(app, tenant, key, scope, &[]));
        Ok(Self { claim, ambient: app.ambient.clone() })
    }
}

/// A portal's keys are its own: another portal of the tenant must not hear what was made with them.
fn place(request: &Request, scope: String) -> (Option<TenantId>, String) {
    let caller = request.extensions().get::<Caller>();
    let scope = match caller.and_then(|caller| caller.portal.as_ref()) {
        Some(portal) => format!("{scope} {}", portal.id),
        None => scope,
    };
    (caller.map(|caller| caller.tenant), scope)
}

pub fn claim(app: &App, tenant: TenantId, key: String, scope: String, body: &[u8]) -> Claim {
    Claim { tenant, key, scope, request_hash: app.fingerprints.of(tenant, body).to_vec() }
}

/// The request's key, if it brings one.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if !(1..=255).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::invalid("Idempotency-Key", "invalid", "must be 1 to 255 visible ASCII characters without spaces"));
    }
    Ok(Some(text.to_owned()))
}

/// The key was used for another body.
pub fn reused() -> Problem {
    Problem::rule("idempotency_key_reused", "this Idempotency-Key was used with another body; take a new one")
}

impl Once {
    /// The key counts for this place alone, where the path's pattern doesn't say which.
    #[must_use]
    pub fn within(mut self, place: &str) -> Self {
        if let Some(claim) = &mut self.claim {
            claim.scope = format!("{} {place}", claim.scope);
        }
        self
    }

    /// Runs `job` in one transaction with the key. On an error nothing happened and the key is free.
    pub async fn run<F>(self, store: &TenantStore, job: F) -> Result<Response, Problem>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<Created, Problem>> + Send + 'static,
    {
        let Self { claim, ambient } = self;
        let work = store.write(move |tx| {
            Box::pin(async move {
                let Some(claim) = claim else { return Ok(job(tx).await?.response()) };
                match idempotency::claim(tx, &claim, ambient.now()).await? {
                    Claimed::Fresh => {}
                    Claimed::Other => return Err(reused()),
                    Claimed::Repeat { status, response } => return Ok(repeat(status, response)),
                }
                let created = job(tx).await?;
                idempotency::settle(tx, &claim, created.status.as_u16(), &created.body.to_string()).await?;
                Ok(created.response())
            })
        });
        work.await
    }
}

fn repeat(status: u16, body: String) -> Response {
    let mut response = json(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body);
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}
