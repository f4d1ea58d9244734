//! Contacts: people at a client.

pub mod actions;

use futures_util::future::BoxFuture;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::Client;
use crate::id::{ClientId, ContactId};
use crate::input::invalid;
use crate::record::{Entity, Events, Filter, Reference, Settling, events};
use crate::words::{EmailAddress, Json, columns, words};

words! { PhoneType { Work "work", Mobile "mobile", Home "home", Fax "fax", Other "other" } }

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneNumber {
    pub phone_number: String,
    pub extension: Option<String>,
    #[serde(default)]
    pub canonical_type: PhoneType,
    #[serde(default)]
    pub is_default: bool,
}

/// Somebody at a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    #[schema(example = "Ann Example", min_length = 1, max_length = 255)]
    pub full_name: String,
    #[schema(value_type = Option<String>)]
    pub client_id: Option<ClientId>,
    #[schema(example = "ann@example.com")]
    pub email: Option<String>,
    pub role: Option<String>,
    pub notes: Option<String>,
    #[serde(default)]
    pub is_inactive: bool,
    #[serde(default)]
    #[schema(value_type = Vec<PhoneNumber>)]
    pub phone_numbers: Json<Vec<PhoneNumber>>,
    #[serde(default)]
    #[schema(value_type = Vec<EmailAddress>)]
    pub additional_email_addresses: Json<Vec<EmailAddress>>,
}

impl Entity for Contact {
    type Id = ContactId;
    const KIND: &'static str = "contact";
    const TITLE: &'static str = "Contact";
    const TABLE: &'static str = "contact";
    const EVENTS: Events = events!("contact");
    const FILTERS: &'static [Filter] = &[Filter::id("client_id", "cli"), Filter::text("email"), Filter::flag("is_inactive")];
    const PRIVATE: &'static [&'static str] = &["email", "notes", "phone_numbers", "additional_email_addresses"];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("ticket", "contact_id")];

    columns!(full_name, client_id, email, role, notes, is_inactive, phone_numbers, additional_email_addresses);

    fn title(&self) -> (&'static str, &str) {
        ("full_name", &self.full_name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Client>("client_id", self.client_id)]
    }

    fn settle<'a>(&'a mut self, _: &'a mut Tx, _: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            check_email("email", self.email.as_deref())?;
            for other in &self.additional_email_addresses.0 {
                check_email("additional_email_addresses", Some(&other.email_address))?;
            }
            match self.phone_numbers.0.iter().filter(|phone| phone.is_default).count() {
                0 | 1 => Ok(()),
                _ => Err(invalid("phone_numbers", "at most one may be the default")),
            }
        })
    }
}

impl Contact {
    /// The number that is called first, in the place of the one that was.
    pub fn set_default_phone(&mut self, number: &str) {
        let numbers = &mut self.phone_numbers.0;
        if let Some(phone) = numbers.iter_mut().find(|phone| phone.is_default) {
            phone.phone_number = number.to_owned();
            return;
        }
        let (phone_number, canonical_type) = (number.to_owned(), PhoneType::default());
        numbers.insert(0, PhoneNumber { phone_number, extension: None, canonical_type, is_default: true });
    }
}

fn check_email(field: &str, email: Option<&str>) -> Result<(), ActionError> {
    let good = |email: &str| match email.split_once('@') {
        Some((local, host)) => !local.is_empty() && !host.is_empty() && !email.contains(char::is_whitespace),
        None => false,
    };
    if email.is_none_or(good) { Ok(()) } else { Err(invalid(field, "must be an email address")) }
}
