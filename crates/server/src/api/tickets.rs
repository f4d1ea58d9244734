//! Tickets and their comments.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::Change;
use hookswitch_desk::id::{BoardId, CategoryId, ClientId, PriorityId, StatusId, TicketId};
use hookswitch_desk::input::{NAME_CHARS_MAX, check_name};
use hookswitch_desk::ticket::{self, Comment, NewTicket, Ticket};
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;

/// What a ticket is made from. What is left out takes the tenant's defaults.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketBody {
    #[schema(example = "Disk full on db1", min_length = 1, max_length = 500)]
    title: String,
    #[schema(example = "/var is at 97 %")]
    description: Option<String>,
    #[schema(value_type = Option<String>)]
    client_id: Option<ClientId>,
    #[schema(value_type = Option<String>)]
    board_id: Option<BoardId>,
    /// One of the board's statuses.
    #[schema(value_type = Option<String>)]
    status_id: Option<StatusId>,
    #[schema(value_type = Option<String>)]
    priority_id: Option<PriorityId>,
    #[schema(value_type = Option<String>)]
    category_id: Option<CategoryId>,
    /// A user of the tenant.
    #[schema(value_type = Option<String>)]
    assigned_to: Option<UserId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    due_date: Option<Timestamp>,
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    attributes: Map<String, Value>,
}

impl From<TicketBody> for NewTicket {
    fn from(body: TicketBody) -> Self {
        Self {
            title: body.title,
            description: body.description,
            client_id: body.client_id,
            board_id: body.board_id,
            status_id: body.status_id,
            priority_id: body.priority_id,
            category_id: body.category_id,
            assigned_to: body.assigned_to,
            due_date: body.due_date,
            attributes: body.attributes,
        }
    }
}

/// What a list of tickets is narrowed to.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    status_id: Option<String>,
    board_id: Option<String>,
    client_id: Option<String>,
    priority_id: Option<String>,
    assigned_to: Option<String>,
    /// The sender's own id, in whichever integration.
    external_id: Option<String>,
}

impl Filter {
    fn parse(self) -> Result<ticket::Filter, Problem> {
        let mut checks = Checks::default();
        let filter = ticket::Filter {
            status_id: self.status_id.and_then(|text| checks.take("status_id", text.parse())),
            board_id: self.board_id.and_then(|text| checks.take("board_id", text.parse())),
            client_id: self.client_id.and_then(|text| checks.take("client_id", text.parse())),
            priority_id: self.priority_id.and_then(|text| checks.take("priority_id", text.parse())),
            assigned_to: self.assigned_to.and_then(|text| checks.take("assigned_to", text.parse())),
            external_id: self.external_id,
        };
        checks.finish()?;
        filter.external_id.as_deref().map_or(Ok(()), |id| check_name("external_id", id, NAME_CHARS_MAX))?;
        Ok(filter)
    }
}

/// Whoever sees records redacted sees that a ticket is there and how it stands, not what it says.
fn shown(caller: &Caller, mut ticket: Ticket) -> Ticket {
    if caller.redacted {
        ticket.description = ticket.description.map(|_| REDACTED.to_owned());
        ticket.attributes.values_mut().for_each(|value| *value = json!(REDACTED));
    }
    ticket
}

/// Stands for what isn't shown.
pub(super) const REDACTED: &str = "[redacted]";

/// List tickets, newest first.
#[utoipa::path(get, path = "/api/v1/tickets", operation_id = "listTickets", tag = "desk",
    params(PageParams, Filter),
    responses((status = 200, description = "A page of tickets", body = Listed<Ticket>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn list(caller: Caller, List { page, filter }: List<Filter>) -> Result<Answer<Listed<Ticket>>, Problem> {
    let filter = filter.parse()?;
    let rows = caller.store.read(move |tx| Box::pin(async move { ticket::list(tx, &filter, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |ticket| ticket.id.uuid(), |ticket| shown(&caller, ticket))))
}

/// Show a ticket.
#[utoipa::path(get, path = "/api/v1/tickets/{id}", operation_id = "getTicket", tag = "desk",
    params(("id" = String, Path, description = "The ticket's id", example = "tkt_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 200, description = "The ticket", body = Ticket)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn get(caller: Caller, Id(id): Id<TicketId>) -> Result<Answer<Ticket>, Problem> {
    let found = caller.store.read(move |tx| Box::pin(async move { ticket::get(tx, id).await })).await?;
    found.map(|ticket| Answer(shown(&caller, ticket))).ok_or_else(Problem::not_found)
}

/// List a ticket's comments, newest first.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/comments", operation_id = "listTicketComments", tag = "desk",
    params(("id" = String, Path, description = "The ticket's id", example = "tkt_01jd8r7c5tevzs9c1ghvzv3hkp"), PageParams),
    responses((status = 200, description = "A page of comments", body = Listed<Comment>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn comments(caller: Caller, Id(id): Id<TicketId>, List { page, .. }: List) -> Result<Answer<Listed<Comment>>, Problem> {
    let rows = caller.store.read(move |tx| {
        Box::pin(async move {
            ticket::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            Ok::<_, Problem>(ticket::store::comments(tx, id, &page).await?)
        })
    });
    let shown = |comment: Comment| match caller.redacted {
        true => Comment { note: REDACTED.to_owned(), ..comment },
        false => comment,
    };
    Ok(Answer(Listed::of(&page, rows.await?, |comment| comment.id.uuid(), shown)))
}

/// Create a ticket. It is published as `ticket.created`.
#[utoipa::path(post, path = "/api/v1/tickets", operation_id = "createTicket", tag = "desk", request_body = TicketBody,
    responses((status = 201, description = "Created", body = Ticket)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, asked: Create<TicketBody>) -> Result<Response, Problem> {
    let Create { body, once } = asked;
    let job = once.run(&caller.store, move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor, &*app.ambient, &app.engine.publisher);
            let ticket = ticket::create(tx, &change, body.into()).await?;
            Created::new(&ticket)
        })
    });
    job.await
}
