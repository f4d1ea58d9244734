//! Templates: text and JSON with `{{event.payload.title}}` in them, by which adapters make what a
//! chat or a ticketing system wants to hear.
//!
//! Substitution and nothing more: no loops, no conditions, no code. It runs on every attempt, costs
//! no process, can't hang, and what it inserts is escaped for the place where it stands, so that a
//! payload never becomes a member, a header, a path, a mention or a tag of its own. Who needs more
//! shapes the event with the destination's JSONata transformation, and fills in the result here.
//!
//! * `{{event.payload.lines.0.text}}` follows names and places; what isn't there is nothing.
//! * `{{event.payload.title|event.event_type|"untitled"}}` takes the first that is there.
//! * `{{html:event.payload.text}}` escapes for a field that is HTML.
//! * In JSON, a text that is one slot and nothing else gives the value itself, number or object;
//!   a member whose slot finds nothing is left out.

use serde_json::Value;

/// What a template may ask for; `id` is there in links alone.
pub(super) const ROOTS: [&str; 5] = ["event", "message_id", "delivery_id", "values", "id"];
/// Whatever a template makes is at most this large: one that repeats a payload is cut short here.
const MADE_BYTES_MAX: usize = 512 * 1024;

/// The place where a value is inserted, and so how it is made harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// A JSON text: writing the JSON escapes it.
    Json,
    /// One segment of a URL's path, or one value in its query.
    Url,
    /// A header's value.
    Header,
    /// Slack's text: no mention, no channel, no link.
    Slack,
}

/// Why a template gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the template is broken: {0}")]
    Broken(String),
    #[error("the template makes more than 524288 bytes")]
    TooLarge,
    #[error("the path would climb with .. out of the one that is configured")]
    Climbs,
}

/// Fills templates from one delivery's values.
pub(super) struct Filler<'a> {
    scope: &'a Value,
    /// A longer value is cut, and an ellipsis says so.
    chars_max: usize,
    left: usize,
}

enum Part<'t> {
    Text(&'t str),
    Slot(Slot<'t>),
}

struct Slot<'t> {
    /// The first that is there is taken.
    wants: Vec<Want<'t>>,
    html: bool,
}

enum Want<'t> {
    Path(&'t str),
    Fixed(&'t str),
}

impl<'t> Slot<'t> {
    fn read(inside: &'t str) -> Result<Self, String> {
        let (html, wants) = inside.trim().strip_prefix("html:").map_or((false, inside), |rest| (true, rest));
        let read = |want: &'t str| match want.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(fixed) => Ok(Want::Fixed(fixed)),
            None if want.trim().split('.').any(|step| step.is_empty() || step.contains([' ', '{', '"'])) => {
                Err(format!("has {{{{{inside}}}}}, which is no path"))
            }
            None => Ok(Want::Path(want.trim())),
        };
        Ok(Self { wants: wants.split('|').map(read).collect::<Result<_, _>>()?, html })
    }
}

/// What is wrong with a template, for whoever is saving it.
pub(super) fn check(template: &str) -> Result<(), String> {
    for part in parts(template)? {
        let Part::Slot(slot) = part else { continue };
        let paths = slot.wants.iter().filter_map(|want| if let Want::Path(path) = want { Some(path) } else { None });
        for root in paths.filter_map(|path| path.split('.').next()) {
            if !ROOTS.contains(&root) {
                return Err(format!("names {root:?}: a template may use {}", ROOTS.join(", ")));
            }
        }
    }
    Ok(())
}

fn parts(template: &str) -> Result<Vec<Part<'_>>, String> {
    let (mut parts, mut rest) = (Vec::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}").ok_or("has {{ without }}")?;
        parts.extend((!before.is_empty()).then_some(Part::Text(before)));
        parts.push(Part::Slot(Slot::read(inside)?));
        rest = after;
    }
    parts.extend((!rest.is_empty()).then_some(Part::Text(rest)));
    Ok(parts)
}

/// The value at a dotted path; a list's places are numbers from 0.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

