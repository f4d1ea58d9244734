//! Secrets and signatures: shown once, rotated with and without overlap, and each profile's headers.

use data_encoding::HEXLOWER;
use hookswitch_domain::signature::hmac_sha256;
use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{DESTINATIONS, Line, standard_signature};
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::Taken;

/// Publishes, and gives what arrived.
async fn next(line: &Line) -> Taken {
    let before = line.receiver.count();
    line.publish("a.b", json!({"n": before})).await;
    line.receiver.wait(before + 1).await.remove(before)
}

fn signatures(taken: &Taken) -> Vec<&str> {
    taken.header("webhook-signature").split(' ').collect()
}

async fn during_an_overlap_both_secrets_sign_and_without_one_the_new_alone(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let rotate = async |seconds: u64| {
        let answer = line.admin.post(&destination.path("/rotate-secret"), json!({"overlap_seconds": seconds})).await.expect(200);
        (answer.json()["signing_secret"].as_str().unwrap().to_owned(), answer.json()["previous_until"].clone())
    };
    let first = destination.secret.clone();
    let (second, until) = rotate(60).await;
    assert!(second != first && until.is_string());
    let taken = next(&line).await;
    assert_eq!(signatures(&taken), [standard_signature(&second, &taken), standard_signature(&first, &taken)]);

    let (third, until) = rotate(0).await;
    assert_eq!(until, json!(null));
    let taken = next(&line).await;
    assert_eq!(signatures(&taken), [standard_signature(&third, &taken)], "no overlap: neither of the old ones signs");

    let (fourth, _) = rotate(1).await;
    let waited = crate::receiver::until("the overlap's end", || async {
        let taken = next(&line).await;
        (signatures(&taken) == [standard_signature(&fourth, &taken)]).then_some(())
    });
    waited.await;
    line.admin.post(&destination.path("/rotate-secret"), json!({"overlap_seconds": 2_592_001})).await.expect(400);
}

async fn a_signing_secret_is_shown_once_and_the_url_by_reveal_alone(engine: &Engine) {
    let line = Line::open(engine).await;
    let key = "once-and-never-again";
    let url = line.receiver.url("/in/a-token-in-the-path?key=another");
    let body = json!({"name": "a receiver", "endpoint_url": url});
    let keyed = line.admin.with("idempotency-key", key);
    let made = keyed.post(DESTINATIONS, body.clone()).await.expect(201);
    let secret = made.json()["signing_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    let path = format!("{DESTINATIONS}/{}", made.id());
    let again = keyed.post(DESTINATIONS, body).await.expect(201);
    assert_eq!(again.id(), made.id(), "the same key made no second one");
    let answers = [
        again,
        line.admin.get(&path).await.expect(200),
        line.admin.get(DESTINATIONS).await.expect(200),
        line.admin.patch(&path, json!({"name": "renamed"})).await.expect(200),
        line.admin.get("/api/v1/audit").await.expect(200),
    ];
    for answer in &answers {
        let text = answer.text();
        assert!(!text.contains(&secret) && !text.contains("signing_secret"), "{text}");
        assert!(!text.contains("a-token-in-the-path") && !text.contains("endpoint_url"), "{text}");
    }
    assert_eq!(answers[1].json()["endpoint"], format!("http://{}", line.receiver.address));
    let revealed = line.admin.send(http::Method::POST, &format!("{path}/reveal"), None).await.expect(200).json();
    assert_eq!(revealed, json!({"endpoint_url": url}), "the URL and nothing else");
    let trail = line.admin.get("/api/v1/audit?action=destination.revealed").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1);
    for role in ["operator", "auditor"] {
        let other = line.server.token("acme", role, None).await;
        other.send(http::Method::POST, &format!("{path}/reveal"), None).await.expect(403);
    }
}

