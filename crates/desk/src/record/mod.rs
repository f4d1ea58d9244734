//! What all records of the desk have in common. An **entity** is a struct of fields, with its table, its
//! events and its rules; a **record** is an entity with an id and a version. Here stands the one path on
//! which records are made, changed and removed, by people's requests and by inbound webhooks alike: the
//! fields are merged and checked, what they name must exist in the tenant, the row is written, and what
//! happened is published in the same transaction, with what each changed field was before.

pub(crate) mod merge;
mod schema;
pub mod store;
mod upsert;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use futures_util::future::BoxFuture;
use hookswitch_domain::id::{IdError, UserId};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::value::FromValue;
use hookswitch_store::{Row, StoreError, Tx, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, json};
use utoipa::ToSchema;
use uuid::Uuid;

pub use merge::{blank, check_texts, merged, object_of};
pub use schema::{Form, Patch, changed, removed, schema_of};
pub use store::{Filter, FilterKind, Filters};
pub use upsert::{Upserted, create_as, resolve, upsert};

use crate::change::Change;
use crate::input::invalid;
use crate::{history, mapping};

/// An id of one of the desk's records.
pub trait RecordId:
    Copy
    + Eq
    + Debug
    + Display
    + Serialize
    + FromStr<Err = IdError>
    + From<Uuid>
    + Into<Uuid>
    + Into<Value>
    + FromValue
    + Send
    + Sync
    + 'static
{
    const PREFIX: &'static str;
}

/// The names under which an entity's changes are published and noted in the trail.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    pub created: &'static str,
    pub updated: &'static str,
    pub deleted: &'static str,
}

/// `events!("contact")`: `contact.created`, `contact.updated`, `contact.deleted`.
macro_rules! events {
    ($noun:literal) => {
        $crate::record::Events {
            created: concat!($noun, ".created"),
            updated: concat!($noun, ".updated"),
            deleted: concat!($noun, ".deleted"),
        }
    };
}
pub(crate) use events;

/// A kind of record, for what handles all of them alike.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub table: &'static str,
    pub prefix: &'static str,
}

impl Kind {
    pub const fn of<E: Entity>() -> Self {
        Self { name: E::KIND, table: E::TABLE, prefix: E::Id::PREFIX }
    }
}

/// What a field names: the row must be in the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    pub field: &'static str,
    pub id: Option<Uuid>,
    table: &'static str,
    what: &'static str,
}

impl Reference {
    pub fn to<E: Entity>(field: &'static str, id: impl Into<Option<E::Id>>) -> Self {
        Self { field, id: id.into().map(Into::into), table: E::TABLE, what: E::KIND }
    }

    pub fn to_ticket(field: &'static str, id: impl Into<Option<crate::id::TicketId>>) -> Self {
        Self { field, id: id.into().map(|id| id.uuid()), table: "ticket", what: "ticket" }
    }

    pub fn to_user(field: &'static str, id: impl Into<Option<UserId>>) -> Self {
        Self { field, id: id.into().map(|id| id.uuid()), table: "user_account", what: "user" }
    }
}

/// Where a record's fields are settled before they are written.
pub struct Settling<'a, E: Entity> {
    pub change: &'a Change<'a>,
    pub id: E::Id,
    /// None: the record is being made.
    pub before: Option<&'a E>,
}

/// The fields of a record, and what holds of them.
pub trait Entity: Serialize + DeserializeOwned + Clone + Debug + PartialEq + ToSchema + Send + Sync + 'static {
    type Id: RecordId;
    /// `contact`: in external mappings, in events and as the stem of references.
    const KIND: &'static str;
    /// How the API document calls the whole record.
    const TITLE: &'static str;
    const TABLE: &'static str;
    /// The fields, as columns of the table.
    const COLUMNS: &'static [&'static str];
    const EVENTS: Events;
    /// What a list can be narrowed to, beside `q` and `external_id`.
    const FILTERS: &'static [Filter] = &[];
    /// Fields that the product fills; callers may not.
    const MANAGED: &'static [&'static str] = &[];
    /// Texts that may be as long as a description.
    const LONG: &'static [&'static str] = &["description", "notes"];
    /// What isn't shown to whoever sees records redacted.
    const PRIVATE: &'static [&'static str] = &[];
    /// (table, column) of what names such a record and keeps it from being removed.
    const USED_BY: &'static [(&'static str, &'static str)] = &[];
    /// (table, column) of what goes with it.
    const OWNS: &'static [(&'static str, &'static str)] = &[];

    fn read(row: &mut Row, at: usize) -> Result<Self, StoreError>;
    fn values(&self) -> Vec<Value>;

    /// What people look it up by: the field's name, and its text.
    fn title(&self) -> (&'static str, &str);

    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Rules across fields, and fields that the product fills.
    fn settle<'a>(&'a mut self, _tx: &'a mut Tx, _at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async { Ok(()) })
    }

    /// What else is made with a new record.
    fn made<'a>(_tx: &'a mut Tx, _change: &'a Change<'a>, _record: &'a Record<Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async { Ok(()) })
    }

    /// Further names for a change, beside `EVENTS.updated`.
    fn news(_before: &Self, _after: &Self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// What a record is called elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NameElsewhere)]
pub struct ExternalRef {
    pub integration_type: String,
    pub external_id: String,
}

/// A row of an entity's table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(bound = "")]
pub struct Record<E: Entity> {
    pub id: E::Id,
    #[serde(flatten)]
    pub fields: E,
    /// Counts the changes; `If-Match` compares it.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// What the record is called elsewhere.
    pub external_refs: Vec<ExternalRef>,
}

/// What a change came to. No changed fields: nothing was written.
#[derive(Debug)]
pub struct Changed<E: Entity> {
    pub record: Record<E>,
    /// `{field: {previous, new}}`
    pub changes: Map<String, serde_json::Value>,
}

impl<E: Entity> Changed<E> {
    pub fn result(&self) -> &'static str {
        if self.changes.is_empty() { "unchanged" } else { "updated" }
    }
}

