//! What a destination gets of an event, where that isn't the event itself: whether its filter's
//! result counts as true, and which fields of the payload its allow-list keeps. The expressions
//! themselves are evaluated elsewhere, in the sandbox.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

pub const PATHS_MAX: usize = 100;
const PATH_BYTES_MAX: usize = 200;
const PATH_NAMES_MAX: usize = 20;
/// Lists inside lists count too; what lies deeper is dropped.
const DEPTH_MAX: usize = 64;

/// Whether a filter's result lets the event through: JSONata's own cast to boolean.
pub fn is_true(result: Option<&Value>) -> bool {
    match result {
        None | Some(Value::Null) => false,
        Some(Value::Bool(truth)) => *truth,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => items.iter().any(|item| is_true(Some(item))),
        Some(Value::Object(fields)) => !fields.is_empty(),
    }
}

/// Whether evaluating it twice may give two results.
pub fn is_volatile(expression: &str) -> bool {
    ["$now", "$millis", "$random", "$shuffle"].iter().any(|name| expression.contains(name))
}

/// A field allow-list: dotted paths into the payload. A list on the way is passed through, element by
/// element; a path to an object keeps all of it. Everything else is dropped.
/// The default keeps nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Allowed);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Allowed {
    whole: bool,
    below: BTreeMap<String, Allowed>,
}

/// The place in the list, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a dotted path of at most 20 names and 200 bytes, like customer.id")]
pub struct PathError(pub usize);

impl AllowList {
    /// `None` for an empty list, which restricts nothing.
    pub fn parse(paths: &[String]) -> Result<Option<Self>, PathError> {
        let mut root = Allowed::default();
        for (place, path) in paths.iter().enumerate() {
            let names: Vec<&str> = path.split('.').collect();
            let readable = names.iter().all(|name| !name.is_empty() && !name.chars().any(char::is_control));
            if path.len() > PATH_BYTES_MAX || names.len() > PATH_NAMES_MAX || !readable {
                return Err(PathError(place));
            }
            let mut node = &mut root;
            for name in names {
                node = node.below.entry(name.to_owned()).or_default();
            }
            node.whole = true;
        }
        Ok((!paths.is_empty()).then_some(Self(root)))
    }

    /// What is left of the payload. The bytes of each value that is kept stay as they came. `None` if
    /// the payload is no JSON.
    pub fn select(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let raw: &RawValue = serde_json::from_slice(payload).ok()?;
        let mut kept = Vec::with_capacity(payload.len());
        if !write(raw, &self.0, 0, &mut kept)? {
            kept.extend_from_slice(b"null");
        }
        Some(kept)
    }
}

/// Writes what is allowed of the value; `Some(false)`: nothing of it, because it has no fields.
fn write(raw: &RawValue, allowed: &Allowed, depth: usize, kept: &mut Vec<u8>) -> Option<bool> {
    if allowed.whole {
        kept.extend_from_slice(raw.get().as_bytes());
        return Some(true);
    }
    match raw.get().as_bytes().first() {
        Some(b'{' | b'[') if depth >= DEPTH_MAX => Some(false),
        Some(b'{') => write_object(raw, allowed, depth, kept),
        Some(b'[') => write_list(raw, allowed, depth, kept),
        _ => Some(false),
    }
}

fn write_object(raw: &RawValue, allowed: &Allowed, depth: usize, kept: &mut Vec<u8>) -> Option<bool> {
    let Members(members) = serde_json::from_str(raw.get()).ok()?;
    kept.push(b'{');
    let begun = kept.len();
    for (name, value) in members {
        let Some(next) = allowed.below.get(&name) else { continue };
        let before = kept.len();
        if before > begun {
            kept.push(b',');
        }
        serde_json::to_writer(&mut *kept, &name).ok()?;
        kept.push(b':');
        if !write(value, next, depth + 1, kept)? {
            kept.truncate(before);
        }
    }
    kept.push(b'}');
    Some(true)
}

fn write_list(raw: &RawValue, allowed: &Allowed, depth: usize, kept: &mut Vec<u8>) -> Option<bool> {
    let items: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
    kept.push(b'[');
    let begun = kept.len();
    for item in items {
        let before = kept.len();
        if before > begun {
            kept.push(b',');
        }
        if !write(item, allowed, depth + 1, kept)? {
            kept.truncate(before);
        }
    }
    kept.push(b']');
    Some(true)
}

/// An object's members in their order, doubled ones too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn select(paths: &[&str], payload: &str) -> String {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        let kept = AllowList::parse(&paths).unwrap().unwrap().select(payload.as_bytes()).unwrap();
        String::from_utf8(kept).unwrap()
    }

    #[test]
    fn what_isn_t_listed_is_dropped_and_what_is_keeps_its_bytes() {
        let payload = r#"{"id": 12345678901234567890123, "card": {"last4":"42", "number": "4111"}, "note":"secret", "a":1.10}"#;
        assert_eq!(select(&["id", "card.last4"], payload), r#"{"id":12345678901234567890123,"card":{"last4":"42"}}"#);
        assert_eq!(select(&["card", "a"], payload), r#"{"card":{"last4":"42", "number": "4111"},"a":1.10}"#);
        assert_eq!(select(&["missing", "id.deeper"], payload), "{}");
    }

    #[test]
    fn lists_are_passed_through_and_plain_values_have_no_fields() {
        let payload = r#"{"lines": [{"sku": 1, "cost": 2}, 5, [{"sku": 3}], {"cost": 4}]}"#;
        assert_eq!(select(&["lines.sku"], payload), r#"{"lines":[{"sku":1},[{"sku":3}],{}]}"#);
        assert_eq!(select(&["sku"], r#"[{"sku":1},{"x":2}]"#), r#"[{"sku":1},{}]"#);
        assert_eq!(select(&["a"], "\"text\""), "null");
    }

    #[test]
    fn a_payload_that_is_nested_without_end_is_cut() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(select(&["a"], &deep).len() < 200);
    }

    #[test]
    fn paths_that_are_none_are_told_by_their_place() {
        for bad in ["", ".", "a.", ".a", "a..b", "a\u{0}b", &"a".repeat(201), &vec!["a"; 21].join(".")] {
            assert_eq!(AllowList::parse(&["good".to_owned(), (*bad).to_owned()]), Err(PathError(1)), "{bad}");
        }
        assert_eq!(AllowList::parse(&[]), Ok(None));
    }

    #[test]
    fn truth_is_that_of_the_language() {
        for yes in [json!(true), json!(1), json!("a"), json!([0, 1]), json!({"a": 0})] {
            assert!(is_true(Some(&yes)), "{yes}");
        }
        for no in [json!(false), json!(0), json!(""), json!([]), json!([0, [false]]), json!({}), json!(null)] {
            assert!(!is_true(Some(&no)), "{no}");
        }
        assert!(!is_true(None));
    }

    proptest! {
        #[test]
        fn whatever_comes_in_what_goes_out_is_json_with_listed_names_alone(text in r#"[\[\]{}:,"ab0-9 ]{0,40}"#) {
            let list = AllowList::parse(&["a".to_owned()]).unwrap().unwrap();
            if let Some(kept) = list.select(text.as_bytes()) {
                let kept: Value = serde_json::from_slice(&kept).unwrap();
                let names = kept.as_object().into_iter().flatten();
                prop_assert!(names.into_iter().all(|(name, _)| name == "a"));
            }
        }
    }
}
