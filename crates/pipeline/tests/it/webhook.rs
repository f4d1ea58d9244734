//! The webhook adapter: what a receiver gets, and what its answer comes to.

use std::time::Duration;

use bytes::Bytes;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::egress::{Rules, Target, parse_target};
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Profile, TOLERANCE, verify};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::http::{Client, Options};
use hookswitch_pipeline::outbound::adapter::{Delivered, Dispatch, find};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::http::{open_rules, options};
use crate::receiver::{Receiver, answer};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const BODY: &str = r#"{"event_type":"ticket.created"}"#;

fn now() -> Timestamp {
    Timestamp::from_seconds(1_700_000_000)
}

/// One attempt of the webhook adapter, as a sender makes it.
pub struct Try {
    pub client: Client,
    pub target: Target,
    settings: Value,
    profile: Profile,
    secrets: Vec<Secret>,
    headers: Vec<(String, String)>,
    event_headers: Vec<(String, String)>,
    token: Option<Secret>,
    pub within: Duration,
}

impl Try {
    pub fn at(url: &str) -> Self {
        Self {
            client: Client::new(options()).unwrap(),
            target: parse_target(url, &open_rules()).unwrap(),
            settings: json!({}),
            profile: Profile::Standard,
            secrets: vec![SECRET.into()],
            headers: Vec::new(),
            event_headers: Vec::new(),
            token: None,
            within: Duration::from_secs(5),
        }
    }

    pub async fn go(&self) -> Delivered {
        let dispatch = Dispatch {
            client: &self.client,
            target: &self.target,
            settings: &self.settings,
            message_id: "msg_1",
            event_id: EventId(Uuid::from_u128(1)),
            event_type: "ticket.created",
            delivery_id: DeliveryId(Uuid::from_u128(2)),
            destination_id: DestinationId(Uuid::from_u128(3)),
            attempt: 1,
            now: now(),
            body: Bytes::from_static(BODY.as_bytes()),
            profile: &self.profile,
            secrets: &self.secrets,
            headers: &self.headers,
            event_headers: &self.event_headers,
            authorization: self.token.as_ref().map(|token| ("authorization", token)),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            replay: true,
            repeat: true,
            deadline: Instant::now() + self.within,
        };
        find("webhook").unwrap().deliver(&dispatch).await
    }
}

async fn answered(status: &str, headers: &str, body: &str) -> Delivered {
    let receiver = Receiver::plain(answer(status, headers, body)).await;
    Try::at(&receiver.url("/")).go().await
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_receiver_gets_the_bytes_signed_and_nobody_overrides_the_signature() {
    let receiver = Receiver::plain(answer("204 No Content", "", "")).await;
    let mut attempt = Try::at(&receiver.url("/hook"));
    attempt.settings = json!({"method": "PUT"});
    attempt.headers = owned(&[("Webhook-Signature", "v1,forged"), ("User-Agent", "forged"), ("X-Team", "blue")]);
    attempt.event_headers = owned(&[("x-team", "red"), ("authorization", "forged")]);
    attempt.token = Some("Bearer right".into());
    let delivered = attempt.go().await;
    assert_eq!((delivered.outcome, delivered.status, delivered.reason.as_str()), (Outcome::Accepted, Some(204), "answered 204"));
    assert_eq!(delivered.response_summary, None);

    let request = receiver.saw(|ledger| ledger.requests[0].clone());
    assert!(!request.contains("forged"), "{request}");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, BODY);
    assert!(head.starts_with("PUT /hook HTTP/1.1\r\n"));
    let headers: Vec<(&str, &str)> = head.lines().skip(1).filter_map(|line| line.split_once(": ")).collect();
    for expected in [
        ("content-type", "application/json"),
        ("user-agent", concat!("Hookswitch/", env!("CARGO_PKG_VERSION"))),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("hookswitch-replay", "true"),
        ("x-team", "red"),
        ("authorization", "Bearer right"),
        ("webhook-id", "msg_1"),
    ] {
        assert!(headers.contains(&expected), "{expected:?} in {head}");
    }
    let lines: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    assert!(verify(&Profile::Standard, &[SECRET.into()], &lines, body.as_bytes(), now(), TOLERANCE).is_ok());
}

