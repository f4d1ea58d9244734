//! The seam by which a host hears that an adapter made a record somewhere else: the host may note
//! beside its own record what the other is called. It is a note and no more. The host's record is
//! the canonical one, was there before, and stays whatever becomes of the other.

use futures_util::future::BoxFuture;
use hookswitch_domain::id::{DeliveryId, DestinationId};
use hookswitch_domain::time::Ambient;
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, Value};

use super::adapter::ExternalRef;

/// A record that a delivery made, or found made.
#[derive(Debug, Clone)]
pub struct Made {
    pub external: ExternalRef,
    pub delivery: DeliveryId,
    pub destination: DestinationId,
    /// The event's references: which of the host's records it was about.
    pub references: Map<String, Value>,
}

pub trait Links: Send + Sync {
    /// Notes it, in a transaction of the event's tenant. Called again for the same record after a
    /// crash or a replay, and so must not mind.
    fn made<'t>(&'t self, tx: &'t mut Tx, ambient: &'t dyn Ambient, made: &'t Made) -> BoxFuture<'t, Result<(), StoreError>>;
}
