//! What holds for every adapter: this walks the list, and an adapter without a fake fails here. Each
//! one's own rules are in the file of its kind.

#[allow(dead_code, reason = "shared with the server's suite")]
mod fake;
mod jira;
mod mock;
mod slack;
mod teams;
mod ticket;

use std::time::Duration;

use bytes::Bytes;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::egress::{Rules, parse_target};
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::Profile;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::http::{Client, Options};
use hookswitch_pipeline::outbound::adapter::{ALL, Delivered, Dispatch, find};
use hookswitch_pipeline::secrets::forms;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::door::{Receiver, Say, Taken};
use crate::http::{open_rules, options};
use fake::{Service, USER};

const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const URL_TOKEN: &str = "marker-url-token-7d793037a0760186";
pub const MESSAGE_ID: &str = "msg_01h455vb4pex5vsknk084sn02q";

/// One attempt at a destination, with whatever a test has otherwise.
pub struct Try {
    kind: &'static str,
    client: Client,
    url: String,
    pub settings: Value,
    pub payload: Value,
    /// The body as the destination wants it; the envelope of the payload without one.
    pub body: Option<String>,
    pub headers: Vec<(String, String)>,
    pub attempt: u32,
    pub repeat: bool,
    pub timeout: Duration,
    /// As it is sent: `Basic ...`.
    pub credential: Option<Secret>,
}

impl Try {
    pub fn at(kind: &'static str, url: String, settings: Value) -> Self {
        let basic = format!("Basic {}", data_encoding::BASE64.encode(USER.as_bytes()));
        Self {
            kind,
            client: Client::new(options()).unwrap(),
            url,
            settings,
            payload: json!({"title": "Disk full", "description": "C: has\n0 bytes left", "priority": 2}),
            body: None,
            headers: Vec::new(),
            attempt: 1,
            repeat: false,
            timeout: Duration::from_secs(10),
            credential: Some(basic.as_str().into()),
        }
    }

    pub async fn go(&self) -> Delivered {
        let event_id = EventId(Uuid::from_u128(1));
        let envelope = json!({
            "event_id": event_id, "event_type": "alert.raised", "tenant": "acme", "references": {"alert_id": "a-1"},
            "payload": self.payload
        });
        let body = self.body.clone().unwrap_or_else(|| envelope.to_string());
        let adapter = find(self.kind).unwrap();
        adapter.check_settings(&self.settings).unwrap();
        let dispatch = Dispatch {
            client: &self.client,
            target: &parse_target(&self.url, &open_rules()).unwrap(),
            settings: &self.settings,
            message_id: MESSAGE_ID,
            event_id,
            event_type: "alert.raised",
            delivery_id: DeliveryId(Uuid::from_u128(2)),
            destination_id: DestinationId(Uuid::from_u128(3)),
            attempt: self.attempt,
            now: Timestamp::from_seconds(1_700_000_000),
            body: Bytes::from(body),
            profile: &Profile::Standard,
            secrets: &if adapter.signs() { vec![SIGNING.into()] } else { Vec::new() },
            headers: &self.headers,
            event_headers: &[],
            authorization: self.credential.as_ref().map(|value| ("authorization", value)),
            traceparent: None,
            replay: false,
            repeat: self.repeat,
            deadline: Instant::now() + self.timeout,
        };
        adapter.deliver(&dispatch).await
    }
}

/// A receiver that is this service.
pub async fn served_by(service: Service) -> Receiver {
    Receiver::start(move |_, taken| service(taken)).await
}

/// What an adapter, with the settings of its fake, makes of one answer.
pub async fn answered(kind: &'static str, settings: &Value, answer: Say) -> Delivered {
    let receiver = Receiver::start(move |_, _| answer.clone()).await;
    Try::at(kind, receiver.url("/"), settings.clone()).go().await
}

/// Checks a table of answers: status and body, and what they come to.
pub async fn weighs(kind: &'static str, settings: &Value, table: &[(u16, &str, Outcome, &str)]) {
    for (status, body, outcome, reason) in table {
        let delivered = answered(kind, settings, fake::say(*status, body)).await;
        assert_eq!((&delivered.outcome, delivered.reason.as_str()), (outcome, *reason), "{kind}: {status} {body}");
        assert_eq!(delivered.status, Some(*status));
    }
}

pub const LATER: Outcome = Outcome::Retryable { retry_after: None };

/// Every adapter that speaks to somebody.
fn speaking() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|adapter| adapter.kind()).filter(|kind| *kind != "mock")
}

#[tokio::test]
async fn every_adapter_pleases_its_service_and_sends_the_same_each_time() {
    for adapter in ALL {
        let fake = fake::of(adapter.kind());
        let receiver = served_by(fake.service).await;
        let attempt = Try::at(adapter.kind(), receiver.url("/"), fake.settings);
        let first = attempt.go().await;
        assert_eq!(first.outcome, Outcome::Accepted, "{}: {first:?}", adapter.kind());
        attempt.go().await;
        let taken = receiver.taken();
        assert!(taken.is_empty() == (adapter.kind() == "mock") && taken.iter().all(|each| each.body == taken[0].body));
        assert!(taken.iter().all(|each| each.header("user-agent").starts_with("Hookswitch/")));
    }
}

