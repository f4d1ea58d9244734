//! The body of a delivery's request, as its destination gets it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hookswitch_domain::id::DeliveryId;
use hookswitch_pipeline::outbound::content::{Content, Made, Subject, make};
use hookswitch_pipeline::outbound::envelope;
use hookswitch_store::{delivery_body, destination, event};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::super::caller::Caller;
use super::super::path::Id;
use super::super::problem::Problem;
use super::{find, payload_purged};
use crate::app::App;

/// The body that this delivery carries: what filter, allow-list and transform leave of the event. What no failed try
/// has kept is made anew, with the destination's present settings.
#[utoipa::path(get, path = "/api/v1/integrations/deliveries/{id}/request", operation_id = "getDeliveryRequest", tag = "deliveries",
    params(("id" = String, Path, description = "`dlv_...`")),
    extensions(("x-permission" = json!("delivery:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The body", body = Object),
        (status = 409, description = "Its destination is deleted, its filter lets the event through no more, or retention has removed the payload")))]
pub async fn get(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<DeliveryId>) -> Result<Response, Problem> {
    if caller.redacted {
        return Err(Problem::forbidden("your role sees deliveries without their payloads"));
    }
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = find(tx, id).await?;
            let kept = delivery_body::get(tx, id).await?;
            Ok((kept, destination::get(tx, row.destination_id).await?, event::get(tx, row.event_id).await?))
        })
    });
    let (kept, found, event) = job.await?;
    if let Some(kept) = kept {
        return Ok(shown(kept));
    }
    let config = found.ok_or_else(|| Problem::conflict("destination_deleted", "its destination is deleted"))?.config;
    let event = event.ok_or_else(payload_purged)?;
    let (slug, kind) = (&*caller.tenant_slug, event.event_type.as_str());
    let payload = event.payload.clone().into();
    let made = match Content::of(&config) {
        Some(content) => {
            let subject =
                Subject { tenant: caller.tenant, slug, id: event.id, event_type: kind, payload: &payload, meta: &event.meta };
            make(&app.engine.sandbox, &content, &subject).await
        }
        None => match envelope::body(config.body, slug, event.id, kind, &payload, &event.meta) {
            Some(body) => Ok(Made::Body(body)),
            None => return Err(payload_purged()),
        },
    };
    match made {
        Ok(Made::Body(bytes)) => Ok(shown(bytes.to_vec())),
        Ok(Made::Filtered) => Err(Problem::conflict("filtered", "the destination's filter doesn't let this event through")),
        Err(_) => {
            Err(Problem::conflict("not_made", "the destination's settings make no body of this event; its preview says why"))
        }
    }
}

fn shown(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
}
