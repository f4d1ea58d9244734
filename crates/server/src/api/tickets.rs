//! Tickets and their comments.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::Change;
use hookswitch_desk::id::{
    AssetId, BoardId, CategoryId, ClientId, ContactId, LocationId, PriorityId, StatusId, TeamId, TicketId,
};
use hookswitch_desk::input::{NAME_CHARS_MAX, check_name};
use hookswitch_desk::ticket::{self, Author, Comment, NewComment, NewTicket, Ticket};
use hookswitch_desk::words::moment;
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use super::records::{self, IfMatch, REDACTED};
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
    /// One of the client's locations.
    #[schema(value_type = Option<String>)]
    location_id: Option<LocationId>,
    #[schema(value_type = Option<String>)]
    contact_id: Option<ContactId>,
    #[schema(value_type = Option<String>)]
    board_id: Option<BoardId>,
    /// One of the board's statuses.
    #[schema(value_type = Option<String>)]
    status_id: Option<StatusId>,
    #[schema(value_type = Option<String>)]
    priority_id: Option<PriorityId>,
    #[schema(value_type = Option<String>)]
    category_id: Option<CategoryId>,
    /// A category under `category_id`.
    #[schema(value_type = Option<String>)]
    subcategory_id: Option<CategoryId>,
    /// What it is about.
    #[schema(value_type = Option<String>)]
    asset_id: Option<AssetId>,
    /// A user of the tenant.
    #[schema(value_type = Option<String>)]
    assigned_to: Option<UserId>,
    #[schema(value_type = Option<String>)]
    assigned_team_id: Option<TeamId>,
    #[serde(default, deserialize_with = "moment")]
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
            location_id: body.location_id,
            contact_id: body.contact_id,
            subcategory_id: body.subcategory_id,
            asset_id: body.asset_id,
            assigned_team_id: body.assigned_team_id,
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

/// What is changed of a ticket: what is left out stays as it is, null empties a field, attributes are merged.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what the ticket's rules read")]
pub struct TicketChange {
    #[schema(example = "Disk full on db1 and db2", min_length = 1, max_length = 500)]
    title: Option<String>,
    description: Option<String>,
    client_id: Option<String>,
    location_id: Option<String>,
    contact_id: Option<String>,
    /// Another board; needs a status of that board.
    board_id: Option<String>,
    status_id: Option<String>,
    priority_id: Option<String>,
    category_id: Option<String>,
    subcategory_id: Option<String>,
    assigned_to: Option<String>,
    assigned_team_id: Option<String>,
    #[schema(format = DateTime)]
    due_date: Option<String>,
    #[schema(value_type = Option<Object>)]
    attributes: Option<Map<String, Value>>,
    /// The version that is meant; another one is a 409.
    version: Option<i64>,
}

/// Something said on a ticket.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentBody {
    #[schema(example = "Ordered a new disk.", min_length = 1)]
    note: String,
    /// Not for the client's eyes.
    #[serde(default = "yes")]
    #[schema(default = true, required = false)]
    is_internal: bool,
    /// Says how the ticket was solved.
    #[serde(default)]
    #[schema(required = false)]
    is_resolution: bool,
    /// The contact who said it, where it wasn't the caller.
    #[schema(value_type = Option<String>)]
    contact_id: Option<ContactId>,
}

fn yes() -> bool {
    true
}

/// What a list of tickets is narrowed to.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    ticket_number: Option<String>,
    status_id: Option<String>,
    board_id: Option<String>,
    client_id: Option<String>,
    priority_id: Option<String>,
    contact_id: Option<String>,
    category_id: Option<String>,
    assigned_to: Option<String>,
    assigned_team_id: Option<String>,
    /// Those that are about this asset.
    asset_id: Option<String>,
    /// How the title begins, in any case.
    q: Option<String>,
    /// The sender's own id, in whichever integration.
    external_id: Option<String>,
}

