//! Ordered destinations: which keys wait behind what, and what a person does about the head of one.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::id::{DeliveryId, DestinationId};
use hookswitch_store::ordered::{self as rows, Act, Acted, Key};
use hookswitch_store::{Tx, delivery, destination};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::caller::Caller;
use super::deliveries::{Delivery, Replayed, payload_purged};
use super::idempotency::{Created, Once};
use super::list::{Cursored, List, Listed, PageParams, bad_cursor, seal};
use super::path::Id;
use super::problem::Problem;
use crate::app::App;

/// A key of an ordered destination under which something waits.
#[derive(Serialize, ToSchema)]
pub struct OrderingKey {
    /// Null: events that were published without a key, which stand in one line of their own.
    #[schema(example = "order-4711")]
    ordering_key: Option<String>,
    /// The head and those behind it; 10000 says that or more.
    #[schema(example = 3)]
    depth: i64,
    /// The delivery that the others wait for.
    head: Delivery,
}

impl From<Key> for OrderingKey {
    fn from(key: Key) -> Self {
        Self { ordering_key: Some(key.key).filter(|key| !key.is_empty()), depth: key.depth, head: key.head.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    failing: Option<bool>,
}

/// Keys of an ordered destination under which something waits, in the order of their names, each with the delivery
/// at its head and how many stand in line. `from` and `to` are about when the head was made.
#[utoipa::path(get, path = "/api/v1/integrations/destinations/{id}/ordering-keys", operation_id = "listOrderingKeys",
    tag = "deliveries",
    params(("id" = String, Path, description = "`dst_...`"), PageParams,
        ("failing" = Option<bool>, Query, description = "`true`: only keys whose head failed and waits for its next try, or for a person")),
    extensions(("x-permission" = json!("delivery:read"))),
    responses((status = 200, description = "A page of keys", body = Listed<OrderingKey>)))]
pub async fn keys(
    caller: Caller,
    Id(id): Id<DestinationId>,
    Cursored { list: List { page, filter }, cursor }: Cursored<Query>,
) -> Result<axum::Json<Listed<OrderingKey>>, Problem> {
    let after = cursor.map(|bytes| String::from_utf8(bytes).ok().filter(|key| !key.contains('\0')).ok_or_else(bad_cursor));
    let after = after.transpose()?;
    let limit = page.limit as usize;
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            destination::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            Ok(rows::keys(tx, id, after.as_deref(), filter.failing.unwrap_or(false), &page).await?)
        })
    });
    let mut found = job.await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| seal(last.key.as_bytes()));
    Ok(axum::Json(Listed { data: found.into_iter().map(OrderingKey::from).collect(), next_cursor }))
}

/// Skip the head of an ordering key: it is discarded, and the next one is sent.
#[utoipa::path(post, path = "/api/v1/integrations/deliveries/{id}/skip", operation_id = "skipDelivery", tag = "deliveries",
    params(("id" = String, Path, description = "`dlv_...`")), extensions(("x-permission" = json!("delivery:cancel"))),
    responses((status = 200, description = "Discarded", body = Delivery),
        (status = 409, description = "It is over, has no order, isn't the head of its key, or is being sent")))]
pub async fn skip(caller: Caller, app: State<Arc<App>>, id: Id<DeliveryId>) -> Result<axum::Json<Delivery>, Problem> {
    end(caller, app, id, Act::Skip, "delivery.skipped").await
}

/// Set the head of an ordering key aside: it is kept among the dead letters, and the next one is sent. A replay puts
/// it at the end of its key's line.
#[utoipa::path(post, path = "/api/v1/integrations/deliveries/{id}/dead-letter", operation_id = "deadLetterDelivery",
    tag = "deliveries", params(("id" = String, Path, description = "`dlv_...`")),
    extensions(("x-permission" = json!("delivery:cancel"))),
    responses((status = 200, description = "Among the dead letters", body = Delivery),
        (status = 409, description = "It is over, has no order, isn't the head of its key, or is being sent")))]
pub async fn dead_letter(caller: Caller, app: State<Arc<App>>, id: Id<DeliveryId>) -> Result<axum::Json<Delivery>, Problem> {
    end(caller, app, id, Act::DeadLetter, "delivery.set_aside").await
}

async fn end(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DeliveryId>,
    act: Act,
    action: &'static str,
) -> Result<axum::Json<Delivery>, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            find(tx, id).await?;
            done(rows::act(tx, id, act).await?)?;
            caller.record(tx, &app, action, id, json!({})).await?;
            app.engine.publisher.wake_after(tx);
            find(tx, id).await
        })
    });
    Ok(axum::Json(job.await?.into()))
}

/// Try the head of an ordering key now. Where its attempts are used up, a new delivery takes its place at the head:
/// the answer names it.
#[utoipa::path(post, path = "/api/v1/integrations/deliveries/{id}/retry", operation_id = "retryDelivery", tag = "deliveries",
    params(("id" = String, Path, description = "`dlv_...`")), extensions(("x-permission" = json!("delivery:replay"))),
    responses((status = 202, description = "Due now", body = Replayed),
        (status = 409, description = "It is over, has no order, isn't the head of its key, or is being sent")))]
pub async fn retry(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<DeliveryId>, once: Once) -> Result<Response, Problem> {
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            find(tx, id).await?;
            let fresh: DeliveryId = app.ambient.fresh();
            let delivery_id = done(rows::act(tx, id, Act::Retry { fresh }).await?)?;
            caller.record(tx, &app, "delivery.retried", id, json!({ "delivery_id": delivery_id })).await?;
            app.engine.publisher.wake_after(tx);
            Created::with_status(StatusCode::ACCEPTED, &Replayed { delivery_id })
        })
    })
    .await
}

fn done(acted: Acted) -> Result<DeliveryId, Problem> {
    Err(match acted {
        Acted::Done(id) => return Ok(id),
        Acted::Finished => Problem::conflict("finished", "this delivery is finished already"),
        Acted::Unordered => {
            Problem::conflict("not_ordered", "this delivery waits for no other; it is cancelled, or replayed once it is finished")
        }
        Acted::Behind(head) => Problem::conflict(
            "not_the_head",
            format!("it waits behind {head}, the head of its ordering key: that one can be acted on"),
        ),
        Acted::InHand => {
            Problem::conflict("in_hand", "it is being sent at this moment; ask again when it is known how that ended")
        }
        Acted::Purged => payload_purged(),
    })
}

async fn find(tx: &mut Tx, id: DeliveryId) -> Result<delivery::Delivery, Problem> {
    delivery::get(tx, id).await?.ok_or_else(Problem::not_found)
}
