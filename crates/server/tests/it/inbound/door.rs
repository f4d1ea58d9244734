//! Who is let in: the four schemes, and refusals that are all alike.

use bytes::Bytes;
use hookswitch_server::app::COMPONENTS;
use hookswitch_store::params;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::{House, WEBHOOKS, Webhook, alert, alerts};
use crate::engines::{Engine, sql};
use crate::harness::{Answer, Client, spawn_with};
use crate::on_both_engines;
use crate::receiver::until;

const SECRET: &str = "a secret of enough characters";

fn scheme(slug: &str, auth: Value) -> Value {
    alerts(json!({"slug": slug, "auth_type": auth["type"], "auth_config": auth, "idempotency_source": null}))
}

async fn knock(client: &Client, path: &str, body: &str) -> u16 {
    client.with("content-type", "application/json").raw(Method::POST, path, body.to_owned()).await.status.as_u16()
}

async fn hmac_takes_the_raw_bytes_signed_with_the_shown_secret_and_nothing_else(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"idempotency_source": null}))).await;
    let body = " {\"alert\" : {\"message\":\"odd \\u0041 spacing\"} }\n";
    webhook.post("", body).await.expect(200);
    let right = webhook.signed(body.as_bytes());
    let given = Webhook { secret: format!("{}x", webhook.secret), ..webhook.clone() };
    assert_eq!(knock(&right, &webhook.path(), &body.replace(' ', "")).await, 401, "other bytes of the same JSON");
    assert_eq!(knock(&given.signed(body.as_bytes()), &webhook.path(), body).await, 401, "another secret");
    assert_eq!(knock(&house.server.stranger(), &webhook.path(), body).await, 401, "no signature");
    for bad in ["", "sha256=", "zz", "sha1=00"] {
        assert_eq!(knock(&right.with("x-signature", bad), &webhook.path(), body).await, 401, "{bad:?}");
    }
    let prefixed = house.server.stranger().with("x-signature", format!("sha256={}", signature(&webhook, body)));
    assert_eq!(knock(&prefixed, &webhook.path(), body).await, 200, "with its usual prefix");
    let elsewhere = house.server.stranger().with("x-other", signature(&webhook, body));
    assert_eq!(knock(&elsewhere, &webhook.path(), body).await, 401, "in another header");
    assert_eq!(house.tickets().await.len(), 2);
}

fn signature(webhook: &Webhook, body: &str) -> String {
    data_encoding::HEXLOWER.encode(&hookswitch_domain::signature::hmac_sha256(webhook.secret.as_bytes(), [body.as_bytes()]))
}

async fn bearer_path_token_and_address_list_let_the_right_sender_in_alone(engine: &Engine) {
    let house = House::open(engine).await;
    let stranger = house.server.stranger();
    let body = alert("x");
    let bearer = house.webhook(scheme("by-bearer", json!({"type": "bearer", "secret": SECRET}))).await;
    for (value, status) in [(format!("Bearer {SECRET}"), 200), (format!("Bearer {SECRET}x"), 401), (SECRET.to_owned(), 401)] {
        assert_eq!(knock(&stranger.with("authorization", value.clone()), &bearer.path(), &body).await, status, "{value}");
    }
    let token = house.webhook(scheme("by-token", json!({"type": "path_token", "param": "key", "secret": SECRET}))).await;
    let encoded = SECRET.replace(' ', "%20");
    for (query, status) in [
        (format!("?key={encoded}"), 200),
        (format!("?a=b&key={encoded}"), 200),
        (format!("?key={encoded}x"), 401),
        (format!("?token={encoded}"), 401),
        (format!("?key={encoded}&key={encoded}"), 401),
        (String::new(), 401),
    ] {
        assert_eq!(knock(&stranger, &format!("{}{query}", token.path()), &body).await, status, "{query}");
    }
    let ours = house.webhook(scheme("by-address", json!({"type": "ip_allowlist", "ip_cidrs": ["127.0.0.0/8"]}))).await;
    assert_eq!(ours.secret, "", "an address list has no secret");
    assert_eq!(knock(&stranger, &ours.path(), &body).await, 200);
    let theirs = house.webhook(scheme("by-other", json!({"type": "ip_allowlist", "ip_cidrs": ["192.0.2.0/24"]}))).await;
    assert_eq!(knock(&stranger, &theirs.path(), &body).await, 401);
    let spoofed = stranger.with("x-forwarded-for", "192.0.2.7");
    assert_eq!(knock(&spoofed, &theirs.path(), &body).await, 401, "nobody's own claim counts");
    let both = alerts(json!({"slug": "both", "ip_cidrs": ["192.0.2.0/24"], "idempotency_source": null}));
    let both = house.webhook(both).await;
    both.post("", &body).await.expect(401);
    assert_eq!(house.tickets().await.len(), 4);
}

