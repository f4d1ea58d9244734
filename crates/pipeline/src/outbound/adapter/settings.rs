//! Checks a destination's settings against its adapter's schema: the part of JSON Schema that the
//! adapters use, and two formats of our own, `template` and `json-template`. One schema says what a
//! console's form shows and what is refused.

use serde_json::{Map, Value};

use super::{SettingsError, template};

/// Everything that this checks or that only describes; a test holds the adapters to it.
#[cfg(test)]
pub(super) const KNOWN: [&str; 18] = [
    "type",
    "title",
    "description",
    "default",
    "examples",
    "enum",
    "format",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "maxProperties",
];

/// `{}` and null are both "no settings".
pub(super) fn check(schema: &Value, settings: &Value) -> Result<(), SettingsError> {
    let none = Value::Object(Map::new());
    value(schema, if settings.is_null() { &none } else { settings }, "settings")
}

pub(super) fn fail<T>(field: impl Into<String>, rule: impl Into<String>) -> Result<T, SettingsError> {
    Err(SettingsError { field: field.into(), rule: rule.into() })
}

fn value(schema: &Value, value: &Value, field: &str) -> Result<(), SettingsError> {
    if !types(schema).is_none_or(|mut names| names.any(|name| is(name, value))) {
        let names: Vec<_> = types(schema).into_iter().flatten().map(shown).collect();
        return fail(field, format!("must be {}", names.join(" or ")));
    }
    if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.contains(value)) {
        let choices: Vec<_> =
            choices.iter().map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned)).collect();
        return fail(field, format!("must be one of {}", choices.join(", ")));
    }
    match value {
        Value::String(text) => string(schema, text, field),
        Value::Number(number) => {
            let (number, low, high) = (number.as_f64().unwrap_or(0.0), schema["minimum"].as_f64(), schema["maximum"].as_f64());
            let fits = low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high);
            if fits { Ok(()) } else { fail(field, format!("must be {} to {}", schema["minimum"], schema["maximum"])) }
        }
        Value::Array(items) => array(schema, items, field),
        Value::Object(fields) => object(schema, fields, field),
        _ => Ok(()),
    }?;
    if schema["format"] == "json-template" { templates(value, field) } else { Ok(()) }
}

fn types(schema: &Value) -> Option<impl Iterator<Item = &str>> {
    let named = schema.get("type")?;
    let many = named.as_array().into_iter().flatten().filter_map(Value::as_str);
    Some(named.as_str().into_iter().chain(many))
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn shown(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    }
}

fn string(schema: &Value, text: &str, field: &str) -> Result<(), SettingsError> {
    let length = text.chars().count() as u64;
    let (low, high) = (schema["minLength"].as_u64().unwrap_or(0), schema["maxLength"].as_u64().unwrap_or(u64::MAX));
    if !(low..=high).contains(&length) {
        return fail(field, format!("must have {low} to {high} characters"));
    }
    if schema["format"] != "template" {
        return Ok(());
    }
    template::check(text).or_else(|rule| fail(field, rule))
}

fn array(schema: &Value, items: &[Value], field: &str) -> Result<(), SettingsError> {
    let (low, high) = (schema["minItems"].as_u64().unwrap_or(0), schema["maxItems"].as_u64().unwrap_or(u64::MAX));
    if !(low..=high).contains(&(items.len() as u64)) {
        return fail(field, format!("must have {low} to {high} entries"));
    }
    let Some(each) = schema.get("items") else { return Ok(()) };
    items.iter().enumerate().try_for_each(|(place, item)| value(each, item, &format!("{field}[{place}]")))
}

fn object(schema: &Value, fields: &Map<String, Value>, field: &str) -> Result<(), SettingsError> {
    if let Some(name) =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).find(|name| !fields.contains_key(*name))
    {
        return fail(format!("{field}.{name}"), "is missing");
    }
    if schema["maxProperties"].as_u64().is_some_and(|most| fields.len() as u64 > most) {
        return fail(field, format!("must have {} members at most", schema["maxProperties"]));
    }
    for (name, member) in fields {
        let field = format!("{field}.{name}");
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(own), _) | (None, own @ Value::Object(_)) => value(own, member, &field)?,
            (None, Value::Bool(false)) => return fail(field, "is unknown to this adapter"),
            _ => {}
        }
    }
    Ok(())
}

fn templates(value: &Value, field: &str) -> Result<(), SettingsError> {
    match value {
        Value::String(text) => template::check(text).or_else(|rule| fail(field, rule)),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(place, item)| templates(item, &format!("{field}[{place}]")))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(name, member)| templates(member, &format!("{field}.{name}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_field_that_is_wrong_is_named_with_its_rule() {
        let schema = json!({
            "type": "object", "required": ["must"], "additionalProperties": false,
            "properties": {
                "must": {"type": "string", "minLength": 1, "maxLength": 3},
                "one": {"enum": ["a", "b"]},
                "many": {"type": "array", "maxItems": 1, "items": {"type": "integer", "minimum": 1, "maximum": 2}},
                "open": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": ["string", "boolean"]}},
                "text": {"type": "string", "format": "template"},
                "json": {"format": "json-template"}
            }
        });
        let wrong = |settings: Value| check(&schema, &settings).map_err(|error| format!("{error}"));
        assert_eq!(wrong(json!({"must": "a", "one": "b", "many": [2], "open": {"x": true}})), Ok(()));
        for (settings, said) in [
            (json!(null), "settings.must is missing"),
            (json!([]), "settings must be an object"),
            (json!({"must": ""}), "settings.must must have 1 to 3 characters"),
            (json!({"must": 1}), "settings.must must be text"),
            (json!({"must": "a", "x": 1}), "settings.x is unknown to this adapter"),
            (json!({"must": "a", "one": "c"}), "settings.one must be one of a, b"),
            (json!({"must": "a", "many": [3]}), "settings.many[0] must be 1 to 2"),
            (json!({"must": "a", "many": [1, 1]}), "settings.many must have 0 to 1 entries"),
            (json!({"must": "a", "open": {"x": 1}}), "settings.open.x must be text or true or false"),
            (json!({"must": "a", "open": {"x": "", "y": ""}}), "settings.open must have 1 members at most"),
            (json!({"must": "a", "text": "{{event"}), "settings.text has {{ without }}"),
            (
                json!({"must": "a", "json": {"a": ["{{x}}"]}}),
                "settings.json.a[0] names \"x\": a template may use event, message_id, delivery_id, values, id",
            ),
        ] {
            assert_eq!(wrong(settings), Err(said.to_owned()));
        }
    }
}