#[tokio::test]
async fn answers_are_weighed_by_the_contract() {
    let retryable = Outcome::Retryable { retry_after: None };
    for (status, outcome, reason) in [
        ("200 OK", Outcome::Accepted, "answered 200"),
        ("302 Found", retryable.clone(), "answered 302: redirects are not followed"),
        ("404 Not Found", retryable.clone(), "answered 404"),
        ("410 Gone", Outcome::Gone, "answered 410: the receiver says that it is gone for good"),
        ("500 Oops", retryable.clone(), "answered 500"),
    ] {
        let delivered = answered(status, "", "").await;
        assert_eq!((delivered.outcome, delivered.reason.as_str()), (outcome, reason));
    }
    let wish = answered("503 Busy", "retry-after: 120\r\n", "").await;
    assert_eq!(wish.outcome, Outcome::Retryable { retry_after: Some(Duration::from_secs(120)) });
    let nonsense = answered("429 Slow", "retry-after: 1e308\r\n", "").await;
    assert_eq!(nonsense.outcome, retryable);
}

#[tokio::test]
async fn a_summary_is_harmless_and_hides_what_we_sent() {
    let receiver = Receiver::plain(answer("400 Bad", "", &format!("<b>{SECRET}</b> my-long-token\x1b"))).await;
    let mut attempt = Try::at(&receiver.url("/"));
    attempt.token = Some("Bearer my-long-token".into());
    let delivered = attempt.go().await;
    assert_eq!(delivered.response_summary.as_deref(), Some("<b>[secret]</b> [secret]\\u{1b}"));
}

#[tokio::test]
async fn an_echo_of_the_whole_request_gives_nothing_away() {
    let silent = Receiver::plain(answer("200 OK", "", "")).await;
    let mut attempt = Try::at(&silent.url("/"));
    attempt.headers = owned(&[("x-api-key", "key-of-theirs"), ("x-team", "blue-team-one")]);
    attempt.token = Some("Bearer my-long-token".into());
    attempt.go().await;
    let request = silent.saw(|ledger| ledger.requests[0].clone());
    // Everything is the same at every try: the clock stands still here.
    let echoing = Receiver::plain(answer("500 Oops", "", &request)).await;
    attempt.target = parse_target(&echoing.url("/"), &open_rules()).unwrap();
    let summary = attempt.go().await.response_summary.unwrap();
    let signature = request.split_once("webhook-signature: v1,").unwrap().1.split_once("\r\n").unwrap().0;
    for secret in [signature, "key-of-theirs", "my-long-token"] {
        assert!(request.contains(secret) && !summary.contains(secret), "{secret} in {summary}");
    }
    assert!(summary.contains("blue-team-one") && summary.contains("msg_1"), "{summary}");
}

#[tokio::test]
async fn our_own_refusals_send_nothing() {
    let receiver = Receiver::plain(answer("200 OK", "", "")).await;
    let mut guarded = Try::at(&receiver.url("/"));
    guarded.client = Client::new(Options { rules: Rules::default(), ..Options::default() }).unwrap();
    let delivered = guarded.go().await;
    assert_eq!((delivered.outcome, delivered.reason.as_str()), (Outcome::Forbidden, "forbidden address 127.0.0.1"));

    let mut unsigned = Try::at(&receiver.url("/"));
    unsigned.secrets.clear();
    assert_eq!(unsigned.go().await.outcome, Outcome::SecretUnavailable);

    let mut splitting = Try::at(&receiver.url("/"));
    splitting.headers = owned(&[("x-a", "b\r\nx-evil: 1")]);
    assert_eq!(splitting.go().await.outcome, Outcome::Forbidden);
    assert_eq!(receiver.saw(|ledger| ledger.connections), 0);
}

#[tokio::test]
async fn settings_are_checked_by_field() {
    let check = |settings: Value| find("webhook").unwrap().check_settings(&settings).map_err(|error| error.field);
    assert_eq!(check(json!({"method": "PATCH"})), Ok(()));
    assert_eq!(check(json!({"method": "DELETE"})), Err("settings.method".to_owned()));
    assert_eq!(check(json!({"method": 1})), Err("settings.method".to_owned()));
    assert_eq!(check(json!([])), Err("settings".to_owned()));
}
