//! DESIGN 6, rule 4: a secret is shown once and then never again. A process of the real program is
//! told distinctive secrets and made to do one of everything, with receivers that echo whatever
//! they are sent. Then every byte that it answered, logged at its loudest or wrote to a file is
//! searched for each secret as it is, in base64 and in hex.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use data_encoding::BASE64;
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::secrets::forms;
use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use crate::engines::Engine;
use crate::harness::{Answer, Client};
use crate::receiver::{Receiver, Say, Taken, until};

mod everything;

const PASSWORD: &str = "marker-password-3f81c2d97a";
const URL_TOKEN: &str = "marker-url-path-b1946ac92492d2347c";
const URL_QUERY: &str = "marker-url-query-6235d4b51cb0a1c5f";
const REFUSED: &str = "marker-refused-2c26b46b68ffc68ff99";
const HEADER_VALUE: &str = "marker-header-fcde2b2edba56bf40860";
const BASIC_PASSWORD: &str = "marker-basic-18ac3e7343f016890c51";
const CLIENT_SECRET: &str = "marker-client-secret-e3b0c44298fc1c149a";
const ACCESS_TOKEN: &str = "marker-access-token-9f86d081884c7d659a";
const INBOUND: &str = "marker-inbound-486ea46224d1bb4fb68";
const PATH_TOKEN: &str = "marker-path-token-2e7d2c03a9507ae26";
const EVENT_TEXT: &str = "marker-payload-d4735e3a265e16eee03";
const ALERT_TEXT: &str = "marker-alert-4e07408562bedb8b60ce0";

/// A secret and what it is.
struct Mark {
    name: String,
    value: Secret,
    /// Payloads may stand in the database and in answers; a log has neither.
    log_only: bool,
}

/// Everything that must not be heard again, and what was heard.
#[derive(Default)]
struct Watch {
    marks: RefCell<Vec<Mark>>,
    heard: RefCell<Vec<u8>>,
}

impl Watch {
    fn guard(&self, name: &str, value: &str) {
        let mark = |value: Secret, name: &str| Mark { name: name.to_owned(), value, log_only: false };
        self.marks.borrow_mut().push(mark(Secret::from(value), name));
        if let Some(key) = value.strip_prefix("whsec_").and_then(|text| BASE64.decode(text.as_bytes()).ok()) {
            self.marks.borrow_mut().push(mark(Secret::new(key), &format!("{name}'s key")));
        }
    }

    fn guard_log(&self, name: &str, value: &str) {
        self.marks.borrow_mut().push(Mark { name: name.to_owned(), value: Secret::from(value), log_only: true });
    }

    /// Notes all of an answer.
    fn hear(&self, answer: Answer) -> Answer {
        let mut heard = self.heard.borrow_mut();
        for (name, value) in &answer.headers {
            heard.extend_from_slice(name.as_str().as_bytes());
            heard.extend_from_slice(value.as_bytes());
            heard.push(b'\n');
        }
        heard.extend_from_slice(&answer.bytes);
        heard.push(b'\n');
        answer
    }

    /// Notes an answer but for the secret that it shows this once, which is a mark from now on.
    fn shown(&self, name: &str, field: &str, answer: &Answer) -> String {
        let value = answer.json()[field].as_str().unwrap_or_else(|| panic!("no {field}: {}", answer.text())).to_owned();
        self.heard.borrow_mut().extend_from_slice(answer.text().replace(&value, "").as_bytes());
        self.guard(name, &value);
        value
    }

    async fn ask(&self, client: &Client, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.hear(client.send(method, path, body).await)
    }

    async fn post(&self, client: &Client, path: &str, body: Value) -> Answer {
        self.ask(client, Method::POST, path, Some(body)).await
    }

    /// Names of the marks that stand somewhere in these bytes.
    fn found(&self, bytes: &[u8], is_log: bool) -> Vec<String> {
        let (marks, bytes) = (self.marks.borrow(), characters(bytes));
        let wanted = marks.iter().filter(|mark| is_log || !mark.log_only);
        let hit = |mark: &&Mark| forms(&mark.value).iter().any(|form| bytes.contains(&characters(form)));
        wanted.filter(hit).map(|mark| mark.name.clone()).collect()
    }
}

/// Bytes as characters, one each: the standard library's search for texts is a fast one.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// An installation in a folder of its own, run by the real program.
struct Installation {
    folder: tempfile::TempDir,
    url: String,
    allowed: String,
    _engine: Option<Engine>,
}

