//! What a hostile payload can't do to a template, and what a template may look like.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn scope() -> Value {
    json!({
        "event": {
            "event_type": "disk.full",
            "payload": {
                "title": "Disk \"C:\" full\r\nX-Evil: 1",
                "count": 3,
                "null": null,
                "lines": [{"text": "first"}],
                "slack": "<!channel> & <https://evil.example|click>",
                "climb": "../../admin",
                "dots": "..",
                "html": "<img src=x onerror='a()'>"
            }
        },
        "message_id": "msg_1",
        "values": {"table": "incident"}
    })
}

fn text(template: &str, escape: Escape) -> String {
    Filler::new(&scope(), 1000).text(template, escape).unwrap()
}

#[test]
fn paths_places_and_fallbacks_are_filled_in() {
    assert_eq!(text("{{event.event_type}}: {{ event.payload.lines.0.text }}!", Escape::Json), "disk.full: first!");
    assert_eq!(text("[{{event.payload.none}}] [{{event.payload.null | \"nothing\"}}]", Escape::Json), "[] [nothing]");
    assert_eq!(text("{{event.payload.none|event.payload.null|event.event_type|\"x\"}}", Escape::Json), "disk.full");
    assert_eq!(text("{{event.payload.lines}}", Escape::Json), r#"[{"text":"first"}]"#);
    assert_eq!(text("no slot } at {all", Escape::Json), "no slot } at {all");
}

#[test]
fn a_json_template_keeps_types_and_leaves_out_what_is_not_there() {
    let template = json!({
        "count": "{{event.payload.count}}", "text": "n = {{event.payload.count}}", "none": "{{event.payload.none}}",
        "or": "{{event.payload.none|\"else\"}}", "list": ["{{event.payload.lines.0}}"], "fixed": 1
    });
    let made = Filler::new(&scope(), 1000).json(&template, &|_| Escape::Json).unwrap();
    let expected = json!({"count": 3, "text": "n = 3", "or": "else", "list": [{"text": "first"}], "fixed": 1});
    assert_eq!(made, expected);
}

#[test]
fn a_value_stays_inside_of_the_place_where_it_stands() {
    assert_eq!(text("{{event.payload.title}}", Escape::Header), "Disk \"C:\" full%0D%0AX-Evil: 1");
    assert_eq!(text("{{event.payload.slack}}", Escape::Slack), "&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;");
    assert_eq!(text("{{html:event.payload.html}}", Escape::Json), "&lt;img src=x onerror=&#39;a()&#39;&gt;");
    let path = |template: &str| Filler::new(&scope(), 1000).path(template);
    assert_eq!(path("/a/{{event.payload.climb}}/b?q={{event.payload.slack}}").unwrap().matches('/').count(), 3);
    assert_eq!(path("/a/{{event.payload.dots}}/b"), Err(Refused::Climbs));
    assert_eq!(path("/a/.{{event.payload.none}}./b"), Err(Refused::Climbs));
}

#[test]
fn long_values_are_cut_and_a_template_makes_a_bounded_text() {
    let scope = json!({"event": "ä".repeat(5000)});
    let cut = Filler::new(&scope, 10).text("{{event}}", Escape::Json).unwrap();
    assert_eq!(cut, format!("{}…", "ä".repeat(9)));
    let many = "{{event}}".repeat(200);
    assert_eq!(Filler::new(&scope, 10_000).text(&many, Escape::Json), Err(Refused::TooLarge));
    let list = Value::from(vec![Value::from("{{event}}"); 200]);
    assert_eq!(Filler::new(&scope, 10_000).json(&list, &|_| Escape::Json), Err(Refused::TooLarge));
}

#[test]
fn a_broken_template_says_what_is_wrong() {
    assert_eq!(check("{{event.a").unwrap_err(), "has {{ without }}");
    assert_eq!(check("{{}}").unwrap_err(), "has {{}}, which is no path");
    for broken in ["{{event..a}}", "{{event.a b}}", "{{event.a|}}", "{{ {{event.a}} }}", "{{\"a}}"] {
        assert!(check(broken).is_err(), "{broken}");
    }
    assert!(check("{{secret.value}}").unwrap_err().starts_with("names \"secret\""));
    assert!(check("{{html:event.a|event.b|\"c\"}} {{values.x}} {{message_id}} {{delivery_id}}").is_ok());
}

proptest! {
    #[test]
    fn no_payload_breaks_out_of_a_header_a_path_or_a_message(value: String) {
        let scope = json!({"event": value});
        let header = Filler::new(&scope, 1000).text("{{event}}", Escape::Header).unwrap();
        prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        if let Ok(path) = Filler::new(&scope, 1000).path("/a/{{event}}/b") {
            prop_assert_eq!(path.matches('/').count(), 3);
            prop_assert!(!path.contains(['?', '#', '&', '=', ' ']));
        }
        let slack = Filler::new(&scope, 1000).text("{{event}}", Escape::Slack).unwrap();
        prop_assert!(!slack.contains(['<', '>']));
    }

    #[test]
    fn any_text_as_a_template_is_filled_or_refused(template: String) {
        let _ = check(&template);
        let _ = Filler::new(&scope(), 100).text(&template, Escape::Json);
    }
}
