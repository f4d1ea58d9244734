//! Credentials: what destinations show to their receivers. A value comes in once, is sealed, and is
//! never shown; or it stays outside, and the credential names it by a reference. Either way what is
//! read here is a hint at the reference and no more.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::id::{CredentialId, SecretId};
use hookswitch_domain::reference::Reference;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_pipeline::secrets::{CREDENTIAL, SecretError, Secrets};
use hookswitch_store::credential::{self, Credential};
use hookswitch_store::{TenantStore, Tx, secret};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;
use crate::identity;

mod settings;

use settings::{CredentialSettings, Kind};

/// A credential, without what is secret in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Credential)]
pub struct CredentialView {
    #[schema(value_type = String, example = "crd_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: CredentialId,
    #[schema(example = "billing API key")]
    name: String,
    #[serde(rename = "type")]
    #[schema(value_type = Kind)]
    kind: String,
    /// Who keeps the value: `sealed` is this server, others are outside.
    #[schema(example = "file")]
    provider: String,
    /// A hint at where the value lies.
    #[schema(example = "file://…/pg_***")]
    ref_redacted: String,
    #[schema(value_type = CredentialSettings)]
    settings: serde_json::Value,
    /// Counts changes of value, reference or settings, from 1.
    version: i64,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    updated_at: Timestamp,
}

impl From<Credential> for CredentialView {
    fn from(row: Credential) -> Self {
        let (provider, ref_redacted) = shown(&row.reference);
        let Credential { id, name, kind, settings, version, created_at, updated_at, .. } = row;
        Self { id, name, kind, provider, ref_redacted, settings, version, created_at, updated_at }
    }
}

/// Scheme and hint. A stored reference that can't be parsed is shown as nothing.
fn shown(reference: &str) -> (String, String) {
    match reference.parse::<Reference>() {
        Ok(reference) => (reference.scheme().to_owned(), reference.redacted()),
        Err(_) => ("unknown".to_owned(), "***".to_owned()),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    #[schema(min_length = 1, max_length = 200, example = "billing API key")]
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    /// Where the value lies, under a prefix that the installation grants: this or `value`.
    #[serde(rename = "ref")]
    #[schema(example = "file:///run/secrets/acme/billing_key")]
    reference: Option<String>,
    /// The value itself, which is sealed and never shown again. For `basic`: `user:password`.
    #[schema(value_type = Option<String>, format = Password)]
    value: Option<Secret>,
    settings: Option<CredentialSettings>,
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialChange {
    #[schema(min_length = 1, max_length = 200, example = "billing API key")]
    name: Option<String>,
    /// Replaces value or reference: this or `value`.
    #[serde(rename = "ref")]
    #[schema(example = "file:///run/secrets/acme/billing_key_2")]
    reference: Option<String>,
    #[schema(value_type = Option<String>, format = Password)]
    value: Option<Secret>,
    settings: Option<CredentialSettings>,
}

/// Where the value comes from, once it was checked.
enum Source {
    Value(Secret),
    Reference(Reference),
}

/// List the tenant's credentials, without their values.
#[utoipa::path(get, path = "/api/v1/integrations/credentials", operation_id = "listCredentials", tag = "credentials",
    params(PageParams),
    responses((status = 200, description = "A page of credentials", body = Listed<CredentialView>)),
    extensions(("x-permission" = json!("credential:read"))))]