#[tokio::test]
async fn every_adapter_keeps_to_its_deadline() {
    for adapter in ALL {
        let mut settings = fake::of(adapter.kind()).settings;
        if adapter.kind() == "mock" {
            settings["delay_ms"] = json!(60_000);
        }
        let silent = Receiver::start(|_, _| Say { after: Duration::from_secs(60), ..200.into() }).await;
        let attempt =
            Try { timeout: Duration::from_millis(150), repeat: true, ..Try::at(adapter.kind(), silent.url("/"), settings) };
        let begun = Instant::now();
        let delivered = attempt.go().await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{} took {:?}", adapter.kind(), begun.elapsed());
        assert_eq!(delivered.outcome, LATER, "{}: {}", adapter.kind(), delivered.reason);
    }
}

#[tokio::test]
async fn every_adapter_waits_as_long_as_it_is_asked_to() {
    for kind in speaking() {
        let busy = Say { headers: vec![("retry-after", "7".to_owned())], ..429.into() };
        let delivered = answered(kind, &fake::of(kind).settings, busy).await;
        assert_eq!(delivered.outcome, Outcome::Retryable { retry_after: Some(Duration::from_secs(7)) }, "{kind}");
        assert!(delivered.reason.starts_with("answered 429"), "{kind}: {}", delivered.reason);
    }
}

#[tokio::test]
async fn no_adapter_follows_a_redirect_or_gives_up_on_an_outage() {
    for kind in speaking() {
        let settings = fake::of(kind).settings;
        let elsewhere = Receiver::start(|_, _| 200.into()).await;
        let location = elsewhere.url("/");
        let moved = Receiver::start(move |_, _| Say { headers: vec![("location", location.clone())], ..302.into() }).await;
        let delivered = Try::at(kind, moved.url("/"), settings.clone()).go().await;
        assert_eq!((moved.count(), elsewhere.count()), (1, 0), "{kind}");
        assert_eq!((delivered.outcome, delivered.reason.as_str()), (LATER, "answered 302: redirects are not followed"), "{kind}");
        for status in [500, 502, 503, 504] {
            assert_eq!(answered(kind, &settings, status.into()).await.outcome, LATER, "{kind} {status}");
        }
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = Try::at(kind, format!("http://{closed}/"), settings).go().await;
        assert_eq!((refused.outcome, refused.reason.as_str()), (LATER, "connection refused"), "{kind}");
    }
}

#[tokio::test]
async fn no_adapter_reaches_a_closed_address() {
    for kind in speaking() {
        let receiver = Receiver::start(|_, _| 200.into()).await;
        let mut attempt = Try::at(kind, receiver.url("/"), fake::of(kind).settings);
        attempt.client = Client::new(Options { rules: Rules::default(), ..Options::default() }).unwrap();
        let delivered = attempt.go().await;
        assert_eq!((delivered.outcome, delivered.reason.as_str()), (Outcome::Forbidden, "forbidden address 127.0.0.1"), "{kind}");
        assert_eq!(receiver.count(), 0);
    }
}

/// All that a service was sent, as a careless one might answer it.
fn echo(status: u16, taken: &Taken) -> Say {
    let authorization = taken.header("authorization");
    let decoded = authorization.strip_prefix("Basic ").and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok());
    let decoded = String::from_utf8(decoded.unwrap_or_default()).unwrap();
    fake::say(status, format!("{} {authorization} {decoded} {:?}", taken.path, taken.headers))
}

#[tokio::test]
async fn no_adapter_repeats_a_secret_that_is_echoed_to_it() {
    let password = USER.split_once(':').unwrap().1;
    for kind in speaking() {
        for status in [200, 201, 400, 401, 403, 404, 409, 410, 429, 500] {
            let receiver = Receiver::start(move |_, taken| echo(status, taken)).await;
            let attempt = Try::at(kind, receiver.url(&format!("/{URL_TOKEN}")), fake::of(kind).settings);
            let shown = format!("{:?}", attempt.go().await);
            assert!(shown.contains("[secret]"), "{kind} {status}: the echo is shown, masked: {shown}");
            for secret in [SIGNING, password, USER, URL_TOKEN] {
                let found = forms(&Secret::from(secret)).into_iter().find(|form| shown.contains(&*String::from_utf8_lossy(form)));
                assert_eq!(found, None, "{kind} {status} shows {secret}");
            }
        }
    }
}

#[tokio::test]
async fn a_destination_that_wants_the_payload_alone_is_templated_alike() {
    for kind in ["slack", "teams", "jira", "ticket"] {
        let fake = fake::of(kind);
        let receiver = served_by(fake.service).await;
        let mut attempt = Try::at(kind, receiver.url("/"), fake.settings);
        attempt.go().await;
        attempt.body = Some(attempt.payload.to_string());
        assert_eq!(attempt.go().await.outcome, Outcome::Accepted);
        let taken = receiver.taken();
        assert_eq!(taken[0].body, taken[1].body, "{kind}");
    }
}
