//! What a destination signs with: a shared secret, a key pair, or both. Secrets are made here or
//! brought along, shown once at most, and replaced by a rotation in which old and new overlap.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use hookswitch_domain::id::{DestinationId, SecretId};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Profile, new_key_pair, new_secret};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::outbound::adapter;
use hookswitch_pipeline::outbound::configs::{PURPOSE_KEY, PURPOSE_SIGNING};
use hookswitch_store::destination::{self as rows, Destination as Row};
use hookswitch_store::signing_key::{self, SigningKey};
use hookswitch_store::{Tx, audit, policy, secret};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::body::Json;
use super::super::caller::Caller;
use super::super::path::Id;
use super::super::problem::Problem;
use super::{Destination, body, find};
use crate::app::App;

/// A rotation's overlap, unless it names another.
const OVERLAP_SECONDS: u32 = 86_400;
const OVERLAP_SECONDS_MAX: u32 = 30 * 86_400;

/// How a destination is to be signed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SigningInput {
    /// `standard`, `oneprotect`, `fr022`, `alga`, `none` (where the installation allows it), or a descriptor:
    /// `{"custom": {"signature_header": "X-Signature", "template": "{timestamp}.{body}", "timestamp_header": "X-Time",
    /// "algorithm": "hmac_sha256", "encoding": "hex", "prefix": "sha256="}}`. Absent: the tenant's default profile.
    #[schema(value_type = Option<Value>, example = "standard")]
    pub(super) profile: Option<Profile>,
    /// A secret that receivers know already, instead of a new one; only when a destination is made. `standard` takes
    /// `whsec_` and the base64 of 24 to 64 bytes, the others 16 to 256 visible ASCII characters.
    #[schema(value_type = Option<String>, write_only)]
    pub(super) secret: Option<Secret>,
    /// Whether a key pair signs too (`v1a`, under `standard`). Its public half is in `public_keys`.
    pub(super) ed25519: Option<bool>,
}

/// Half of a key pair: what receivers check `v1a` signatures with.
#[derive(Serialize, ToSchema)]
pub struct PublicKey {
    #[schema(example = "whpk_8vBq0fDEgXhmRhgKXjAo9QLsXmPjpx5V0bBSZ4iBS5w=")]
    public_key: String,
    /// Replaced by a rotation, it signs until then; null for the current one.
    #[schema(value_type = Option<String>, format = DateTime)]
    signs_until: Option<Timestamp>,
}

impl From<SigningKey> for PublicKey {
    fn from(key: SigningKey) -> Self {
        Self { public_key: key.public_key, signs_until: key.signs_until }
    }
}

fn refuse(field: &str, why: impl std::fmt::Display) -> Problem {
    Problem::invalid(field, "invalid", why.to_string())
}

/// The profile that signs: the destination's own, or the tenant's default. A default of `none`
/// counts as `standard` here, so that what is made is ready once the default changes.
async fn effective(tx: &mut Tx, own: Option<&Profile>) -> Result<Profile, Problem> {
    if let Some(own) = own {
        return Ok(own.clone());
    }
    let default = policy::get(tx).await?.default_signing_profile.as_deref().and_then(Profile::named);
    Ok(default.filter(|profile| *profile != Profile::None).unwrap_or_default())
}

fn adapter_signs(row: &Row) -> bool {
    adapter::find(&row.adapter_type).is_some_and(adapter::Adapter::signs)
}

/// Gives a new destination what it signs with. Returns a secret that was made here, to be shown.
pub(super) async fn equip(
    tx: &mut Tx,
    app: &App,
    row: &mut Row,
    brought: Option<&Secret>,
    ed25519: bool,
) -> Result<Option<String>, Problem> {
    let profile = effective(tx, row.config.profile.as_ref()).await?;
    let signs = adapter_signs(row) && profile != Profile::None;
    if brought.is_some() && !(signs && profile.takes_secret()) {
        return Err(refuse("signing.secret", "is for destinations that sign with a shared secret"));
    }
    if ed25519 && !(signs && profile.takes_key_pair()) {
        return Err(refuse(
            "signing.ed25519",
            "is for the profile standard, and for descriptors of your own with \"algorithm\": \"ed25519\"",
        ));
    }
    if !signs {
        return Ok(None);
    }
    if ed25519 || !profile.takes_secret() {
        make_key_pair(tx, app, row).await?;
    }
    if !profile.takes_secret() {
        return Ok(None);
    }
    let (id, shown) = fresh_secret(tx, app, &profile, brought, "signing.secret").await?;
    row.signing_secret = Some(id);
    Ok(shown)
}

