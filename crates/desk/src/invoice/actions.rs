//! What inbound webhooks may do with invoices.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;
use serde_json::{Map, json};

use super::{Invoice, InvoiceStatus, named, pay};
use crate::action::{action, done, gone, required_external};
use crate::change::Change;
use crate::input::{Fields, NAME_CHARS_MAX, check_name};
use crate::record::{self, Changed, Entity, resolve};

action!(MarkInvoicePaid, PAID, run_paid);
action!(UpdateInvoiceStatus, STATUS, run_status);

static PAID: Definition = Definition {
    name: "markInvoicePaidByExternalId",
    entity_type: "invoice",
    display_name: "Mark an invoice as paid",
    description: "Notes the payment of the invoice that the external id names. One that is paid already stays as it is.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the invoice.").required(),
        Field::new("paid_at", FieldKind::String, "When it was paid: a moment (RFC 3339) or a day. Default: now."),
        Field::new("payment_reference", FieldKind::String, "The payment's name elsewhere, at most 255 characters."),
    ],
};

async fn run_paid(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let paid_at = fields.moment("paid_at")?;
    let reference = fields.text("payment_reference")?;
    reference.map_or(Ok(()), |text| check_name("payment_reference", text, NAME_CHARS_MAX))?;
    let external = required_external(&fields, context, Invoice::KIND)?;
    let id = resolve::<Invoice>(tx, "external_id", &external).await?;
    let invoice = named(tx, id).await?;
    Ok(outcome(&pay(tx, &Change::through(context), invoice, paid_at, reference).await?))
}

static STATUS: Definition = Definition {
    name: "updateInvoiceStatusByExternalId",
    entity_type: "invoice",
    display_name: "Change an invoice's status",
    description: "Gives the invoice that the external id names another status.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the invoice.").required(),
        Field::new("status", FieldKind::Enum, "The new status.").required().one_of(InvoiceStatus::WORDS),
    ],
};

async fn run_status(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let external = required_external(&fields, context, Invoice::KIND)?;
    let id = resolve::<Invoice>(tx, "external_id", &external).await?;
    let changed = record::change::<Invoice>(tx, &Change::through(context), id, &fields.pick(&["status"]), None).await?;
    Ok(outcome(&changed.ok_or_else(|| gone(Invoice::KIND, id))?))
}

fn outcome(changed: &Changed<Invoice>) -> Done {
    let invoice = &changed.record;
    let more = [("invoice_number", json!(invoice.fields.invoice_number)), ("status", json!(invoice.fields.status))];
    let more: Map<_, _> = more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    done(Invoice::KIND, invoice.id, changed.result(), more)
}