enum Found<'a, 't> {
    Value(&'a Value),
    Fixed(&'t str),
}

impl<'a> Filler<'a> {
    pub(super) fn new(scope: &'a Value, chars_max: usize) -> Self {
        Self { scope, chars_max, left: MADE_BYTES_MAX }
    }

    pub(super) fn text(&mut self, template: &str, escape: Escape) -> Result<String, Refused> {
        let mut text = String::new();
        for part in parts(template).map_err(Refused::Broken)? {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Slot(slot) => text.push_str(&self.inserted(&slot, escape)),
            }
            if text.len() > self.left {
                return Err(Refused::TooLarge);
            }
        }
        self.left -= text.len();
        Ok(text)
    }

    /// A path and query; no value in it adds a segment or climbs.
    pub(super) fn path(&mut self, template: &str) -> Result<String, Refused> {
        let made = self.text(template, Escape::Url)?;
        let path = made.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
        if path.split('/').any(|segment| segment == "." || segment == "..") { Err(Refused::Climbs) } else { Ok(made) }
    }

    /// `escape` says by a member's name how text in it is escaped.
    pub(super) fn json(&mut self, template: &Value, escape: &dyn Fn(&str) -> Escape) -> Result<Value, Refused> {
        Ok(self.filled("", template, escape)?.unwrap_or(Value::Null))
    }

    /// `None`: a slot that found nothing.
    fn filled(&mut self, name: &str, template: &Value, escape: &dyn Fn(&str) -> Escape) -> Result<Option<Value>, Refused> {
        Ok(Some(match template {
            Value::String(text) => match lone_slot(text)? {
                Some(slot) if escape(name) == Escape::Json && !slot.html => return self.whole(&slot),
                _ => Value::String(self.text(text, escape(name))?),
            },
            Value::Array(items) => {
                let items = items.iter().map(|item| Ok(self.filled(name, item, escape)?.unwrap_or(Value::Null)));
                Value::Array(items.collect::<Result<_, Refused>>()?)
            }
            Value::Object(fields) => {
                let mut made = serde_json::Map::new();
                for (name, field) in fields {
                    if let Some(value) = self.filled(name, field, escape)? {
                        made.insert(name.clone(), value);
                    }
                }
                Value::Object(made)
            }
            fixed => fixed.clone(),
        }))
    }

    /// The value itself, as it is.
    fn whole(&mut self, slot: &Slot<'_>) -> Result<Option<Value>, Refused> {
        let found = match self.found(slot) {
            Some(Found::Value(Value::String(text))) => Value::String(clipped(text, self.chars_max)),
            Some(Found::Value(other)) => other.clone(),
            Some(Found::Fixed(text)) => text.into(),
            None => return Ok(None),
        };
        let bytes = found.to_string().len();
        self.left = self.left.checked_sub(bytes).ok_or(Refused::TooLarge)?;
        Ok(Some(found))
    }

    fn found<'t>(&self, slot: &Slot<'t>) -> Option<Found<'a, 't>> {
        slot.wants.iter().find_map(|want| match want {
            Want::Fixed(text) => Some(Found::Fixed(text)),
            Want::Path(path) => at(self.scope, path).filter(|value| !value.is_null()).map(Found::Value),
        })
    }

    fn inserted(&self, slot: &Slot<'_>, escape: Escape) -> String {
        let text = match self.found(slot) {
            None => String::new(),
            Some(Found::Fixed(text)) => text.to_owned(),
            Some(Found::Value(Value::String(text))) => clipped(text, self.chars_max),
            Some(Found::Value(other)) => clipped(&other.to_string(), self.chars_max),
        };
        let text = if slot.html { html_escaped(&text) } else { text };
        match escape {
            Escape::Json => text,
            Escape::Url => percent_encoded(&text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
            Escape::Header => percent_encoded(&text, |byte| (b' '..=b'~').contains(&byte)),
            Escape::Slack => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        }
    }
}

fn lone_slot(text: &str) -> Result<Option<Slot<'_>>, Refused> {
    let mut parts = parts(text).map_err(Refused::Broken)?;
    match (parts.pop(), parts.is_empty()) {
        (Some(Part::Slot(slot)), true) => Ok(Some(slot)),
        _ => Ok(None),
    }
}

/// At most so many characters.
pub(super) fn clipped(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

fn html_escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;").replace('\n', "<br>")
}

fn percent_encoded(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match plain(byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
