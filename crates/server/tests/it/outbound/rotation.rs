//! Rotations and key pairs: old and new sign until the overlap ends, and never again; the public
//! half is open to everybody; a secret may be brought along, if it is good enough.

use std::time::Duration;

use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Profile, Rejection, TOLERANCE, verify};
use hookswitch_domain::time::Timestamp;
use hookswitch_server::app::COMPONENTS;
use hookswitch_store::{params, signing_key};
use http::Method;
use serde_json::{Value, json};

use super::{DESTINATIONS, Destination, Line, standard_signature};
use crate::engines::{Engine, ambient};
use crate::on_both_engines;
use crate::receiver::Taken;

/// A secret as somebody has it from elsewhere: 24 random bytes.
const BROUGHT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BROUGHT_TOO: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

async fn next(line: &Line) -> Taken {
    let before = line.receiver.count();
    line.publish("a.b", json!({"n": before})).await;
    line.receiver.wait(before + 1).await.remove(before)
}

fn signatures(taken: &Taken) -> Vec<&str> {
    taken.header("webhook-signature").split(' ').collect()
}

fn checked(taken: &Taken, key: &str) -> Result<usize, Rejection> {
    let headers: Vec<_> = taken.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let key = Secret::from(key);
    verify(&Profile::Standard, &[key], &headers, &taken.body, ambient().now(), TOLERANCE).map(|proven| proven.secret)
}

async fn rotate(line: &Line, destination: &Destination, body: Value) -> Value {
    line.admin.post(&destination.path("/rotate-secret"), body).await.expect(200).json()
}

async fn keys(line: &Line, destination: &Destination) -> Vec<Value> {
    let path = format!("/.well-known/hookswitch/acme/{}/keys.json", destination.id);
    let answer = line.server.stranger().get(&path).await.expect(200);
    assert!(answer.header("cache-control").contains("max-age"), "receivers may keep it for a while");
    answer.json()["keys"].as_array().unwrap().clone()
}

async fn finalizing_ends_an_overlap_at_once(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"signing": {"profile": "standard", "ed25519": true}})).await;
    let rotated = rotate(&line, &destination, json!({"overlap_seconds": 600})).await;
    let fresh = rotated["signing_secret"].as_str().unwrap();
    assert!(rotated["previous_until"].is_string());
    assert_eq!(signatures(&next(&line).await).len(), 4, "two secrets and two keys");
    assert_eq!(keys(&line, &destination).await.len(), 2);
    assert_eq!(sealed(&line).await, 5, "the URL, two secrets, two private keys");

    let ended = line.command(&destination, "finalize-rotation").await;
    assert_eq!(ended["previous_secret_until"], json!(null));
    assert_eq!(ended["public_keys"].as_array().unwrap().len(), 1);
    let taken = next(&line).await;
    assert_eq!(signatures(&taken).len(), 2);
    assert_eq!(signatures(&taken)[0], standard_signature(fresh, &taken));
    assert_eq!(keys(&line, &destination).await.len(), 1);
    assert_eq!(sealed(&line).await, 3, "what was replaced is deleted, not only forgotten");

    line.command(&destination, "finalize-rotation").await;
    let trail = line.admin.get("/api/v1/audit?action=destination.rotation_finalized").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1, "the second one had nothing to end");
    for role in ["operator", "auditor"] {
        let other = line.server.token("acme", role, None).await;
        other.send(Method::POST, &destination.path("/finalize-rotation"), None).await.expect(403);
    }
}

/// How many values are sealed for the tenant.
async fn sealed(line: &Line) -> i64 {
    let store = line.server.db.for_tenant(line.server.tenant("acme").await);
    let counted = store.read::<_, hookswitch_store::StoreError, _>(|tx| {
        Box::pin(async move {
            let tenant = tx.tenant();
            tx.query_one("SELECT count(*) FROM secret WHERE tenant = $1", params![tenant]).await?.get(0)
        })
    });
    counted.await.unwrap()
}

async fn an_old_secret_dies_at_its_time(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"signing": {"profile": "standard", "ed25519": true}})).await;
    let fresh = rotate(&line, &destination, json!({"overlap_seconds": 1})).await;
    let fresh = fresh["signing_secret"].as_str().unwrap();
    let over = crate::receiver::until("the overlap's end", || async {
        let taken = next(&line).await;
        (signatures(&taken).len() == 2 && signatures(&taken)[0] == standard_signature(fresh, &taken)).then_some(())
    });
    over.await;
    assert_eq!(keys(&line, &destination).await.len(), 1, "a key that signs no longer is not published");
    let swept = crate::receiver::until("the upkeep", || async {
        signing_key::end_some(&line.server.db).await.unwrap();
        (sealed(&line).await == 3).then_some(())
    });
    swept.await;
    let shown = line.admin.get(&destination.path("")).await.expect(200).json();
    assert_eq!(shown["previous_secret_until"], json!(null));
}

