//! What is no JSON, what holds several things at once, and how senders like to be answered.

use data_encoding::HEXLOWER;
use hookswitch_domain::signature::hmac_sha256;
use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{House, Webhook, alert, alerts, delivery_id, mapping};
use crate::engines::Engine;
use crate::harness::{Answer, Client};
use crate::on_both_engines;

impl Webhook {
    async fn send(&self, media: &str, body: &str) -> Answer {
        let signature = HEXLOWER.encode(&hmac_sha256(self.secret.as_bytes(), [body.as_bytes()]));
        let client: Client = self.signed(b"").with("content-type", media).with("x-signature", signature);
        client.raw(Method::POST, &self.path(), body.to_owned()).await
    }
}

fn titled(expression: &str, more: Value) -> Value {
    let base = alerts(json!({"idempotency_source": null, "handler_config": mapping(json!({"title": expression}))}));
    crate::outbound::merged(base, more)
}

async fn forms_xml_and_texts_are_mapped_like_json_and_replayed_from_their_bytes(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house
        .webhook(titled("payload.alert.message ? payload.alert.message : alert.message ? alert.message : value", json!({})))
        .await;
    let form = "payload=%7B%22alert%22%3A%7B%22message%22%3A%22by+form%22%7D%7D";
    let by_form = delivery_id(&webhook.send("application/x-www-form-urlencoded", form).await.expect(200));
    webhook.send("text/xml; charset=utf-8", "<alert><message>by xml</message></alert>").await.expect(200);
    webhook.send("text/plain", "by text").await.expect(200);
    webhook.send("text/plain", r#"{"alert": {"message": "by json"}}"#).await.expect(200);
    let parts =
        "--b\r\ncontent-disposition: form-data; name=\"payload\"\r\n\r\n{\"alert\":{\"message\":\"by part\"}}\r\n--b--\r\n";
    webhook.send("multipart/form-data; boundary=b", parts).await.expect(200);
    let titles: Vec<_> = house.tickets().await.iter().map(|ticket| ticket["title"].as_str().unwrap().to_owned()).collect();
    assert_eq!(titles, ["by part", "by json", "by text", "by xml", "by form"]);
    let row = house.logged(&webhook, &by_form).await;
    assert_eq!(row["request_body"], form, "as it came");
    for (media, body) in [("text/xml", "<a>"), ("application/json", "{"), ("multipart/form-data; boundary=b", "--b")] {
        assert_eq!(webhook.send(media, body).await.expect(400).code(), "invalid_json", "{media}");
    }
    house.admin.post(&webhook.api(&format!("/deliveries/{by_form}/replay")), json!({})).await.expect(202);
    assert_eq!(house.tickets().await[0]["title"], "by form");
}

async fn get_is_taken_where_it_is_allowed_and_tells_strangers_nothing(engine: &Engine) {
    let house = House::open(engine).await;
    let auth = json!({"type": "path_token", "secret": "sixteen characters"});
    let open = titled("message", json!({"slug": "open", "auth_type": "path_token", "auth_config": auth, "allow_get": true}));
    let closed = titled("message", json!({"slug": "closed", "auth_type": "path_token", "auth_config": auth}));
    let (open, closed) = (house.webhook(open).await, house.webhook(closed).await);
    let stranger = house.server.stranger();
    let query = "token=sixteen+characters&message=by+query&x=%7B%22a%22%3A1%7D";
    let taken = stranger.get(&format!("{}?{query}", open.path())).await.expect(200);
    let row = house.logged(&open, &delivery_id(&taken)).await;
    assert_eq!((&row["request_method"], &row["request_body"]), (&json!("GET"), &json!("message=by+query&x=%7B%22a%22%3A1%7D")));
    assert_eq!(house.tickets().await[0]["title"], "by query");
    let refused = stranger.get(&format!("{}?{query}", closed.path())).await.expect(405);
    let wrong = stranger.get(&format!("{}?token=wrong&message=x", open.path())).await.expect(405);
    let nowhere = stranger.get("/api/inbound/nobody/nothing").await.expect(405);
    assert_eq!((refused.code(), wrong.code(), nowhere.code()), (wrong.code(), nowhere.code(), refused.code()));
    stranger.send(Method::HEAD, &format!("{}?{query}", open.path()), None).await.expect(405);
    assert!(house.log(&closed).await.is_empty());
    house.admin.post(&open.api(&format!("/deliveries/{}/replay", delivery_id(&taken))), json!({})).await.expect(202);
    assert_eq!(house.tickets().await.len(), 2);
}

async fn a_batch_is_one_delivery_per_part_each_with_its_key(engine: &Engine) {
    let house = House::open(engine).await;
    let by_print = json!({"type": "jsonata", "value": "fingerprint"});
    let webhook = house.webhook(titled("labels.alertname", json!({"split": "alerts", "idempotency_source": by_print}))).await;
    let one = |print: &str, name: Value| json!({"fingerprint": print, "labels": {"alertname": name}});
    let body = json!({"version": "4", "alerts": [one("a", json!("disk")), one("b", json!("cpu")), one("a", json!("again"))]});
    let answer = webhook.post("", &body.to_string()).await.expect(200).json();
    let parts = answer["deliveries"].as_array().unwrap();
    assert_eq!(parts.len(), 3, "{answer}");
    assert_eq!((&parts[2]["duplicate"], &parts[2]["delivery_id"]), (&json!(true), &parts[0]["delivery_id"]));
    assert_eq!(house.tickets().await.len(), 2);
    let again = webhook.post("", &body.to_string()).await.expect(200).json();
    assert!(again["deliveries"].as_array().unwrap().iter().all(|part| part["duplicate"] == true), "{again}");
    let part = house.logged(&webhook, parts[1]["delivery_id"].as_str().unwrap()).await;
    assert_eq!((&part["split_from"], &part["idempotency_key"]), (&answer["delivery_id"], &json!("b")));
    assert_eq!(part["request_body"], one("b", json!("cpu")).to_string());
    let whole = house.logged(&webhook, answer["delivery_id"].as_str().unwrap()).await;
    assert_eq!(whole["handler_outcome"]["parts"].as_array().unwrap().len(), 3);
    // A part that fails is told; the others are done, and only it runs again.
    let body = json!({"alerts": [one("c", json!("net")), {"fingerprint": "d"}]}).to_string();
    let failed = webhook.post("", &body).await.expect(400);
    assert_eq!(failed.code(), "mapping_failed");
    assert!(failed.json()["detail"].as_str().unwrap().starts_with("part 1:"), "{}", failed.text());
    assert_eq!(house.tickets().await.len(), 3);
    let replay = webhook.api(&format!("/deliveries/{}/replay", part["id"].as_str().unwrap()));
    house.admin.post(&replay, json!({})).await.expect(202);
    assert_eq!(house.tickets().await[0]["title"], "cpu", "a part is replayed like any other");
    assert_eq!(webhook.post("", r#"{"alerts": []}"#).await.expect(200).json()["skipped"], true);
    let many = json!({"alerts": (0..501).collect::<Vec<_>>()}).to_string();
    assert_eq!(webhook.post("", &many).await.expect(400).code(), "split_failed");
    let ask = json!({"body": {"alerts": [one("x", json!("p0")), one("y", json!("p1"))]}, "part": 1});
    let preview = house.admin.post(&webhook.api("/preview"), ask).await.expect(200).json();
    assert_eq!(
        (&preview["parts"], &preview["fields"][0]["value"], &preview["idempotency_key"]),
        (&json!(2), &json!("p1"), &json!("y"))
    );
}

async fn a_sender_is_answered_as_it_likes(engine: &Engine) {
    let house = House::open(engine).await;
    for (slug, ack, status, media) in [
        ("plain", json!({"style": "json"}), 200, "application/json"),
        ("accepted", json!({"style": "accepted"}), 202, "application/json"),
        ("empty", json!({"style": "empty"}), 200, ""),
        ("text", json!({"style": "text", "text": "[accepted]"}), 200, "text/plain; charset=utf-8"),
    ] {
        let webhook = house.webhook(alerts(json!({"slug": slug, "ack": ack}))).await;
        let answer = webhook.post("k-1", &alert("x")).await.expect(status);
        assert_eq!(answer.header("content-type"), media, "{slug}");
        let row = house.log(&webhook).await.remove(0);
        assert_eq!((&row["response_status"], &row["response_body"]), (&json!(status), &json!(answer.text())), "{slug}");
        match slug {
            "empty" => assert!(answer.bytes.is_empty()),
            "text" => assert_eq!(answer.text(), "[accepted]"),
            _ => assert_eq!(delivery_id(&answer), row["id"]),
        }
    }
    let patient = house.webhook(titled("alert.nothing", json!({"slug": "patient", "ack": {"always": true}}))).await;
    let id = delivery_id(&patient.post("", &alert("x")).await.expect(200));
    let row = house.logged(&patient, &id).await;
    assert_eq!((&row["dispatch_status"], &row["response_status"]), (&json!("failed"), &json!(200)));
    patient.post("", "{").await.expect(200);
    patient.signed(b"x").raw(Method::POST, &patient.path(), alert("x")).await.expect(401);
}

on_both_engines!(
    forms_xml_and_texts_are_mapped_like_json_and_replayed_from_their_bytes,
    get_is_taken_where_it_is_allowed_and_tells_strangers_nothing,
    a_batch_is_one_delivery_per_part_each_with_its_key,
    a_sender_is_answered_as_it_likes,
);
