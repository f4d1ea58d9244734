//! The SQL of records: one text for every entity and both engines. What people look a record up by
//! stands beside it in lower case, cut short, so that a picker finds it by its beginning through an
//! index. A record that is about to be changed, and whatever a record is about to name, is locked on
//! PostgreSQL; on SQLite there is one writer.

use hookswitch_domain::time::Timestamp;
use hookswitch_store::{Page, Row, StoreError, Tx, Value, params};
use uuid::Uuid;

use super::{Entity, ExternalRef, Record};
use crate::list::Conditions;
use crate::mapping;

/// Characters of a title that a picker can find it by.
const KEY_CHARS: usize = 64;

/// What a list can be narrowed to: the parameter has the column's name.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub name: &'static str,
    pub kind: FilterKind,
}

#[derive(Debug, Clone, Copy)]
pub enum FilterKind {
    /// An id with this prefix.
    Id(&'static str),
    Text,
    Flag,
    /// A record's id, which stands in another table: the rows' ids are selected by this statement, whose
    /// `{}` is the parameter and `$1` the tenant.
    Within(&'static str, &'static str),
}

impl Filter {
    pub const fn id(name: &'static str, prefix: &'static str) -> Self {
        Self { name, kind: FilterKind::Id(prefix) }
    }

    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: FilterKind::Text }
    }

    pub const fn flag(name: &'static str) -> Self {
        Self { name, kind: FilterKind::Flag }
    }

    pub const fn within(name: &'static str, prefix: &'static str, select: &'static str) -> Self {
        Self { name, kind: FilterKind::Within(prefix, select) }
    }
}

/// What one list request asks for: values of the entity's filters, in any order.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    pub exact: Vec<(Filter, Value)>,
    /// The beginning of what records are looked up by.
    pub q: Option<String>,
    /// In whichever integration.
    pub external_id: Option<String>,
}

fn select<E: Entity>() -> String {
    format!("SELECT id, version, created_at, updated_at, {} FROM {}", E::COLUMNS.join(", "), E::TABLE)
}

fn record_of<E: Entity>(mut row: Row) -> Result<Record<E>, StoreError> {
    Ok(Record {
        id: row.get(0)?,
        version: row.get(1)?,
        created_at: row.get(2)?,
        updated_at: row.get(3)?,
        fields: E::read(&mut row, 4)?,
        external_refs: Vec::new(),
    })
}

/// The beginning of a title, as it is looked up.
pub(crate) fn search_key(title: &str) -> String {
    title.trim().chars().flat_map(char::to_lowercase).take(KEY_CHARS).collect()
}

pub(super) async fn insert<E: Entity>(tx: &mut Tx, record: &Record<E>) -> Result<(), StoreError> {
    let own = E::COLUMNS.len();
    let places: Vec<String> = (1..=own + 6).map(|place| format!("${place}")).collect();
    let columns = E::COLUMNS.join(", ");
    let sql = format!(
        "INSERT INTO {} (id, tenant, version, search_key, created_at, updated_at, {columns}) VALUES ({})",
        E::TABLE,
        places.join(", ")
    );
    let mut values: Vec<Value> = vec![
        record.id.into(),
        tx.tenant().into(),
        record.version.into(),
        search_key(record.fields.title().1).into(),
        record.created_at.into(),
        record.updated_at.into(),
    ];
    values.extend(record.fields.values());
    tx.execute(&sql, &values).await?;
    Ok(())
}

/// False if the record is not at this version any more.
pub(super) async fn update<E: Entity>(tx: &mut Tx, record: &Record<E>, version: i64) -> Result<bool, StoreError> {
    let set: Vec<String> = (7..).zip(E::COLUMNS).map(|(place, column)| format!("{column} = ${place}")).collect();
    let sql = format!(
        "UPDATE {} SET version = $3, search_key = $4, updated_at = $5, {} WHERE id = $1 AND tenant = $2 AND version = $6",
        E::TABLE,
        set.join(", ")
    );
    let mut values: Vec<Value> = vec![
        record.id.into(),
        tx.tenant().into(),
        record.version.into(),
        search_key(record.fields.title().1).into(),
        record.updated_at.into(),
        version.into(),
    ];
    values.extend(record.fields.values());
    Ok(tx.execute(&sql, &values).await? == 1)
}

pub async fn get<E: Entity>(tx: &mut Tx, id: E::Id, hold: bool) -> Result<Option<Record<E>>, StoreError> {
    let lock = if hold && !tx.is_sqlite() { " FOR UPDATE" } else { "" };
    let sql = format!("{} WHERE id = $1 AND tenant = $2{lock}", select::<E>());
    let id: Uuid = id.into();
    tx.query_opt(&sql, params![id, tx.tenant()]).await?.map(record_of).transpose()
}

