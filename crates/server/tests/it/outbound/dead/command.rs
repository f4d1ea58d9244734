//! `hookswitch dead-letters` against a running server, and the switch that `admin` has.

use std::process::{Command, Output};

use super::*;
use crate::on_both_engines;

/// Runs the program as somebody with a token of the tenant's admin.
async fn run(line: &Line, arguments: &[&str]) -> Output {
    let token = json!({"name": "cli", "role": "tenant_admin"});
    let token = line.admin.post("/api/v1/tokens", token).await.expect(201).json()["token"].as_str().unwrap().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookswitch"));
    command.arg("dead-letters").args(arguments).env_clear();
    command.env("HOOKSWITCH_URL", format!("http://{}", line.server.address)).env("HOOKSWITCH_TOKEN", token);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

async fn letters_are_listed_shown_replayed_and_discarded_from_a_shell(engine: &Engine) {
    let line = Line::deadly(engine, only_replays).await;
    let destination = line.destination(json!({})).await;
    let dead = line.letters_of(&destination, 3).await;
    let (code, out, _) = said(&run(&line, &["list", "--reason", "exhausted", "--limit", "2", "--json"]).await);
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, listed["data"].as_array().unwrap().len(), &listed["more"]), (Some(0), 2, &json!(true)));
    let (code, out, _) = said(&run(&line, &["list"]).await);
    assert_eq!((code, out.lines().count()), (Some(0), 3));
    assert!(out.contains(id_of(&dead[0])) && out.contains("answered 500"), "{out}");
    let (code, out, _) = said(&run(&line, &["show", id_of(&dead[0]), "--json"]).await);
    assert_eq!((code, &serde_json::from_str::<Value>(&out).unwrap()["id"]), (Some(0), &dead[0]["id"]));

    let (code, _, told) = said(&run(&line, &["replay", "--event-type", "a.b"]).await);
    assert_eq!(code, Some(1));
    assert!(told.contains("3 to replay") && told.contains("--yes"), "{told}");
    assert_eq!(said(&run(&line, &["replay", "--dry-run"]).await).1, "3 to replay");
    assert_eq!(line.dead_letters("").await.len(), 3, "nothing was started");
    let one = ["discard", id_of(&dead[0]), "--yes", "--wait", "--json"];
    let (code, out, _) = said(&run(&line, &one).await);
    let job: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &job["kind"], &job["state"], &job["done"]), (Some(0), &json!("discard"), &json!("completed"), &json!(1)));
    let (code, out, _) = said(&run(&line, &["replay", "--yes", "--wait", "--rate", "1000"]).await);
    assert_eq!(code, Some(0));
    assert!(out.ends_with("is completed: 2 done, 0 skipped"), "{out}");
    assert!(line.dead_letters("").await.is_empty());

    for (arguments, wanted, word) in [
        (&["list", "--state", "pending"][..], 1, "state"),
        (&["show", "dlv_01jd8r7c5tevzs9c1ghvzv3hkp"], 1, "404"),
        (&["replay", "--rate", "0"], 2, "--rate"),
        (&["list", "--limit", "x"], 2, "--limit"),
        (&["list", "--token", "hsk_wrong"], 1, "401"),
        (&["list", "--url", "http://127.0.0.1:1"], 1, "127.0.0.1:1"),
        (&["replay", "dlv_01jd8r7c5tevzs9c1ghvzv3hkp", "--reason", "exhausted"], 1, "either"),
    ] {
        let (code, _, told) = said(&run(&line, arguments).await);
        assert_eq!(code, Some(wanted), "{arguments:?}: {told}");
        assert!(told.contains(word), "{arguments:?}: {told}");
    }
}

async fn admin_pauses_and_resumes_sending_for_everybody(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    for (what, tenant) in [("pause", None), ("resume", None), ("pause", Some("acme")), ("resume", Some("acme"))] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookswitch"));
        command.args(["admin", &format!("{what}-sending")]).env_clear();
        command.args(tenant.map(|slug| ["--tenant", slug]).into_iter().flatten());
        command.env("HOOKSWITCH_ENVIRONMENT", "test").env("HOOKSWITCH_DATABASE__URL", &engine.url);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(said(&output).0, Some(0), "{output:?}");
        let event = line.publish("a.b", json!(1)).await;
        match (what, tenant) {
            ("resume", _) => drop(line.settled(&event, "delivered").await),
            (_, None) => assert_eq!(line.settled(&event, "parked").await["parked_reason"], "installation_paused"),
            (_, Some(_)) => assert_eq!(line.settled(&event, "parked").await["parked_reason"], "tenant_paused"),
        }
    }
    line.all_settled(&destination, 4, "delivered").await;
}

on_both_engines!(letters_are_listed_shown_replayed_and_discarded_from_a_shell, admin_pauses_and_resumes_sending_for_everybody,);
