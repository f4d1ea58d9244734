//! What a webhook may ask of its sender beside SEED-3's four schemes, and rotations that overlap.

use data_encoding::{BASE64, HEXLOWER};
use hookswitch_domain::signature::{Message, Profile, hmac_sha256, new_key_pair, sign};
use hookswitch_server::app::COMPONENTS;
use hookswitch_store::inbound::end_some;
use http::Method;
use serde_json::{Value, json};

use super::{House, WEBHOOKS, Webhook, alert, alerts};
use crate::engines::{Engine, ambient, sql};
use crate::harness::Client;
use crate::on_both_engines;
use crate::receiver::until;

const SECRET: &str = "a secret of enough characters";

fn scheme(slug: &str, auth: Value) -> Value {
    let kind = auth["type"].as_str().unwrap_or("bearer");
    alerts(json!({"slug": slug, "auth_type": kind, "auth_config": auth, "idempotency_source": null}))
}

async fn knock(client: &Client, webhook: &Webhook, body: &str) -> u16 {
    let client = client.with("content-type", "application/json");
    client.raw(Method::POST, &webhook.path(), body.to_owned()).await.status.as_u16()
}

async fn old_and_new_secret_let_in_until_the_overlap_is_over(engine: &Engine) {
    let house = House::open(engine).await;
    let old = house.webhook(alerts(json!({}))).await;
    let rotated = house.admin.post(&old.api("/rotate-secret"), json!({"overlap_seconds": 600})).await.expect(200).json();
    assert!(rotated["previous_secret_until"].is_string(), "{rotated}");
    let new = Webhook { secret: rotated["secret"].as_str().unwrap().to_owned(), ..old.clone() };
    old.post("1", &alert("x")).await.expect(200);
    new.post("2", &alert("x")).await.expect(200);
    let stranger = Webhook { secret: "somebody else's secret".to_owned(), ..old.clone() };
    stranger.post("3", &alert("x")).await.expect(401);
    assert!(house.admin.get(&old.api("")).await.expect(200).json()["previous_secret_until"].is_string());

    let ended = house.admin.send(Method::POST, &old.api("/finalize-rotation"), None).await.expect(200).json();
    assert_eq!(ended["previous_secret_until"], json!(null));
    old.post("3", &alert("x")).await.expect(401);
    new.post("3", &alert("x")).await.expect(200);
    house.admin.send(Method::POST, &old.api("/finalize-rotation"), None).await.expect(200);

    // A second rotation during an overlap ends the first secret: two let in, never three.
    house.admin.post(&old.api("/rotate-secret"), json!({"overlap_seconds": 600})).await.expect(200);
    let brought = json!({"overlap_seconds": 1, "secret": "brought by the sender"});
    let third = house.admin.post(&old.api("/rotate-secret"), brought).await.expect(200).json();
    assert_eq!(third.get("secret"), None, "who brought it knows it");
    new.post("4", &alert("x")).await.expect(401);
    Webhook { secret: "brought by the sender".to_owned(), ..old.clone() }.post("4", &alert("x")).await.expect(200);
    let tenant = house.server.tenant("acme").await;
    until("the old secret deleted", || async {
        end_some(&house.server.db).await.unwrap();
        let rows = sql(&house.server.db, tenant, "SELECT id FROM secret WHERE purpose = 'inbound_webhook'", &[]).await;
        (rows.len() == 1).then_some(())
    })
    .await;
    let trail = house.admin.get("/api/v1/audit?action=inbound_webhook.rotation_finalized").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1, "ending nothing is no event: {trail}");
    for (body, field) in [
        (json!({"overlap_seconds": 2_592_001}), "overlap_seconds"),
        (json!({"secret": "too short"}), "secret"),
        (json!({"overlap": 1}), "overlap"),
    ] {
        let problem = house.admin.post(&old.api("/rotate-secret"), body).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
}

