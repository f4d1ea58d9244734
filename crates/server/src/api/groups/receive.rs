//! Where other systems bring a group tasks (SEED-4): signed over `timestamp.body` with the group's own
//! secret. An unknown group, a closed door, a wrong network and a bad signature are one and the same
//! empty 401, and take as long as each other.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use hookswitch_desk::Change;
use hookswitch_desk::group::inbound::{self, Incoming};
use hookswitch_desk::id::TaskId;
use hookswitch_desk::words::moment;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::{GroupId, InboundWebhookId, UserId};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_pipeline::inbound::auth::{self, Knock};
use hookswitch_store::StoreError;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::refused;
use crate::api::body::{self, present};
use crate::api::problem::Problem;
use crate::app::App;
use crate::edge::Arrival;

/// As for an inbound webhook that names no other.
const PER_MINUTE: u32 = 600;

/// A task as another system brings it. What is left out of a known one stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = InboundTask)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskBody {
    /// The sender's own id: bringing it again changes the task that it was brought as.
    #[schema(example = "crm-4711", min_length = 1, max_length = 255)]
    external_id: String,
    /// Needed for one that isn't known yet.
    #[schema(example = "Water the plants", min_length = 1, max_length = 200)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    /// A member of the group.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    assigned_user_id: Option<Option<UserId>>,
    #[serde(default, deserialize_with = "due")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Option<Timestamp>>,
}

fn due<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Timestamp>>, D::Error> {
    moment(from).map(Some)
}

/// The task that was made or changed.
#[derive(Serialize, ToSchema)]
#[schema(as = InboundTaskTaken)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    #[schema(value_type = String, example = "tsk_01jd8r7c5tevzs9c1ghvzv3hkp")]
    task_id: TaskId,
}

/// Bring a group a task, or change the one that was brought under this `externalId`. `X-Signature` is HMAC-SHA256
/// in hex over the timestamp, a dot and the body; `X-Timestamp` may be five minutes off.
#[utoipa::path(post, path = "/api/integrations/inbound/{group_id}/tasks", operation_id = "receiveGroupTask", tag = "receiver",
    request_body = TaskBody,
    params(("group_id" = String, Path, description = "`grp_...`"),
        ("X-Signature" = Option<String>, Header, description = "Hex HMAC-SHA256 over `timestamp.body`"),
        ("X-Timestamp" = Option<String>, Header, description = "Unix seconds")),
    responses((status = 201, description = "Made", body = Taken), (status = 200, description = "Changed, or as it was", body = Taken),
        (status = 401, description = "Not let in; without a body")),
    extensions(("x-permission" = json!("public"))))]
pub async fn receive(State(app): State<Arc<App>>, Path(group): Path<String>, request: Request) -> Result<Response, Problem> {
    let source = request.extensions().get::<Arrival>().map(|arrival| arrival.client);
    let (parts, body) = request.into_parts();
    let json = |media: &str| body::is_json(media).then_some(()).ok_or("send content-type: application/json");
    let (bytes, ()) = body::take_as(&parts.headers, body, app.config.limits.inbound_bytes, json).await?;
    let headers: Vec<(String, Vec<u8>)> =
        parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let now = app.ambient.now();
    let knock = Knock { method: "POST", url: parts.uri.path(), headers: &headers, query: "", body: &bytes, source, now };
    let stranger = || StatusCode::UNAUTHORIZED.into_response();
    let Some((group, door)) = door(&app, &group, now).await? else {
        auth::check_nothing(&knock);
        return Ok(stranger());
    };
    if let Err(why) = door.check(&app.engine.secrets, &knock) {
        let reason = why.map_or("the door is closed".to_owned(), |refused| refused.reason);
        tracing::info!(%group, tenant = %door.tenant, reason, "a task was not let in");
        metrics::counter!("hookswitch_group_inbound_rejected_total").increment(1);
        return Ok(stranger());
    }
    // A bucket of its own beside those of inbound webhooks: ids are unique among all kinds.
    let taken = app.engine.receiver.rates.take(InboundWebhookId(group.uuid()), PER_MINUTE).await;
    taken.map_err(|wait| Problem::too_many("more than 600 tasks a minute", wait.as_secs_f64().ceil() as u64))?;
    let incoming = Incoming::from(body::parse::<TaskBody>(&bytes)?);
    let store = app.db.for_tenant(door.tenant);
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let change = Change::by(Actor::Webhook(group.to_string()), &*app.ambient, &app.engine.publisher);
            inbound::upsert(tx, &change, group, &incoming).await.map_err(in_their_words)
        })
    });
    let (task_id, made) = job.await?;
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Answer(Taken { task_id })).into_response())
}

async fn door(app: &App, group: &str, now: Timestamp) -> Result<Option<(GroupId, inbound::Door)>, Problem> {
    // A text that is no id is looked for as well.
    let group: GroupId = group.parse().unwrap_or(GroupId(uuid::Uuid::nil()));
    let system = app.db.system();
    let found = system.read::<_, StoreError, _>(move |tx| Box::pin(async move { inbound::door(tx, group, now).await })).await?;
    Ok(found.map(|door| (group, door)))
}

impl From<TaskBody> for Incoming {
    fn from(body: TaskBody) -> Self {
        let TaskBody { external_id, name, description, assigned_user_id, due_at } = body;
        Self { external_id, name, description, assigned_user_id, due_at }
    }
}

/// A refusal names fields as the sender does.
fn in_their_words(error: ActionError) -> Problem {
    match error {
        ActionError::Invalid { field, detail } => Problem::invalid(camel(&field), "invalid", detail),
        other => refused(other, false),
    }
}

/// `assigned_user_id` as `assignedUserId`.
pub(super) fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let mut letters = part.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}
