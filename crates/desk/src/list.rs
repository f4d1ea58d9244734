//! Lists as the API shows them: newest first, page by page, with filters. Only the conditions that
//! are asked for stand in the statement, so that both engines see plain comparisons.

use hookswitch_store::{Page, Tx, Value};

/// The `WHERE` of a statement and its parameters, which start with the tenant.
pub(crate) struct Conditions {
    sql: String,
    params: Vec<Value>,
}

impl Conditions {
    /// `table` is the name or alias of the table that is listed; every condition is on its columns.
    pub(crate) fn of_tenant(tx: &Tx, table: &'static str) -> Self {
        Self { sql: format!(" WHERE {table}.tenant = $1"), params: vec![tx.tenant().into()] }
    }

    /// `column` is ours, never a caller's text.
    fn compare(&mut self, column: &'static str, operator: &'static str, value: Value) {
        self.params.push(value);
        self.sql.push_str(&format!(" AND {column} {operator} ${}", self.params.len()));
    }

    pub(crate) fn equal(mut self, column: &'static str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.compare(column, "=", value.into());
        }
        self
    }

    /// No values: no rows.
    pub(crate) fn among(mut self, column: &'static str, values: impl IntoIterator<Item = Value>) -> Self {
        let places: Vec<String> = values
            .into_iter()
            .map(|value| {
                self.params.push(value);
                format!("${}", self.params.len())
            })
            .collect();
        match places.is_empty() {
            true => self.sql.push_str(" AND FALSE"),
            false => self.sql.push_str(&format!(" AND {column} IN ({})", places.join(", "))),
        }
        self
    }

    /// The rows whose `column` this statement selects; its `{}` is the parameter and `$1` the tenant.
    pub(crate) fn within(mut self, column: &'static str, select: &'static str, value: Value) -> Self {
        self.params.push(value);
        let place = format!("${}", self.params.len());
        self.sql.push_str(&format!(" AND {column} IN ({})", select.replace("{}", &place)));
        self
    }

    /// The rows whose search key begins like this: the first thousand of them, in the key's order, so
    /// that a beginning which many share costs no more than one that few do.
    pub(crate) fn beginning(mut self, table: &'static str, key: &str) -> Self {
        self.params.push(key.into());
        let low = self.params.len();
        self.params.push(format!("{key}\u{10ffff}").into());
        let high = self.params.len();
        self.sql.push_str(&format!(
            " AND {table}.id IN (SELECT id FROM {table} WHERE tenant = $1 AND search_key >= ${low} AND search_key < ${high} \
                ORDER BY search_key LIMIT 1000)"
        ));
        self
    }

    /// One row more than the page shows, so that its reader knows whether another page follows.
    pub(crate) fn page(mut self, id: &'static str, page: &Page) -> Self {
        self.compare(id, "<", page.below().into());
        self.compare(id, ">=", page.floor().into());
        self.params.push(page.fetch().into());
        self.sql.push_str(&format!(" ORDER BY {id} DESC LIMIT ${}", self.params.len()));
        self
    }

    /// The whole statement.
    pub(crate) fn after(self, select: &str) -> (String, Vec<Value>) {
        (format!("{select}{}", self.sql), self.params)
    }
}
