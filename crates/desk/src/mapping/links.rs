//! What an adapter made of one of our tickets somewhere else, noted as an external mapping. The
//! integration is the other system's name; the realm is the destination, as two sites of one system
//! may count alike.

use futures_util::future::BoxFuture;
use hookswitch_domain::time::Ambient;
use hookswitch_pipeline::outbound::link::{Links, Made};
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, Value};

use super::{External, LinkError, TICKET, link};
use crate::id::TicketId;
use crate::ticket;

/// The desk, where records that adapters made are noted.
pub struct TicketLinks;

impl Links for TicketLinks {
    fn made<'t>(&'t self, tx: &'t mut Tx, ambient: &'t dyn Ambient, made: &'t Made) -> BoxFuture<'t, Result<(), StoreError>> {
        Box::pin(note(tx, ambient, made))
    }
}

async fn note(tx: &mut Tx, ambient: &dyn Ambient, made: &Made) -> Result<(), StoreError> {
    let named = made.references.get("ticket_id").and_then(Value::as_str).and_then(|text| text.parse::<TicketId>().ok());
    let Some(id) = named else { return Ok(()) };
    // Publishers may name what isn't theirs, or isn't there any more.
    if ticket::get(tx, id).await?.is_none() {
        return Ok(());
    }
    let realm = Some(made.destination.to_string());
    let external = External { realm, ..External::new(&made.external.system, TICKET, &made.external.id) };
    let metadata = Map::from_iter([
        ("url".to_owned(), made.external.url.clone().into()),
        ("delivery_id".to_owned(), made.delivery.to_string().into()),
    ]);
    match link(tx, ambient, &external, &id.to_string(), metadata).await {
        Err(LinkError::Store(error)) => Err(error),
        // It was noted for another ticket of ours first, and stays there.
        Ok(()) | Err(LinkError::Taken { .. }) => Ok(()),
    }
}
