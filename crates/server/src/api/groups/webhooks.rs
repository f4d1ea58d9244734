//! SEED-4's outbound paths: a group's webhooks, for its admins. They are destinations like all others,
//! made, changed and replayed by the same functions; here they have SEED-4's names and shapes
//! (`view`), and what they are sent is put into its form by a transform that can be read and changed
//! like any other.

mod log;
mod view;

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::group::{Group, member};
use hookswitch_desk::record::{self, Filters};
use hookswitch_desk::task::user_of;
use hookswitch_domain::id::{DestinationId, GroupId};
use hookswitch_domain::permission::Permission;
use hookswitch_store::destination::{self as rows, Destination as Row};
use hookswitch_store::{Page, Tx};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

pub use log::{__path_deliveries, __path_replay, deliveries, replay};
pub use view::{CreatedWebhook, NewWebhook};
use view::{WebhookChange, WebhookView, in_their_words};

use super::Standing;
use crate::api::body::{Json, OrDefault};
use crate::api::caller::Caller;
use crate::api::destinations::{self, signing};
use crate::api::idempotency::{Create, Created, Once};
use crate::api::list::{Filtered, List, Listed, PageParams};
use crate::api::path::Id;
use crate::api::problem::Problem;
use crate::app::App;

/// Which group is meant.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct InGroup {
    /// Needed unless the caller has one group.
    #[param(value_type = Option<String>)]
    group_id: Option<GroupId>,
}

/// A page of a list, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhooks {
    data: Vec<WebhookView>,
    /// Send it as `cursor` to go on; null at the end.
    next_cursor: Option<String>,
}

/// The group that is named, or the caller's only one; the caller leads it.
async fn led(tx: &mut Tx, caller: &Caller, asked: InGroup) -> Result<GroupId, Problem> {
    let group = match asked.group_id {
        Some(group) => group,
        None => only_one(tx, caller).await?,
    };
    Standing::of(tx, caller, group).await?.admin()?;
    Ok(group)
}

/// Of the caller's own groups, and for who may everything of all there are.
async fn only_one(tx: &mut Tx, caller: &Caller) -> Result<GroupId, Problem> {
    let mut groups = Vec::new();
    if let Some(user) = user_of(&caller.actor) {
        groups.extend(member::groups_of(tx, user).await?.into_iter().map(|(group, _)| group));
    }
    if groups.is_empty() && caller.permissions.allow(Permission::DeskWrite) {
        let all = record::store::list::<Group>(tx, &Filters::default(), &Page::first(2)).await?;
        groups.extend(all.into_iter().map(|group| group.id));
    }
    match groups[..] {
        [group] => Ok(group),
        _ => Err(Problem::invalid("groupId", "required", "names the group: you have none, or more than one")),
    }
}

/// The webhook, if it is one of a group that the caller leads.
async fn found(tx: &mut Tx, caller: &Caller, id: DestinationId, asked: InGroup) -> Result<Row, Problem> {
    let row = rows::get(tx, id).await?.ok_or_else(Problem::not_found)?;
    let group = row.group_id.filter(|group| asked.group_id.is_none_or(|asked| asked == *group));
    let group = group.ok_or_else(Problem::not_found)?;
    Standing::of(tx, caller, group).await?.admin()?;
    Ok(row)
}

/// The webhook as it is now.
async fn shown(caller: &Caller, id: DestinationId) -> Result<Answer<WebhookView>, Problem> {
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = rows::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            view::of(tx, row).await
        })
    });
    Ok(Answer(job.await?))
}

/// List a group's webhooks, newest first.
#[utoipa::path(get, path = "/api/integrations/webhooks", operation_id = "listGroupWebhooks", tag = "groups",
    params(PageParams, InGroup), responses((status = 200, description = "A page of webhooks, without secrets", body = Webhooks)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn list(caller: Caller, List { page, filter }: List<InGroup>) -> Result<Answer<Webhooks>, Problem> {
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let group = led(tx, &caller, filter).await?;
            let mut views = Vec::new();
            for row in rows::of_group(tx, group, &page).await? {
                views.push((row.id, view::of(tx, row).await?));
            }
            Ok(views)
        })
    });
    let Listed { data, next_cursor } = Listed::of(&page, job.await?, |(id, _)| id.uuid(), |(_, view)| view);
    Ok(Answer(Webhooks { data, next_cursor }))
}

/// Create a webhook of a group. The secret is in this answer and in no other.
#[utoipa::path(post, path = "/api/integrations/webhooks", operation_id = "createGroupWebhook", tag = "groups",
    params(InGroup), request_body = NewWebhook,
    responses((status = 201, description = "Created; `secret` is shown this once", body = CreatedWebhook)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Filtered(asked): Filtered<InGroup>,
    Create { body, once }: Create<NewWebhook>,
) -> Result<Response, Problem> {
    let asked = InGroup { group_id: asked.group_id.or(body.group_id()) };
    let (reader, store) = (caller.clone(), caller.store.clone());
    let group = store.read::<_, Problem, _>(move |tx| Box::pin(async move { led(tx, &reader, asked).await })).await?;
    let wanted: destinations::NewDestination = view::read(body.as_destination(group))?;
    let draft = wanted.check(&app).await.map_err(in_their_words)?;
    let job = once.within(&group.to_string()).run(&store, move |tx| {
        Box::pin(async move {
            // It may have been taken away since.
            led(tx, &caller, asked).await?;
            let (row, secret) = destinations::make(tx, &app, &caller, draft).await.map_err(in_their_words)?;
            let created = Created::new(&view::of(tx, row).await?)?;
            Ok(match secret {
                Some(secret) => created.secret("secret", secret),
                None => created,
            })
        })
    });
    job.await
}