/// A running process; it is killed with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Installation {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookswitch"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("HOOKSWITCH_ENVIRONMENT", "test").env("HOOKSWITCH_DATABASE__URL", &self.url);
        command.env("HOOKSWITCH_SECRETS__MASTER_KEY_FILE", self.folder.path().join("data/master.key"));
        command.env("HOOKSWITCH_EGRESS__ALLOW_CIDRS", &self.allowed).env("HOOKSWITCH_LISTEN", "127.0.0.1:0");
        command.env("HOOKSWITCH_TELEMETRY__LOG", "trace").env("HOOKSWITCH_LIMITS__INBOUND_BYTES", "64 KiB");
        command
    }

    /// Runs a command to its end; its standard error is told to whoever listens.
    fn done(&self, watch: &Watch, arguments: &[&str], input: &str) -> String {
        let mut child = self.command(arguments);
        let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        watch.heard.borrow_mut().extend_from_slice(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn log(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Starts the server and waits until it says where it listens.
    async fn serve(&self) -> (Process, Client) {
        let log = File::create(self.folder.path().join("log")).unwrap();
        let process = Process(self.command(&["serve"]).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
        let address = until("the server to be ready", || async {
            let log = String::from_utf8_lossy(&self.log()).into_owned();
            let ready =
                log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| line["message"] == "ready");
            ready.and_then(|line| line["listen"].as_str().map(str::to_owned))
        });
        let client = Client::to(&address.await);
        (process, client)
    }

    /// Every file of the data folder, and a dump where the database is elsewhere.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.folder.path().join("data")).unwrap().map(|entry| read(&entry.unwrap().path())).collect();
        if self.url.starts_with("postgres") {
            let dump = Command::new("pg_dump").arg(&self.url).output().unwrap();
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            files.push(("a dump".to_owned(), dump.stdout));
        }
        files
    }
}

fn read(path: &Path) -> (String, Vec<u8>) {
    (path.display().to_string(), std::fs::read(path).unwrap())
}

/// What a careless receiver might answer: all that it was sent, decoded where it can be.
fn echo(_: usize, taken: &Taken) -> Say {
    if taken.path == "/token" {
        let given = json!({ "access_token": ACCESS_TOKEN, "note": String::from_utf8_lossy(&taken.body) });
        return Say { body: given.to_string(), ..200.into() };
    }
    let authorization = taken.header("authorization");
    let decoded = authorization.strip_prefix("Basic ").and_then(|text| BASE64.decode(text.as_bytes()).ok()).unwrap_or_default();
    let (path, decoded) = (&taken.path, String::from_utf8_lossy(&decoded).into_owned());
    let user = decoded.split_once(':').map_or("", |(_, password)| password);
    let body = format!("Cannot POST {path}: {authorization} {decoded} {user} {:?}", taken.headers);
    Say { body, headers: vec![("location", path.clone())], ..if path.contains("/fail") { 500.into() } else { 200.into() } }
}

async fn a_secret_is_shown_once_and_is_nowhere_afterwards(engine: Option<Engine>) {
    let receiver = Receiver::start(echo).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let own = || format!("sqlite://{}/data/hookswitch.db", folder.path().display());
    let url = engine.as_ref().map_or_else(own, |engine| engine.url.clone());
    let place = Installation { url, allowed: "[\"127.0.0.1/32\"]".to_owned(), folder, _engine: engine };
    let watch = Watch::default();
    for (name, value) in [
        ("a password", PASSWORD),
        ("a token in a URL's path", URL_TOKEN),
        ("a token in a URL's query", URL_QUERY),
        ("a secret that was refused", REFUSED),
        ("a header credential", HEADER_VALUE),
        ("a basic credential", BASIC_PASSWORD),
        ("an OAuth client's secret", CLIENT_SECRET),
        ("an access token", ACCESS_TOKEN),
        ("an inbound secret", INBOUND),
        ("a path token", PATH_TOKEN),
    ] {
        watch.guard(name, value);
    }
    watch.guard_log("an event's payload", EVENT_TEXT);
    watch.guard_log("a received body", ALERT_TEXT);

    let token = everything::accounts(&place, &watch);
    let (process, client) = place.serve().await;
    everything::happens(&watch, &client, &token, &receiver).await;

    let mut leaks = Vec::new();
    let mut search = |place: &str, bytes: &[u8], is_log: bool| {
        assert!(!bytes.is_empty(), "nothing to search in {place}");
        leaks.extend(watch.found(bytes, is_log).into_iter().map(|name| format!("{name} in {place}")));
    };
    search("an answer", &watch.heard.borrow(), false);
    // While the process runs: its write-ahead log is there, too.
    for (name, bytes) in place.files() {
        search(&name, &bytes, false);
    }
    drop(process);
    for (name, bytes) in place.files() {
        search(&name, &bytes, false);
    }
    search("the log", &place.log(), true);
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(watch.found(format!("..{PASSWORD}..").as_bytes(), false) == ["a password"], "the search finds what is there");
    let hex = data_encoding::HEXLOWER.encode(URL_TOKEN.as_bytes());
    assert_eq!(watch.found(hex.as_bytes(), false), ["a token in a URL's path"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_secret_is_shown_once_and_is_nowhere_afterwards() {
    a_secret_is_shown_once_and_is_nowhere_afterwards(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_a_secret_is_shown_once_and_is_nowhere_afterwards() {
    a_secret_is_shown_once_and_is_nowhere_afterwards(Some(Engine::postgres(COMPONENTS).await)).await;
}