/// The version that a caller changes is not the newest.
pub const STALE: &str = "stale_version";
/// Something else needs the record.
pub const IN_USE: &str = "in_use";

/// Makes a record from the fields that a caller gives.
pub async fn create<E: Entity>(
    tx: &mut Tx,
    change: &Change<'_>,
    given: &Map<String, serde_json::Value>,
) -> Result<Record<E>, ActionError> {
    let fields = merged::<E>(&blank(), given)?;
    insert(tx, change, change.ambient.fresh(), fields, Vec::new()).await
}

/// Writes a new record, with what belongs to it, and publishes that.
pub async fn insert<E: Entity>(
    tx: &mut Tx,
    change: &Change<'_>,
    id: E::Id,
    mut fields: E,
    external_refs: Vec<ExternalRef>,
) -> Result<Record<E>, ActionError> {
    check(tx, None, &fields).await?;
    fields.settle(tx, &Settling { change, id, before: None }).await?;
    let now = change.ambient.now();
    let record = Record { id, fields, version: 1, created_at: now, updated_at: now, external_refs };
    store::insert(tx, &record).await?;
    E::made(tx, change, &record).await?;
    history::note(tx, change, E::KIND, id.into(), "created", &Map::new()).await?;
    publish(tx, change, E::EVENTS.created, &record, json!({ E::KIND: record })).await?;
    Ok(record)
}

/// Writes a new record and tells nobody: what a tenant starts with.
pub async fn plant<E: Entity>(
    tx: &mut Tx,
    ambient: &dyn hookswitch_domain::time::Ambient,
    fields: E,
) -> Result<E::Id, StoreError> {
    let now = ambient.now();
    let external_refs = Vec::new();
    let record = Record { id: ambient.fresh(), fields, version: 1, created_at: now, updated_at: now, external_refs };
    store::insert(tx, &record).await?;
    Ok(record.id)
}

/// One record of the transaction's tenant, with what it is called elsewhere.
pub async fn get<E: Entity>(tx: &mut Tx, id: E::Id) -> Result<Option<Record<E>>, StoreError> {
    let mut found: Vec<_> = store::get::<E>(tx, id, false).await?.into_iter().collect();
    store::name_external(tx, &mut found).await?;
    Ok(found.pop())
}

/// The record, which nobody else changes until this transaction ends.
pub async fn held<E: Entity>(tx: &mut Tx, id: E::Id) -> Result<Option<Record<E>>, StoreError> {
    let mut found: Vec<_> = store::get::<E>(tx, id, true).await?.into_iter().collect();
    store::name_external(tx, &mut found).await?;
    Ok(found.pop())
}

/// Changes the given fields of a record and no others. `expected`: the version that the caller has
/// seen, if it matters to them. None if there is no such record.
pub async fn change<E: Entity>(
    tx: &mut Tx,
    change: &Change<'_>,
    id: E::Id,
    given: &Map<String, serde_json::Value>,
    expected: Option<i64>,
) -> Result<Option<Changed<E>>, ActionError> {
    let Some(before) = held::<E>(tx, id).await? else { return Ok(None) };
    check_version(before.version, expected)?;
    let after = merged(&object_of(&before.fields)?, given)?;
    apply(tx, change, before, after).await.map(Some)
}

pub fn check_version(version: i64, expected: Option<i64>) -> Result<(), ActionError> {
    match expected {
        Some(seen) if seen != version => {
            let detail = format!("this was changed since you read it: it is at version {version} now; read it again");
            Err(ActionError::Rule { code: STALE, detail })
        }
        _ => Ok(()),
    }
}

