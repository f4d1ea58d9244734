//! Records by somebody else's id: found through their external mapping, or made together with it. Of
//! two deliveries that bring one unknown external id at once, the second waits for the first's mapping
//! and then changes what the first has made.

use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, Value};

use super::{Changed, Entity, ExternalRef, Record, blank, change, check_texts, insert, merged};
use crate::change::Change;
use crate::input::{NAME_CHARS_MAX, check_name};
use crate::mapping::{self, External, LinkError};

/// What became of a record that may or may not have been there.
#[derive(Debug)]
pub enum Upserted<E: Entity> {
    Created(Record<E>),
    Known(Changed<E>),
}

impl<E: Entity> Upserted<E> {
    pub fn result(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Known(changed) => changed.result(),
        }
    }

    pub fn record(&self) -> &Record<E> {
        match self {
            Self::Created(record) => record,
            Self::Known(changed) => &changed.record,
        }
    }

    /// Names of the fields that are different now.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::Created(_) => Vec::new(),
            Self::Known(changed) => changed.changes.keys().map(String::as_str).collect(),
        }
    }
}

/// The record that an integration knows by this id. `field` is where the id came from.
pub async fn resolve<E: Entity>(tx: &mut Tx, field: &str, external: &External) -> Result<E::Id, ActionError> {
    check_name(field, &external.external_id, NAME_CHARS_MAX)?;
    let found = mapping::store::find(tx, external).await?;
    let found = found.ok_or_else(|| ActionError::LookupMiss {
        entity_type: external.entity_type,
        external_id: external.external_id.clone(),
    })?;
    Ok(mapped_id::<E>(&found)?)
}

fn mapped_id<E: Entity>(text: &str) -> Result<E::Id, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("a mapping of a {} names {text:?}", E::KIND)))
}

/// Changes the given fields of the record that `external` names; makes one of `given` and `initial`
/// if it names none.
pub async fn upsert<E: Entity>(
    tx: &mut Tx,
    by: &Change<'_>,
    external: &External,
    given: &Map<String, Value>,
    initial: &Map<String, Value>,
) -> Result<Upserted<E>, ActionError> {
    check_name("external_id", &external.external_id, NAME_CHARS_MAX)?;
    let mut known = mapping::store::find(tx, external).await?;
    if known.is_none() {
        let mut all = initial.clone();
        all.extend(given.clone());
        let fields = merged::<E>(&blank(), &all)?;
        match create_as(tx, by, external, fields).await? {
            Ok(record) => return Ok(Upserted::Created(record)),
            Err(taken) => known = Some(taken),
        }
    }
    let id = mapped_id::<E>(&known.unwrap_or_default())?;
    let changed = change(tx, by, id, given, None).await?;
    let changed = changed.ok_or_else(|| StoreError::Corrupt(format!("a mapping names {id}, which isn't there")))?;
    Ok(Upserted::Known(changed))
}

/// Makes a record and its mapping. Inner error: the record that has this external id already; nothing
/// was written.
pub async fn create_as<E: Entity>(
    tx: &mut Tx,
    by: &Change<'_>,
    external: &External,
    fields: E,
) -> Result<Result<Record<E>, String>, ActionError> {
    check_name("external_id", &external.external_id, NAME_CHARS_MAX)?;
    check_texts(&super::object_of(&fields)?, E::LONG)?;
    let id: E::Id = by.ambient.fresh();
    match mapping::link(tx, by.ambient, external, &id.to_string(), by.origin()).await {
        Ok(()) => {}
        Err(LinkError::Taken { entity_id }) => return Ok(Err(entity_id)),
        Err(LinkError::Store(error)) => return Err(error.into()),
    }
    let reference =
        ExternalRef { integration_type: external.integration_type.clone(), external_id: external.external_id.clone() };
    insert(tx, by, id, fields, vec![reference]).await.map(Ok)
}
