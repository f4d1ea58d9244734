//! Which JSON Schemas a catalogue takes. Validating is a library's work; that it ends soon, whatever
//! schema and payload, is seen to here: references stay inside the document and never lead in a
//! circle, so that the work per value of a payload is bounded by the schema written out in full.

use std::collections::HashMap;

use serde_json::Value;

pub const SCHEMA_BYTES_MAX: usize = 32 * 1024;
/// Parts of a schema with each reference written out.
const PARTS_MAX: usize = 10_000;
/// Nesting of a schema with each reference written out.
const DEPTH_MAX: usize = 48;
/// The only dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Why a schema isn't taken, in words for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("must be an object or a boolean")]
    NoSchema,
    #[error("must have at most 32768 bytes as JSON")]
    TooLong,
    #[error("must be of the dialect https://json-schema.org/draft/2020-12/schema")]
    Dialect,
    #[error("{0:?} is no place in this schema: a $ref is # followed by a JSON pointer, and nothing is fetched")]
    Reference(String),
    #[error("{0:?} leads back to itself: a schema can't contain itself")]
    Circle(String),
    #[error("{0} isn't supported: refer with $ref and a JSON pointer")]
    Keyword(&'static str),
    #[error("is too large or nested too deep, with its references written out")]
    TooLarge,
}

/// Refuses what would have to be fetched, and what might not end.
pub fn check(schema: &Value) -> Result<(), SchemaError> {
    let Some(fields) = schema.as_object() else {
        return if schema.is_boolean() { Ok(()) } else { Err(SchemaError::NoSchema) };
    };
    if schema.to_string().len() > SCHEMA_BYTES_MAX {
        return Err(SchemaError::TooLong);
    }
    let dialect = |text: &str| text.trim_end_matches('#') == DIALECT;
    if fields.get("$schema").is_some_and(|named| !named.as_str().is_some_and(dialect)) {
        return Err(SchemaError::Dialect);
    }
    let mut walk = Walk { root: schema, known: HashMap::new(), open: vec!["#"] };
    walk.weigh(schema, 0).map(|_| ())
}

/// Parts, and levels of nesting.
type Weight = (usize, usize);

struct Walk<'a> {
    root: &'a Value,
    /// What was found behind a reference.
    known: HashMap<&'a str, Weight>,
    /// References that led here.
    open: Vec<&'a str>,
}

/// Other ways to refer, whose targets depend on where they are met.
const UNSUPPORTED: [&str; 6] = ["$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor", "$vocabulary"];

impl<'a> Walk<'a> {
    /// Everything below counts, constants too: a bound needs no more.
    fn weigh(&mut self, value: &'a Value, depth: usize) -> Result<Weight, SchemaError> {
        if depth > DEPTH_MAX {
            return Err(SchemaError::TooLarge);
        }
        let (mut parts, mut levels) = (1, 0);
        let mut add = |(more, below): Weight| {
            parts += more;
            levels = levels.max(below);
        };
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    if let Some(reference) = field.as_str().filter(|_| name == "$ref") {
                        add(self.follow(reference, depth)?);
                    } else if let Some(keyword) = unsupported(name, field, depth) {
                        return Err(SchemaError::Keyword(keyword));
                    } else {
                        add(self.weigh(field, depth + 1)?);
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    add(self.weigh(item, depth + 1)?);
                }
            }
            _ => {}
        }
        if parts > PARTS_MAX { Err(SchemaError::TooLarge) } else { Ok((parts, levels + 1)) }
    }

    fn follow(&mut self, reference: &'a str, depth: usize) -> Result<Weight, SchemaError> {
        if self.open.contains(&reference) {
            return Err(SchemaError::Circle(reference.to_owned()));
        }
        let weight = match self.known.get(reference) {
            Some(weight) => *weight,
            None => {
                let target = reference.strip_prefix('#').filter(|pointer| pointer.starts_with('/'));
                let target = target.and_then(|pointer| self.root.pointer(pointer));
                let target = target.ok_or_else(|| SchemaError::Reference(reference.to_owned()))?;
                self.open.push(reference);
                let weight = self.weigh(target, depth + 1)?;
                self.open.pop();
                self.known.insert(reference, weight);
                weight
            }
        };
        if depth + weight.1 > DEPTH_MAX { Err(SchemaError::TooLarge) } else { Ok(weight) }
    }
}

/// `$id` names the whole document, and moves the ground under references anywhere else.
fn unsupported(name: &str, field: &Value, depth: usize) -> Option<&'static str> {
    if name == "$id" && field.is_string() && depth > 0 {
        return Some("$id below the top");
    }
    UNSUPPORTED.into_iter().find(|keyword| *keyword == name && (field.is_string() || *keyword == "$vocabulary"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_ordinary_schema_is_taken() {
        for good in [
            json!({}),
            json!(true),
            json!({"$schema": DIALECT, "$id": "https://acme.test/invoice", "type": "object", "required": ["id"],
                "properties": {"id": {"$ref": "#/$defs/id"}, "of": {"$ref": "#/$defs/id"}, "$ref": {"type": "string"}},
                "$defs": {"id": {"type": "string", "minLength": 1}}}),
        ] {
            assert_eq!(check(&good), Ok(()), "{good}");
        }
    }

    #[test]
    fn nothing_is_fetched_and_nothing_leads_in_a_circle() {
        for (bad, error) in [
            (json!({"$ref": "https://evil.test/s"}), SchemaError::Reference("https://evil.test/s".to_owned())),
            (json!({"$ref": "file:///etc/passwd"}), SchemaError::Reference("file:///etc/passwd".to_owned())),
            (json!({"items": {"$ref": "#/$defs/no"}}), SchemaError::Reference("#/$defs/no".to_owned())),
            (json!({"$ref": "other.json"}), SchemaError::Reference("other.json".to_owned())),
            (json!({"items": {"$ref": "#"}}), SchemaError::Circle("#".to_owned())),
            (
                json!({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}),
                SchemaError::Circle("#/$defs/a".to_owned()),
            ),
            (json!({"$dynamicRef": "#a"}), SchemaError::Keyword("$dynamicRef")),
            (json!({"items": {"$id": "https://a.test/"}}), SchemaError::Keyword("$id below the top")),
            (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), SchemaError::Dialect),
            (json!([]), SchemaError::NoSchema),
            (json!({"description": "x".repeat(SCHEMA_BYTES_MAX)}), SchemaError::TooLong),
        ] {
            assert_eq!(check(&bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_schema_that_doubles_with_each_reference_is_too_large() {
        let mut definitions = serde_json::Map::new();
        for level in 0..30 {
            let next = format!("#/$defs/d{}", level + 1);
            definitions.insert(format!("d{level}"), json!({"allOf": [{"$ref": next}, {"$ref": next}]}));
        }
        definitions.insert("d30".to_owned(), json!({"type": "string"}));
        assert_eq!(check(&json!({"$ref": "#/$defs/d0", "$defs": definitions})), Err(SchemaError::TooLarge));
        let deep = (0..100).fold(json!({}), |inner, _| json!({"items": inner}));
        assert_eq!(check(&deep), Err(SchemaError::TooLarge));
    }
}
