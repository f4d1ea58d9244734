//! A host of its own: it brings one action, `countVisit`, and the table that it writes. Nothing of the gateway
//! or of the desk was changed for it. It is what `docs/howto/action.md` describes, from outside.
//!
//! * one file with the action: this one
//! * one line in a list: [`register`]

use futures_util::future::BoxFuture;
use hookswitch_desk::Change;
use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{Action, ActionError, Context, Definition, Done, Duplicate, Input, Registry};
use hookswitch_store::{Component, Tx, migration, params};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The host's table, for the ledger of migrations.
pub const COMPONENT: Component =
    Component { name: "example_action", migrations: &[migration!(1, "../migrations", "0001_visit")] };

/// The host's actions: one line each.
pub fn register(registry: &mut Registry) -> Result<(), Duplicate> {
    registry.register(Arc::new(CountVisit))
}

struct CountVisit;

static DEFINITION: Definition = Definition {
    name: "countVisit",
    entity_type: "visitor",
    display_name: "Count a visit",
    description: "Counts a visitor's visits, and publishes each.",
    fields: &[Field::new("visitor", FieldKind::String, "Who came, at most 255 characters.").required()],
};

impl Action for CountVisit {
    fn definition(&self) -> &Definition {
        &DEFINITION
    }

    fn run<'a>(&'a self, tx: &'a mut Tx, input: &'a Input, context: &'a Context<'a>) -> BoxFuture<'a, Result<Done, ActionError>> {
        Box::pin(run(tx, input, context))
    }
}

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let visitor = input.get("visitor").and_then(Value::as_str).unwrap_or_default();
    hookswitch_desk::input::check_name("visitor", visitor, 255)?;
    let sql = "INSERT INTO visitor (name, tenant, visits) VALUES ($1, $2, 1)
        ON CONFLICT (name, tenant) DO UPDATE SET visits = visitor.visits + 1 RETURNING visits";
    let visits: i64 = tx.query_one(sql, params![visitor, tx.tenant()]).await?.get(0)?;
    // In this transaction: the visit is counted, published and logged, or none of it.
    let change = Change::through(context);
    let payload = json!({ "visitor": visitor, "visits": visits });
    change.publish(tx, "visitor.came", ("visitor", visitor.to_owned()), payload).await?;
    let result = if visits == 1 { "created" } else { "updated" };
    Ok(Done {
        entity_type: "visitor".to_owned(),
        entity_id: visitor.to_owned(),
        result: result.to_owned(),
        more: Map::from_iter([("visits".to_owned(), json!(visits))]),
    })
}
