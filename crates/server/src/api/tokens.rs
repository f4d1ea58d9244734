//! API tokens: shown once, kept as a hash, narrowed by scopes, revoked at once.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::id::TokenId;
use hookswitch_domain::permission::scope;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::token::{self, Token};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;
use crate::identity::{self, Grant};

/// An API token, without the token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    #[schema(value_type = String, example = "tok_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: TokenId,
    #[schema(example = "billing service")]
    name: String,
    #[schema(example = "publisher")]
    role: String,
    /// Null: everything that the role permits.
    #[schema(example = json!(["events:publish"]))]
    scopes: Option<Vec<String>>,
    #[schema(example = "user:usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    created_by: String,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

/// A token and, this once, the token itself.
#[derive(Serialize, ToSchema)]
pub struct CreatedToken {
    #[serde(flatten)]
    token_view: TokenView,
    /// Send it as `Authorization: Bearer ...`. It isn't kept and can't be shown again.
    #[schema(example = "hsk_3q2-7w...")]
    token: String,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        let Token { id, name, role, scopes, created_by, created_at, expires_at, revoked_at } = token;
        Self { id, name, role, scopes, created_by, created_at, expires_at, revoked_at }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    #[schema(min_length = 1, max_length = 200, example = "billing service")]
    name: String,
    /// A role that the caller could hold too.
    #[schema(example = "publisher")]
    role: String,
    /// Narrows the role: `events:publish`, `destinations:write`, ...
    #[schema(example = json!(["events:publish"]))]
    scopes: Option<Vec<String>>,
    /// After this moment the token opens nothing.
    #[schema(value_type = Option<String>, format = DateTime, example = "2030-01-31T12:00:00Z")]
    expires_at: Option<Timestamp>,
}

/// List the tenant's tokens, without their values.
#[utoipa::path(get, path = "/api/v1/tokens", operation_id = "listTokens", tag = "tokens", params(PageParams),
    responses((status = 200, description = "A page of tokens", body = Listed<TokenView>)),
    extensions(("x-permission" = json!("token:read"))))]
pub async fn list(caller: Caller, list: List) -> Result<Answer<Listed<TokenView>>, Problem> {
    let page = list.page;
    let rows = caller.store.read(move |tx| Box::pin(async move { token::list(tx, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |token| token.id.uuid(), TokenView::from)))
}

/// Show a token, without its value.
#[utoipa::path(get, path = "/api/v1/tokens/{id}", operation_id = "getToken", tag = "tokens",
    params(("id" = String, Path, description = "The token's id", example = "tok_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 200, description = "The token", body = TokenView)),
    extensions(("x-permission" = json!("token:read"))))]
pub async fn get(caller: Caller, Id(id): Id<TokenId>) -> Result<Answer<TokenView>, Problem> {
    let found = caller.store.read(move |tx| Box::pin(token::get(tx, id))).await?;
    found.map(|token| Answer(token.into())).ok_or_else(Problem::not_found)
}

/// Create a token. Its value is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "createToken", tag = "tokens", request_body = NewToken,
    responses((status = 201, description = "The token was created; `token` is shown this once", body = CreatedToken)),
    extensions(("x-permission" = json!("token:write"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, new: Create<NewToken>) -> Result<Response, Problem> {
    let ambient = app.ambient.clone();
    let NewToken { name, role, scopes, expires_at } = new.body;
    let mut checks = Checks::default();
    checks.name("name", &name);
    for (place, name) in scopes.iter().flatten().enumerate() {
        checks.take(&format!("scopes[{place}]"), scope(name));
    }
    if expires_at.is_some_and(|at| at <= ambient.now()) {
        checks.fail("expires_at", "past", "must lie in the future");
    }
    checks.finish()?;
    let grant = Grant { name, role, scopes, expires_at };
    let (actor, held) = (caller.actor, caller.permissions);
    let job = new.once.run(&caller.store, move |tx| {
        Box::pin(async move {
            let (made, text) = identity::create_token(tx, &*ambient, &actor, held, grant).await?;
            Ok(Created::new(&TokenView::from(made))?.secret("token", text))
        })
    });
    job.await
}

/// Revoke a token. It opens nothing from the next request on; the row stays, for the trail.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "revokeToken", tag = "tokens",
    params(("id" = String, Path, description = "The token's id", example = "tok_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 204, description = "The token is revoked")),
    extensions(("x-permission" = json!("token:write"))))]
pub async fn revoke(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<TokenId>) -> Result<StatusCode, Problem> {
    let ambient = app.ambient.clone();
    let actor = caller.actor;
    let job = caller.store.write(move |tx| {
        Box::pin(async move {
            let before = token::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            token::revoke(tx, id, ambient.now()).await?;
            let detail = json!({"name": before.name});
            identity::note(tx, &*ambient, &actor, "token.revoked", id.to_string(), detail).await?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        })
    });
    job.await
}
