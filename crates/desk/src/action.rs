//! What the desk's actions share: how one is declared, what it reads, and what it answers.

use hookswitch_pipeline::inbound::action::{ActionError, Context, Done};
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::id::ClientId;
use crate::input::{Fields, NAME_CHARS_MAX, check_name, invalid};
use crate::mapping::{self, External, LinkError};
use crate::record::{Entity, Upserted, resolve};

/// `action!(CreateTicket, DEFINITION, run)`: the action of this name, what is said of it, and what it does.
macro_rules! action {
    ($name:ident, $definition:ident, $run:path) => {
        pub struct $name;

        impl hookswitch_pipeline::inbound::action::Action for $name {
            fn definition(&self) -> &hookswitch_pipeline::inbound::action::Definition {
                &$definition
            }

            fn run<'a>(
                &'a self,
                tx: &'a mut hookswitch_store::Tx,
                input: &'a hookswitch_pipeline::inbound::action::Input,
                context: &'a hookswitch_pipeline::inbound::action::Context<'a>,
            ) -> futures_util::future::BoxFuture<
                'a,
                Result<hookswitch_pipeline::inbound::action::Done, hookswitch_pipeline::inbound::action::ActionError>,
            > {
                Box::pin($run(tx, input, context))
            }
        }
    };
}
pub(crate) use action;

/// What an action did to a record.
pub(crate) fn done(kind: &str, id: impl ToString, result: &str, more: Map<String, Value>) -> Done {
    Done { entity_type: kind.to_owned(), entity_id: id.to_string(), result: result.to_owned(), more }
}

/// What an upsert came to, with the names of the fields that are different now.
pub(crate) fn upserted<E: Entity>(upserted: &Upserted<E>) -> Done {
    let mut more = Map::new();
    if let Upserted::Known(_) = upserted {
        more.insert("updated_fields".to_owned(), json!(upserted.fields()));
    }
    done(E::KIND, upserted.record().id, upserted.result(), more)
}

/// The record of this kind as the webhook's sender names it.
pub(crate) fn external(fields: &Fields<'_>, context: &Context<'_>, kind: &'static str) -> Result<Option<External>, ActionError> {
    let Some(id) = fields.text("external_id")? else { return Ok(None) };
    check_name("external_id", id, NAME_CHARS_MAX)?;
    Ok(Some(External::new(context.integration, kind, id)))
}

/// The same where the action can't do without.
pub(crate) fn required_external(fields: &Fields<'_>, context: &Context<'_>, kind: &'static str) -> Result<External, ActionError> {
    external(fields, context, kind)?.ok_or_else(|| invalid("external_id", "is needed"))
}

/// The client that the sender means, by our id, by its own, or both if they mean the same one.
pub(crate) async fn client_of(tx: &mut Tx, fields: &Fields<'_>, context: &Context<'_>) -> Result<Option<ClientId>, ActionError> {
    let named = fields.id::<ClientId>("client_id")?;
    let Some(id) = fields.text("client_external_id")? else { return Ok(named) };
    let external = External::new(context.integration, mapping::CLIENT, id);
    let found = resolve::<Client>(tx, "client_external_id", &external).await?;
    match named {
        Some(named) if named != found => Err(invalid("client_external_id", "names another client than client_id does")),
        _ => Ok(Some(found)),
    }
}

/// Notes a record's external id. One that names another record already is refused.
pub(crate) async fn link(
    tx: &mut Tx,
    change: &crate::change::Change<'_>,
    external: &External,
    id: &str,
) -> Result<(), ActionError> {
    match mapping::link(tx, change.ambient, external, id, change.origin()).await {
        Ok(()) => Ok(()),
        Err(LinkError::Taken { entity_id }) => {
            let detail = format!("the external id already names {entity_id}");
            Err(ActionError::Rule { code: "already_exists", detail })
        }
        Err(LinkError::Store(error)) => Err(error.into()),
    }
}

pub(crate) fn gone(kind: &str, id: impl std::fmt::Display) -> ActionError {
    StoreError::Corrupt(format!("a mapping names the {kind} {id}, which isn't there")).into()
}
