//! What a new tenant's desk starts with, so that the first ticket needs a title and nothing else.

use hookswitch_domain::time::Ambient;
use hookswitch_store::{StoreError, Tx};

use crate::board::{Board, Category, Priority, Status, store};
use crate::client::{self, Client, ClientDetails, ClientType};
use crate::id::BoardId;

/// (name, is_closed); the first is the default.
const STATUSES: [(&str, bool); 4] = [("New", false), ("In progress", false), ("Waiting", false), ("Closed", true)];
/// (name, is_default)
const PRIORITIES: [(&str, bool); 4] = [("Low", false), ("Medium", true), ("High", false), ("Urgent", false)];
const CATEGORIES: [&str; 2] = ["Incident", "Request"];

/// Gives the transaction's tenant a board with statuses, priorities, categories and a client. A
/// tenant that has a default board is left as it is.
pub async fn seed_tenant(tx: &mut Tx, ambient: &dyn Ambient) -> Result<(), StoreError> {
    if store::default_board(tx).await?.is_some() {
        return Ok(());
    }
    let board = Board {
        id: ambient.fresh(),
        board_name: "Support".to_owned(),
        description: "Where tickets go unless they say otherwise.".to_owned(),
        is_default: true,
        display_order: 1,
    };
    store::insert_board(tx, &board).await?;
    seed_statuses(tx, ambient, board.id).await?;
    for (order_number, (name, is_default)) in (1..).zip(PRIORITIES) {
        let priority = Priority { id: ambient.fresh(), priority_name: name.to_owned(), is_default, order_number };
        store::insert_priority(tx, &priority).await?;
    }
    for name in CATEGORIES {
        let category = Category { id: ambient.fresh(), board_id: None, category_name: name.to_owned() };
        store::insert_category(tx, &category).await?;
    }
    seed_client(tx, ambient).await
}

async fn seed_statuses(tx: &mut Tx, ambient: &dyn Ambient, board_id: BoardId) -> Result<(), StoreError> {
    for (order_number, (name, is_closed)) in (1..).zip(STATUSES) {
        let is_default = order_number == 1;
        let status = Status { id: ambient.fresh(), board_id, name: name.to_owned(), is_closed, is_default, order_number };
        store::insert_status(tx, &status).await?;
    }
    Ok(())
}

async fn seed_client(tx: &mut Tx, ambient: &dyn Ambient) -> Result<(), StoreError> {
    let now = ambient.now();
    let client = Client {
        id: ambient.fresh(),
        client_name: "General".to_owned(),
        client_type: ClientType::Company,
        is_default: true,
        is_inactive: false,
        details: ClientDetails::default(),
        properties: serde_json::Map::new(),
        created_at: now,
        updated_at: now,
    };
    client::store::insert(tx, &client).await
}
