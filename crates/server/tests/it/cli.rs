//! The command line: exit codes, what stands on standard output, and that the offline commands agree
//! with each other.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs the program in a folder of its own.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookswitch"));
    command.args(arguments).current_dir(folder).env_clear().env("HOOKSWITCH_ENVIRONMENT", "test").output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[track_caller]
fn good(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text(&output)
}

#[test]
fn exit_codes_tell_done_failed_and_used_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let code = |arguments: &[&str]| run(folder.path(), arguments).status.code();
    assert_eq!(code(&["--version"]), Some(0));
    assert_eq!(code(&["serve", "--help"]), Some(0));
    for wrong in [&["no-such-command"][..], &[], &["serve", "--roles", "api,juggler"], &["admin", "create-token"]] {
        assert_eq!(code(wrong), Some(2), "{wrong:?}");
    }
    assert_eq!(code(&["--config", "missing.toml", "migrate"]), Some(1));
    assert_eq!(code(&["admin", "create-token", "--tenant", "nobody", "--role", "operator", "--name", "x"]), Some(1));
}

#[test]
fn admin_makes_what_a_first_day_needs() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert!(good(run(at, &["admin", "create-tenant", "acme", "--name", "Acme"])).starts_with("ten_"));
    let again = run(at, &["admin", "create-tenant", "acme", "--name", "Acme"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("slug"), "{}", String::from_utf8_lossy(&again.stderr));
    let token = good(run(at, &["admin", "create-token", "--tenant", "acme", "--role", "publisher", "--name", "t"]));
    assert!(token.starts_with("hsk_") && !token.contains(char::is_whitespace), "the token alone: {token}");
    let new = ["admin", "create-user", "--tenant", "acme", "--email", "a@example.com", "--role", "tenant_admin", "--json"];
    let made: Value = serde_json::from_str(&good(run(at, &new))).unwrap();
    assert!(made["password"].as_str().unwrap().len() >= 24 && made["id"].as_str().unwrap().starts_with("usr_"));
    let reset = good(run(at, &["admin", "reset-password", "--email", "a@example.com"]));
    assert_ne!(reset, made["password"].as_str().unwrap());
    let platform = ["admin", "create-user", "--tenant", "acme", "--email", "b@example.com", "--role", "platform_admin"];
    assert_eq!(run(at, &platform).status.code(), Some(1), "the platform's role belongs to the platform");
    let both = ["admin", "create-token", "--tenant", "acme", "--platform", "--role", "operator", "--name", "x"];
    assert_eq!(run(at, &both).status.code(), Some(2));
}

#[test]
fn a_saved_head_is_compared_and_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    good(run(at, &["admin", "create-tenant", "acme", "--name", "Acme"]));
    let verify = ["audit", "verify", "--tenant", "acme", "--head", "head.json"];
    assert!(good(run(at, &verify)).starts_with("intact: 1 rows"));
    good(run(at, &["admin", "create-token", "--tenant", "acme", "--role", "publisher", "--name", "t"]));
    assert!(good(run(at, &verify)).starts_with("intact: 2 rows"));
    let saved = std::fs::read_to_string(at.join("head.json")).unwrap();

    let mut other: Value = serde_json::from_str(&saved).unwrap();
    other["hash"] = "ab".repeat(32).into();
    std::fs::write(at.join("head.json"), other.to_string()).unwrap();
    let broken = run(at, &verify);
    assert_eq!(broken.status.code(), Some(1));
    assert!(text(&broken).contains("broken at row 2"), "{}", text(&broken));
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAAAAAAAAAAA=";

#[test]
fn what_sign_makes_verify_takes_in_every_profile() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("body"), b"{\"a\":1}").unwrap();
    std::fs::write(at.join("secret"), format!("{SECRET}\n")).unwrap();
    for profile in ["standard", "oneprotect", "fr022", "alga"] {
        let sign = ["sign", "--profile", profile, "--secret-file", "secret", "--body", "body"];
        std::fs::write(at.join("headers"), good(run(at, &sign))).unwrap();
        let verify = ["verify", "--profile", profile, "--secret-file", "secret", "--body", "body", "--headers-file", "headers"];
        assert!(good(run(at, &verify)).starts_with("valid"), "{profile}");
        let late: Vec<&str> = [&verify[..], &["--at", "4000000000", "--json"]].concat();
        let refused = run(at, &late);
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(serde_json::from_str::<Value>(&text(&refused)).unwrap()["code"], "timestamp_stale", "{profile}");
        let any: Vec<&str> = [&late[..], &["--tolerance", "0"]].concat();
        good(run(at, &any));
    }
}