async fn a_descriptor_says_how_the_sender_signs_and_the_log_why_it_did_not(engine: &Engine) {
    let house = House::open(engine).await;
    let descriptor = json!({"signature_header": "X-Acme-Signature", "template": "{timestamp}.{url}.{body}", "separator": "comma",
        "timestamp_prefix": "t=", "prefix": "v1=", "algorithm": "hmac_sha512", "encoding": "base64"});
    // The default algorithms differ, so that nothing is right by chance.
    let sha256 = json!({"signature_header": "X-Acme-Signature", "template": "{timestamp}.{url}.{body}", "separator": "comma",
        "timestamp_prefix": "t=", "prefix": "v1=", "tolerance_seconds": 60});
    let webhook = house.webhook(scheme("signed", json!({"type": "signature", "descriptor": sha256, "secret": SECRET}))).await;
    let wide = house.webhook(scheme("wide", json!({"type": "signature", "descriptor": descriptor, "secret": SECRET}))).await;
    let base = house.admin.get(&webhook.api("")).await.expect(200).json()["url"].as_str().unwrap().to_owned();
    let now = ambient().now().seconds();
    let body = alert("x");
    let signed = |at: i64| {
        let text = format!("{at}.{base}?a=b.{body}");
        let code = HEXLOWER.encode(&hmac_sha256(SECRET.as_bytes(), [text.as_bytes()]));
        house.server.stranger().with("x-acme-signature", format!("t={at},v0=00,v1={code}"))
    };
    let post = async |client: Client, webhook: &Webhook| {
        let client = client.with("content-type", "application/json");
        client.raw(Method::POST, &format!("{}?a=b", webhook.path()), body.clone()).await
    };
    post(signed(now), &webhook).await.expect(200);
    post(signed(now), &wide).await.expect(401);
    let stale = post(signed(now - 100), &webhook).await.expect(401);
    assert_eq!(stale.bytes.len(), 0, "the sender hears nothing");
    let reason = until("the refusal in the log", || async {
        let log = house.log(&webhook).await;
        log.iter().find_map(|row| row["error"].as_str().map(str::to_owned))
    })
    .await;
    assert!(reason.contains("100 s old and 60 s are allowed") || reason.contains("101 s old"), "{reason}");
    let kept = house.log(&webhook).await;
    assert!(!kept[0].to_string().contains("v1="), "signatures are kept in no log: {}", kept[0]);
    // What is shown can be saved again.
    let shown = house.admin.get(&webhook.api("")).await.expect(200).json();
    let again = scheme("signed", shown["auth_config"].clone());
    house.admin.put(&webhook.api(""), again).await.expect(200);
    post(signed(now), &webhook).await.expect(200);
}

async fn senders_that_can_not_sign_show_what_they_know(engine: &Engine) {
    let house = House::open(engine).await;
    let stranger = house.server.stranger();
    let body = alert("x");
    let header =
        house.webhook(scheme("by-header", json!({"type": "static_header", "header": "X-Secret", "secret": SECRET}))).await;
    assert_eq!(knock(&stranger.with("x-secret", SECRET), &header, &body).await, 200);
    assert_eq!(knock(&stranger.with("x-secret", "other"), &header, &body).await, 401);
    let basic = house.webhook(scheme("by-basic", json!({"type": "basic", "username": "alerts", "secret": SECRET}))).await;
    let pair = |name: &str| format!("Basic {}", BASE64.encode(format!("{name}:{SECRET}").as_bytes()));
    assert_eq!(knock(&stranger.with("authorization", pair("alerts")), &basic, &body).await, 200);
    assert_eq!(knock(&stranger.with("authorization", pair("root")), &basic, &body).await, 401);
    let field = house.webhook(scheme("by-field", json!({"type": "body_field", "path": "alert.token", "secret": SECRET}))).await;
    let told = |token: &str| json!({"alert": {"message": "x", "token": token}}).to_string();
    assert_eq!(knock(&stranger, &field, &told(SECRET)).await, 200);
    assert_eq!(knock(&stranger, &field, &told("other")).await, 401);
    assert_eq!(house.tickets().await.len(), 3);
    let log = house.log(&header).await;
    assert!(!Value::from(log).to_string().contains(SECRET), "its header is kept in no log");
}

