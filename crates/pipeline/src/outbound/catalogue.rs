//! The event-type catalogue as publishing uses it: part of a tenant's configuration copy, so that it
//! is that of the commit point like everything else there. A tenant without registered types, and an
//! event of a type without a schema, cost nothing.
//!
//! A schema is compiled when its type is first published, and the result is handed on from copy to
//! copy until the schema changes.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use boon::{Compiler, Draft, ErrorKind, SchemaIndex, Schemas, ValidationError};
use hookswitch_domain::schema::{self, SchemaError};
use hookswitch_store::event_type::EventType;
use serde_json::Value;

use super::builtin::BuiltIn;

/// Of one event, told at a time.
pub const MISMATCHES_MAX: usize = 10;
/// What a schema is called while it is compiled; nothing is ever looked up there.
const NAME: &str = "https://schema.invalid/";

/// A tenant's catalogue.
pub struct Catalogue {
    /// Types that aren't registered are refused.
    strict: bool,
    types: HashMap<String, Arc<Registered>>,
    /// What the product emits itself is known in any case, and isn't compared.
    built_in: Arc<[BuiltIn]>,
}

struct Registered {
    version: i64,
    schema: Option<Value>,
    compiled: OnceLock<Option<Compiled>>,
}

/// Why an event isn't taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    UnknownType,
    Payload(Vec<Mismatch>),
}

/// One thing that the schema doesn't allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// A JSON pointer into the payload; empty for all of it.
    pub pointer: String,
    pub message: String,
}

impl Catalogue {
    /// From the tenant's rows. What was compiled for the copy before is taken over.
    pub fn new(strict: bool, built_in: &Arc<[BuiltIn]>, rows: Vec<EventType>, before: Option<&Self>) -> Self {
        let known = |row: &EventType| {
            let same = before?.types.get(&row.name).filter(|old| old.version == row.version && old.schema == row.schema);
            same.cloned()
        };
        let current = rows.into_iter().filter(|row| !row.archived);
        let types = current.map(|row| {
            let found = known(&row);
            let made = || Arc::new(Registered { version: row.version, schema: row.schema, compiled: OnceLock::new() });
            (row.name, found.unwrap_or_else(made))
        });
        Self { strict, types: types.collect(), built_in: built_in.clone() }
    }

    /// Whether any event has to be looked at.
    pub fn is_open(&self) -> bool {
        !self.strict && self.types.is_empty()
    }

    /// Whether the event's payload has to be read, which takes time.
    pub fn has_schema(&self, event_type: &str) -> bool {
        self.types.get(event_type).is_some_and(|found| found.schema.is_some())
    }

    /// What speaks against publishing it.
    pub fn refusal(&self, event_type: &str, payload: &[u8]) -> Option<Refusal> {
        match self.types.get(event_type) {
            Some(found) => found.mismatches(payload).map(Refusal::Payload),
            None if self.strict && self.built_in.iter().all(|known| known.name != event_type) => Some(Refusal::UnknownType),
            None => None,
        }
    }
}

impl Registered {
    fn mismatches(&self, payload: &[u8]) -> Option<Vec<Mismatch>> {
        let schema = self.schema.as_ref()?;
        // What was saved was compiled then; a library that reads it otherwise since refuses nothing.
        let compiled = self.compiled.get_or_init(|| Compiled::new(schema).ok()).as_ref()?;
        let read = serde_json::from_slice(payload);
        match read {
            Ok(payload) => Some(compiled.mismatches(&payload)).filter(|found| !found.is_empty()),
            Err(error) => {
                Some(vec![Mismatch { pointer: String::new(), message: format!("can't be compared with the schema: {error}") }])
            }
        }
    }
}

/// A schema that is ready to be used.
pub struct Compiled {
    schemas: Schemas,
    index: SchemaIndex,
}

/// Why a schema can't be saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// At this place of it.
    #[error("is no JSON Schema of 2020-12: {0}")]
    Library(String),
}

impl Compiled {
    pub fn new(schema: &Value) -> Result<Self, CompileError> {
        schema::check(schema)?;
        let mut schema = schema.clone();
        // Its own name would be looked up instead of the document.
        if let Some(fields) = schema.as_object_mut() {
            fields.shift_remove("$id");
        }
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.use_loader(Box::new(Nothing));
        let made = compiler.add_resource(NAME, schema).and_then(|()| compiler.compile(NAME, &mut schemas));
        match made {
            Ok(index) => Ok(Self { schemas, index }),
            Err(boon::CompileError::ValidationError { src, .. }) => Err(CompileError::Library(first(&src))),
            Err(boon::CompileError::InvalidRegex { regex, .. }) => {
                Err(CompileError::Library(format!("the pattern {regex:?} can't be used; look-around and back-references can't")))
            }
            Err(error) => Err(CompileError::Library(error.to_string().replace(NAME, ""))),
        }
    }

    /// What the schema doesn't allow, at most ten things.
    pub fn mismatches(&self, value: &Value) -> Vec<Mismatch> {
        let mut found = Vec::new();
        if let Err(error) = self.schemas.validate(value, self.index) {
            collect(&error, &mut found);
        }
        found
    }
}

/// Nothing is ever fetched or read for a schema.
struct Nothing;

impl boon::UrlLoader for Nothing {
    fn load(&self, url: &str) -> Result<Value, Box<dyn std::error::Error>> {
        Err(format!("{url} is not looked up").into())
    }
}