#[test]
fn a_descriptor_of_one_s_own_is_tried_out_before_it_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("body"), b"{\"a\":1}").unwrap();
    let descriptor = r#"{"signature_header": "X-Acme", "algorithm": "hmac_sha512", "prefix": "v0=", "template": "{body}"}"#;
    std::fs::write(at.join("own.json"), descriptor).unwrap();
    let headers = good(run(at, &["sign", "--profile", "own.json", "--secret", SECRET, "--body", "body"]));
    assert!(headers.starts_with("X-Acme: v0=") && headers.trim().len() == 139, "{headers}");
    std::fs::write(at.join("own.json"), descriptor.replace("{body}", "{timestamp}.{body}")).unwrap();
    let refused = run(at, &["sign", "--profile", "own.json", "--secret", SECRET, "--body", "body"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("timestamp_header"), "a time that isn't sent can't be checked");
}

/// The printed fixtures and the verifier of the same program, as a receiver's tests would use them.
#[test]
fn fixtures_are_printed_and_verify_agrees_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let printed = good(run(at, &["fixtures"]));
    assert_eq!(printed, good(run(at, &["fixtures"])), "the same each time");
    let all: Value = serde_json::from_str(&printed).unwrap();
    let mut checked = 0;
    for case in all["cases"].as_array().unwrap().iter().filter(|case| case["name"].as_str().unwrap().starts_with("standard_v1a."))
    {
        let headers = case["headers"].as_array().unwrap();
        let lines: String =
            headers.iter().map(|line| format!("{}: {}\n", line[0].as_str().unwrap(), line[1].as_str().unwrap())).collect();
        std::fs::write(at.join("headers"), lines).unwrap();
        std::fs::write(at.join("body"), case["body"].as_str().unwrap()).unwrap();
        let (now, key) = (case["now"].to_string(), case["keys"][0].as_str().unwrap());
        let verify = ["verify", "--secret", key, "--body", "body", "--headers-file", "headers", "--at", &now, "--explain"];
        let is_valid = run(at, &verify).status.success();
        assert_eq!(is_valid, case["expect"] != "refuse", "{}", case["name"]);
        checked += 1;
    }
    assert!(checked >= 12, "{checked}");
}

#[test]
fn verify_explains_what_went_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("body"), b"{\"a\":1}").unwrap();
    std::fs::write(at.join("changed"), b"{\"a\":1}\n").unwrap();
    let headers = good(run(at, &["sign", "--secret", SECRET, "--body", "body"]));
    std::fs::write(at.join("headers"), headers).unwrap();
    let explain = ["verify", "--explain", "--secret", SECRET, "--body", "changed", "--headers-file", "headers"];
    let refused = run(at, &explain);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("line break at its end"), "{}", text(&refused));
    let nothing = run(at, &["verify", "--body", "body", "--headers-file", "headers"]);
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("--secret-file"));
}

#[test]
fn doctor_finds_a_healthy_installation_and_a_sick_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    good(run(at, &["admin", "create-tenant", "acme", "--name", "Acme"]));
    let report: Value = serde_json::from_str(&good(run(at, &["doctor", "--json"]))).unwrap();
    assert_eq!(report["healthy"], true, "{report}");
    std::fs::create_dir_all(at.join("data")).unwrap();
    std::fs::write(at.join("data/master.key"), "x").unwrap();
    let sick = run(at, &["doctor"]);
    assert_eq!(sick.status.code(), Some(1));
    assert!(text(&sick).contains("chmod 600"), "{}", text(&sick));
    std::fs::write(at.join("hookswitch.toml"), "[database]\nulr = \"x\"\n").unwrap();
    let misspelt = run(at, &["doctor"]);
    assert!(text(&misspelt).contains("did you mean database.url"), "{}", text(&misspelt));
}

#[test]
fn the_openapi_document_is_printed_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let document: Value = serde_json::from_str(&good(run(folder.path(), &["openapi"]))).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(good(run(folder.path(), &["openapi", "--yaml"])).starts_with("\"openapi\": \"3.1.0\""));
}