async fn a_key_pair_signs_beside_the_secret_and_its_public_half_is_open(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let missing = format!("/.well-known/hookswitch/acme/{}/keys.json", destination.id);
    line.server.stranger().get(&missing).await.expect(404);
    assert_eq!(signatures(&next(&line).await).len(), 1);

    let shown = line.admin.patch(&destination.path(""), json!({"signing": {"ed25519": true}})).await.expect(200).json();
    let public = shown["public_keys"][0]["public_key"].as_str().unwrap().to_owned();
    assert!(public.starts_with("whpk_"));
    let taken = next(&line).await;
    assert_eq!(signatures(&taken)[0], standard_signature(&destination.secret, &taken));
    assert!(signatures(&taken)[1].starts_with("v1a,"));
    assert_eq!(checked(&taken, &public), Ok(0));
    let published = keys(&line, &destination).await;
    assert_eq!((&published[0]["public_key"], &published[0]["crv"]), (&json!(public), &json!("Ed25519")));
    // Nobody learns what exists: another tenant's path, an unknown one, and no id at all look alike.
    for path in [
        format!("/.well-known/hookswitch/globex/{}/keys.json", destination.id),
        format!("/.well-known/hookswitch/nobody/{}/keys.json", destination.id),
        "/.well-known/hookswitch/acme/dst_/keys.json".to_owned(),
        "/.well-known/hookswitch/a%00b/dst_01jd8r7c5tevzs9c1ghvzv3hkp/keys.json".to_owned(),
    ] {
        line.server.stranger().get(&path).await.expect(404);
    }

    let other = line.destination_at("/other", json!({"signing": {"ed25519": true}})).await;
    assert_ne!(keys(&line, &other).await[0]["public_key"], json!(public), "each destination has its own");
    let rotated = rotate(&line, &destination, json!({"overlap_seconds": 60})).await;
    let both = rotated["public_keys"].as_array().unwrap();
    assert!(both.len() == 2 && both[1]["public_key"] == public && both[1]["signs_until"].is_string());
    line.admin.delete(&other.path("")).await.expect(204);
    let taken = next(&line).await;
    for key in both {
        assert_eq!(checked(&taken, key["public_key"].as_str().unwrap()), Ok(0));
    }
    line.admin.patch(&destination.path(""), json!({"signing": {"ed25519": false}})).await.expect(200);
    let signed = signatures(&next(&line).await).len();
    assert_eq!(signed, 2, "the secrets of the rotation, and no key");
    line.server.stranger().get(&missing).await.expect(404);
}

/// Whoever migrates brings the secrets that receivers know.
async fn a_secret_may_be_brought_along_and_is_never_shown(engine: &Engine) {
    let line = Line::open(engine).await;
    let body = json!({"name": "migrated", "endpoint_url": line.receiver.url("/hook"), "signing": {"secret": BROUGHT}});
    let made = line.admin.post(DESTINATIONS, body).await.expect(201);
    assert!(!made.text().contains(BROUGHT) && made.json().get("signing_secret").is_none());
    let destination = Destination { id: made.id(), secret: BROUGHT.to_owned() };
    let taken = next(&line).await;
    assert_eq!(signatures(&taken), [standard_signature(BROUGHT, &taken)]);

    let rotated = rotate(&line, &destination, json!({"secret": BROUGHT_TOO})).await;
    assert_eq!(rotated["signing_secret"], json!(null));
    let taken = next(&line).await;
    assert_eq!(signatures(&taken), [standard_signature(BROUGHT_TOO, &taken), standard_signature(BROUGHT, &taken)]);
    let trail = line.admin.get("/api/v1/audit").await.expect(200).text();
    assert!(!trail.contains(&BROUGHT[6..]) && !trail.contains(&BROUGHT_TOO[6..]));

    let refused = async |path: &str, body: Value, field: &str| {
        let answer = line.admin.post(path, body).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["field"], field, "{}", answer.text());
        assert!(!answer.text().contains("whsec_C2"), "a refusal repeats no secret");
    };
    let with = |signing: Value| json!({"name": "x", "endpoint_url": line.receiver.url("/x"), "signing": signing});
    refused(DESTINATIONS, with(json!({"secret": "whsec_AAAA"})), "signing.secret").await;
    refused(DESTINATIONS, with(json!({"secret": "no base64, this"})), "signing.secret").await;
    refused(DESTINATIONS, with(json!({"profile": "fr022", "secret": "aaaaaaaaaaaaaaaaaaaaaaaa"})), "signing.secret").await;
    refused(DESTINATIONS, with(json!({"profile": "none", "secret": BROUGHT})), "signing.secret").await;
    refused(DESTINATIONS, with(json!({"profile": "alga", "ed25519": true})), "signing.ed25519").await;
    refused(&destination.path("/rotate-secret"), json!({"secret": "short"}), "secret").await;
    refused(&destination.path("/rotate-secret"), json!({"secret": BROUGHT_TOO}), "secret").await;
    let patch = line.admin.patch(&destination.path(""), json!({"signing": {"secret": BROUGHT}})).await.expect(400);
    assert_eq!(patch.json()["errors"][0]["field"], "signing.secret");
    assert_eq!(line.admin.get(DESTINATIONS).await.expect(200).json()["data"].as_array().unwrap().len(), 1);
}

