//! From what an expression gave to what an action takes. A **mapping** is target field -> JSONata
//! expression over the request's body; an action declares its target fields as [`Field`]s, and here
//! stands what a value must be to fill one. The expressions are evaluated elsewhere (in the sandbox);
//! this is the step between `parse` and `action` of the inbound line.
//!
//! A value counts as **missing** when the expression gave nothing, null or the empty string.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, value::RawValue};

/// An expression is at most this long.
pub const EXPRESSION_BYTES_MAX: usize = 8 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    String,
    Int,
    Number,
    Boolean,
    Enum,
    Ref,
    Json,
}

/// One target field of an action, as it is declared and as `/inbound-webhooks/actions` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: FieldKind,
    pub required: bool,
    pub description: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub enum_values: &'static [&'static str],
    #[serde(rename = "refEntityType", skip_serializing_if = "Option::is_none")]
    pub ref_entity: Option<&'static str>,
}

impl Field {
    /// An optional field; `required`, `one_of` and `refers_to` say more, all in const context.
    pub const fn new(name: &'static str, kind: FieldKind, description: &'static str) -> Self {
        Self { name, kind, required: false, description, enum_values: &[], ref_entity: None }
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub const fn one_of(mut self, values: &'static [&'static str]) -> Self {
        self.enum_values = values;
        self
    }

    pub const fn refers_to(mut self, entity: &'static str) -> Self {
        self.ref_entity = Some(entity);
        self
    }
}

/// Why one field can't be filled. Shown to whoever configured the webhook, so it never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct FieldError {
    pub field: String,
    pub code: String,
    pub detail: String,
}

impl FieldError {
    pub fn new(field: &str, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.to_owned(), code: code.into(), detail: detail.into() }
    }
}

/// What is wrong with an expression, or went wrong in it. `code` is the language's own (`S0201`, `T2001`,
/// `D1012`, ...) or one of the sandbox's (`expression_too_long`, `sandbox_timeout`, ...).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ExpressionError {
    pub code: String,
    pub message: String,
    /// Characters up to and including the token that can't stand there, as the reference implementation counts.
    pub position: Option<u32>,
}

impl ExpressionError {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), position: None }
    }
}

/// An expression sees an object, always: a body that is an array or a primitive stands under `value`.
/// None if the body is no JSON document.
pub fn wrap_body(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    if body.trim_ascii_start().first() == Some(&b'{') {
        return Some(Cow::Borrowed(body));
    }
    // Only a document of its own may be wrapped: `1,"a":2` would become one by the wrapping.
    serde_json::from_slice::<&RawValue>(body).ok()?;
    Some(Cow::Owned([br#"{"value":"#.as_slice(), body, b"}"].concat()))
}

/// The value as the field takes it; None if it is missing and may be.
pub fn coerce(field: &Field, value: Option<&Value>) -> Result<Option<Value>, FieldError> {
    let value = match value {
        None | Some(Value::Null) => return missing(field),
        Some(Value::String(text)) if text.is_empty() => return missing(field),
        Some(value) => value,
    };
    let taken = match field.kind {
        FieldKind::String => text(value).map(Value::String).ok_or("must be a text, a number or a boolean"),
        FieldKind::Int => integer(value).ok_or("must be a whole number"),
        FieldKind::Number => number(value).map(Value::Number).ok_or("must be a number"),
        FieldKind::Boolean => boolean(value).map(Value::Bool).ok_or("must be true or false"),
        FieldKind::Ref => reference(value).map(Value::String).ok_or("must be an id"),
        FieldKind::Json => (value.is_object() || value.is_array()).then(|| value.clone()).ok_or("must be an object or an array"),
        FieldKind::Enum => return enumerated(field, value).map(Some),
    };
    taken.map(Some).map_err(|rule| FieldError::new(field.name, "invalid_type", rule))
}

fn missing(field: &Field) -> Result<Option<Value>, FieldError> {
    if field.required {
        return Err(FieldError::new(field.name, "required", "is required, and its expression gave nothing"));
    }
    Ok(None)
}

/// Numbers and booleans stand as their JSON text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let text = text.trim();
            // Rust also reads "inf", "nan" and "infinity"; a sender that writes those means no number.
            if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
                return None;
            }
            // Whole numbers keep all their digits; past 64 bits they are floats like any other.
            text.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(text.parse().ok()?))
        }
        _ => None,
    }
}

fn integer(value: &Value) -> Option<Value> {
    let number = number(value)?;
    if let Some(whole) = number.as_i64() {
        return Some(Value::from(whole));
    }
    let float = number.as_f64()?;
    // 2^63 is the first float that is no i64; every float between the bounds converts exactly.
    let fits = float.fract() == 0.0 && float >= i64::MIN as f64 && float < i64::MAX as f64;
    fits.then(|| Value::from(float as i64))
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn reference(value: &Value) -> Option<String> {
    let id = value.as_str()?.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

fn enumerated(field: &Field, value: &Value) -> Result<Value, FieldError> {
    match text(value) {
        Some(text) if field.enum_values.contains(&text.as_str()) => Ok(Value::String(text)),
        _ => Err(FieldError::new(field.name, "invalid_enum", format!("must be one of {}", field.enum_values.join(", ")))),
    }
}

/// All fields of an action from what their expressions gave, in the action's order, or everything that is
/// wrong. A field that no expression fills is missing.
pub fn collect(
    fields: &[Field],
    evaluated: &[(&str, Result<Option<Value>, ExpressionError>)],
) -> Result<Map<String, Value>, Vec<FieldError>> {
    let mut taken = Map::new();
    let mut errors: Vec<FieldError> = evaluated
        .iter()
        .filter(|(name, _)| !fields.iter().any(|field| field.name == *name))
        .map(|(name, _)| unknown(fields, name))
        .collect();
    for field in fields {
        let value = match evaluated.iter().find(|(name, _)| *name == field.name) {
            Some((_, Err(error))) => {
                errors.push(FieldError::new(field.name, error.code.clone(), error.message.clone()));
                continue;
            }
            Some((_, Ok(value))) => value.as_ref(),
            None => None,
        };
        match coerce(field, value) {
            Ok(Some(value)) => drop(taken.insert(field.name.to_owned(), value)),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(taken) } else { Err(errors) }
}

/// What can be said of a mapping when it is saved, its expressions' syntax apart (that takes the sandbox).
pub fn check_mapping(fields: &[Field], mapping: &BTreeMap<String, String>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (name, expression) in mapping {
        if !fields.iter().any(|field| field.name == name) {
            errors.push(unknown(fields, name));
        } else if expression.trim().is_empty() {
            errors.push(FieldError::new(name, "expression_empty", "must hold an expression; leave the field out to not map it"));
        } else if expression.len() > EXPRESSION_BYTES_MAX {
            let detail = format!("must be at most {EXPRESSION_BYTES_MAX} bytes long");
            errors.push(FieldError::new(name, "expression_too_long", detail));
        }
    }
    for field in fields.iter().filter(|field| field.required && !mapping.contains_key(field.name)) {
        errors.push(FieldError::new(field.name, "required", "must be mapped"));
    }
    errors
}

fn unknown(fields: &[Field], name: &str) -> FieldError {
    let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
    FieldError::new(name, "unknown_field", format!("is no target field of this action; it has {}", known.join(", ")))
}

#[cfg(test)]
mod tests;