async fn behind_a_trusted_proxy_the_address_is_the_one_it_saw(engine: &Engine) {
    let house = House::of(spawn_with(engine, &[("trusted_proxies", "[\"127.0.0.1/32\"]")]).await).await;
    let theirs = house.webhook(scheme("theirs", json!({"type": "ip_allowlist", "ip_cidrs": ["192.0.2.0/24"]}))).await;
    let stranger = house.server.stranger();
    for (line, status) in [("192.0.2.7", 200), ("192.0.2.7, 198.51.100.1", 401), ("198.51.100.1, 192.0.2.7", 200)] {
        assert_eq!(knock(&stranger.with("x-forwarded-for", line), &theirs.path(), &alert("x")).await, status, "{line}");
    }
    let log = house.log(&theirs).await;
    let seen: Vec<_> = log.iter().filter(|row| row["auth_status"] == "verified").map(|row| row["source_ip"].clone()).collect();
    assert_eq!(seen, ["192.0.2.7", "192.0.2.7"]);
}

/// Everything that a sender can see of an answer, but what differs by nature.
fn visible(answer: &Answer) -> (u16, HeaderMap, Bytes) {
    let mut headers = answer.headers.clone();
    for own in ["x-request-id", "date"] {
        assert!(headers.remove(own).is_some(), "{own}");
    }
    (answer.status.as_u16(), headers, answer.bytes.clone())
}

async fn all_refusals_are_one_and_the_same_empty_401(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let sleeping = house.webhook(alerts(json!({"slug": "sleeping", "is_active": false}))).await;
    let globex = house.server.admin("globex").await;
    globex.put("/api/v1/features", json!({"inbound_webhooks_enabled": false})).await.expect(200);
    globex.post(WEBHOOKS, alerts(json!({"slug": "theirs"}))).await.expect(201);
    let body = alert("x");
    let right = webhook.signed(body.as_bytes());
    let wrong = right.with("x-signature", "00");
    let post = async |client: &Client, path: &str| visible(&client.raw(Method::POST, path, body.clone()).await);
    let first = post(&wrong, &webhook.path()).await;
    assert_eq!((first.0, first.2.len()), (401, 0));
    assert!(!first.1.contains_key("www-authenticate"), "nor a hint at the scheme: {:?}", first.1);
    let long = format!("/api/inbound/acme/{}", "x".repeat(300));
    for (client, path, what) in [
        (&right, "/api/inbound/nobody/alerts", "an unknown tenant"),
        (&right, "/api/inbound/acme/nothing", "an unknown slug"),
        (&right, "/api/inbound/globex/alerts", "another tenant's URL"),
        (&right, "/api/inbound/acme/theirs", "another tenant's slug"),
        (&wrong, "/api/inbound/globex/theirs", "a tenant without the feature"),
        (&sleeping.signed(body.as_bytes()), &sleeping.path(), "an inactive one"),
        (&right, "/api/inbound/acme/ALERTS", "another spelling"),
        (&right, "/api/inbound/acme/%00", "a NUL"),
        (&right, "/api/inbound/%00/alerts", "a NUL for a tenant"),
        (&right, "/api/inbound/acme/%F0%9F%92%A9", "no ASCII"),
        (&right, "/api/inbound/acme/..%2Falerts", "a way up"),
        (&right, &long, "a long one"),
        (&house.server.stranger().with("content-type", "application/json"), &webhook.path(), "no signature"),
    ] {
        assert_eq!(post(client, path).await, first, "{what}");
    }
    right.with("x-id", "1").raw(Method::POST, &webhook.path(), body.clone()).await.expect(200);
    assert_eq!(house.tickets().await.len(), 1);
    // All that came for acme stands in its log, also what PostgreSQL could not keep as it came.
    let tenant = house.server.tenant("acme").await;
    let rejected = "SELECT request_path FROM inbound_webhook_deliveries WHERE auth_status <> 'verified' AND tenant = $1";
    until("the refusals in the log", || async {
        (sql(&house.server.db, tenant, rejected, params![tenant]).await.len() == 10).then_some(())
    })
    .await;
}

async fn a_refused_request_is_logged_without_its_body_and_bounded(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    for _ in 0..70 {
        webhook.signed(b"other").raw(Method::POST, &webhook.path(), "{\"private\": 1}").await.expect(401);
    }
    let logged = until("refusals in the log", || async {
        let log = house.log(&webhook).await;
        (log.len() >= 60).then_some(log)
    });
    let logged = logged.await;
    assert!(logged.len() < 70, "a flood fills no table: {}", logged.len());
    for row in &logged {
        assert_eq!((&row["auth_status"], &row["dispatch_status"]), (&json!("rejected_signature"), &json!("failed")), "{row}");
        assert_eq!((&row["request_body"], &row["response_status"]), (&json!(null), &json!(401)));
    }
}

async fn while_the_feature_is_off_who_verifies_hears_404_and_others_401(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    webhook.post("1", &alert("before")).await.expect(200);
    house.admin.put("/api/v1/features", json!({"inbound_webhooks_enabled": false})).await.expect(200);
    let body = alert("x");
    let refused = webhook.post("2", &body).await.expect(404);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    webhook.signed(b"other").raw(Method::POST, &webhook.path(), body.clone()).await.expect(401);
    house.admin.put("/api/v1/features", json!({"inbound_webhooks_enabled": true})).await.expect(200);
    webhook.post("2", &body).await.expect(200);
    assert_eq!(house.tickets().await.len(), 2);
}

