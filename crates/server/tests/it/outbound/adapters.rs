//! Destinations that are no plain webhooks: what comes of an event at a chat or a ticketing system,
//! what is kept of it, and the access tokens that some of them want. Each adapter's own rules are
//! tested in the pipeline's suite, against the same fakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{DESTINATIONS, Line, id_of};
use crate::engines::Engine;
use crate::fake::{self, Desk, Jira, USER, say};
use crate::on_both_engines;
use crate::receiver::{Say, Taken, until};

const CREDENTIALS: &str = "/api/v1/integrations/credentials";
const MAPPINGS: &str = "/api/v1/external-mappings";
const CLIENT_SECRET: &str = "marker-client-secret-8c6976e5b5410415";

impl Line {
    /// Makes a credential and returns its id.
    async fn credential(&self, credential: Value) -> String {
        self.admin.post(CREDENTIALS, credential).await.expect(201).id()
    }

    async fn basic(&self) -> String {
        self.credential(json!({"name": "basic", "type": "basic", "value": USER})).await
    }

    async fn oauth2(&self) -> String {
        let settings = json!({"token_url": self.receiver.url("/token"), "client_id": "client-1", "scope": "records.write"});
        let value = CLIENT_SECRET;
        self.credential(json!({"name": "oauth", "type": "oauth2_client_credentials", "value": value, "settings": settings})).await
    }
}

async fn an_issue_is_made_once_though_its_answer_is_lost(engine: &Engine) {
    let jira = Jira::default();
    let service = jira.service();
    let late = |place| Duration::from_secs(if place == 0 { 30 } else { 0 });
    let line = Line::start(engine, move |place, taken| Say { after: late(place), ..service(taken) }).await;
    line.schedule(&[0, 0]).await;
    let credential = line.basic().await;
    let settings = json!({"project": "OPS", "summary": "{{event.payload.title}}"});
    let policy = json!({"timeout_ms": 1000});
    let body = json!({"adapter_type": "jira", "settings": settings, "credential_id": credential, "policy": policy});
    let made = line.destination_at("/", body).await;
    assert_eq!(made.secret, "", "Jira knows no signatures, so that there is no secret to show");
    let event = line.publish("alert.raised", json!({"title": "Disk full"})).await;
    let delivery = line.settled(&event, "delivered").await;
    assert_eq!((jira.issues().len(), &jira.issues()[0]["summary"]), (1, &json!("Disk full")));
    let expected = json!({"system": "jira", "id": "OPS-1", "url": line.receiver.url("/browse/OPS-1")});
    assert_eq!(delivery["external_ref"], expected);
    assert_eq!(line.delivery(id_of(&delivery)).await["external_ref"], expected);
    assert_eq!((&delivery["attempt_count"], &delivery["last_reason"]), (&json!(2), &json!("an earlier attempt created OPS-1")));

    let replayed = line.act(&delivery, "replay").await.expect(202).json();
    line.all_settled(&made, 2, "delivered").await;
    let replayed = line.delivery(replayed["delivery_id"].as_str().unwrap()).await;
    assert_eq!((&replayed["external_ref"], jira.issues().len()), (&expected, 1), "a replay finds the issue, too");
}

/// Gives tokens `token-1`, `token-2` and so on, and takes at `/api` what `good` says.
fn tokens(given: Arc<AtomicUsize>, good: impl Fn(usize) -> bool + Send + Sync + 'static) -> impl Fn(usize, &Taken) -> Say {
    move |_, taken| match taken.path.as_str() {
        "/token" => {
            let token = format!("token-{}", given.fetch_add(1, Ordering::SeqCst) + 1);
            let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600});
            Say { after: Duration::from_millis(50), ..say(200, answer) }
        }
        _ => {
            let number = taken.header("authorization").strip_prefix("Bearer token-").and_then(|number| number.parse().ok());
            if number.is_some_and(&good) { 200.into() } else { 401.into() }
        }
    }
}

