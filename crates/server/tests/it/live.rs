//! The live stream: what is told, to whom, and when it ends.

use bytes::Bytes;
use hookswitch_server::app::COMPONENTS;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::engines::Engine;
use crate::harness::{Client, spawn_server};
use crate::inbound::{House, alert, alerts, delivery_id};
use crate::on_both_engines;
use crate::outbound::Line;

const LIVE: &str = "/api/v1/integrations/live";
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody who watches.
struct Watch {
    body: Incoming,
    unread: String,
}

impl Watch {
    async fn open(client: &Client, query: &str) -> Self {
        let answer = client.open(Method::GET, &format!("{LIVE}{query}"), Bytes::new()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let mut watch = Self { body: answer.into_body(), unread: String::new() };
        assert_eq!(watch.next().await.0, "ready");
        watch
    }

    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((frame, rest)) = self.unread.split_once("\n\n") {
                let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let (name, data) = (field("event: "), field("data: "));
                self.unread = rest.to_owned();
                if let (Some(name), Some(data)) = (name, data) {
                    return (name, serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let more = timeout(PATIENCE, self.body.frame()).await.expect("something is told");
            let more = more.expect("the stream goes on").unwrap().into_data().unwrap();
            self.unread.push_str(std::str::from_utf8(&more).unwrap());
        }
    }

    /// Waits for an item of this kind that is wanted; passes others by.
    async fn until(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (name, item) = self.next().await;
            if name == kind && wanted(&item) {
                return item;
            }
        }
    }
}

async fn a_stream_tells_of_events_and_deliveries_with_their_attempts(engine: &Engine) {
    let line = Line::start(engine, |_, _| crate::receiver::Say { status: 200, body: "hello".into(), ..Default::default() }).await;
    line.destination(json!({})).await;
    line.publish("before.this", json!(0)).await;
    let (mut admin, auditor) = (Watch::open(&line.admin, "").await, line.server.token("acme", "auditor", None).await);
    let mut auditor = Watch::open(&auditor, "").await;
    let event = line.publish("a.b", json!(1)).await;
    let (name, published) = admin.next().await;
    // What was there is no news, but for its end.
    let (name, published) = if name == "delivery" { admin.next().await } else { (name, published) };
    assert_eq!((name.as_str(), &published["event_id"], &published["source"]), ("published", &json!(event), &json!("api")));
    let of_event = |item: &Value| item["delivery"]["event_id"] == json!(event) && item["delivery"]["state"] == "delivered";
    let told = admin.until("delivery", of_event).await;
    assert_eq!((&told["attempt"]["status"], &told["attempt"]["sent"]), (&json!(200), &json!(true)), "{told}");
    assert_eq!((&told["attempt"]["response_summary"], &told["attempt"]["retryable"]), (&json!("hello"), &json!(false)));
    assert!(told["attempt"]["timings"]["total_us"].is_u64());
    let redacted = auditor.until("delivery", of_event).await;
    assert_eq!(redacted["attempt"]["response_summary"], json!(null));
}

async fn a_tenant_s_stream_is_its_own(engine: &Engine) {
    let line = Line::open(engine).await;
    let other = line.server.admin("globex").await;
    let mut watch = Watch::open(&other, "").await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!(1)).await;
    line.settled(&event, "delivered").await;
    let own = other.post("/api/v1/events", json!({"event_type": "c.d", "payload": 1})).await.expect(202).json();
    let (name, first) = watch.next().await;
    assert_eq!((name.as_str(), &first["event_id"]), ("published", &own["event_id"]));
    line.server.token("acme", "publisher", None).await.get(LIVE).await.expect(403);
}