/// CONTRACT 7's table: which headers, what is signed, and with which key.
async fn every_profile_signs_as_the_contract_says(engine: &Engine) {
    let line = Line::open(engine).await;
    let custom = json!({"custom": {
        "signature_header": "X-Hub-Signature-256", "template": "{body}", "prefix": "sha256="
    }});
    for (path, profile) in [
        ("/oneprotect", json!("oneprotect")),
        ("/fr022", json!("fr022")),
        ("/alga", json!("alga")),
        ("/none", json!("none")),
        ("/custom", custom),
    ] {
        let body = json!({"name": path, "endpoint_url": line.receiver.url(path), "signing": {"profile": profile}});
        let made = line.admin.post(DESTINATIONS, body).await.expect(201).json();
        let before = line.receiver.count();
        let event = line.publish("a.b", json!({"for": path})).await;
        line.receiver.wait(before + 1).await;
        let taken = line.receiver.at(path).remove(0);
        check(path, made["signing_secret"].as_str().unwrap_or_default(), &taken, &event);
        line.admin.delete(&format!("{DESTINATIONS}/{}", made["id"].as_str().unwrap())).await.expect(204);
    }
}

fn check(path: &str, secret: &str, taken: &Taken, event: &str) {
    let hex = |parts: &[&[u8]]| HEXLOWER.encode(&hmac_sha256(secret.as_bytes(), parts.iter().copied()));
    let timed = |at: &str| hex(&[at.as_bytes(), b".", &taken.body]);
    match path {
        "/oneprotect" => {
            assert_eq!(taken.header("x-oneprotect-signature"), timed(taken.header("x-oneprotect-timestamp")));
            assert!(taken.header("x-oneprotect-delivery-id").starts_with("dlv_"));
            assert!(!taken.header("x-oneprotect-idempotency-key").is_empty());
        }
        "/fr022" => assert_eq!(taken.header("x-signature"), timed(taken.header("x-timestamp"))),
        "/alga" => {
            let signature = taken.header("x-alga-signature");
            let (at, v1) = signature.split_once(',').unwrap();
            assert_eq!(v1.strip_prefix("v1=").unwrap(), timed(at.strip_prefix("t=").unwrap()));
            assert_eq!((taken.header("x-alga-event-id"), taken.header("x-alga-event-type")), (event, "a.b"));
            assert_eq!(taken.header("x-alga-delivery-attempt"), "1");
            assert!(taken.header("x-alga-delivery-id").starts_with("dlv_"));
            assert!(taken.header("x-alga-webhook-id").starts_with("dst_"));
        }
        "/custom" => assert_eq!(taken.header("x-hub-signature-256"), format!("sha256={}", hex(&[&taken.body]))),
        _ => {
            assert_eq!(secret, "", "what isn't signed has no secret");
            assert!(taken.headers.keys().all(|name| !name.as_str().contains("signature")));
        }
    }
}

async fn unsigned_requests_need_the_installations_leave(engine: &Engine) {
    let line = Line::open(engine).await;
    let settings = [("egress.allow_cidrs", line.receiver.allowed()), ("signing.allow_unsigned", "false".to_owned())];
    let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let strict = line.server.another(engine, &settings, true).await;
    let admin = strict.admin("acme").await;
    let body = json!({"name": "x", "endpoint_url": line.receiver.url("/"), "signing": {"profile": "none"}});
    let refused = admin.post(DESTINATIONS, body).await.expect(400).json();
    assert_eq!(refused["errors"][0]["field"], "signing.profile");
    let policy = json!({"default_signing_profile": "none"});
    admin.put("/api/v1/integrations/delivery-policy", policy).await.expect(400);
    let listed: Value = admin.get(DESTINATIONS).await.expect(200).json();
    assert_eq!(listed["data"], json!([]));
}

on_both_engines!(
    during_an_overlap_both_secrets_sign_and_without_one_the_new_alone,
    a_signing_secret_is_shown_once_and_the_url_by_reveal_alone,
    every_profile_signs_as_the_contract_says,
    unsigned_requests_need_the_installations_leave,
);
