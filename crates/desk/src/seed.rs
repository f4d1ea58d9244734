//! What a new tenant's desk starts with, so that the first ticket needs a title and nothing else.

use hookswitch_domain::time::Ambient;
use hookswitch_store::{StoreError, Tx};

use crate::board::{self, Board, Category, Priority};
use crate::client::Client;
use crate::record::plant;
use crate::service::Service;
use crate::time::plant_periods;

/// (name, is_default)
const PRIORITIES: [(&str, bool); 4] = [("Low", false), ("Medium", true), ("High", false), ("Urgent", false)];
const CATEGORIES: [&str; 2] = ["Incident", "Request"];

/// Gives the transaction's tenant a board with statuses, priorities, categories, a client, a service and
/// time periods. A tenant that has a default board is left as it is.
pub async fn seed_tenant(tx: &mut Tx, ambient: &dyn Ambient) -> Result<(), StoreError> {
    if board::default_board(tx).await?.is_some() {
        return Ok(());
    }
    let board = Board {
        board_name: "Support".to_owned(),
        description: "Where tickets go unless they say otherwise.".to_owned(),
        is_default: true,
        display_order: 1,
        ..Board::default()
    };
    let board = plant(tx, ambient, board).await?;
    board::plant_statuses(tx, ambient, board).await?;
    for (order_number, (name, is_default)) in (1..).zip(PRIORITIES) {
        plant(tx, ambient, Priority { priority_name: name.to_owned(), is_default, order_number, color: None }).await?;
    }
    for name in CATEGORIES {
        plant(tx, ambient, Category { board_id: None, category_name: name.to_owned(), parent_category: None }).await?;
    }
    plant(tx, ambient, Client { client_name: "General".to_owned(), is_default: true, ..Client::default() }).await?;
    let service_name = "General work".to_owned();
    plant(tx, ambient, Service { service_name, description: None, default_rate: None, is_inactive: false }).await?;
    plant_periods(tx, ambient).await
}