async fn a_public_key_is_given_checked_and_never_generated(engine: &Engine) {
    let house = House::open(engine).await;
    let (private, public) = new_key_pair([7; 32]);
    let descriptor = json!({"signature_header": "webhook-signature", "template": "{id}.{timestamp}.{body}", "algorithm": "ed25519",
        "encoding": "base64", "prefix": "v1a,", "separator": "space", "timestamp_header": "webhook-timestamp", "id_header": "webhook-id"});
    let auth = |more: Value| crate::outbound::merged(json!({"type": "signature", "descriptor": descriptor}), more);
    for secret in [json!({}), json!({"secret": SECRET})] {
        let problem = house.admin.post(WEBHOOKS, scheme("keyed", auth(secret))).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], "auth_config.secret", "{problem}");
    }
    let webhook = house.webhook(scheme("keyed", auth(json!({"secret": public})))).await;
    assert_eq!(webhook.secret, "", "a public key is nothing to be shown once");
    let body = alert("x");
    let message = Message {
        id: "msg_1",
        event_id: ambient().fresh(),
        event_type: "a.b",
        delivery_id: ambient().fresh(),
        destination_id: ambient().fresh(),
        attempt: 1,
        timestamp: ambient().now(),
        body: body.as_bytes(),
    };
    let signed = sign(&Profile::Standard, &[private], &message).unwrap();
    let sender = signed.into_iter().fold(house.server.stranger(), |client, (name, value)| client.with(name, value));
    assert_eq!(knock(&sender, &webhook, &body).await, 200);
    assert_eq!(knock(&sender, &webhook, &alert("y")).await, 401);
    house.admin.send(Method::POST, &webhook.api("/rotate-secret"), None).await.expect(400);
    let other = new_key_pair([8; 32]).1;
    house.admin.post(&webhook.api("/rotate-secret"), json!({"secret": other})).await.expect(200);
    assert_eq!(knock(&sender, &webhook, &body).await, 401);
}

async fn what_can_prove_nothing_is_refused_by_field(engine: &Engine) {
    let house = House::open(engine).await;
    let signature = |fields: Value| {
        let base = json!({"signature_header": "X-Sig", "template": "{body}"});
        json!({"type": "signature", "descriptor": crate::outbound::merged(base, fields)})
    };
    for (auth, field) in [
        (json!({}), "auth_config.type"),
        (json!({"type": "telepathy"}), "auth_config.type"),
        (json!({"type": "signature"}), "auth_config.descriptor"),
        (signature(json!({"template": "{bdy}"})), "auth_config.descriptor.template"),
        (signature(json!({"algorithm": "md5"})), "auth_config.descriptor.algorithm"),
        (signature(json!({"timestamp_header": "X-Time"})), "auth_config.descriptor.timestamp_header"),
        (signature(json!({"tolerance_seconds": 0, "timestamp_path": "a"})), "auth_config.descriptor.tolerance_seconds"),
        (signature(json!({"colour": "red"})), "auth_config.descriptor.colour"),
        (signature(json!({"facts": [{"header": "x", "value": "attempt"}]})), "auth_config.descriptor.facts"),
        (json!({"type": "static_header", "header": "a b"}), "auth_config.header"),
        (json!({"type": "static_header"}), "auth_config.header"),
        (json!({"type": "basic", "username": "a:b"}), "auth_config.username"),
        (json!({"type": "body_field", "path": "a..b"}), "auth_config.path"),
        (json!({"type": "bearer", "secret": 17}), "auth_config.secret"),
        (json!({"type": "ip_allowlist", "ip_cidrs": ["10.0.0.0/33"]}), "auth_config.ip_cidrs[0]"),
        (json!({"type": "ip_allowlist", "ip_cidrs": [], "secret": SECRET}), "auth_config.secret"),
    ] {
        let problem = house.admin.post(WEBHOOKS, scheme("bad", auth.clone())).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{auth}: {problem}");
    }
    // A secret that is kept has to fit what the scheme becomes.
    let webhook = house.webhook(alerts(json!({}))).await;
    let hex = alerts(json!({"auth_type": "signature", "auth_config": signature(json!({"key": "hex"}))}));
    let problem = house.admin.put(&webhook.api(""), hex).await.expect(400).json();
    assert_eq!(problem["errors"][0]["field"], "auth_config.secret", "{problem}");
    webhook.post("1", &alert("x")).await.expect(200);
}

on_both_engines!(
    old_and_new_secret_let_in_until_the_overlap_is_over,
    a_descriptor_says_how_the_sender_signs_and_the_log_why_it_did_not,
    senders_that_can_not_sign_show_what_they_know,
    a_public_key_is_given_checked_and_never_generated,
    what_can_prove_nothing_is_refused_by_field,
);
