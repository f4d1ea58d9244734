//! US-1709: signatures, backoff and rotation, from outside and by figures made here: the signature of a
//! known secret and time, the delays that a policy comes to, and which secret signs when.

use data_encoding::HEXLOWER;
use hookswitch_domain::retry::Policy;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Profile, TOLERANCE, hmac_sha256, verify};
use hookswitch_domain::time::Timestamp;
use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use super::Team;
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::until;

/// Made with another program: `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac shh`.
const KNOWN: &str = "be310eac0f84daf469d630347a950258de768b365563ab68f29f2f783473d547";

#[test]
fn an_hmac_is_verified_over_time_and_body() {
    assert_eq!(HEXLOWER.encode(&hmac_sha256(b"shh", [&b"1700000000.{\"a\":1}"[..]])), KNOWN);
    let (key, other) = ("a secret of some length", "another of the same size");
    let signed = super::signature(key, "1700000000", b"{\"a\":1}");
    let check = |key: &str, at: &str, body: &[u8], now: i64| {
        let headers = [("X-Signature", signed.as_bytes()), ("X-Timestamp", at.as_bytes())];
        verify(&Profile::Fr022, &[Secret::from(key)], &headers, body, Timestamp::from_seconds(now), TOLERANCE).is_ok()
    };
    assert!(check(key, "1700000000", b"{\"a\":1}", 1_700_000_299));
    assert!(check(key, "1700000000", b"{\"a\":1}", 1_699_999_701));
    assert!(!check(key, "1700000000", b"{\"a\":1}", 1_700_000_301), "older than five minutes");
    assert!(!check(key, "1700000000", b"{\"a\":1}", 1_699_999_699), "from the future");
    assert!(!check(key, "1700000001", b"{\"a\":1}", 1_700_000_000), "another time");
    assert!(!check(key, "1700000000", b"{\"a\":2}", 1_700_000_000), "another body");
    assert!(!check(other, "1700000000", b"{\"a\":1}", 1_700_000_000), "another secret");
}

async fn a_backoff_doubles_from_attempt_to_attempt(engine: &Engine) {
    let team = Team::start(engine, |_, _| 500.into()).await;
    let webhook = team.webhook("/hook", json!({"retryPolicy": {"maxAttempts": 4, "backoffSeconds": 60}})).await;
    let path = format!("/api/v1/integrations/destinations/{}", webhook.id);
    let own = team.line.admin.get(&path).await.expect(200).json();
    assert_eq!(own["policy"]["schedule_seconds"], json!([0, 60, 120, 240]));
    let policy = Policy { max_attempts: 4, schedule_seconds: vec![0, 60, 120, 240], jitter: 0.0, ..Policy::default() };
    assert_eq!(policy.check(), Ok(()));
    team.line
        .admin
        .patch(&path, json!({"policy": {"max_attempts": 4, "schedule_seconds": [0, 60, 120, 240], "jitter": 0.0}}))
        .await
        .expect(200);
    team.task(json!({})).await;
    let waiting = until("a failed attempt", || async {
        let found = team.line.deliveries(&format!("destination_id={}", webhook.id)).await;
        found.into_iter().find(|delivery| delivery["state"] == "retry_scheduled")
    });
    let waiting = waiting.await;
    let moment = |field: &str| waiting[field].as_str().unwrap().parse::<Timestamp>().unwrap();
    let waits = moment("next_attempt_at").since(moment("updated_at")).as_secs();
    assert!((55..=65).contains(&waits), "the first retry comes after the first delay: {waits} s");
    assert_eq!(team.log(&webhook).await[0]["status"], "queued");
}

async fn a_replaced_secret_signs_no_longer(engine: &Engine) {
    let team = Team::open(engine).await;
    let webhook = team.webhook("/hook", json!({})).await;
    let mut known = vec![webhook.secret.clone()];
    for turn in 0..2 {
        let rotated = team.admin.client.send(Method::POST, &webhook.path("/rotate-secret"), None).await.expect(200).json();
        known.push(rotated["secret"].as_str().unwrap().to_owned());
        team.task(json!({})).await;
        let taken = team.line.receiver.wait(turn + 1).await.remove(turn);
        let signs: Vec<bool> =
            known.iter().map(|secret| super::Webhook { id: webhook.id.clone(), secret: secret.clone() }.signed(&taken)).collect();
        assert_eq!(signs.iter().filter(|signs| **signs).count(), 1);
        assert_eq!(signs.last(), Some(&true), "the newest and no other");
    }
}

on_both_engines!(a_backoff_doubles_from_attempt_to_attempt, a_replaced_secret_signs_no_longer);
