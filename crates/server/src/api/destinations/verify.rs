//! The ownership challenge: a destination whose tenant wants it stays disabled, as `unverified`, until
//! its receiver has repeated a token.

use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::destination::Hold;
use hookswitch_domain::id::DestinationId;
use hookswitch_pipeline::outbound::challenge::{Means, challenge};
use hookswitch_store::destination::{self as rows, Destination as Row};
use hookswitch_store::{Tx, audit, tenant};
use serde_json::json;

use super::super::caller::Caller;
use super::super::path::Id;
use super::super::problem::Problem;
use super::{Destination, find};
use crate::app::App;

/// What can repeat a token. Chat and ticket services answer as they always do.
const CHALLENGED: &str = "webhook";

/// The hold of a destination that a person enables: none, unless its receiver has a challenge to answer.
pub(super) async fn held_until_verified(tx: &mut Tx, row: &Row) -> Result<Option<Hold>, Problem> {
    let wanted = tenant::own(tx).await?.is_some_and(|own| own.settings.require_ownership_challenge);
    let open = wanted && row.adapter_type == CHALLENGED && row.config.verified_at.is_none();
    Ok(open.then_some(Hold::Unverified))
}

/// Send the ownership challenge now. If the receiver repeats the token, the destination counts as
/// verified, and one that was only waiting for this is enabled.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/verify", operation_id = "verifyDestination",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")),
    extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 200, description = "Verified", body = Destination),
        (status = 409, description = "Its adapter takes no challenge, or it was changed meanwhile"),
        (status = 422, description = "`challenge_failed`: the receiver didn't repeat the challenge; the detail says what it did")))]
pub async fn verify(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
) -> Result<axum::Json<Destination>, Problem> {
    let row = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    if row.adapter_type != CHALLENGED {
        return Err(Problem::conflict("not_supported", "only webhook destinations take a challenge"));
    }
    let config = app.engine.configs.reload(caller.tenant).await?.ok_or_else(Problem::not_found)?;
    let outlet = config.outlet(id).ok_or_else(Problem::not_found)?.clone();
    if outlet.unsigned() && !app.engine.configs.allow_unsigned() {
        return Err(Problem::conflict("unsigned", "unsigned requests are switched off here; choose a signing profile first"));
    }
    let (ambient, store) = (&*app.ambient, &caller.store);
    let means = Means { client: &app.engine.client, secrets: &app.engine.secrets, ambient, store };
    let asked = challenge(&means, &caller.tenant_slug, &outlet).await;
    let store = caller.store.clone();
    let written = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let mut row = find(tx, id).await?;
            if row.revision != outlet.revision {
                return Err(Problem::conflict("changed", "the destination was changed meanwhile; verify it again"));
            }
            if let Err(reason) = asked {
                caller.record(tx, &app, "destination.challenge_failed", id, json!({ "reason": reason })).await?;
                return Ok(Err(reason));
            }
            row.config.verified_at = Some(app.ambient.now());
            rows::update(tx, &row).await?;
            if row.hold == Some(Hold::Unverified) {
                row.hold = None;
                rows::set_hold(tx, id, None).await?;
                app.engine.publisher.wake_after(tx);
            }
            caller.record(tx, &app, "destination.verified", id, json!({ "endpoint": row.endpoint })).await?;
            Ok(Ok(row))
        })
    });
    match written.await? {
        Ok(row) => Ok(axum::Json(row.into())),
        Err(reason) => Err(Problem::rule("challenge_failed", reason)),
    }
}