async fn other_methods_sizes_and_media_are_refused_before_anything_is_looked_at(engine: &Engine) {
    let house = House::of(spawn_with(engine, &[("limits.inbound_bytes", "2 KiB")]).await).await;
    let webhook = house.webhook(alerts(json!({"idempotency_source": null}))).await;
    let body = alert("x");
    let right = webhook.signed(body.as_bytes());
    for method in [Method::PUT, Method::PATCH] {
        right.raw(method, &webhook.path(), body.clone()).await.expect(200);
    }
    for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
        let answer = right.raw(method, &webhook.path(), "").await.expect(405);
        let allowed = answer.header("allow");
        assert!(["POST", "PUT", "PATCH"].iter().all(|method| allowed.contains(method)), "{allowed:?}");
    }
    let large = alert(&"x".repeat(2_048));
    for path in [webhook.path().as_str(), "/api/inbound/nobody/alerts"] {
        assert_eq!(
            webhook.signed(large.as_bytes()).raw(Method::POST, path, large.clone()).await.expect(413).code(),
            "body_too_large"
        );
        for media in
            ["", "application/octet-stream", "text/plain; charset=latin1", "text/html", "application/json; charset=utf-16"]
        {
            right.with("content-type", media).raw(Method::POST, path, body.clone()).await.expect(415);
        }
        for coding in ["gzip", "br", "zstd"] {
            right.with("content-encoding", coding).raw(Method::POST, path, body.clone()).await.expect(415);
        }
    }
    // Also one that is far too large is answered, not cut off.
    let huge = alert(&"x".repeat(6 << 20));
    right.raw(Method::POST, &webhook.path(), huge).await.expect(413);
    for media in ["application/json; charset=utf-8", "application/cloudevents+json"] {
        right.with("content-type", media).raw(Method::POST, &webhook.path(), body.clone()).await.expect(200);
    }
    right.with("content-encoding", "identity").raw(Method::POST, &webhook.path(), body.clone()).await.expect(200);
    assert_eq!(house.log(&webhook).await.len(), 5, "what was refused stands in no log");
}

async fn the_log_keeps_a_request_without_what_proves_its_sender(engine: &Engine) {
    let house = House::open(engine).await;
    let token = house.webhook(scheme("by-token", json!({"type": "path_token", "secret": SECRET}))).await;
    let client = house.server.stranger().with("content-type", "application/json");
    let client = ["authorization", "cookie", "x-api-key", "proxy-authorization", "x-auth-token", "x-gitlab-token"]
        .iter()
        .fold(client, |client, name| client.with(name, "tell-nobody-of-this"));
    let client = client.with("x-signature", "kept").with("user-agent", "Alerter/1.0").with("x-trace", "t-1");
    let path = format!("{}?token={}&other=1", token.path(), SECRET.replace(' ', "+"));
    let id = super::delivery_id(&client.raw(Method::POST, &path, alert("x")).await.expect(200));
    let row = house.logged(&token, &id).await;
    let text = row.to_string();
    assert!(!text.contains("tell-nobody") && !text.contains(SECRET) && !text.contains("a+secret"), "{text}");
    assert_eq!((&row["request_path"], &row["request_method"]), (&json!(token.path()), &json!("POST")));
    assert_eq!((&row["request_headers"]["x-trace"], &row["user_agent"]), (&json!("t-1"), &json!("Alerter/1.0")));
    assert_eq!((&row["request_body"], &row["source_ip"]), (&json!(alert("x")), &json!("127.0.0.1")));
    assert_eq!((&row["auth_status"], &row["dispatch_status"]), (&json!("verified"), &json!("dispatched")));

    let signed = house.webhook(alerts(json!({"slug": "signed"}))).await;
    let id = super::delivery_id(&signed.post("1", &alert("x")).await.expect(200));
    let row = house.logged(&signed, &id).await;
    assert!(row["request_headers"].get("x-signature").is_none(), "{row}");
    assert_eq!((&row["request_headers"]["x-id"], &row["idempotency_key"]), (&json!("1"), &json!("1")));
}

on_both_engines!(
    hmac_takes_the_raw_bytes_signed_with_the_shown_secret_and_nothing_else,
    bearer_path_token_and_address_list_let_the_right_sender_in_alone,
    behind_a_trusted_proxy_the_address_is_the_one_it_saw,
    all_refusals_are_one_and_the_same_empty_401,
    a_refused_request_is_logged_without_its_body_and_bounded,
    while_the_feature_is_off_who_verifies_hears_404_and_others_401,
    other_methods_sizes_and_media_are_refused_before_anything_is_looked_at,
    the_log_keeps_a_request_without_what_proves_its_sender,
);
