//! From what a caller gives to fields: a JSON merge (RFC 7396), so that a partial change touches the
//! fields that it names and no others, objects are merged, and null empties a field. What can't be read
//! is told by the field's name.

use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::StoreError;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Entity;
use crate::input::{NAME_CHARS_MAX, TEXT_BYTES_MAX, check_text, invalid};

/// Free JSON may nest this deep.
const DEPTH_MAX: usize = 32;

/// Nothing yet: a record that is to be made.
pub fn blank() -> Map<String, Value> {
    Map::new()
}

pub fn object_of(fields: &impl Serialize) -> Result<Map<String, Value>, StoreError> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(object)) => Ok(object),
        other => Err(StoreError::Bug(format!("fields are no object: {other:?}"))),
    }
}

/// The fields as they are with what is given. Names that the product fills itself are refused.
pub fn merged<E: Entity>(current: &Map<String, Value>, given: &Map<String, Value>) -> Result<E, ActionError> {
    if let Some(name) = given.keys().find(|name| E::MANAGED.contains(&name.as_str())) {
        return Err(invalid(name, "is filled by the product and can't be given"));
    }
    read(over(current, given)?)
}

/// What is there with what is given laid over it.
pub fn over(current: &Map<String, Value>, given: &Map<String, Value>) -> Result<Map<String, Value>, ActionError> {
    let mut fields = current.clone();
    merge(&mut fields, given, 0)?;
    Ok(fields)
}

fn merge(target: &mut Map<String, Value>, given: &Map<String, Value>, depth: usize) -> Result<(), ActionError> {
    if depth > DEPTH_MAX {
        return Err(invalid("body", format!("must not nest deeper than {DEPTH_MAX}")));
    }
    for (name, value) in given {
        match (target.get_mut(name), value) {
            (_, Value::Null) => drop(target.remove(name)),
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more, depth + 1)?,
            _ => drop(target.insert(name.clone(), value.clone())),
        }
    }
    Ok(())
}

/// Reads fields, and says which one is wrong without repeating its value.
pub fn read<T: serde::de::DeserializeOwned>(fields: Map<String, Value>) -> Result<T, ActionError> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let text = error.inner().to_string();
        let path = error.path().to_string();
        let named = text.split('`').nth(1).unwrap_or("body").to_owned();
        let above = |name: String| match path.as_str() {
            "." | "?" | "" => name,
            path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
            path => format!("{path}.{name}"),
        };
        if text.starts_with("missing field") {
            return invalid(&above(named), "is missing");
        }
        if let Some((_, known)) = text.strip_prefix("unknown field").map(|rest| rest.split_once("expected ").unwrap_or_default())
        {
            let known = known.replace('`', "");
            return invalid(&above(named), format!("is no field here; known: {}", known.trim_start_matches("one of ")));
        }
        let field = if matches!(path.as_str(), "." | "?" | "") { "body" } else { &path };
        match text.split_once("expected ") {
            Some((_, known)) => invalid(field, format!("must be {}", known.replace('`', ""))),
            None => invalid(field, text),
        }
    })
}

/// Every text within its bounds, and storable in both engines.
pub fn check_texts(fields: &Map<String, Value>, long: &[&str]) -> Result<(), ActionError> {
    for (name, value) in fields {
        match value {
            Value::String(text) if long.contains(&name.as_str()) => check_text(name, text)?,
            Value::String(text) => {
                if text.len() > NAME_CHARS_MAX * 4 || text.chars().count() > NAME_CHARS_MAX {
                    return Err(invalid(name, format!("must be at most {NAME_CHARS_MAX} characters long")));
                }
                check_text(name, text)?;
            }
            Value::Object(_) | Value::Array(_) if value.to_string().len() > TEXT_BYTES_MAX => {
                return Err(invalid(name, format!("must be at most {TEXT_BYTES_MAX} bytes of JSON")));
            }
            _ => {}
        }
    }
    Ok(())
}