pub async fn list(caller: Caller, list: List) -> Result<Answer<Listed<CredentialView>>, Problem> {
    let page = list.page;
    let rows = caller.store.read(move |tx| Box::pin(async move { credential::list(tx, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |row| row.id.uuid(), CredentialView::from)))
}

/// Show a credential, without its value.
#[utoipa::path(get, path = "/api/v1/integrations/credentials/{id}", operation_id = "getCredential", tag = "credentials",
    params(("id" = String, Path, description = "The credential's id", example = "crd_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 200, description = "The credential", body = CredentialView)),
    extensions(("x-permission" = json!("credential:read"))))]
pub async fn get(caller: Caller, Id(id): Id<CredentialId>) -> Result<Answer<CredentialView>, Problem> {
    let found = caller.store.read(move |tx| Box::pin(credential::get(tx, id))).await?;
    found.map(|row| Answer(row.into())).ok_or_else(Problem::not_found)
}

/// Create a credential from a value, which is sealed, or from a reference to one.
#[utoipa::path(post, path = "/api/v1/integrations/credentials", operation_id = "createCredential", tag = "credentials",
    request_body = NewCredential,
    responses((status = 201, description = "The credential was created", body = CredentialView)),
    extensions(("x-permission" = json!("credential:create"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, new: Create<NewCredential>) -> Result<Response, Problem> {
    let NewCredential { name, kind, reference, value, settings } = new.body;
    let mut checks = Checks::default();
    checks.name("name", &name);
    let settings = kind.settings(&mut checks, settings, &app.engine.rules);
    let source = source(&mut checks, kind, reference, value);
    if source.is_none() {
        checks.fail("value", "required", "send value, or ref with the place where it lies");
    }
    checks.finish()?;
    let Some(source) = source else { return Err(Problem::internal("a source was checked and is gone")) };
    let secrets = app.engine.secrets.clone();
    permit(&secrets, &caller.store, &source).await?;
    let (ambient, actor) = (app.ambient.clone(), caller.actor);
    let job = new.once.run(&caller.store, move |tx| {
        Box::pin(async move {
            let (id, at) = (ambient.fresh::<CredentialId>(), ambient.now());
            let reference = settle(tx, &secrets, &*ambient, source).await?;
            let kind = kind.as_str().to_owned();
            let row = Credential { id, name, kind, reference, settings, version: 1, created_at: at, updated_at: at };
            credential::insert(tx, &row).await?;
            let detail = trail(&row);
            let view = CredentialView::from(row);
            identity::note(tx, &*ambient, &actor, "credential.created", id.to_string(), detail).await?;
            Created::new(&view)
        })
    });
    job.await
}

/// Change a credential. A new value or reference is used from the next attempt on.
#[utoipa::path(patch, path = "/api/v1/integrations/credentials/{id}", operation_id = "changeCredential", tag = "credentials",
    request_body = CredentialChange,
    params(("id" = String, Path, description = "The credential's id", example = "crd_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 200, description = "The credential as it is now", body = CredentialView)),
    extensions(("x-permission" = json!("credential:update"))))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<CredentialId>,
    Json(change): Json<CredentialChange>,
) -> Result<Answer<CredentialView>, Problem> {
    let found = caller.store.read(move |tx| Box::pin(credential::get(tx, id))).await?;
    let kind: Kind = Kind::stored(&found.ok_or_else(Problem::not_found)?.kind)?;
    let CredentialChange { name, reference, value, settings } = change;
    let mut checks = Checks::default();
    if let Some(name) = &name {
        checks.name("name", name);
    }
    let settings = settings.map(|settings| kind.settings(&mut checks, Some(settings), &app.engine.rules));
    let source = source(&mut checks, kind, reference, value);
    checks.finish()?;
    let secrets = app.engine.secrets.clone();
    if let Some(source) = &source {
        permit(&secrets, &caller.store, source).await?;
    }
    let (ambient, actor) = (app.ambient.clone(), caller.actor);
    let job = caller.store.write(move |tx| {
        Box::pin(async move {
            let mut row = credential::hold(tx, id).await?.ok_or_else(Problem::not_found)?;
            row.version += i64::from(settings.is_some() || source.is_some());
            row.name = name.unwrap_or(row.name);
            row.settings = settings.unwrap_or(row.settings);
            row.updated_at = ambient.now();
            let before = row.reference.clone();
            if let Some(source) = source {
                row.reference = settle(tx, &secrets, &*ambient, source).await?;
            }
            credential::update(tx, &row).await?;
            forget(tx, &before).await?;
            let detail = trail(&row);
            identity::note(tx, &*ambient, &actor, "credential.updated", id.to_string(), detail).await?;
            Ok::<_, Problem>(row)
        })
    });
    Ok(Answer(job.await?.into()))
}

/// Remove a credential and the value that was sealed for it. Not while a destination uses it.
#[utoipa::path(delete, path = "/api/v1/integrations/credentials/{id}", operation_id = "removeCredential", tag = "credentials",
    params(("id" = String, Path, description = "The credential's id", example = "crd_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses(
        (status = 204, description = "The credential is gone"),
        (status = 409, description = "A destination uses it")),
    extensions(("x-permission" = json!("credential:delete"))))]
pub async fn remove(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<CredentialId>) -> Result<StatusCode, Problem> {
    let (ambient, actor) = (app.ambient.clone(), caller.actor);
    let job = caller.store.write(move |tx| {
        Box::pin(async move {
            let row = credential::hold(tx, id).await?.ok_or_else(Problem::not_found)?;
            if let Some(destination) = credential::used_by(tx, id).await? {
                let detail = format!("the destination {destination} uses this credential; give it another one first");
                return Err(Problem::conflict("credential_in_use", detail));
            }
            credential::delete(tx, id).await?;
            forget(tx, &row.reference).await?;
            identity::note(tx, &*ambient, &actor, "credential.removed", id.to_string(), trail(&row)).await?;
            Ok(StatusCode::NO_CONTENT)
        })
    });
    job.await
}

/// One of `ref` and `value`, checked as far as that goes without the database.
fn source(checks: &mut Checks, kind: Kind, reference: Option<String>, value: Option<Secret>) -> Option<Source> {
    match (reference, value) {
        (Some(_), Some(_)) => {
            checks.fail("ref", "ambiguous", "send ref or value, not both");
            None
        }
        (Some(reference), None) => checks.take("ref", reference.parse()).map(Source::Reference),
        (None, Some(value)) => checks.take("value", kind.check(&value)).map(|()| Source::Value(value)),
        (None, None) => None,
    }
}

/// Whether the tenant may name the reference: before the transaction, which looks up nothing outside.
async fn permit(secrets: &Secrets, store: &TenantStore, source: &Source) -> Result<(), Problem> {
    let Source::Reference(reference) = source else { return Ok(()) };
    secrets.permit(store, reference).await.map_err(|error| match error {
        SecretError::Store(error) => error.into(),
        other => Problem::invalid("ref", other.code(), other.to_string()),
    })
}

/// The reference under which the value will be found; a value is sealed first.
async fn settle(tx: &mut Tx, secrets: &Secrets, ambient: &dyn Ambient, source: Source) -> Result<String, Problem> {
    match source {
        Source::Reference(reference) => Ok(reference.as_str().to_owned()),
        Source::Value(value) => Ok(format!("sealed://{}", secrets.seal(tx, ambient, CREDENTIAL, &value).await?)),
    }
}

/// Deletes a sealed value that no credential names any more.
async fn forget(tx: &mut Tx, reference: &str) -> Result<(), Problem> {
    let id = reference.strip_prefix("sealed://").and_then(|id| id.parse::<SecretId>().ok());
    if let Some(id) = id
        && credential::naming(tx, reference).await? == 0
    {
        secret::delete(tx, id).await?;
    }
    Ok(())
}

/// What the audit trail says of a credential: never the reference as a whole.
fn trail(row: &Credential) -> serde_json::Value {
    let (provider, ref_redacted) = shown(&row.reference);
    json!({ "name": row.name, "type": row.kind, "provider": provider, "ref": ref_redacted, "version": row.version })
}