impl Filter {
    fn parse(self) -> Result<ticket::Filter, Problem> {
        let mut checks = Checks::default();
        let filter = ticket::Filter {
            ticket_number: self.ticket_number.and_then(|text| checks.take("ticket_number", text.parse())),
            contact_id: self.contact_id.and_then(|text| checks.take("contact_id", text.parse())),
            category_id: self.category_id.and_then(|text| checks.take("category_id", text.parse())),
            assigned_team_id: self.assigned_team_id.and_then(|text| checks.take("assigned_team_id", text.parse())),
            asset_id: self.asset_id.and_then(|text| checks.take("asset_id", text.parse())),
            q: self.q,
            status_id: self.status_id.and_then(|text| checks.take("status_id", text.parse())),
            board_id: self.board_id.and_then(|text| checks.take("board_id", text.parse())),
            client_id: self.client_id.and_then(|text| checks.take("client_id", text.parse())),
            priority_id: self.priority_id.and_then(|text| checks.take("priority_id", text.parse())),
            assigned_to: self.assigned_to.and_then(|text| checks.take("assigned_to", text.parse())),
            external_id: self.external_id,
        };
        checks.finish()?;
        filter.q.as_deref().map_or(Ok(()), |text| check_name("q", text, NAME_CHARS_MAX))?;
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
    responses((status = 200, description = "The ticket; its ETag is its version", body = Ticket)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn get(caller: Caller, Id(id): Id<TicketId>) -> Result<Response, Problem> {
    let found = caller.store.read(move |tx| Box::pin(async move { ticket::get(tx, id).await })).await?;
    Ok(tagged(StatusCode::OK, shown(&caller, found.ok_or_else(Problem::not_found)?)))
}

fn tagged(status: StatusCode, ticket: Ticket) -> Response {
    records::tagged(status, ticket.version, json!(ticket))
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
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let ticket = ticket::create(tx, &change, body.into()).await?;
            caller.record(tx, &app, "ticket.created", ticket.id, json!({})).await?;
            Created::new(&ticket)
        })
    });
    job.await
}

/// Change a ticket. What changed is published: `ticket.updated`, and what has a name of its own.
#[utoipa::path(patch, path = "/api/v1/tickets/{id}", operation_id = "changeTicket", tag = "desk", request_body = TicketChange,
    params(("id" = String, Path, description = "The ticket's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for")),
    responses((status = 200, description = "The ticket as it is now", body = Ticket),
        (status = 409, description = "It is at another version than the body names"),
        (status = 412, description = "It is at another version than If-Match names")),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TicketId>,
    IfMatch(wanted): IfMatch,
    Json(mut given): Json<Map<String, Value>>,
) -> Result<Response, Problem> {
    let named = records::named_version(&mut given)?;
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let edited = ticket::change(tx, &change, id, &given, wanted.or(named)).await;
            let edited = edited.map_err(|error| records::refused(error, wanted.is_some()))?.ok_or_else(Problem::not_found)?;
            if !edited.changes.is_empty() {
                let fields: Vec<&String> = edited.changes.keys().collect();
                caller.record(tx, &app, "ticket.updated", id, json!({ "fields": fields })).await?;
            }
            Ok::<_, Problem>(tagged(StatusCode::OK, shown(&caller, edited.ticket)))
        })
    });
    job.await
}

/// Remove a ticket, with its comments and links.
#[utoipa::path(delete, path = "/api/v1/tickets/{id}", operation_id = "removeTicket", tag = "desk",
    params(("id" = String, Path, description = "The ticket's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the removal is meant for")),
    responses((status = 204, description = "Removed"), (status = 409, description = "Something else names it"),
        (status = 412, description = "It is at another version than If-Match names")),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TicketId>,
    IfMatch(wanted): IfMatch,
) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let removed = ticket::remove(tx, &change, id, wanted).await;
            if !removed.map_err(|error| records::refused(error, wanted.is_some()))? {
                return Err(Problem::not_found());
            }
            caller.record(tx, &app, "ticket.deleted", id, json!({})).await?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        })
    });
    job.await
}

/// Say something on a ticket. It is published as `ticket.comment.added`.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/comments", operation_id = "commentTicket", tag = "desk",
    request_body = CommentBody, params(("id" = String, Path, description = "The ticket's id")),
    responses((status = 201, description = "Said", body = Comment)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn say(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TicketId>,
    asked: Create<CommentBody>,
) -> Result<Response, Problem> {
    let Create { body, once } = asked;
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let ticket = ticket::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            let author = body.contact_id.map_or(Author::Caller, Author::Contact);
            let CommentBody { note, is_internal, is_resolution, .. } = body;
            let said = NewComment { note, author, is_internal, is_resolution };
            let comment = ticket::comment(tx, &change, &ticket, "note", said).await?;
            caller.record(tx, &app, "ticket.comment.added", id, json!({ "comment_id": comment.id })).await?;
            Created::new(&comment)
        })
    });
    job.await
}
