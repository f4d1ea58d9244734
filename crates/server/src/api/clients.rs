//! Clients: whom tickets are for.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::Change;
use hookswitch_desk::client::{self, Client, ClientDetails, ClientType, NewClient};
use hookswitch_desk::id::ClientId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::Problem;
use crate::app::App;

/// What a client is made from; only the name is needed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientBody {
    #[schema(example = "Acme Ltd", min_length = 1, max_length = 255)]
    client_name: String,
    #[serde(default)]
    #[schema(required = false)]
    client_type: ClientType,
    url: Option<String>,
    phone_no: Option<String>,
    email: Option<String>,
    address: Option<String>,
    address_2: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip: Option<String>,
    country: Option<String>,
    default_currency_code: Option<String>,
    notes: Option<String>,
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    properties: Map<String, Value>,
}

impl From<ClientBody> for NewClient {
    fn from(body: ClientBody) -> Self {
        let details = ClientDetails {
            url: body.url,
            phone_no: body.phone_no,
            email: body.email,
            address: body.address,
            address_2: body.address_2,
            city: body.city,
            state: body.state,
            zip: body.zip,
            country: body.country,
            default_currency_code: body.default_currency_code,
            notes: body.notes,
        };
        Self { client_name: body.client_name, client_type: body.client_type, details, properties: body.properties }
    }
}

/// Whoever sees records redacted sees which clients there are, not how to reach them.
fn shown(caller: &Caller, client: Client) -> Client {
    match caller.redacted {
        true => Client { details: ClientDetails::default(), properties: Map::new(), ..client },
        false => client,
    }
}

/// List clients, newest first.
#[utoipa::path(get, path = "/api/v1/clients", operation_id = "listClients", tag = "desk", params(PageParams),
    responses((status = 200, description = "A page of clients", body = Listed<Client>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn list(caller: Caller, List { page, .. }: List) -> Result<Answer<Listed<Client>>, Problem> {
    let rows = caller.store.read(move |tx| Box::pin(async move { client::store::list(tx, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |client| client.id.uuid(), |client| shown(&caller, client))))
}

/// Show a client.
#[utoipa::path(get, path = "/api/v1/clients/{id}", operation_id = "getClient", tag = "desk",
    params(("id" = String, Path, description = "The client's id", example = "cli_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 200, description = "The client", body = Client)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn get(caller: Caller, Id(id): Id<ClientId>) -> Result<Answer<Client>, Problem> {
    let found = caller.store.read(move |tx| Box::pin(async move { client::store::get(tx, id).await })).await?;
    found.map(|client| Answer(shown(&caller, client))).ok_or_else(Problem::not_found)
}

/// Create a client. It is published as `client.created`.
#[utoipa::path(post, path = "/api/v1/clients", operation_id = "createClient", tag = "desk", request_body = ClientBody,
    responses((status = 201, description = "Created", body = Client)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, asked: Create<ClientBody>) -> Result<Response, Problem> {
    let Create { body, once } = asked;
    let job = once.run(&caller.store, move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor, &*app.ambient, &app.engine.publisher);
            let client = client::create(tx, &change, body.into()).await?;
            Created::new(&client)
        })
    });
    job.await
}
