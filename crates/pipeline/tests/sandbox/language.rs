//! The language as the worker speaks it: a small sample of what mappings say, and of how they fail.

use hookswitch_pipeline::sandbox::SandboxError;
use serde_json::{Value, json};

use super::*;

const ALERT: &str = r#"{
    "alert": {"id": 4711, "title": "Disk full", "severity": "critical", "open": true, "note": null, "tags": ["disk", "prod"]},
    "device": {"name": "srv-01", "disks": [
        {"mount": "/", "used": 91.5, "free_gb": 4}, {"mount": "/var", "used": 45, "free_gb": 120}, {"mount": "/home", "used": 97, "free_gb": 1}
    ]},
    "contact": {"first": "Ada", "last": "Lovelace", "e-mail": "ada@example.com"}
}"#;

pub async fn typical_expressions_give_what_the_language_says() {
    let expected: [(&str, Option<Value>); 33] = [
        ("alert.title", Some(json!("Disk full"))),
        ("alert.id", Some(json!(4711))),
        ("alert.missing.deeper", None),
        ("alert.note", Some(json!(null))),
        ("contact.`e-mail`", Some(json!("ada@example.com"))),
        ("device.disks.mount", Some(json!(["/", "/var", "/home"]))),
        ("device.disks[0].mount", Some(json!("/"))),
        ("device.disks[-1].mount", Some(json!("/home"))),
        ("device.disks[used > 90].mount", Some(json!(["/", "/home"]))),
        ("device.disks[used > 95].mount", Some(json!("/home"))),
        ("device.disks[used > 95].mount[]", Some(json!(["/home"]))),
        ("$sum(device.disks.free_gb)", Some(json!(125))),
        ("$average([1, 2, 3, 6])", Some(json!(3))),
        ("$max(device.disks.used)", Some(json!(97))),
        ("$count(device.disks)", Some(json!(3))),
        ("contact.first & ' ' & contact.last", Some(json!("Ada Lovelace"))),
        ("alert.severity = 'critical' ? 'P1' : 'P3'", Some(json!("P1"))),
        ("alert.severity in ['critical', 'high']", Some(json!(true))),
        ("$uppercase(alert.title)", Some(json!("DISK FULL"))),
        ("$substringBefore(contact.`e-mail`, '@')", Some(json!("ada"))),
        ("$join(alert.tags, ', ')", Some(json!("disk, prod"))),
        ("$split('a;b;c', ';')[1]", Some(json!("b"))),
        ("$replace(device.name, /srv-(\\d+)/, 'server $1')", Some(json!("server 01"))),
        ("$exists(alert.note) and $not($exists(alert.owner))", Some(json!(true))),
        ("$string(alert.id)", Some(json!("4711"))),
        ("$number('12.5') * 2", Some(json!(25))),
        (
            "$map(device.disks, function($d) { $d.mount & ':' & $string($d.used) })",
            Some(json!(["/:91.5", "/var:45", "/home:97"])),
        ),
        ("$filter(alert.tags, function($t) { $t != 'prod' })", Some(json!("disk"))),
        ("device.disks^(>used)[0].mount", Some(json!("/home"))),
        ("device.disks{mount: free_gb}", Some(json!({"/": 4, "/var": 120, "/home": 1}))),
        ("{'who': contact.first, 'n': $length(alert.title)}", Some(json!({"who": "Ada", "n": 9}))),
        ("($fact := function($n) { $n < 2 ? 1 : $n * $fact($n - 1) }; $fact(10))", Some(json!(3628800))),
        ("$toMillis('2026-01-02T03:04:05Z') ~> $fromMillis('[D01].[M01].[Y0001]')", Some(json!("02.01.2026"))),
    ];
    let texts: Vec<&str> = expected.iter().map(|(text, _)| *text).collect();
    let results = evaluate_all(&sandbox(), ACME, ALERT, &texts).await;
    for ((text, value), evaluated) in expected.into_iter().zip(results) {
        assert_eq!(evaluated.result, Ok(value), "{text}");
    }
}

pub async fn errors_carry_the_languages_codes() {
    let sandbox = sandbox();
    for (text, code) in [
        ("'a' + 1", "T2001"),
        ("$number('x')", "D3030"),
        ("$sum('x')", "T0412"),
        ("$unknown()", "T1006"),
        ("$error('no client')", "D3137"),
        ("[1..1000000]", "D2014"),
        ("title title", "S0201"),
    ] {
        let error = evaluate(&sandbox, ACME, ALERT, text).await.unwrap_err();
        let sequence = ["D2014", "D2015"];
        assert!(error.code == code || sequence.contains(&code) && sequence.contains(&error.code.as_str()), "{text}: {error}");
    }
    let long = format!("'{}'", "x".repeat(8 * 1024));
    assert_eq!(evaluate(&sandbox, ACME, ALERT, &long).await.unwrap_err().code, "expression_too_long");
    assert_eq!(evaluate(&sandbox, ACME, ALERT, "$pad('x', 300000)").await.unwrap_err().code, "output_too_large");
}

pub async fn a_saved_expression_is_checked_and_the_position_named() {
    let sandbox = sandbox();
    assert_eq!(sandbox.check("alert.title & ' on ' & device.name").await, Ok(Ok(())));
    let error = sandbox.check("alert.title)").await.unwrap().unwrap_err();
    assert_eq!((error.code.as_str(), error.position), ("S0201", Some(12)));
    assert_eq!(sandbox.check(&"a".repeat(8 * 1024 + 1)).await.unwrap().unwrap_err().code, "expression_too_long");
}

pub async fn input_that_is_no_json_is_refused() {
    let sandbox = sandbox();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for input in ["", "{", "{'a':1}", "{\"a\":1}}", "\u{feff}{}", &deep] {
        let expressions = [Expr { id: "a", text: "a", limit_ms: LIMIT_MS }];
        let refused = sandbox.evaluate(ACME, input.as_bytes(), &expressions).await;
        assert!(matches!(refused, Err(SandboxError::Input(_))), "{refused:?}");
    }
    let huge = format!("\"{}\"", "x".repeat(8 * 1024 * 1024));
    for input in [b"\"\xff\"".as_slice(), huge.as_bytes()] {
        let refused = sandbox.evaluate(ACME, input, &[Expr { id: "a", text: "a", limit_ms: LIMIT_MS }]).await;
        assert!(matches!(refused, Err(SandboxError::Input(_))), "{refused:?}");
    }
}

pub async fn the_input_is_parsed_once_for_all_expressions() {
    let items: Vec<_> = (0..20_000).map(|number| json!({"id": number, "name": "a name that takes some room"})).collect();
    let input = json!({ "items": items }).to_string();
    let sandbox = sandbox();
    let texts: Vec<String> = (0..64).map(|number| format!("items[{number}].id")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    evaluate_all(&sandbox, ACME, &input, &texts).await;
    let started = Instant::now();
    evaluate_all(&sandbox, ACME, &input, &texts[..1]).await;
    let one = started.elapsed();
    let started = Instant::now();
    let results = evaluate_all(&sandbox, ACME, &input, &texts).await;
    let all = started.elapsed();
    assert!((0..64).all(|number| results[number].result == Ok(Some(json!(number)))));
    assert!(all < one * 16 + PROMPT / 4, "one expression {one:?}, 64 of them {all:?}");
}
