//! A request's body into an action's fields, through real workers.

use std::collections::BTreeMap;

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::mapping::{MappingError, check, map};
use serde_json::json;

use super::*;

const TICKET: [Field; 6] = [
    Field::new("title", FieldKind::String, "What it is about").required(),
    Field::new("client_id", FieldKind::Ref, "Whose it is").refers_to("client"),
    Field::new("priority", FieldKind::Enum, "How urgent").one_of(&["low", "high"]),
    Field::new("count", FieldKind::Int, "How often"),
    Field::new("is_internal", FieldKind::Boolean, "Ours alone"),
    Field::new("attributes", FieldKind::Json, "Whatever else"),
];

fn mapping(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect()
}

pub async fn a_body_becomes_an_actions_fields() {
    let sandbox = sandbox();
    let expressions = mapping(&[
        ("title", "alert.name & ' on ' & host"),
        ("priority", "severity > 3 ? 'high' : 'low'"),
        ("count", "hits"),
        ("client_id", "owner"),
        ("is_internal", "flags.internal"),
        ("attributes", "{'raw': alert}"),
    ]);
    let body =
        br#"{"alert":{"name":"Disk full"},"host":"srv-01","severity":5,"hits":"12","owner":"","flags":{"internal":"true"}}"#;
    let fields = map(&sandbox, ACME, body, &TICKET, &expressions).await.unwrap();
    let expected = r#"{"title":"Disk full on srv-01","priority":"high","count":12,"is_internal":true,"attributes":{"raw":{"name":"Disk full"}}}"#;
    assert_eq!(serde_json::to_string(&fields).unwrap(), expected);

    let fields = map(&sandbox, ACME, b"[\"first\", \"second\"]", &TICKET, &mapping(&[("title", "value[1]")])).await.unwrap();
    assert_eq!(fields["title"], json!("second"), "an array stands under value");
    let fields = map(&sandbox, ACME, b" 5 ", &TICKET, &mapping(&[("title", "value")])).await.unwrap();
    assert_eq!(fields["title"], json!("5"), "so does a primitive");
}

pub async fn everything_that_is_wrong_is_reported_together() {
    let sandbox = sandbox();
    let expressions =
        mapping(&[("title", "missing"), ("priority", "'urgent'"), ("count", "'a' + 1"), ("client_id", "$pad('x', 2000000000)")]);
    let Err(MappingError::Fields { errors }) = map(&sandbox, ACME, b"{}", &TICKET, &expressions).await else {
        panic!("the mapping must fail")
    };
    let codes: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code.as_str())).collect();
    assert_eq!(
        codes,
        [("title", "required"), ("client_id", "sandbox_crashed"), ("priority", "invalid_enum"), ("count", "T2001")]
    );

    let broken = map(&sandbox, ACME, b"{\"a\":", &TICKET, &expressions).await;
    assert_eq!(broken, Err(MappingError::Body));
    assert_eq!(map(&sandbox, ACME, br#"1,"a":2"#, &TICKET, &expressions).await, Err(MappingError::Body));
}

pub async fn a_mapping_is_checked_before_it_is_saved() {
    let sandbox = sandbox();
    assert_eq!(check(&sandbox, &TICKET, &mapping(&[("title", "alert.name")])).await, Ok(Vec::new()));
    let errors = check(&sandbox, &TICKET, &mapping(&[("count", "a +"), ("colour", "red")])).await.unwrap();
    let codes: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.code.as_str())).collect();
    assert_eq!(codes, [("colour", "unknown_field"), ("title", "required"), ("count", "S0207")]);
    assert_eq!(errors[2].detail, "Unexpected end of expression (at character 3)");
}
