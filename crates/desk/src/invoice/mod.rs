//! Invoices. Amounts are whole numbers in the currency's smallest unit. Being paid is a fact with a
//! moment and a reference; paying what is paid changes nothing.

pub mod actions;

use futures_util::future::BoxFuture;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::change::Change;
use crate::client::Client;
use crate::id::{ClientId, InvoiceId};
use crate::input::invalid;
use crate::record::{self, Changed, Entity, Events, Filter, Record, Reference, Settling, events, store};
use crate::words::{Day, Free, Json, columns, words};

words! {
    InvoiceStatus {
        Draft "draft", Sent "sent", Paid "paid", Overdue "overdue", Cancelled "cancelled", Pending "pending",
        Prepayment "prepayment", PartiallyApplied "partially_applied",
    }
}
words! { TaxSource { Internal "internal", External "external", PendingExternal "pending_external" } }

/// A line of an invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    pub description: String,
    pub service_id: Option<String>,
    #[serde(default)]
    pub quantity: f64,
    #[serde(default)]
    pub unit_price: i64,
    #[serde(default)]
    pub total_price: i64,
    #[serde(default)]
    pub tax_amount: i64,
}

/// What a client owes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invoice {
    /// Counts up (`INV-000001`) where nobody gives one; the tenant has each once.
    #[serde(default)]
    pub invoice_number: String,
    #[schema(value_type = Option<String>)]
    pub client_id: Option<ClientId>,
    pub po_number: Option<String>,
    #[schema(value_type = Option<String>, format = Date)]
    pub invoice_date: Option<Day>,
    #[schema(value_type = Option<String>, format = Date, example = "2026-01-31")]
    pub due_date: Option<Day>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finalized_at: Option<Timestamp>,
    #[serde(default)]
    pub subtotal: i64,
    #[serde(default)]
    pub tax: i64,
    #[serde(default)]
    #[schema(example = 12900)]
    pub total_amount: i64,
    #[serde(default)]
    pub credit_applied: i64,
    #[serde(default = "euro")]
    #[schema(example = "EUR", min_length = 3, max_length = 3)]
    pub currency_code: String,
    #[serde(default)]
    pub status: InvoiceStatus,
    #[serde(default)]
    pub is_manual: bool,
    #[serde(default)]
    pub tax_source: TaxSource,
    #[serde(default)]
    #[schema(value_type = Vec<Charge>)]
    pub charges: Json<Vec<Charge>>,
    /// When it was paid, and the payment's name elsewhere; set by paying it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paid_at: Option<Timestamp>,
    pub payment_reference: Option<String>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub custom_fields: Free,
}

fn euro() -> String {
    "EUR".to_owned()
}

impl Entity for Invoice {
    type Id = InvoiceId;
    const KIND: &'static str = "invoice";
    const TITLE: &'static str = "Invoice";
    const TABLE: &'static str = "invoice";
    const EVENTS: Events = events!("invoice");
    const FILTERS: &'static [Filter] = &[Filter::id("client_id", "cli"), Filter::text("status"), Filter::text("invoice_number")];
    const PRIVATE: &'static [&'static str] = &["po_number", "charges", "payment_reference", "custom_fields"];

    columns!(
        invoice_number,
        client_id,
        po_number,
        invoice_date,
        due_date,
        finalized_at,
        subtotal,
        tax,
        total_amount,
        credit_applied,
        currency_code,
        status,
        is_manual,
        tax_source,
        charges,
        paid_at,
        payment_reference,
        custom_fields
    );

    fn title(&self) -> (&'static str, &str) {
        // One that is not numbered yet gets its number when it is settled.
        ("invoice_number", if self.invoice_number.is_empty() { "INV" } else { &self.invoice_number })
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Client>("client_id", self.client_id)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if self.currency_code.len() != 3 || !self.currency_code.bytes().all(|byte| byte.is_ascii_uppercase()) {
                return Err(invalid("currency_code", "must be three capital letters like EUR"));
            }
            if self.status != InvoiceStatus::Paid {
                (self.paid_at, self.payment_reference) = (None, None);
            } else if self.paid_at.is_none() {
                self.paid_at = Some(at.change.ambient.now());
            }
            self.number(tx, at.before).await
        })
    }

    fn news(before: &Self, after: &Self) -> Vec<&'static str> {
        match after.status {
            status if status == before.status => Vec::new(),
            InvoiceStatus::Paid => vec!["invoice.status_changed", "invoice.marked_paid"],
            _ => vec!["invoice.status_changed"],
        }
    }
}

impl Invoice {
    async fn number(&mut self, tx: &mut Tx, before: Option<&Self>) -> Result<(), ActionError> {
        if before.is_some_and(|before| before.invoice_number == self.invoice_number) {
            return Ok(());
        }
        if before.is_some() && self.invoice_number.trim().is_empty() {
            return Err(invalid("invoice_number", "must not be empty"));
        }
        let given = !self.invoice_number.is_empty();
        // Somebody may have given the next number to an invoice by hand: it is passed over.
        loop {
            if !given {
                self.invoice_number = format!("INV-{:06}", store::next_number(tx, "invoice").await?);
            }
            let taken = store::first::<Self>(tx, "invoice_number = $2", "id", &[self.invoice_number.as_str().into()]).await?;
            match taken {
                None => return Ok(()),
                Some(_) if given => return Err(invalid("invoice_number", "another invoice has this number")),
                Some(_) => {}
            }
        }
    }
}

/// Notes a payment. Of an invoice that is paid already nothing changes, not even the moment.
pub async fn pay(
    tx: &mut Tx,
    change: &Change<'_>,
    invoice: Record<Invoice>,
    paid_at: Option<Timestamp>,
    reference: Option<&str>,
) -> Result<Changed<Invoice>, ActionError> {
    if invoice.fields.status == InvoiceStatus::Paid {
        return Ok(Changed { record: invoice, changes: serde_json::Map::new() });
    }
    let mut paid = invoice.fields.clone();
    paid.status = InvoiceStatus::Paid;
    paid.paid_at = Some(paid_at.unwrap_or_else(|| change.ambient.now()));
    paid.payment_reference = reference.map(str::to_owned);
    record::apply(tx, change, invoice, paid).await
}

/// The invoice, held until the transaction ends.
pub async fn named(tx: &mut Tx, id: InvoiceId) -> Result<Record<Invoice>, StoreError> {
    record::held(tx, id).await?.ok_or_else(|| StoreError::Corrupt(format!("a mapping names {id}, which isn't there")))
}