/// Gives a record, as it was just read, these fields. Publishes only if that changes something.
pub async fn apply<E: Entity>(tx: &mut Tx, change: &Change<'_>, before: Record<E>, after: E) -> Result<Changed<E>, ActionError> {
    let was = before.fields.clone();
    let changed = rewrite(tx, change, before, after, "updated").await?;
    if !changed.changes.is_empty() {
        let Changed { record, changes } = &changed;
        for event in [E::EVENTS.updated].into_iter().chain(E::news(&was, &record.fields)) {
            publish(tx, change, event, record, json!({ E::KIND: record, "changes": changes })).await?;
        }
    }
    Ok(changed)
}

/// Gives a record, as it was just read, these fields, notes that under this name, and tells nobody: for
/// what has an event of its own.
pub(crate) async fn rewrite<E: Entity>(
    tx: &mut Tx,
    change: &Change<'_>,
    before: Record<E>,
    mut after: E,
    what: &str,
) -> Result<Changed<E>, ActionError> {
    check(tx, Some(&before.fields), &after).await?;
    after.settle(tx, &Settling { change, id: before.id, before: Some(&before.fields) }).await?;
    let changes = differences(&object_of(&before.fields)?, &object_of(&after)?);
    if changes.is_empty() {
        return Ok(Changed { record: before, changes });
    }
    let record = Record { fields: after, version: before.version + 1, updated_at: change.ambient.now(), ..before };
    if !store::update(tx, &record, before.version).await? {
        return Err(StoreError::Contended(format!("{} {} was changed by somebody else", E::KIND, record.id)).into());
    }
    history::note(tx, change, E::KIND, record.id.into(), what, &changes).await?;
    Ok(Changed { record, changes })
}

/// Removes a record, what belongs to it, and its names elsewhere. False if there is none.
pub async fn remove<E: Entity>(tx: &mut Tx, change: &Change<'_>, id: E::Id, expected: Option<i64>) -> Result<bool, ActionError> {
    let Some(record) = held::<E>(tx, id).await? else { return Ok(false) };
    check_version(record.version, expected)?;
    if let Some(table) = store::user_of(tx, E::USED_BY, id.into()).await? {
        let detail = format!("a row of {table} names this {}; change or remove that first", E::KIND);
        return Err(ActionError::Rule { code: IN_USE, detail });
    }
    for (table, column) in E::OWNS {
        store::delete_where(tx, table, column, id.into()).await?;
    }
    mapping::store::forget(tx, E::KIND, &id.to_string()).await?;
    store::delete_where(tx, "tag_mapping", "tagged_id", id.into()).await?;
    store::delete_where(tx, E::TABLE, "id", id.into()).await?;
    history::note(tx, change, E::KIND, id.into(), "deleted", &Map::new()).await?;
    publish(tx, change, E::EVENTS.deleted, &record, json!({ E::KIND: record })).await?;
    Ok(true)
}

/// What an event refers to beside the record that it is about: what deliveries show, and link to.
const LINKED: [&str; 4] = ["alert_id", "evidence_id", "ticket_id", "asset_id"];

/// Tells of a record, and names it and what it is about.
pub async fn publish<E: Entity>(
    tx: &mut Tx,
    change: &Change<'_>,
    event: &str,
    record: &Record<E>,
    payload: serde_json::Value,
) -> Result<(), ActionError> {
    let fields = object_of(&record.fields)?;
    let linked =
        LINKED.iter().filter_map(|name| Some(((*name).to_owned(), fields.get(*name).filter(|id| id.is_string())?.clone())));
    let change = change.about(linked);
    change.publish(tx, event, (&format!("{}_id", E::KIND), record.id.to_string()), payload).await
}

/// Lengths, and whatever is named that wasn't named before.
async fn check<E: Entity>(tx: &mut Tx, before: Option<&E>, after: &E) -> Result<(), ActionError> {
    let (field, title) = after.title();
    if title.trim().is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    check_texts(&object_of(after)?, E::LONG)?;
    let known = before.map(E::references).unwrap_or_default();
    for reference in after.references().into_iter().filter(|reference| !known.contains(reference)) {
        check_reference(tx, reference).await?;
    }
    Ok(())
}

/// The row is there, and stays until this transaction ends.
pub async fn check_reference(tx: &mut Tx, reference: Reference) -> Result<(), ActionError> {
    let Reference { field, id: Some(id), table, what } = reference else { return Ok(()) };
    if store::exists(tx, table, id).await? {
        return Ok(());
    }
    match table {
        "user_account" => Err(invalid(field, "names no active user of this tenant")),
        _ => Err(invalid(field, format!("names no {} of this tenant", what.replace('_', " ")))),
    }
}

/// `{field: {previous, new}}` of what isn't the same.
pub fn differences(
    before: &Map<String, serde_json::Value>,
    after: &Map<String, serde_json::Value>,
) -> Map<String, serde_json::Value> {
    let null = serde_json::Value::Null;
    let changed = after.iter().filter(|(name, new)| before.get(*name).unwrap_or(&null) != *new);
    changed.map(|(name, new)| (name.clone(), json!({ "previous": before.get(name), "new": new }))).collect()
}
