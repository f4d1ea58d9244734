//! Whatever an expression gives: a field takes it or says why not, and what it took it takes again.
#![no_main]

use hookswitch_domain::mapping::{Field, FieldKind, coerce, collect};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const FIELDS: [Field; 8] = [
    Field::new("text", FieldKind::String, ""),
    Field::new("whole", FieldKind::Int, ""),
    Field::new("number", FieldKind::Number, ""),
    Field::new("flag", FieldKind::Boolean, ""),
    Field::new("choice", FieldKind::Enum, "").one_of(&["open", "closed"]),
    Field::new("link", FieldKind::Ref, "").refers_to("record"),
    Field::new("document", FieldKind::Json, ""),
    Field::new("needed", FieldKind::String, "").required(),
];

fuzz_target!(|data: &[u8]| {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    for field in &FIELDS {
        if let Ok(Some(taken)) = coerce(field, Some(&value)) {
            assert_eq!(coerce(field, Some(&taken)), Ok(Some(taken.clone())), "{}: {value} became {taken}", field.name);
        }
    }
    let evaluated: Vec<_> = FIELDS.iter().map(|field| (field.name, Ok(Some(value.clone())))).collect();
    match collect(&FIELDS, &evaluated) {
        Ok(taken) => assert!(taken.contains_key("needed")),
        Err(errors) => assert!(!errors.is_empty()),
    }
});
