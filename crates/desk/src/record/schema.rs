//! What the API document and the event catalogue say of records: made from the entity's own schema, so
//! that a field is described once.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
// What derived schemas are made of; a schema that is put together by hand has to be the same.
use utoipa::__dev::ComposeSchema;
use utoipa::{PartialSchema, ToSchema};

use super::{Entity, ExternalRef, Record, RecordId};

/// The body that makes a record: the fields that callers may give.
pub struct Form<E>(PhantomData<E>);
/// The body that changes one: any of them, and the version that is meant.
pub struct Patch<E>(PhantomData<E>);

fn object<E: Entity>() -> Object {
    match E::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

fn given<E: Entity>() -> Object {
    let mut object = object::<E>();
    object.properties.retain(|name, _| !E::MANAGED.contains(&name.as_str()));
    object.required.retain(|name| !E::MANAGED.contains(&name.as_str()));
    object
}

fn text(format: Option<KnownFormat>, example: Option<String>) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::String).format(format.map(SchemaFormat::KnownFormat));
    RefOr::T(Schema::Object(object.examples(example.map(Value::from)).build()))
}

fn number(about: &str) -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::Integer).description(Some(about)).build()))
}

impl<E: Entity> ComposeSchema for Record<E> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let fields = object::<E>();
        let mut all = Object::new();
        let example = format!("{}_01jd8r7c5tevzs9c1ghvzv3hkp", E::Id::PREFIX);
        all.properties.insert("id".to_owned(), text(None, Some(example)));
        all.required = ["id"].map(str::to_owned).to_vec();
        // Whatever the entity leaves out of a body, it shows.
        all.required.extend(fields.properties.keys().cloned());
        all.properties.extend(fields.properties);
        all.properties.insert("version".to_owned(), number("Counts the changes; the ETag, which If-Match compares."));
        for moment in ["created_at", "updated_at"] {
            all.properties.insert(moment.to_owned(), text(Some(KnownFormat::DateTime), None));
        }
        all.properties.insert("external_refs".to_owned(), <Vec<ExternalRef> as PartialSchema>::schema());
        all.required.extend(["version", "created_at", "updated_at", "external_refs"].map(str::to_owned));
        all.description = fields.description;
        RefOr::T(Schema::Object(all))
    }
}

impl<E: Entity> ToSchema for Record<E> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(E::TITLE)
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        <E as ToSchema>::schemas(schemas);
        schemas.push((ExternalRef::name().into_owned(), ExternalRef::schema()));
    }
}

impl<E: Entity> ComposeSchema for Form<E> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let mut object = given::<E>();
        object.description = None;
        RefOr::T(Schema::Object(object))
    }
}

impl<E: Entity> ToSchema for Form<E> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("New{}", E::TITLE))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        <E as ToSchema>::schemas(schemas);
    }
}

impl<E: Entity> ComposeSchema for Patch<E> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let mut object = given::<E>();
        object.required.clear();
        // What an example names isn't there: a change is shown by fields that stand for themselves.
        for (name, property) in &mut object.properties {
            if let (true, RefOr::T(Schema::Object(property))) = (name.ends_with("_id"), property) {
                property.examples.clear();
                property.example = None;
            }
        }
        object.description = Some("What is left out stays as it is; null empties a field; objects are merged.".to_owned());
        object.properties.insert("version".to_owned(), number("The version that is meant; another one is a 409."));
        RefOr::T(Schema::Object(object))
    }
}

impl<E: Entity> ToSchema for Patch<E> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Change", E::TITLE))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        <E as ToSchema>::schemas(schemas);
    }
}

/// JSON Schema of a type, with what it refers to inside of it.
pub fn schema_of<T: ToSchema>() -> Value {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let mut schema = json_of(&T::schema());
    let definitions = parts.into_iter().map(|(name, part)| (name, json_of(&part))).collect::<serde_json::Map<_, _>>();
    if let (Some(object), false) = (schema.as_object_mut(), definitions.is_empty()) {
        object.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

fn json_of(schema: &impl Serialize) -> Value {
    let text = serde_json::to_string(schema).unwrap_or_default();
    // References of an API document lead to its components; here they stay inside.
    serde_json::from_str(&text.replace("#/components/schemas/", "#/$defs/")).unwrap_or_default()
}

fn payload(name: &str, record: Value, more: Value) -> Value {
    let mut record = record;
    let definitions = record.as_object_mut().and_then(|object| object.shift_remove("$defs"));
    let mut properties = serde_json::Map::from_iter([(name.to_owned(), record)]);
    let mut required = vec![Value::from(name)];
    if let Value::Object(more) = more {
        required.extend(more.keys().map(|name| Value::from(name.as_str())));
        properties.extend(more);
    }
    let mut schema = json!({ "type": "object", "required": required, "properties": properties });
    if let (Some(object), Some(definitions)) = (schema.as_object_mut(), definitions) {
        object.insert("$defs".to_owned(), definitions);
    }
    schema
}

/// The payload of a record's creation or removal.
pub fn removed<E: Entity>() -> Value {
    payload(E::KIND, schema_of::<Record<E>>(), json!({}))
}

/// The payload of a change.
pub fn changed<E: Entity>() -> Value {
    let change = json!({ "type": "object", "required": ["previous", "new"] });
    payload(E::KIND, schema_of::<Record<E>>(), json!({ "changes": { "type": "object", "additionalProperties": change } }))
}