/// The first row, in the order of `order`, that `condition` holds for; `$1` is the tenant.
pub async fn first<E: Entity>(
    tx: &mut Tx,
    condition: &'static str,
    order: &'static str,
    more: &[Value],
) -> Result<Option<Record<E>>, StoreError> {
    let sql = format!("{} WHERE tenant = $1 AND {condition} ORDER BY {order} LIMIT 1", select::<E>());
    let values: Vec<Value> = [Value::from(tx.tenant())].into_iter().chain(more.iter().cloned()).collect();
    tx.query_opt(&sql, &values).await?.map(record_of).transpose()
}

/// Newest first.
pub async fn list<E: Entity>(tx: &mut Tx, filters: &Filters, page: &Page) -> Result<Vec<Record<E>>, StoreError> {
    let mut conditions = Conditions::of_tenant(tx, E::TABLE);
    for (filter, value) in &filters.exact {
        conditions = match filter.kind {
            FilterKind::Within(_, select) => conditions.within("id", select, value.clone()),
            _ => conditions.equal(filter.name, Some(value.clone())),
        };
    }
    if let Some(external) = &filters.external_id {
        let ids = mapping::store::entities(tx, E::KIND, external).await?;
        conditions = conditions.among("id", ids.iter().filter_map(|id| id.parse::<E::Id>().ok()).map(Into::into));
    }
    if let Some(beginning) = &filters.q {
        conditions = conditions.beginning(E::TABLE, &search_key(beginning));
    }
    let (sql, values) = conditions.page("id", page).after(&select::<E>());
    let rows = tx.query(&sql, &values).await?;
    let mut records = rows.into_iter().map(record_of).collect::<Result<Vec<_>, _>>()?;
    name_external(tx, &mut records).await?;
    Ok(records)
}

pub(super) async fn name_external<E: Entity>(tx: &mut Tx, records: &mut [Record<E>]) -> Result<(), StoreError> {
    if records.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = records.iter().map(|record| record.id.to_string()).collect();
    for (id, integration_type, external_id) in mapping::store::names(tx, E::KIND, &ids).await? {
        if let Some(place) = ids.iter().position(|known| *known == id) {
            records[place].external_refs.push(ExternalRef { integration_type, external_id });
        }
    }
    Ok(())
}

/// Whether the tenant has this row. It stays until the transaction ends.
pub async fn exists(tx: &mut Tx, table: &'static str, id: Uuid) -> Result<bool, StoreError> {
    let active = if table == "user_account" { " AND disabled = FALSE" } else { "" };
    let lock = if tx.is_sqlite() { "" } else { " FOR KEY SHARE" };
    let sql = format!("SELECT 1 FROM {table} WHERE id = $1 AND tenant = $2{active}{lock}");
    Ok(tx.query_opt(&sql, params![id, tx.tenant()]).await?.is_some())
}

/// The first of these tables that names the record.
pub(super) async fn user_of(
    tx: &mut Tx,
    places: &[(&'static str, &'static str)],
    id: Uuid,
) -> Result<Option<&'static str>, StoreError> {
    for (table, column) in places {
        let sql = format!("SELECT 1 FROM {table} WHERE {column} = $1 AND tenant = $2 LIMIT 1");
        if tx.query_opt(&sql, params![id, tx.tenant()]).await?.is_some() {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

pub(crate) async fn delete_where(tx: &mut Tx, table: &str, column: &str, id: Uuid) -> Result<u64, StoreError> {
    tx.execute(&format!("DELETE FROM {table} WHERE {column} = $1 AND tenant = $2"), params![id, tx.tenant()]).await
}

/// The tenant's next number of this kind, without gaps: whoever asks next waits for this transaction.
pub async fn next_number(tx: &mut Tx, counter: &'static str) -> Result<i64, StoreError> {
    let sql = "INSERT INTO desk_counter (name, tenant, last_number) VALUES ($1, $2, 1)
        ON CONFLICT (name, tenant) DO UPDATE SET last_number = desk_counter.last_number + 1 RETURNING last_number";
    tx.query_one(sql, params![counter, tx.tenant()]).await?.get(0)
}

/// Whoever is the default of the table (or of a part of it) no longer is: somebody else becomes it.
pub(crate) async fn no_default(
    tx: &mut Tx,
    table: &'static str,
    among: Option<(&'static str, Uuid)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let set = format!("UPDATE {table} SET is_default = FALSE, version = version + 1, updated_at = $2");
    match among {
        None => tx.execute(&format!("{set} WHERE tenant = $1 AND is_default"), params![tx.tenant(), now]).await?,
        Some((column, id)) => {
            let sql = format!("{set} WHERE tenant = $1 AND {column} = $3 AND is_default");
            tx.execute(&sql, params![tx.tenant(), now, id]).await?
        }
    };
    Ok(())
}