/// Show a group's webhook.
#[utoipa::path(get, path = "/api/integrations/webhooks/{id}", operation_id = "getGroupWebhook", tag = "groups",
    params(("id" = String, Path, description = "`dst_...`"), InGroup),
    responses((status = 200, description = "The webhook, without its secret", body = WebhookView)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn get(
    caller: Caller,
    Id(id): Id<DestinationId>,
    Filtered(asked): Filtered<InGroup>,
) -> Result<Answer<WebhookView>, Problem> {
    look(&caller, id, asked).await?;
    shown(&caller, id).await
}

/// Whether the caller may have to do with it.
async fn look(caller: &Caller, id: DestinationId, asked: InGroup) -> Result<Row, Problem> {
    let reader = caller.clone();
    caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { found(tx, &reader, id, asked).await })).await
}

/// Change a group's webhook. What is left out stays, the URL too: it is shown without its path, and that is no
/// change either.
#[utoipa::path(put, path = "/api/integrations/webhooks/{id}", operation_id = "changeGroupWebhook", tag = "groups",
    params(("id" = String, Path, description = "`dst_...`"), InGroup), request_body = WebhookChange,
    responses((status = 200, description = "The webhook as it is now", body = WebhookView)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<DestinationId>,
    Filtered(asked): Filtered<InGroup>,
    Json(body): Json<WebhookChange>,
) -> Result<Answer<WebhookView>, Problem> {
    let row = look(&caller, id, asked).await?;
    let change: destinations::Change = view::read(body.as_change(&row)?)?;
    let changed = destinations::change(caller.clone(), State(app), Id(id), Json(change)).await;
    drop(changed.map_err(in_their_words)?);
    shown(&caller, id).await
}

/// Delete a group's webhook. What was delivered stays readable to the tenant.
#[utoipa::path(delete, path = "/api/integrations/webhooks/{id}", operation_id = "deleteGroupWebhook", tag = "groups",
    params(("id" = String, Path, description = "`dst_...`"), InGroup),
    responses((status = 204, description = "Deleted")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<DestinationId>,
    Filtered(asked): Filtered<InGroup>,
) -> Result<StatusCode, Problem> {
    look(&caller, id, asked).await?;
    destinations::remove(caller, State(app), Id(id)).await
}

/// How a rotation goes.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WebhookRotation {
    /// How long the old secret signs beside the new one, where the webhook's profile can carry two: `fr022` can't.
    #[serde(default)]
    #[schema(default = 0, maximum = 2592000)]
    overlap_seconds: u32,
}

/// The new secret, shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSecret {
    #[schema(example = "whsec_...")]
    secret: Option<String>,
    #[schema(format = DateTime)]
    previous_secret_until: Option<String>,
}

/// Give a webhook a new secret.
#[utoipa::path(post, path = "/api/integrations/webhooks/{id}/rotate-secret", operation_id = "rotateGroupWebhookSecret",
    tag = "groups", params(("id" = String, Path, description = "`dst_...`"), InGroup), request_body = WebhookRotation,
    responses((status = 200, description = "The new secret, shown this once", body = WebhookSecret)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<DestinationId>,
    Filtered(asked): Filtered<InGroup>,
    OrDefault(WebhookRotation { overlap_seconds }): OrDefault<WebhookRotation>,
) -> Result<Answer<WebhookSecret>, Problem> {
    look(&caller, id, asked).await?;
    let rotate = view::read(json!({ "overlap_seconds": overlap_seconds }))?;
    let rotated = signing::rotate(caller, State(app), Id(id), Json(rotate)).await.map_err(in_their_words)?;
    let told = serde_json::to_value(&rotated.0).map_err(|error| Problem::internal(error.to_string()))?;
    let text = |name: &str| told.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    Ok(Answer(WebhookSecret { secret: text("signing_secret"), previous_secret_until: text("previous_until") }))
}

/// A delivery on its way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSent {
    #[schema(value_type = String, example = "dlv_01jd8r7c5tevzs9c1ghvzv3hkp")]
    delivery_id: hookswitch_domain::id::DeliveryId,
}

/// Send a `webhook.test` event to this webhook alone, whatever it subscribes to.
#[utoipa::path(post, path = "/api/integrations/webhooks/{id}/test", operation_id = "testGroupWebhook", tag = "groups",
    params(("id" = String, Path, description = "`dst_...`"), InGroup),
    responses((status = 202, description = "On its way; look at the delivery", body = WebhookSent)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn test(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<DestinationId>,
    Filtered(asked): Filtered<InGroup>,
    once: Once,
) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            found(tx, &caller, id, asked).await?;
            let delivery_id = destinations::send_test(tx, &app, &caller, id).await?;
            Created::with_status(StatusCode::ACCEPTED, &WebhookSent { delivery_id })
        })
    });
    job.await
}