async fn a_token_is_fetched_once_for_all_and_replaced_once_when_it_is_refused(engine: &Engine) {
    let (given, revoked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let least = revoked.clone();
    let line = Line::start(engine, tokens(given.clone(), move |number| number > least.load(Ordering::SeqCst))).await;
    line.schedule(&[0]).await;
    let credential = line.oauth2().await;
    let destination = line.destination_at("/api", json!({"credential_id": credential})).await;
    let events = json!((0..20).map(|n| json!({"event_type": "a.b", "payload": n})).collect::<Vec<_>>());
    line.admin.post("/api/v1/events/batch", json!({"events": events})).await.expect(202);
    line.all_settled(&destination, 20, "delivered").await;
    let asked = line.receiver.at("/token");
    assert_eq!(asked.len(), 1, "one request for a token, however many wait for it");
    assert_eq!(asked[0].header("content-type"), "application/x-www-form-urlencoded");
    let form = format!("grant_type=client_credentials&scope=records.write&client_id=client-1&client_secret={CLIENT_SECRET}");
    assert_eq!(String::from_utf8_lossy(&asked[0].body), form);

    revoked.store(1, Ordering::SeqCst);
    let event = line.publish("a.b", json!("after a revocation")).await;
    let delivery = line.settled(&event, "delivered").await;
    assert_eq!((&delivery["attempt_count"], given.load(Ordering::SeqCst)), (&json!(1), 2), "a fresh token in the same attempt");

    revoked.store(1000, Ordering::SeqCst);
    for n in 0..3 {
        let event = line.publish("a.b", json!(n)).await;
        let delivery = line.settled(&event, "dead_lettered").await;
        assert_eq!(delivery["last_reason"], "answered 401");
    }
    assert_eq!(given.load(Ordering::SeqCst), 2, "one that replaced a refused token is not doubted again at once");

    revoked.store(2, Ordering::SeqCst);
    let changed = json!({"value": "another secret"});
    line.admin.patch(&format!("{CREDENTIALS}/{credential}"), changed).await.expect(200);
    let event = line.publish("a.b", json!("after a change")).await;
    line.settled(&event, "delivered").await;
    assert_eq!(given.load(Ordering::SeqCst), 3, "a new version of the credential has a token of its own");
    let form = String::from_utf8_lossy(&line.receiver.at("/token")[2].body).into_owned();
    assert!(form.ends_with("client_secret=another+secret"), "{form}");
}

async fn a_token_endpoint_that_fails_costs_no_attempt_and_is_not_stormed(engine: &Engine) {
    let refusal = json!({"error": "invalid_client", "error_description": CLIENT_SECRET}).to_string();
    let answer = move |_: usize, taken: &Taken| match taken.path.as_str() {
        "/token" => say(401, &refusal),
        _ => 200.into(),
    };
    let line = Line::start(engine, answer).await;
    let credential = line.oauth2().await;
    let destination = line.destination_at("/api", json!({"credential_id": credential, "max_in_flight": 1})).await;
    for n in 0..4 {
        line.publish("a.b", json!(n)).await;
    }
    for delivery in line.all_settled(&destination, 4, "parked").await {
        assert_eq!((&delivery["parked_reason"], &delivery["attempt_count"]), (&json!("secret_unavailable"), &json!(0)));
        let attempt = line.attempts(&delivery).await.remove(0);
        let said = json!("credential: the token endpoint answered 401: invalid_client");
        assert_eq!((&attempt["sent"], &attempt["number"], &attempt["reason"]), (&json!(false), &json!(null), &said));
        assert!(!attempt.to_string().contains(CLIENT_SECRET));
    }
    assert_eq!((line.receiver.at("/token").len(), line.receiver.at("/api").len()), (1, 0));
}

async fn a_ticket_survives_its_adapters_failure_and_hears_of_the_record_later(engine: &Engine) {
    let desk = Desk::servicenow();
    let service = desk.service();
    let line = Line::start(engine, move |_, taken| service(taken)).await;
    line.schedule(&[0]).await;
    let wrong = json!({"name": "basic", "type": "basic", "value": "ann:wrong-password"});
    let credential = line.credential(wrong).await;
    let settings = json!({"template": "servicenow"});
    let body =
        json!({"adapter_type": "ticket", "settings": settings, "credential_id": credential, "event_types": ["ticket.created"]});
    let destination = line.destination_at("/", body).await;
    let ticket = line.admin.post("/api/v1/tickets", json!({"title": "Disk full"})).await.expect(201).id();
    let failed = line.all_settled(&destination, 1, "dead_lettered").await.remove(0);
    assert_eq!(failed["last_reason"], "answered 401: the system does not take the credential");
    assert_eq!((&failed["external_ref"], &failed["references"]), (&json!(null), &json!({"ticket_id": ticket})));
    let own = format!("/api/v1/tickets/{ticket}");
    assert_eq!(line.admin.get(&own).await.expect(200).json()["title"], "Disk full", "ours stands without theirs");
    assert_eq!(line.admin.get(MAPPINGS).await.expect(200).json()["data"], json!([]));

    line.admin.patch(&format!("{CREDENTIALS}/{credential}"), json!({"value": USER})).await.expect(200);
    let again = line.act(&failed, "replay").await.expect(202).json();
    let again = again["delivery_id"].as_str().unwrap();
    until("the replay", || async { (line.delivery(again).await["state"] == "delivered").then_some(()) }).await;
    assert_eq!(desk.records().len(), 1);
    assert_eq!(desk.records()[0]["short_description"], "Disk full");
    let mapping = line.admin.get(MAPPINGS).await.expect(200).json()["data"][0].clone();
    assert_eq!((&mapping["integration_type"], &mapping["alga_entity_id"]), (&json!("servicenow"), &json!(ticket)));
    assert_eq!(mapping["external_entity_id"], format!("{:032x}", 1));
    assert_eq!(
        mapping["metadata"]["url"],
        json!(line.receiver.url(&format!("/nav_to.do?uri=incident.do%3Fsys_id%3D{:032x}", 1)))
    );
}

async fn settings_are_refused_by_field_and_changed_as_strictly(engine: &Engine) {
    let line = Line::open(engine).await;
    let url = line.receiver.url("/");
    for (more, field) in [
        (json!({"adapter_type": "carrier_pigeon"}), "adapter_type"),
        (json!({"adapter_type": "jira"}), "settings.project"),
        (json!({"adapter_type": "jira", "settings": {"project": "OPS", "summary": "{{x}}"}}), "settings.summary"),
        (json!({"adapter_type": "slack", "settings": {"text": 1}}), "settings.text"),
        (json!({"adapter_type": "ticket", "settings": {"template": "freshdesk"}}), "settings.values.email"),
        (json!({"adapter_type": "teams", "signing": {"profile": "standard"}}), "signing.profile"),
        (json!({"adapter_type": "webhook", "settings": {"method": "DELETE"}}), "settings.method"),
        (json!({"credential_id": "crd_01jd8r7c5tevzs9c1ghvzv3hkp"}), "credential_id"),
    ] {
        let body = super::merged(json!({"name": "x", "endpoint_url": url}), more);
        let refused = line.admin.post(DESTINATIONS, body).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let slack = line.destination(json!({"adapter_type": "slack"})).await;
    assert_eq!(slack.secret, "");
    let refused = line.admin.patch(&slack.path(""), json!({"settings": {"text": "{{"}})).await.expect(400).json();
    assert_eq!(refused["errors"][0]["field"], "settings.text");
    line.admin.patch(&slack.path(""), json!({"settings": {"text": "{{event.event_type}}"}})).await.expect(200);
    line.admin.patch(&slack.path(""), json!({"name": "renamed"})).await.expect(200);

    let adapters = line.admin.get("/api/v1/integrations/adapters").await.expect(200).json();
    for adapter in adapters["data"].as_array().unwrap() {
        let texts = ["adapter_type", "title", "description"].map(|name| adapter[name].as_str().unwrap().len() > 3);
        assert_eq!((texts, &adapter["settings_schema"]["type"]), ([true; 3], &json!("object")), "{adapter}");
    }
    let kinds: Vec<_> =
        adapters["data"].as_array().unwrap().iter().map(|adapter| adapter["adapter_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["webhook", "slack", "teams", "jira", "ticket", "mock"]);
}

async fn the_mock_works_in_tests_and_is_refused_in_production(engine: &Engine) {
    let line = Line::open(engine).await;
    line.schedule(&[0, 0]).await;
    let settings = json!({"outcomes": ["retryable", "accepted"]});
    let mock = line.destination(json!({"adapter_type": "mock", "settings": settings})).await;
    line.publish("a.b", json!(1)).await;
    let delivery = line.all_settled(&mock, 1, "delivered").await.remove(0);
    assert_eq!((&delivery["attempt_count"], line.receiver.count()), (&json!(2), 0));

    // The same database under a production process: what is stored is refused, too.
    line.server.stop().await;
    let production = [("environment", "production"), ("egress.allow_cidrs", &*line.receiver.allowed())];
    let Line { server: stopped, receiver, .. } = line;
    let server = stopped.another(engine, &production, true).await;
    let admin = server.admin("acme").await;
    let body = json!({"name": "x", "endpoint_url": receiver.url("/"), "adapter_type": "mock"});
    let refused = admin.post(DESTINATIONS, body).await.expect(400).json();
    assert_eq!(
        (&refused["errors"][0]["field"], &refused["errors"][0]["code"]),
        (&json!("adapter_type"), &json!("development_only"))
    );
    let adapters = admin.get("/api/v1/integrations/adapters").await.expect(200).text();
    assert!(!adapters.contains("\"mock\"") && adapters.contains("\"jira\""));
    admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": 2})).await.expect(202);
    let line = Line { server, admin, receiver };
    let filter = format!("destination_id={}&state=dead_lettered", mock.id);
    let refused = until("a refusal", || async { line.deliveries(&filter).await.pop() }).await;
    assert_eq!(refused["last_reason"], "the mock adapter is refused outside local, dev and test");
}

async fn a_chat_gets_the_message_and_its_refusal_is_in_plain_words(engine: &Engine) {
    let line = Line::start(engine, |_, taken| match taken.path.as_str() {
        "/services/gone" => say(404, "no_service"),
        _ => fake::slack(taken),
    })
    .await;
    let settings = json!({"text": "{{event.payload.title}}"});
    line.destination_at("/services/here", json!({"adapter_type": "slack", "settings": settings, "event_types": ["a.here"]}))
        .await;
    line.destination_at("/services/gone", json!({"adapter_type": "slack", "event_types": ["a.gone"]})).await;
    let event = line.publish("a.here", json!({"title": "Disk <full>"})).await;
    line.settled(&event, "delivered").await;
    assert_eq!(line.receiver.at("/services/here")[0].json()["text"], "Disk &lt;full&gt;");
    let event = line.publish("a.gone", json!({})).await;
    let delivery = line.settled(&event, "dead_lettered").await;
    let said = "answered 404 no_service: this webhook was switched off or removed in Slack: make a new one";
    assert_eq!((&delivery["attempt_count"], &delivery["last_reason"]), (&json!(1), &json!(said)));
}

on_both_engines!(
    an_issue_is_made_once_though_its_answer_is_lost,
    a_token_is_fetched_once_for_all_and_replaced_once_when_it_is_refused,
    a_token_endpoint_that_fails_costs_no_attempt_and_is_not_stormed,
    a_ticket_survives_its_adapters_failure_and_hears_of_the_record_later,
    settings_are_refused_by_field_and_changed_as_strictly,
    the_mock_works_in_tests_and_is_refused_in_production,
    a_chat_gets_the_message_and_its_refusal_is_in_plain_words,
);
