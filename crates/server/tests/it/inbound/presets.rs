//! Presets as people use them: named in place of a scheme, with the handshakes that senders demand.

use data_encoding::{BASE64, HEXLOWER};
use hookswitch_domain::signature::{hmac_sha256, new_key_pair};
use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{House, WEBHOOKS, Webhook, alert, alerts};
use crate::engines::{Engine, ambient};
use crate::harness::{Answer, Client};
use crate::on_both_engines;

const SECRET: &str = "a secret of enough characters";
const PRESETS: &str = "/api/v1/inbound-webhooks/presets";

/// A webhook by a preset, without an idempotency source of its own.
fn by(preset: &str, secret: &str) -> Value {
    let auth = json!({"type": "preset", "preset": preset, "secret": secret});
    let slug = preset.replace('_', "-") + "-in";
    let mut body = alerts(json!({"slug": slug, "auth_type": "preset", "auth_config": auth}));
    body.as_object_mut().unwrap().remove("idempotency_source");
    body
}

async fn post(client: &Client, webhook: &Webhook, body: &str) -> Answer {
    let client = client.with("content-type", "application/json");
    client.raw(Method::POST, &webhook.path(), body.to_owned()).await
}

fn hex(text: &str) -> String {
    HEXLOWER.encode(&hmac_sha256(SECRET.as_bytes(), [text.as_bytes()]))
}

async fn every_preset_is_listed_and_can_be_saved(engine: &Engine) {
    let house = House::open(engine).await;
    let listed = house.admin.get(PRESETS).await.expect(200).json()["data"].as_array().unwrap().clone();
    assert!(listed.len() >= 30, "{}", listed.len());
    // The key of RFC 8410, and one of SendGrid's documentation.
    let ed25519 = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
    let p256 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
    for preset in &listed {
        let name = preset["name"].as_str().unwrap();
        let secret = match (preset["secret"].as_str().unwrap(), name) {
            ("public_key", "sendgrid") => p256,
            ("public_key", _) => ed25519,
            _ if preset["auth_config"]["descriptor"]["key"] == "base64" => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            _ => SECRET,
        };
        let made = house.admin.post(WEBHOOKS, by(name, secret)).await.expect(201).json();
        // The expressions among the sources were compiled by that.
        assert_eq!(made["idempotency_source"], preset["idempotency_source"], "{name}");
        assert_eq!(made["auth_config"], json!({"type": "preset", "preset": name}));
        let usual = json!({"style": "json", "always": false});
        let ack = if preset["ack"].is_null() { &usual } else { &preset["ack"] };
        assert_eq!(&made["ack"], ack, "{name}");
    }
    let mut own = by("github", SECRET);
    own["slug"] = json!("own-source");
    own["idempotency_source"] = json!(null);
    let made = house.admin.post(WEBHOOKS, own).await.expect(201).json();
    assert_eq!(made["idempotency_source"], json!(null), "none was asked for");
    let mut own = by("slack", SECRET);
    own["slug"] = json!("own-ack");
    own["ack"] = json!({"style": "accepted"});
    let made = house.admin.post(WEBHOOKS, own).await.expect(201).json();
    assert_eq!(made["ack"]["style"], "accepted", "the preset's is replaced");
    let problem = house.admin.post(WEBHOOKS, by("telepathy", SECRET)).await.expect(400).json();
    assert_eq!(problem["errors"][0]["field"], "auth_config.preset", "{problem}");
}

async fn a_preset_verifies_dedupes_and_answers_the_ping(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(by("github", SECRET)).await;
    let body = alert("x");
    let sender = house.server.stranger().with("x-hub-signature-256", format!("sha256={}", hex(&body)));
    let first = sender.with("x-github-delivery", "d-1").with("x-github-event", "workflow_run");
    let id = super::delivery_id(&post(&first, &webhook, &body).await.expect(200));
    let again = post(&first, &webhook, &body).await.expect(200).json();
    assert_eq!((&again["delivery_id"], &again["duplicate"]), (&json!(id), &json!(true)));
    post(&sender.with("x-hub-signature-256", "sha256=00"), &webhook, &body).await.expect(401);
    let ping = post(&sender.with("x-github-event", "ping"), &webhook, &body).await.expect(200);
    assert_eq!(ping.bytes.len(), 0);
    assert_eq!(house.tickets().await.len(), 1);
    assert!(!house.logged(&webhook, &id).await.to_string().contains("sha256="), "its signature is kept in no log");
}