/// Seals the secret that was brought, or a new one, which is returned to be shown.
async fn fresh_secret(
    tx: &mut Tx,
    app: &App,
    profile: &Profile,
    brought: Option<&Secret>,
    field: &str,
) -> Result<(SecretId, Option<String>), Problem> {
    if let Some(brought) = brought {
        profile.check_secret(brought).map_err(|error| refuse(field, error))?;
        return Ok((app.engine.secrets.seal(tx, &*app.ambient, PURPOSE_SIGNING, brought).await?, None));
    }
    let shown = new_secret(app.ambient.random());
    let id = app.engine.secrets.seal(tx, &*app.ambient, PURPOSE_SIGNING, &Secret::from(shown.as_str())).await?;
    Ok((id, Some(shown)))
}

async fn make_key_pair(tx: &mut Tx, app: &App, row: &mut Row) -> Result<(), Problem> {
    let (private, public_key) = new_key_pair(app.ambient.random());
    let id = app.engine.secrets.seal(tx, &*app.ambient, PURPOSE_KEY, &private).await?;
    let key = SigningKey { id, destination: row.id, public_key, created_at: app.ambient.now(), signs_until: None };
    signing_key::insert(tx, &key).await?;
    row.keys.insert(0, key);
    Ok(())
}

/// After a change of `signing`: what the destination has must fit the profile that it has now.
pub(super) async fn refit(tx: &mut Tx, app: &App, row: &mut Row, ed25519: Option<bool>) -> Result<(), Problem> {
    let profile = effective(tx, row.config.profile.as_ref()).await?;
    let signs = adapter_signs(row) && profile != Profile::None;
    if ed25519 == Some(true) && !(signs && profile.takes_key_pair()) {
        return Err(refuse(
            "signing.ed25519",
            "is for the profile standard, and for descriptors with \"algorithm\": \"ed25519\"",
        ));
    }
    if ed25519 == Some(false) {
        signing_key::delete_all(tx, row.id).await?;
        row.keys.clear();
    }
    if !signs {
        return Ok(());
    }
    if row.keys.is_empty() && (ed25519 == Some(true) || !profile.takes_secret()) {
        make_key_pair(tx, app, row).await?;
    }
    if !profile.takes_secret() {
        return Ok(());
    }
    let Some(id) = row.signing_secret else {
        return Err(refuse("signing.profile", "needs a secret, and there is none yet: rotate-secret makes one"));
    };
    let current = opened(tx, app, id).await?;
    let misfit = |error| refuse("signing.profile", format!("doesn't fit the destination's secret ({error}); make a new one"));
    profile.check_secret(&current).map_err(misfit)
}

async fn opened(tx: &mut Tx, app: &App, id: SecretId) -> Result<Secret, Problem> {
    let sealed = secret::get(tx, id).await?.ok_or_else(|| Problem::internal("the signing secret's row is gone"))?;
    let opened = app.engine.secrets.open(sealed.tenant, sealed.id, &sealed.key_id, &sealed.sealed, PURPOSE_SIGNING);
    opened.map_err(|error| Problem::internal(error.to_string()))
}

/// How a rotation goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// How long the old secret signs beside the new one, where the profile can carry two.
    #[serde(default = "overlap")]
    #[schema(default = 86400, maximum = 2592000)]
    overlap_seconds: u32,
    /// The new secret, instead of one that is made here.
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

fn overlap() -> u32 {
    OVERLAP_SECONDS
}

/// What signs now.
#[derive(Serialize, ToSchema)]
pub struct Rotated {
    /// The new secret, shown this once. Null where the caller brought it, and where a key pair alone signs.
    #[schema(example = "whsec_...")]
    signing_secret: Option<String>,
    /// Until then what it replaces signs too; null without overlap, and where the profile carries one signature alone.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_until: Option<Timestamp>,
    /// What the private halves' signatures are checked with.
    public_keys: Vec<PublicKey>,
}

/// Replace what the destination signs with: its secret, and its key pair if it has one. Old and new sign until the
/// overlap is over, or `finalize-rotation` ends it.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/rotate-secret", operation_id = "rotateDestinationSecret",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")), request_body = Rotate,
    extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The new secret, shown this once", body = Rotated),
        (status = 409, description = "Its adapter sends no signatures")))]
