//! What a value must be to fill a field, rule by rule.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const KINDS: [FieldKind; 7] =
    [FieldKind::String, FieldKind::Int, FieldKind::Number, FieldKind::Boolean, FieldKind::Enum, FieldKind::Ref, FieldKind::Json];
const TITLE: Field = Field::new("title", FieldKind::String, "What it is about").required();
const STATUS: Field = Field::new("status", FieldKind::Enum, "").one_of(&["open", "1"]);

fn field(kind: FieldKind) -> Field {
    Field::new("f", kind, "").one_of(&["open", "7"])
}

fn taken(kind: FieldKind, value: Value) -> Option<Value> {
    coerce(&field(kind), Some(&value)).ok().flatten()
}

#[test]
fn nothing_null_and_empty_are_missing_for_every_kind() {
    for kind in KINDS {
        for value in [None, Some(json!(null)), Some(json!(""))] {
            assert_eq!(coerce(&field(kind), value.as_ref()), Ok(None));
            assert_eq!(coerce(&field(kind).required(), value.as_ref()).unwrap_err().code, "required");
        }
    }
}

#[test]
fn strings_take_numbers_and_booleans_by_their_json_text() {
    assert_eq!(taken(FieldKind::String, json!(12.5)), Some(json!("12.5")));
    assert_eq!(taken(FieldKind::String, json!(true)), Some(json!("true")));
    assert_eq!(taken(FieldKind::String, json!(["a"])), None);
    assert_eq!(taken(FieldKind::String, json!({"a": 1})), None);
}

#[test]
fn whole_numbers_and_numbers_take_numeric_strings_only() {
    for (value, whole) in [(json!("42"), 42), (json!(" -7 "), -7), (json!(3.0), 3), (json!("3.0"), 3), (json!("1e3"), 1000)] {
        assert_eq!(taken(FieldKind::Int, value.clone()), Some(json!(whole)), "{value}");
    }
    assert_eq!(taken(FieldKind::Int, json!("9007199254740993")), Some(json!(9007199254740993_i64)));
    for value in [json!(1.5), json!("1.5"), json!("x"), json!("0x10"), json!(true), json!([1]), json!(1e300), json!("9e18x")] {
        assert_eq!(taken(FieldKind::Int, value.clone()), None, "{value}");
    }
    assert_eq!(taken(FieldKind::Number, json!("1.5")), Some(json!(1.5)));
    for value in ["inf", "NaN", "Infinity", "-", "e", " ", "1 2", "1e999"] {
        assert_eq!(taken(FieldKind::Number, json!(value)), None, "{value}");
    }
}

#[test]
fn booleans_take_true_and_false_as_text() {
    assert_eq!(taken(FieldKind::Boolean, json!("false")), Some(json!(false)));
    assert_eq!(taken(FieldKind::Boolean, json!(true)), Some(json!(true)));
    for value in [json!("yes"), json!(1), json!("1"), json!({})] {
        assert_eq!(taken(FieldKind::Boolean, value.clone()), None, "{value}");
    }
}

#[test]
fn enums_match_refs_are_ids_and_json_is_structure() {
    assert_eq!(taken(FieldKind::Enum, json!("open")), Some(json!("open")));
    assert_eq!(taken(FieldKind::Enum, json!(7)), Some(json!("7")));
    assert_eq!(coerce(&STATUS, Some(&json!("Open"))).unwrap_err().detail, "must be one of open, 1");
    assert_eq!(taken(FieldKind::Ref, json!(" tkt_1 ")), Some(json!("tkt_1")));
    assert_eq!(taken(FieldKind::Ref, json!("  ")), None);
    assert_eq!(taken(FieldKind::Ref, json!(5)), None);
    assert_eq!(taken(FieldKind::Json, json!({"a": [1]})), Some(json!({"a": [1]})));
    assert_eq!(taken(FieldKind::Json, json!("{}")), None);
}

#[test]
fn all_errors_are_reported_together() {
    let failed = ExpressionError::new("T2001", "The left side must be a number");
    let evaluated = [("title", Ok(None)), ("status", Ok(Some(json!("shut")))), ("colour", Ok(None)), ("due", Err(failed))];
    let fields = [TITLE, STATUS, Field::new("due", FieldKind::String, "")];
    let errors = collect(&fields, &evaluated).unwrap_err();
    let codes: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code.as_str())).collect();
    assert_eq!(codes, [("colour", "unknown_field"), ("title", "required"), ("status", "invalid_enum"), ("due", "T2001")]);
}

#[test]
fn what_is_collected_is_in_the_actions_order_without_the_missing() {
    let evaluated = [("status", Ok(Some(json!("open")))), ("title", Ok(Some(json!(5))))];
    let fields = [TITLE, Field::new("note", FieldKind::String, ""), STATUS];
    let map = collect(&fields, &evaluated).unwrap();
    assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"title":"5","status":"open"}"#);
}

#[test]
fn a_mapping_is_checked_when_it_is_saved() {
    let mapping = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    assert_eq!(check_mapping(&[TITLE, STATUS], &mapping(&[("title", "subject")])), []);
    let long = "a".repeat(EXPRESSION_BYTES_MAX + 1);
    let errors = check_mapping(&[TITLE, STATUS], &mapping(&[("status", &long), ("tittle", "subject")]));
    let codes: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code.as_str())).collect();
    assert_eq!(codes, [("status", "expression_too_long"), ("tittle", "unknown_field"), ("title", "required")]);
    assert_eq!(check_mapping(&[TITLE], &mapping(&[("title", " ")]))[0].code, "expression_empty");
}

#[test]
fn fields_are_shown_in_camel_case_without_what_does_not_apply() {
    let client = Field::new("client_id", FieldKind::Ref, "Whose it is").refers_to("client");
    let shown =
        json!({"name": "client_id", "type": "ref", "required": false, "description": "Whose it is", "refEntityType": "client"});
    assert_eq!(serde_json::to_value(client).unwrap(), shown);
    assert_eq!(serde_json::to_value(STATUS).unwrap()["enumValues"], json!(["open", "1"]));
}

#[test]
fn arrays_and_primitives_are_wrapped_and_only_documents() {
    assert!(matches!(wrap_body(b" {\"a\":1}"), Some(Cow::Borrowed(_))));
    assert_eq!(wrap_body(b"[1]").as_deref(), Some(br#"{"value":[1]}"#.as_slice()));
    assert_eq!(wrap_body(b"\"x\"").as_deref(), Some(br#"{"value":"x"}"#.as_slice()));
    assert_eq!(wrap_body(br#"1,"a":2"#), None);
    assert_eq!(wrap_body(b""), None);
}

proptest! {
    #[test]
    fn a_coerced_value_is_coerced_to_itself(kind in 0..KINDS.len(), text in ".{0,12}", number: f64, whole: i64) {
        let field = field(KINDS[kind]);
        for value in [json!(text), json!(number), json!(whole), json!(number.to_string()), json!({ "a": text }), json!([whole])] {
            if let Ok(Some(first)) = coerce(&field, Some(&value)) {
                prop_assert_eq!(coerce(&field, Some(&first)), Ok(Some(first)));
            }
        }
    }

    #[test]
    fn every_whole_number_survives_as_text(whole: i64) {
        prop_assert_eq!(taken(FieldKind::Int, json!(whole.to_string())), Some(json!(whole)));
    }
}