fn first(error: &ValidationError<'_, '_>) -> String {
    let mut found = Vec::new();
    collect(error, &mut found);
    found.into_iter().next().map_or_else(String::new, |mismatch| format!("{} {}", mismatch.pointer, mismatch.message))
}

/// The leaves: what stands above them only says that something below failed.
fn collect(error: &ValidationError<'_, '_>, found: &mut Vec<Mismatch>) {
    if found.len() >= MISMATCHES_MAX {
        return;
    }
    if error.causes.is_empty() {
        let mismatch = Mismatch { pointer: error.instance_location.to_string(), message: said(&error.kind) };
        if !found.contains(&mismatch) {
            found.push(mismatch);
        }
        return;
    }
    error.causes.iter().for_each(|cause| collect(cause, found));
}

/// Longer messages list what nobody reads.
const MESSAGE_CHARS_MAX: usize = 300;

/// In the library's words, except where they repeat the payload's value.
fn said(kind: &ErrorKind<'_, '_>) -> String {
    let text = match kind {
        ErrorKind::Pattern { want, .. } => format!("does not match the pattern {want:?}"),
        ErrorKind::Format { want, .. } => format!("is no {want}"),
        ErrorKind::FalseSchema => "is not allowed here".to_owned(),
        ErrorKind::Minimum { want, .. } => format!("must be at least {want}"),
        ErrorKind::Maximum { want, .. } => format!("must be at most {want}"),
        ErrorKind::ExclusiveMinimum { want, .. } => format!("must be greater than {want}"),
        ErrorKind::ExclusiveMaximum { want, .. } => format!("must be less than {want}"),
        ErrorKind::MultipleOf { want, .. } => format!("must be a multiple of {want}"),
        kind => kind.to_string(),
    };
    match text.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(schema: Value, payload: Value) -> Vec<String> {
        Compiled::new(&schema).unwrap().mismatches(&payload).into_iter().map(|mismatch| mismatch.pointer).collect()
    }

    #[test]
    fn each_mismatch_has_its_place_and_there_are_ten_at_most() {
        let schema = json!({"$id": "https://acme.test/a", "type": "object", "required": ["id"], "properties": {
            "lines": {"items": {"$ref": "#/$defs/line"}}}, "$defs": {"line": {"properties": {"a/b": {"type": "integer"}}}}});
        assert_eq!(pointers(schema.clone(), json!({})), [""]);
        assert_eq!(pointers(schema.clone(), json!({"id": 1, "lines": [{"a/b": 1}, {"a/b": "x"}]})), ["/lines/1/a~1b"]);
        let many: Vec<Value> = (0..50).map(|_| json!({"a/b": "x"})).collect();
        assert_eq!(pointers(schema, json!({"id": 1, "lines": many})).len(), MISMATCHES_MAX);
    }

    #[test]
    fn a_message_never_repeats_the_value() {
        let schema =
            json!({"properties": {"a": {"pattern": "^x$"}, "b": {"maximum": 3}, "c": {"const": 1}, "d": {"maxLength": 1}}});
        let payload = json!({"a": "s3cret", "b": 987654, "c": "s3cret", "d": "s3cret"});
        let told = Compiled::new(&schema).unwrap().mismatches(&payload);
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|each| !each.message.contains("s3cret") && !each.message.contains("987654")), "{told:?}");
    }

    #[test]
    fn what_is_no_schema_is_refused_with_its_place() {
        for (bad, says) in [
            (json!({"type": "text"}), "/type"),
            (json!({"properties": {"a": {"minLength": -1}}}), "/properties/a/minLength"),
            (json!({"pattern": "(?=a)"}), "pattern"),
            (json!({"pattern": "(a"}), "/pattern"),
            (json!({"$ref": "http://localhost:9/s"}), "nothing is fetched"),
        ] {
            let error = Compiled::new(&bad).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(says), "{bad}: {error:?}");
        }
    }

    #[test]
    fn the_largest_schema_over_the_deepest_payload_stays_on_its_stack() {
        let schema = (0..40).fold(json!({"type": "integer"}), |inner, _| json!({"items": inner}));
        let payload = (0..120).fold(json!("x"), |inner, _| json!([inner]));
        let compiled = Compiled::new(&schema);
        let work = move || compiled.map(|compiled| compiled.mismatches(&payload).len());
        let done = std::thread::Builder::new().stack_size(1 << 20).spawn(work).unwrap().join();
        assert_eq!(done.unwrap(), Ok(1));
    }

    #[test]
    fn a_compiled_schema_is_handed_on_while_it_stays_the_same() {
        let row = |version: i64, schema: Value| EventType {
            id: uuid::Uuid::nil().into(),
            name: "a.b".to_owned(),
            description: String::new(),
            group_name: None,
            schema: Some(schema),
            example: None,
            archived: false,
            version,
            created_at: Default::default(),
            updated_at: Default::default(),
        };
        let none: Arc<[BuiltIn]> = Arc::new([]);
        let one = Catalogue::new(false, &none, vec![row(1, json!({"type": "object"}))], None);
        assert!(matches!(one.refusal("a.b", b"1"), Some(Refusal::Payload(_))));
        let same = Catalogue::new(false, &none, vec![row(1, json!({"type": "object"}))], Some(&one));
        assert!(Arc::ptr_eq(&one.types["a.b"], &same.types["a.b"]));
        let other = Catalogue::new(false, &none, vec![row(2, json!({"type": "integer"}))], Some(&same));
        assert_eq!(other.refusal("a.b", b"1"), None);
    }
}
