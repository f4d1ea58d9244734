//! The surface of the server as its OpenAPI document tells it: what the matrix, the isolation and
//! the convention tests walk, so that a new route is tested from its first day.

use hookswitch_server::api;
use http::Method;
use serde_json::{Map, Value, json};

/// One operation of the document.
pub struct Operation {
    pub method: Method,
    pub path: String,
    /// `public`, `session` or a permission.
    pub need: String,
    /// A body made from the examples, where one is taken.
    pub body: Option<Value>,
    /// Its query parameters.
    pub query: Vec<String>,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Names of the parameters in the path, in order.
    pub fn parameters(&self) -> Vec<&str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }

    /// The path with its parameters filled in, in order.
    pub fn fill(&self, values: &[&str]) -> String {
        let mut values = values.iter();
        let parts =
            self.path.split('/').map(|part| if part.starts_with('{') { values.next().copied().unwrap_or("x") } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Whether it belongs to the management API, whose conventions hold.
    pub fn managed(&self) -> bool {
        self.path.starts_with("/api/v1/")
    }
}

pub fn document() -> Value {
    serde_json::to_value(api::document()).unwrap()
}

pub fn operations() -> Vec<Operation> {
    let document = document();
    let mut list = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let body = &operation["requestBody"]["content"]["application/json"];
            let query = operation["parameters"].as_array().into_iter().flatten();
            let query = query.filter(|parameter| parameter["in"] == "query").filter_map(|parameter| parameter["name"].as_str());
            list.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                need: operation["x-permission"].as_str().unwrap().to_owned(),
                body: body.is_object().then(|| sample_body(&document, body)),
                query: query.map(str::to_owned).collect(),
            });
        }
    }
    list
}

/// A body made from a path's examples.
pub fn sample(path: &str, method: &str) -> Value {
    let wanted = operations().into_iter().find(|operation| operation.path == path && operation.method == method);
    wanted.and_then(|operation| operation.body).unwrap_or_else(|| panic!("{method} {path} takes no body"))
}

fn sample_body(document: &Value, content: &Value) -> Value {
    match content.get("example") {
        Some(example) => example.clone(),
        None => sample_of(document, &content["schema"]),
    }
}

/// What a schema's examples amount to: all required properties, and those that have an example.
fn sample_of(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return sample_of(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    for known in ["example", "default"] {
        if let Some(value) = schema.get(known) {
            return value.clone();
        }
    }
    if let Some(first) = schema["examples"].get(0).or_else(|| schema["enum"].get(0)) {
        return first.clone();
    }
    for choice in ["oneOf", "anyOf"] {
        let variants = schema[choice].as_array().into_iter().flatten();
        if let Some(variant) = variants.clone().find(|variant| variant["type"] != "null") {
            return sample_of(document, variant);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let objects = parts.iter().filter_map(|part| sample_of(document, part).as_object().cloned());
        return Value::Object(objects.flatten().collect());
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0)?.as_str()).unwrap_or("object");
    match kind {
        "string" => json!("example"),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "array" => json!([]),
        _ => sample_object(document, schema),
    }
}

fn sample_object(document: &Value, schema: &Value) -> Value {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object();
    let wanted = properties.into_iter().flatten().filter(|(name, property)| {
        required.contains(&name.as_str()) || property.get("example").is_some_and(|example| !example.is_null())
    });
    let fields: Map<String, Value> = wanted.map(|(name, property)| (name.clone(), sample_of(document, property))).collect();
    Value::Object(fields)
}