async fn a_secret_that_does_not_fit_its_new_profile_is_refused_in_time(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"signing": {"profile": "fr022", "secret": "a-Text-0f-24-L3tters-1!x"}})).await;
    let answer = line.admin.patch(&destination.path(""), json!({"signing": {"profile": "standard"}})).await.expect(400);
    assert_eq!(answer.json()["errors"][0]["field"], "signing.profile");
    line.admin.patch(&destination.path(""), json!({"signing": {"profile": "alga"}})).await.expect(200);
    let taken = next(&line).await;
    assert!(taken.header("x-alga-signature").starts_with("t="));

    let unsigned = line.destination_at("/none", json!({"signing": {"profile": "none"}})).await;
    let signing = json!({"signing": {"profile": "standard"}});
    let answer = line.admin.patch(&unsigned.path(""), signing.clone()).await.expect(400);
    assert!(answer.text().contains("rotate-secret"), "{}", answer.text());
    assert!(rotate(&line, &unsigned, json!({})).await["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    line.admin.patch(&unsigned.path(""), signing).await.expect(200);
    let trail = line.admin.get("/api/v1/audit?action=destination.created").await.expect(200).text();
    assert!(
        trail.contains(r#""profile":"none""#) || trail.contains(r#""profile": "none""#),
        "the opt-out is in the trail: {trail}"
    );
}

/// A profile that carries one signature has no use for an old secret.
async fn a_profile_with_one_signature_rotates_at_once(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"signing": {"profile": "fr022"}})).await;
    let rotated = rotate(&line, &destination, json!({"overlap_seconds": 600})).await;
    assert_eq!(rotated["previous_until"], json!(null));
    assert_eq!(sealed(&line).await, 2, "the URL and the new secret");
}

/// What was allowed once is not sent any more once it isn't.
async fn unsigned_destinations_wait_once_the_leave_is_withdrawn(engine: &Engine) {
    let line = Line::open(engine).await;
    line.destination(json!({"signing": {"profile": "none"}})).await;
    let event = line.publish("a.b", json!(1)).await;
    line.settled(&event, "delivered").await;
    line.server.stop().await;
    let settings = [("egress.allow_cidrs", line.receiver.allowed()), ("signing.allow_unsigned", "false".to_owned())];
    let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let strict = line.server.another(engine, &settings, true).await;
    let line = Line { admin: strict.admin("acme").await, server: strict, receiver: line.receiver };
    let event = line.publish("a.b", json!(2)).await;
    let parked = line.settled(&event, "parked").await;
    assert_eq!(parked["parked_reason"], "secret_unavailable");
    assert_eq!(line.receiver.count(), 1, "nothing left us without a signature");
    let attempts = line.attempts(&parked).await;
    assert!(attempts[0]["reason"].as_str().unwrap().contains("signing.allow_unsigned"), "{}", attempts[0]);
    assert_eq!((&attempts[0]["sent"], &attempts[0]["number"]), (&json!(false), &json!(null)));
}

/// A receiver's own descriptor, with the algorithm that it knows.
async fn a_custom_descriptor_signs_with_its_algorithm(engine: &Engine) {
    let line = Line::open(engine).await;
    let descriptor = json!({"custom": {"signature_header": "X-Signature-Ed25519", "algorithm": "ed25519",
        "template": "{timestamp}{body}", "timestamp_header": "X-Signature-Timestamp"}});
    let destination = line.destination(json!({"signing": {"profile": descriptor}})).await;
    assert_eq!(destination.secret, "", "a key pair alone signs");
    let public = keys(&line, &destination).await[0]["public_key"].as_str().unwrap().to_owned();
    let taken = next(&line).await;
    let headers: Vec<_> = taken.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let profile: Profile = serde_json::from_value(descriptor).unwrap();
    let now: Timestamp = ambient().now();
    assert!(verify(&profile, &[public.as_str().into()], &headers, &taken.body, now, Duration::from_secs(300)).is_ok());
    let bad = json!({"custom": {"signature_header": "X-Sig", "algorithm": "md5", "template": "{body}"}});
    let body = json!({"name": "x", "endpoint_url": line.receiver.url("/x"), "signing": {"profile": bad}});
    let refused = line.admin.post(DESTINATIONS, body).await.expect(400);
    assert!(refused.json()["errors"][0]["field"].as_str().unwrap().starts_with("signing.profile"), "{}", refused.text());
}

on_both_engines!(
    finalizing_ends_an_overlap_at_once,
    an_old_secret_dies_at_its_time,
    a_key_pair_signs_beside_the_secret_and_its_public_half_is_open,
    a_secret_may_be_brought_along_and_is_never_shown,
    a_secret_that_does_not_fit_its_new_profile_is_refused_in_time,
    a_profile_with_one_signature_rotates_at_once,
    unsigned_destinations_wait_once_the_leave_is_withdrawn,
    a_custom_descriptor_signs_with_its_algorithm,
);
