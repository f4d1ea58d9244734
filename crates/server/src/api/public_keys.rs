//! The open half of key pairs, for receivers: what a destination's `v1a` signatures are checked with.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use hookswitch_domain::id::DestinationId;
use hookswitch_domain::signature::public_key_bytes;
use hookswitch_domain::tenant::Slug;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::{StoreError, signing_key, tenant};
use http::header::CACHE_CONTROL;
use serde::Serialize;
use utoipa::ToSchema;

use super::path::Ids;
use super::problem::Problem;
use crate::app::App;

/// Shorter than any sensible overlap, so that nobody misses a rotation.
const CACHE: &str = "public, max-age=300";

/// A JSON Web Key Set (RFC 7517, RFC 8037) that also has the spelling of Standard Webhooks.
#[derive(Serialize, ToSchema)]
pub struct PublicKeys {
    /// The newest first. A receiver accepts what any of them has signed.
    keys: Vec<Jwk>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PublicJwk)]
pub struct Jwk {
    /// As Standard Webhooks writes it.
    #[schema(example = "whpk_8vBq0fDEgXhmRhgKXjAo9QLsXmPjpx5V0bBSZ4iBS5w=")]
    public_key: String,
    #[schema(example = "OKP")]
    kty: &'static str,
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// The key in base64url.
    x: String,
    #[schema(example = "EdDSA")]
    alg: &'static str,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    for_use: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Replaced by a rotation, it signs until then; null for the current one.
    #[schema(value_type = Option<String>, format = DateTime)]
    signs_until: Option<Timestamp>,
}

/// The public keys of one destination. They are one destination's and not the tenant's on purpose: a receiver that
/// took any key of the tenant would take what was signed for somebody else.
#[utoipa::path(get, path = "/.well-known/hookswitch/{tenant_slug}/{destination_id}/keys.json",
    operation_id = "getPublicKeys", tag = "destinations",
    params(("tenant_slug" = String, Path, description = "The tenant's slug"),
        ("destination_id" = String, Path, description = "`dst_...`")),
    extensions(("x-permission" = json!("public"))),
    responses((status = 200, description = "The keys that sign now", body = PublicKeys)))]
pub async fn get(State(app): State<Arc<App>>, Ids(slug, id): Ids<Slug, DestinationId>) -> Result<Response, Problem> {
    let system = app.db.system();
    let owner = system.read::<_, StoreError, _>(move |tx| Box::pin(async move { tenant::by_slug(tx, slug.as_str()).await }));
    let owner = owner.await?.ok_or_else(Problem::not_found)?.id;
    let store = app.db.for_tenant(owner);
    let found = store.read::<_, StoreError, _>(move |tx| Box::pin(signing_key::of(tx, id))).await?;
    let now = app.ambient.now();
    let keys: Vec<Jwk> =
        found.into_iter().filter(|key| key.signs_until.is_none_or(|until| until > now)).filter_map(jwk).collect();
    if keys.is_empty() {
        // Also for what isn't there: nobody learns which destinations exist.
        return Err(Problem::not_found());
    }
    Ok(([(CACHE_CONTROL, CACHE)], axum::Json(PublicKeys { keys })).into_response())
}

fn jwk(key: signing_key::SigningKey) -> Option<Jwk> {
    Some(Jwk {
        x: BASE64URL_NOPAD.encode(&public_key_bytes(&key.public_key)?),
        public_key: key.public_key,
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        for_use: "sig",
        created_at: key.created_at,
        signs_until: key.signs_until,
    })
}
