//! Records by the million, written into a stopped installation's tables by the store's transactions: what lists
//! are measured over. Each filter has a value that most records have, and one that only the oldest have, which
//! is where a list without an index would look last.

use anyhow::Result;
use hookswitch_store::{StoreError, Value};
use uuid::Uuid;

use super::filling::Filler;

/// Records that have the rare values: the oldest.
pub const RARE: u64 = 20;
const STEP: u64 = 5_000;

/// What a column holds.
#[derive(Clone)]
pub enum Cell {
    /// The same everywhere.
    All(Value),
    /// The rare value and the usual one.
    Split(Value, Value),
    /// A text or a number of the record's own.
    Name(&'static str),
    Number,
}

/// A filter of a list, with the value that few records have and the one that most have.
#[derive(Clone)]
pub struct Asked {
    pub name: &'static str,
    pub rare: String,
    pub usual: String,
}

#[derive(Clone)]
pub struct Noun {
    pub path: &'static str,
    pub table: &'static str,
    pub cells: Vec<(&'static str, Cell)>,
    pub filters: Vec<Asked>,
}

impl Noun {
    pub fn new(path: &'static str, table: &'static str) -> Self {
        Self { path, table, cells: Vec::new(), filters: Vec::new() }
    }

    pub fn cell(mut self, column: &'static str, cell: Cell) -> Self {
        self.cells.push((column, cell));
        self
    }

    pub fn text(self, column: &'static str, text: &str) -> Self {
        self.cell(column, Cell::All(text.into()))
    }

    /// A column of texts that lists are narrowed by.
    pub fn by_text(mut self, column: &'static str, rare: &str, usual: &str) -> Self {
        self.filters.push(Asked { name: column, rare: rare.to_owned(), usual: usual.to_owned() });
        self.cell(column, Cell::Split(rare.into(), usual.into()))
    }

    pub fn by_flag(mut self, column: &'static str) -> Self {
        self.filters.push(Asked { name: column, rare: "true".to_owned(), usual: "false".to_owned() });
        self.cell(column, Cell::Split(true.into(), false.into()))
    }

    /// A column of ids with this prefix. The records that they name needn't be there.
    pub fn by_id(self, column: &'static str, prefix: &'static str) -> Self {
        let id = |number: u128| Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number);
        self.by_known_id(column, prefix, id(1), id(2))
    }

    pub fn by_known_id(mut self, column: &'static str, prefix: &'static str, rare: Uuid, usual: Uuid) -> Self {
        let text = |id| hookswitch_domain::id::to_text(prefix, id);
        self.filters.push(Asked { name: column, rare: text(rare), usual: text(usual) });
        self.cell(column, Cell::Split(rare.into(), usual.into()))
    }

    fn row(&self, number: u64) -> impl Iterator<Item = Value> {
        self.cells.iter().map(move |(_, cell)| match cell {
            Cell::All(value) => value.clone(),
            Cell::Split(rare, usual) => {
                if number < RARE {
                    rare.clone()
                } else {
                    usual.clone()
                }
            }
            Cell::Name(prefix) => format!("{prefix} {number}").into(),
            Cell::Number => (number as i64 + 1).into(),
        })
    }
}

/// Writes so many records of the noun.
pub async fn write(filler: &Filler, noun: &Noun, rows: u64) -> Result<()> {
    let columns: Vec<&str> = noun.cells.iter().map(|(column, _)| *column).collect();
    let places: Vec<String> = (1..=columns.len() + 2).map(|place| format!("${place}")).collect();
    let sql = format!("INSERT INTO {} (id, tenant, {}) VALUES ({})", noun.table, columns.join(", "), places.join(", "));
    let mut done = 0;
    while done < rows {
        let count = STEP.min(rows - done);
        let ids: Vec<Uuid> = (0..count).map(|_| filler.ambient.fresh()).collect();
        let (sql, noun) = (sql.clone(), noun.clone());
        let job = filler.store().write(move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant();
                let mut values = Vec::new();
                for (number, id) in (done..).zip(ids) {
                    values.clear();
                    values.extend([Value::from(id), tenant.into()]);
                    values.extend(noun.row(number));
                    tx.execute(&sql, &values).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        job.await?;
        done += count;
    }
    Ok(())
}
