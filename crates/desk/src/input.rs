//! What comes from outside becomes values of ours: the fields that a mapping filled, and the rules
//! for texts that hold for people's requests too.

use std::str::FromStr;

use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::{ActionError, Input};
use serde_json::{Map, Value};

/// External ids and realms are at most this long; so are names.
pub const NAME_CHARS_MAX: usize = 255;
pub const TITLE_CHARS_MAX: usize = 500;
/// Descriptions, notes and free JSON: together they fit into one event (256 KiB).
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn invalid(field: &str, detail: impl Into<String>) -> ActionError {
    ActionError::Invalid { field: field.to_owned(), detail: detail.into() }
}

/// A name, a title or an id of somebody else's: there, not only blanks, and not too long.
pub fn check_name(field: &str, text: &str, chars_max: usize) -> Result<(), ActionError> {
    if text.trim().is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    // Bytes first: counting the characters of a megabyte is work for nothing.
    if text.len() > chars_max * 4 || text.chars().count() > chars_max {
        return Err(invalid(field, format!("must be at most {chars_max} characters long")));
    }
    check_storable(field, text)
}

pub fn check_text(field: &str, text: &str) -> Result<(), ActionError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(invalid(field, format!("must be at most {TEXT_BYTES_MAX} bytes long")));
    }
    check_storable(field, text)
}

/// PostgreSQL keeps no NUL in a text.
fn check_storable(field: &str, text: &str) -> Result<(), ActionError> {
    match text.contains('\0') {
        true => Err(invalid(field, "must not hold the character U+0000")),
        false => Ok(()),
    }
}

pub fn check_object(field: &str, object: &Map<String, Value>) -> Result<(), ActionError> {
    match serde_json::to_string(object) {
        Ok(text) if text.len() <= TEXT_BYTES_MAX => Ok(()),
        _ => Err(invalid(field, format!("must be at most {TEXT_BYTES_MAX} bytes of JSON"))),
    }
}

/// The mapped fields of an action. They were coerced to the kinds that the action declares; a
/// caller that skipped this is told so instead of trusted.
pub(crate) struct Fields<'a>(pub(crate) &'a Input);

impl<'a> Fields<'a> {
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, ActionError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| invalid(name, "must be a text"))
    }

    pub(crate) fn id<T: FromStr<Err: ToString>>(&self, name: &str) -> Result<Option<T>, ActionError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| invalid(name, error.to_string()))
    }

    /// A moment, or a day, which begins at midnight UTC.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<Timestamp>, ActionError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
        moment.map(Some).map_err(|_| invalid(name, "must be a moment like 2026-01-31T12:00:00Z, or a day like 2026-01-31"))
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, ActionError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| invalid(name, "must be an object"))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ActionError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| invalid(name, "must be true or false"))
    }

    /// Those of these fields that are mapped, as a record takes them.
    pub(crate) fn pick(&self, names: &[&str]) -> Map<String, Value> {
        let mapped = names.iter().filter_map(|name| Some(((*name).to_owned(), self.0.get(*name)?.clone())));
        mapped.collect()
    }
}