pub async fn rotate(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
    Json(rotate): Json<Rotate>,
) -> Result<axum::Json<Rotated>, Problem> {
    if rotate.overlap_seconds > OVERLAP_SECONDS_MAX {
        return Err(Problem::invalid("overlap_seconds", "invalid", "must be 0 to 2592000"));
    }
    let store = caller.store.clone();
    let rotated = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let mut row = find(tx, id).await?;
            if !adapter_signs(&row) {
                return Err(Problem::conflict("unsigned", "this destination's adapter sends no signatures"));
            }
            let rotated = replace(tx, &app, &mut row, &rotate).await?;
            let until = rotated.previous_until;
            let detail = json!({ "overlap_seconds": rotate.overlap_seconds, "previous_until": until,
                "brought": rotate.secret.is_some(), "public_keys": row.keys.len() });
            caller.record(tx, &app, "destination.secret_rotated", id, detail).await?;
            Ok(rotated)
        })
    });
    Ok(axum::Json(rotated.await?))
}

async fn replace(tx: &mut Tx, app: &App, row: &mut Row, rotate: &Rotate) -> Result<Rotated, Problem> {
    let own = row.config.profile.as_ref().filter(|profile| **profile != Profile::None);
    let profile = effective(tx, own).await?;
    row.updated_at = app.ambient.now();
    let overlaps = rotate.overlap_seconds > 0 && profile.carries_two();
    let until = overlaps.then(|| row.updated_at.plus(Duration::from_secs(rotate.overlap_seconds.into())));

    let mut retired = vec![row.previous_secret.take()];
    let mut shown = None;
    row.previous_until = None;
    if profile.takes_secret() {
        refuse_same(tx, app, row, rotate.secret.as_ref()).await?;
        let (fresh, made) = fresh_secret(tx, app, &profile, rotate.secret.as_ref(), "secret").await?;
        shown = made;
        let current = row.signing_secret.replace(fresh);
        match until {
            Some(_) => row.previous_secret = current,
            None => retired.push(current),
        }
    } else if rotate.secret.is_some() {
        return Err(refuse("secret", "is for destinations that sign with a shared secret"));
    }
    if !row.keys.is_empty() {
        match until {
            Some(until) => signing_key::retire_current(tx, row.id, until).await?,
            None => drop(signing_key::delete_all(tx, row.id).await?),
        }
        make_key_pair(tx, app, row).await?;
        row.keys = signing_key::of(tx, row.id).await?;
    }
    let overlapping = row.previous_secret.is_some() || row.keys.len() > 1;
    row.previous_until = until.filter(|_| overlapping);
    rows::update(tx, row).await?;
    for old in retired.into_iter().flatten() {
        secret::delete(tx, old).await?;
    }
    let public_keys = row.keys.iter().cloned().map(PublicKey::from).collect();
    Ok(Rotated { signing_secret: shown, previous_until: row.previous_until, public_keys })
}

/// A rotation to the secret that signs already would only look like one.
async fn refuse_same(tx: &mut Tx, app: &App, row: &Row, brought: Option<&Secret>) -> Result<(), Problem> {
    let (Some(current), Some(brought)) = (row.signing_secret, brought) else { return Ok(()) };
    match opened(tx, app, current).await? == *brought {
        true => Err(refuse("secret", "is the one that signs already: bring another one")),
        false => Ok(()),
    }
}

/// End a rotation's overlap now: the old secret and the old key never sign again. Without one, nothing changes.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/finalize-rotation",
    operation_id = "finalizeDestinationRotation", tag = "destinations",
    params(("id" = String, Path, description = "`dst_...`")), extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The new secret signs alone", body = Destination)))]
pub async fn finalize(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
) -> Result<axum::Json<Destination>, Problem> {
    let store = caller.store.clone();
    let ended = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            find(tx, id).await?;
            let ended = signing_key::end_rotation(tx, id).await?;
            let row = find(tx, id).await?;
            if ended {
                caller.record(tx, &app, "destination.rotation_finalized", id, json!({})).await?;
            }
            Ok(row)
        })
    });
    Ok(axum::Json(ended.await?.into()))
}

/// What the trail says of a destination's signature.
pub(super) fn told(row: &Row) -> Value {
    let profile = row.config.profile.as_ref().map_or("default", Profile::name);
    json!({ "profile": profile, "signed": body::signs(&row.adapter_type, &row.config), "ed25519": !row.keys.is_empty() })
}
