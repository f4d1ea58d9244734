//! `listen` and `trigger`, as a person runs them: the real program against a real server, and a local
//! server that gets what is forwarded.

use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

use crate::engines::Engine;
use crate::harness::Client;
use crate::on_both_engines;
use crate::outbound::{DESTINATIONS, Line, standard_signature};
use crate::receiver::Receiver;

fn program(client: &Client, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookswitch"));
    command.env_clear().env("HOOKSWITCH_URL", format!("http://{}", client.address)).env("HOOKSWITCH_TOKEN", client.token());
    command.args(arguments).kill_on_drop(true);
    command
}

async fn run(client: &Client, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = program(client, arguments).output().await.unwrap();
    (status.code(), [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}

/// A `listen` that is ready.
struct Listening {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    secret: String,
}

impl Listening {
    async fn start(client: &Client, to: &str, more: &[&str]) -> Self {
        let arguments = [&["listen", "--json", "--forward-to", to][..], more].concat();
        let mut child = program(client, &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut listening = Self { _child: child, lines, secret: String::new() };
        listening.secret = listening.line().await["signing_secret"].as_str().unwrap_or_default().to_owned();
        assert_eq!(listening.line().await["ready"], true);
        listening
    }

    async fn line(&mut self) -> Value {
        let line = timeout(Duration::from_secs(20), self.lines.next_line()).await.expect("a line").unwrap().expect("it goes on");
        serde_json::from_str(&line).unwrap()
    }
}

async fn events_are_forwarded_once_signed_with_the_secret_that_was_printed(engine: &Engine) {
    let line = Line::open(engine).await;
    line.destination(json!({})).await;
    line.destination(json!({})).await;
    let local = Receiver::start(|_, _| 201.into()).await;
    let mut listening = Listening::start(&line.admin, &local.url("/local"), &["--filter", "ticket.*"]).await;
    line.publish("order.created", json!(1)).await;
    let event =
        line.publish_raw(r#"{"event_type": "ticket.created", "payload": {"b":1.10,  "a":null}}"#).await["event_id"].clone();
    let told = listening.line().await;
    assert_eq!((&told["event_id"], &told["status"], &told["error"]), (&event, &json!(201), &json!(null)), "{told}");
    assert!(told["latency_ms"].is_u64());
    let forwarded = local.wait(1).await.remove(0);
    assert_eq!((forwarded.path.as_str(), &forwarded.method), ("/local", &Method::POST));
    assert_eq!(forwarded.header("webhook-signature"), standard_signature(&listening.secret, &forwarded));
    let sent = line.receiver.taken().into_iter().find(|taken| taken.json()["event_type"] == "ticket.created").unwrap();
    assert_eq!(forwarded.body, sent.body, "the bytes that the destination got");
    line.publish("ticket.closed", json!(2)).await;
    listening.line().await;
    assert_eq!(local.count(), 2, "each event once, however many destinations it has");
}

async fn the_newest_come_first_and_a_destination_s_form_is_kept(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"event_types": ["a.*"], "body": "payload", "signing": {"profile": "fr022"}})).await;
    let elsewhere = line.destination(json!({"event_types": ["elsewhere"]})).await;
    for number in 0..4 {
        line.publish("a.b", json!({ "n": number })).await;
    }
    line.publish("elsewhere", json!({})).await;
    line.all_settled(&destination, 4, "delivered").await;
    let local = Receiver::start(|_, _| 200.into()).await;
    let secret = "a-secret-of-the-local-code";
    let more = ["--destination", &destination.id, "--last", "2", "--secret", secret];
    let mut listening = Listening::start(&line.admin, &local.url("/"), &more).await;
    assert_eq!(listening.secret, "", "a secret that one brings is not repeated");
    for number in [2, 3] {
        listening.line().await;
        let taken = local.taken().pop().unwrap();
        assert_eq!(taken.body, json!({ "n": number }).to_string());
        assert!(!taken.header("x-signature").is_empty() && !taken.header("x-timestamp").is_empty());
    }
    let delivered = line.all_settled(&destination, 4, "delivered").await;
    line.act(&delivered[0], "replay").await.expect(202);
    listening.line().await;
    let replayed = local.taken().pop().unwrap();
    assert_eq!((replayed.header("hookswitch-replay"), &replayed.body[..]), ("true", &br#"{"n":3}"#[..]));
    assert_eq!(local.count(), 3);
    drop(elsewhere);
}

async fn a_destinations_filter_and_transformation_count_for_who_listens_to_it(engine: &Engine) {
    let line = Line::open(engine).await;
    let content = json!({"filter": "payload.n > 1", "transform": "{\"doubled\": payload.n * 2}"});
    let destination = line.destination(content).await;
    let local = Receiver::start(|_, _| 200.into()).await;
    let mut listening = Listening::start(&line.admin, &local.url("/"), &["--destination", &destination.id]).await;
    for number in [1, 3] {
        line.publish("a.b", json!({ "n": number })).await;
    }
    listening.line().await;
    let taken = local.taken().pop().unwrap();
    assert_eq!(taken.body, json!({ "doubled": 6 }).to_string(), "what the destination got");
    assert_eq!(taken.header("webhook-signature"), standard_signature(&listening.secret, &taken));
    assert_eq!(local.count(), 1, "what its filter refused is not forwarded");
}

/// Stands between a command and its server, and can be cut.
struct Cable {
    address: String,
    connections: Arc<Mutex<JoinSet<()>>>,
}

impl Cable {
    async fn lay(to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, to) = (listener.local_addr().unwrap().to_string(), to.to_owned());
        let connections: Arc<Mutex<JoinSet<()>>> = Arc::default();
        let kept = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let to = to.clone();
                kept.lock().unwrap().spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(to).await {
                        let _ended = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Self { address, connections }
    }

    fn cut(&self) {
        self.connections.lock().unwrap().abort_all();
    }
}

async fn after_a_break_what_was_missed_is_made_up_for(engine: &Engine) {
    let line = Line::open(engine).await;
    let cable = Cable::lay(&line.admin.address).await;
    let far = line.admin.at(&cable.address);
    let local = Receiver::start(|_, _| 200.into()).await;
    let mut listening = Listening::start(&far, &local.url("/"), &[]).await;
    line.publish("a.b", json!(1)).await;
    listening.line().await;
    cable.cut();
    let missed = line.publish("a.b", json!(2)).await;
    assert_eq!(listening.line().await["event_id"], json!(missed));
    let next = line.publish("a.b", json!(3)).await;
    assert_eq!(listening.line().await["event_id"], json!(next), "the new connection is live");
    assert_eq!(local.count(), 3, "nothing twice");
}

async fn a_local_server_that_is_down_is_told_and_the_next_event_is_tried(engine: &Engine) {
    let line = Line::open(engine).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut listening = Listening::start(&line.admin, &nobody.to_string(), &[]).await;
    for number in 0..2 {
        line.publish("a.b", json!(number)).await;
        let told = listening.line().await;
        assert_eq!(told["status"], json!(null));
        assert!(told["error"].as_str().unwrap().contains("connecting to 127.0.0.1"), "{told}");
    }
}

async fn what_can_t_work_ends_with_a_reason(engine: &Engine) {
    let line = Line::open(engine).await;
    let stranger = line.server.stranger().with("authorization", "Bearer hsk_unknown");
    for (client, arguments, said) in [
        (&stranger, &["listen", "--forward-to", "3000"][..], "401"),
        (&stranger, &["trigger", "a.b"], "401"),
        (&line.admin, &["listen", "--forward-to", "3000", "--destination", "dst_01jd8r7c5tevzs9c1ghvzv3hkp"], "404"),
    ] {
        let (code, told) = run(client, arguments).await;
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(said), "{told}");
    }
    for wrong in [&["trigger", "Not A Type"][..], &["trigger", "a.b", "--count", "0"], &["listen", "--forward-to", "ftp://x"]] {
        assert_eq!(run(&line.admin, wrong).await.0, Some(2), "{wrong:?}");
    }
}

async fn trigger_publishes_a_sample_or_what_one_brings(engine: &Engine) {
    let line = Line::open(engine).await;
    line.destination(json!({"event_types": ["ticket.*"]})).await;
    let (code, told) = run(&line.admin, &["trigger", "ticket.created"]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("evt_") && told.contains("1 destination"), "{told}");
    let sample = line.receiver.wait(1).await[0].json();
    assert_eq!((&sample["event_type"], &sample["payload"]["sample"]), (&json!("ticket.created"), &json!(true)));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("payload.json");
    std::fs::write(&file, r#"{"mine": 1}"#).unwrap();
    let publisher = line.server.token("acme", "publisher", None).await;
    let (code, told) =
        run(&publisher, &["trigger", "ticket.closed", "--payload", file.to_str().unwrap(), "--count", "3", "--json"]).await;
    assert_eq!((code, told.lines().count()), (Some(0), 3), "{told}");
    let arrived = line.receiver.wait(4).await;
    assert!(arrived[1..].iter().all(|taken| taken.json()["payload"] == json!({"mine": 1})));
    std::fs::write(&file, "no json").unwrap();
    assert_eq!(run(&publisher, &["trigger", "a.b", "--payload", file.to_str().unwrap()]).await.0, Some(1));
}

/// Whoever tries to have their own machine called learns how to get it.
async fn the_refusal_of_localhost_names_listen(engine: &Engine) {
    let line = Line::open(engine).await;
    for url in ["http://localhost:3000/", "https://127.0.0.1/", "http://[::1]:3000/"] {
        let answer = line.admin.post(DESTINATIONS, json!({"name": "mine", "endpoint_url": url})).await.expect(400);
        assert!(answer.text().contains("hookswitch listen --forward-to"), "{}", answer.text());
    }
    assert_eq!(line.admin.get(DESTINATIONS).await.expect(200).json()["data"], json!([]), "nothing is stored");
}

on_both_engines!(
    events_are_forwarded_once_signed_with_the_secret_that_was_printed,
    the_newest_come_first_and_a_destination_s_form_is_kept,
    after_a_break_what_was_missed_is_made_up_for,
    a_local_server_that_is_down_is_told_and_the_next_event_is_tried,
    what_can_t_work_ends_with_a_reason,
    trigger_publishes_a_sample_or_what_one_brings,
    a_destinations_filter_and_transformation_count_for_who_listens_to_it,
    the_refusal_of_localhost_names_listen,
);