async fn filters_narrow_and_bad_ones_are_named(engine: &Engine) {
    let line = Line::open(engine).await;
    let wanted = line.destination(json!({"event_types": ["ticket.*"]})).await;
    line.destination(json!({})).await;
    let mut by_destination = Watch::open(&line.admin, &format!("?destination_id={}", wanted.id)).await;
    let mut by_type = Watch::open(&line.admin, "?event_type=ticket.*").await;
    line.publish("order.created", json!(1)).await;
    let event = line.publish("ticket.created", json!(2)).await;
    for _ in 0..2 {
        let (name, item) = by_destination.next().await;
        assert_eq!((name.as_str(), &item["delivery"]["destination_id"]), ("delivery", &json!(wanted.id)));
        if item["delivery"]["state"] == "delivered" {
            break;
        }
    }
    let (name, item) = by_type.next().await;
    assert_eq!((name.as_str(), &item["event_id"]), ("published", &json!(event)));
    assert_eq!(by_type.next().await.1["delivery"]["event_type"], "ticket.created");

    for (query, field) in
        [("?event_type=A", "event_type"), ("?limit=3", "limit"), ("?destination_id=x", "destination_id"), ("?x=1", "x")]
    {
        let problem = line.admin.get(&format!("{LIVE}{query}")).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let globex = line.server.admin("globex").await;
    globex.get(&format!("{LIVE}?destination_id={}", wanted.id)).await.expect(404);
}

/// It reads the store, so that it doesn't matter which node did the work, nor when it was begun.
async fn another_node_tells_of_a_retry_of_long_ago(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place == 0 { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 3]).await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!(1)).await;
    line.settled(&event, "retry_scheduled").await;
    let front = line.server.another(engine, &[], false).await;
    let mut watch = Watch::open(&front.admin("acme").await, "").await;
    let told = watch.until("delivery", |item| item["delivery"]["state"] == "delivered").await;
    assert_eq!((&told["delivery"]["attempt_count"], &told["attempt"]["number"]), (&json!(2), &json!(2)));
}

async fn a_stream_ends_with_its_token(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let made = admin.post("/api/v1/tokens", json!({"name": "watcher", "role": "operator"})).await.expect(201).json();
    let watcher = server.stranger().with("authorization", format!("Bearer {}", made["token"].as_str().unwrap()));
    let mut watch = Watch::open(&watcher, "").await;
    admin.delete(&format!("/api/v1/tokens/{}", made["id"].as_str().unwrap())).await;
    let end = watch.until("end", |_| true).await;
    assert!(end["reason"].as_str().unwrap().contains("revoked"), "{end}");
    assert!(timeout(PATIENCE, watch.body.frame()).await.unwrap().is_none(), "and nothing follows");
}

async fn what_is_received_is_told_to_who_may_see_it(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let mut watch = Watch::open(&house.admin, "").await;
    let mut operator = Watch::open(&house.server.token("acme", "operator", None).await, "").await;
    let received = delivery_id(&webhook.post("k1", &alert("Disk full")).await);
    let told = watch.until("inbound_delivery", |item| item["dispatch_status"] == "dispatched").await;
    assert_eq!((&told["inbound_delivery_id"], &told["inbound_webhook_id"]), (&json!(received), &json!(webhook.id)));
    assert_eq!((&told["response_status"], &told["auth_status"]), (&json!(200), &json!("verified")));
    // Operators don't see inbound webhooks; the ticket's event they do.
    assert_eq!(operator.next().await.0, "published");
}

async fn an_event_s_envelope_is_what_its_destination_got(engine: &Engine) {
    let line = Line::open(engine).await;
    line.destination(json!({})).await;
    let event = line.publish_raw(r#"{"event_type": "a.b", "payload": {"b":1.10,  "a":null}}"#).await["event_id"].clone();
    let sent = line.receiver.wait(1).await.remove(0).body;
    let path = format!("/api/v1/events/{}/envelope", event.as_str().unwrap());
    assert_eq!(line.admin.get(&path).await.expect(200).bytes, sent);
    line.server.token("acme", "auditor", None).await.get(&path).await.expect(403);
}

on_both_engines!(
    a_stream_tells_of_events_and_deliveries_with_their_attempts,
    a_tenant_s_stream_is_its_own,
    filters_narrow_and_bad_ones_are_named,
    another_node_tells_of_a_retry_of_long_ago,
    a_stream_ends_with_its_token,
    what_is_received_is_told_to_who_may_see_it,
    an_event_s_envelope_is_what_its_destination_got,
);
