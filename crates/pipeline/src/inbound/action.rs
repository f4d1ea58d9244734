//! The action registry: what an inbound webhook can do. An action is one file beside its entity
//! and one line in its host's list; the list is served with names, texts and field types, and the
//! console renders the mapping form from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hookswitch_domain::id::InboundDeliveryId;
use hookswitch_domain::mapping::Field;
use hookswitch_domain::time::Ambient;
use hookswitch_store::{StoreError, Tx};

use crate::outbound::publish::{PublishError, Publisher};

/// What the registry says of an action; field names are those of SEED-3's discovery list.
#[derive(Debug)]
pub struct Definition {
    /// `createTicket`: unique.
    pub name: &'static str,
    /// `ticket`: actions are listed by entity.
    pub entity_type: &'static str,
    pub display_name: &'static str,
    pub description: &'static str,
    pub fields: &'static [Field],
}

/// What an action may know of where it runs.
pub struct Context<'a> {
    pub ambient: &'a dyn Ambient,
    pub publisher: &'a Publisher,
    /// The webhook's slug: the `integration_type` of the external mappings.
    pub integration: &'a str,
    pub delivery: InboundDeliveryId,
    /// Length of the causal chain that led here.
    pub depth: u8,
}

/// The mapped, coerced fields: names of the definition only, missing ones absent.
pub type Input = serde_json::Map<String, serde_json::Value>;

/// What an action did, as the delivery's `handler_outcome` keeps it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Done {
    pub entity_type: String,
    pub entity_id: String,
    /// `created`, `updated`, `unchanged`.
    pub result: String,
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// Why an action did nothing. Its transaction is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// 400 `mapping_failed`: a field's value can't be used.
    #[error("{field}: {detail}")]
    Invalid { field: String, detail: String },
    /// 422 `lookup_miss`: no record has this external id.
    #[error("lookup_miss: no {entity_type} has the external id {external_id:?}")]
    LookupMiss { entity_type: &'static str, external_id: String },
    /// 422 with this code: a rule of the record's own.
    #[error("{detail}")]
    Rule { code: &'static str, detail: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An event that may not be published is a rule against the change that it would tell of.
impl From<PublishError> for ActionError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) => Self::Store(error),
            refused => Self::Rule { code: refused.code(), detail: refused.to_string() },
        }
    }
}

pub trait Action: Send + Sync {
    fn definition(&self) -> &Definition;

    /// Runs in the transaction that also logs its outcome. Awaits nothing but the database.
    fn run<'a>(&'a self, tx: &'a mut Tx, input: &'a Input, context: &'a Context<'a>) -> BoxFuture<'a, Result<Done, ActionError>>;
}

/// All actions of this process, by name.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Arc<dyn Action>>);

/// Two actions of one name.
#[derive(Debug, thiserror::Error)]
#[error("the action {0} is registered twice")]
pub struct Duplicate(pub &'static str);

impl Registry {
    pub fn register(&mut self, action: Arc<dyn Action>) -> Result<(), Duplicate> {
        let name = action.definition().name;
        match self.0.insert(name, action) {
            Some(_) => Err(Duplicate(name)),
            None => Ok(()),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Arc<dyn Action>> {
        self.0.get(name)
    }

    /// By entity, then by name.
    pub fn definitions(&self) -> Vec<&Definition> {
        let mut list: Vec<_> = self.0.values().map(|action| action.definition()).collect();
        list.sort_by_key(|definition| (definition.entity_type, definition.name));
        list
    }
}