async fn slack_and_zoom_hear_their_challenge_once_they_have_signed_it(engine: &Engine) {
    let house = House::open(engine).await;
    let (slack, zoom) = (house.webhook(by("slack", SECRET)).await, house.webhook(by("zoom", SECRET)).await);
    let now = ambient().now().seconds().to_string();
    let signed = |body: &str, signature: &str, time: &str| {
        let line = format!("v0={}", hex(&format!("v0:{now}:{body}")));
        house.server.stranger().with(signature, line).with(time, now.clone())
    };
    let slack_signed = |body: &str| signed(body, "x-slack-signature", "x-slack-request-timestamp");
    let challenge = json!({"type": "url_verification", "token": "x", "challenge": "<b>3eZbrw1aB</b>"}).to_string();
    let answer = post(&slack_signed(&challenge), &slack, &challenge).await.expect(200);
    assert_eq!((answer.text().as_str(), answer.header("content-type")), ("<b>3eZbrw1aB</b>", "text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(post(&house.server.stranger(), &slack, &challenge).await.expect(401).bytes.len(), 0);
    let event = json!({"type": "event_callback", "event_id": "Ev1", "alert": {"message": "x"}}).to_string();
    let answer = post(&slack_signed(&event), &slack, &event).await.expect(200);
    assert_eq!((answer.bytes.len(), house.tickets().await.len()), (0, 1), "taken, and acknowledged as Slack wants it");

    let body = json!({"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}).to_string();
    let answer = post(&signed(&body, "x-zm-signature", "x-zm-request-timestamp"), &zoom, &body).await.expect(200).json();
    assert_eq!(answer, json!({"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": hex("qgg8vlvZRS6UYooatFL8Aw")}));
    assert!(house.log(&zoom).await.iter().all(|row| row["auth_status"] != "verified"), "a handshake is no delivery");
}

async fn xero_and_discord_find_out_that_signatures_are_checked(engine: &Engine) {
    let house = House::open(engine).await;
    let xero = house.webhook(by("xero", SECRET)).await;
    let probe = r#"{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}"#;
    let code = BASE64.encode(&hmac_sha256(SECRET.as_bytes(), [probe.as_bytes()]));
    let right = post(&house.server.stranger().with("x-xero-signature", &*code), &xero, probe).await.expect(200);
    assert_eq!((right.bytes.len(), right.header("set-cookie")), (0, ""));
    let wrong = post(&house.server.stranger().with("x-xero-signature", code.replace(&code[..3], "AAA")), &xero, probe).await;
    assert_eq!(wrong.expect(401).bytes.len(), 0);

    let public = new_key_pair([9; 32]).1;
    let discord = house.webhook(by("discord", &public)).await;
    let ping = r#"{"version":1,"application_id":"1","type":0}"#;
    let now = ambient().now().seconds().to_string();
    let line = HEXLOWER.encode(&sign_ed25519([9; 32], format!("{now}{ping}").as_bytes()));
    let sender = house.server.stranger().with("x-signature-timestamp", now).with("x-signature-ed25519", line);
    post(&sender, &discord, ping).await.expect(204);
    post(&sender, &discord, &ping.replace('0', "2")).await.expect(401);
}

fn sign_ed25519(seed: [u8; 32], text: &[u8]) -> Vec<u8> {
    use hookswitch_domain::signature::{Message, Profile, sign};
    let profile: Profile =
        serde_json::from_value(json!({"custom": {"signature_header": "X-S", "template": "{body}", "algorithm": "ed25519"}}))
            .unwrap();
    let message = Message {
        id: "m",
        event_id: ambient().fresh(),
        event_type: "a.b",
        delivery_id: ambient().fresh(),
        destination_id: ambient().fresh(),
        attempt: 1,
        timestamp: ambient().now(),
        body: text,
    };
    let headers = sign(&profile, &[new_key_pair(seed).0], &message).unwrap();
    HEXLOWER.decode(headers[0].1.as_bytes()).unwrap()
}

async fn graph_is_echoed_where_its_preset_is_and_nowhere_else(engine: &Engine) {
    let house = House::open(engine).await;
    let graph = house.webhook(by("microsoft_graph", SECRET)).await;
    let other = house.webhook(by("github", SECRET)).await;
    let client = house.server.stranger().with("content-type", "application/json");
    // Graph asks with an empty body that it calls text.
    let asking = client.with("content-type", "text/plain; charset=utf-8");
    let ask = async |webhook: &Webhook, query: &str| asking.raw(Method::POST, &format!("{}?{query}", webhook.path()), "").await;
    let answer = ask(&graph, "validationToken=Validation%3A%20%3Cscript%3E").await.expect(200);
    assert_eq!((answer.text().as_str(), answer.header("content-type")), ("Validation: <script>", "text/plain; charset=utf-8"));
    for query in ["validationToken=", "validationToken=a&validationToken=b", "other=1"] {
        ask(&graph, query).await.expect(401);
    }
    ask(&other, "validationToken=x").await.expect(401);
    let told =
        |state: &str| json!({"value": [{"id": "n-1", "clientState": state, "resource": "users/1"}], "alert": {"message": "x"}});
    // 202, as the preset has it.
    post(&client, &graph, &told(SECRET).to_string()).await.expect(202);
    post(&client, &graph, &told("guessed").to_string()).await.expect(401);
    assert_eq!(post(&client, &graph, &told(SECRET).to_string()).await.expect(202).json()["duplicate"], true, "by its id");
    house.admin.put("/api/v1/features", json!({"inbound_webhooks_enabled": false})).await.expect(200);
    ask(&graph, "validationToken=x").await.expect(401);
}

on_both_engines!(
    every_preset_is_listed_and_can_be_saved,
    a_preset_verifies_dedupes_and_answers_the_ping,
    slack_and_zoom_hear_their_challenge_once_they_have_signed_it,
    xero_and_discord_find_out_that_signatures_are_checked,
    graph_is_echoed_where_its_preset_is_and_nowhere_else,
);
