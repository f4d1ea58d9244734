//! The real program, whose writes the operating system refuses: a limit on file sizes (`RLIMIT_FSIZE`) is
//! set while it runs, as a full disk would come over it, and lifted again. `write` fails then in whatever
//! SQLite does, and needs no mount that only root can make.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{Load, WRITERS, run};
use crate::harness::Client;
use crate::outbound::DESTINATIONS;
use crate::receiver::{Receiver, until};

/// The program in a folder of its own; it is killed with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// The largest file that it may write, in bytes, or `unlimited`.
    fn limit(&self, bytes: &str) {
        run(Command::new("prlimit").arg(format!("--pid={}", self.0.id())).arg(format!("--fsize={bytes}:")));
    }
}

/// Whoever writes beyond the limit is told so, instead of being killed.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_hookswitch")]).args(arguments);
    command.current_dir(folder).stdin(Stdio::null()).env("HOOKSWITCH_ENVIRONMENT", "test");
    command.env("HOOKSWITCH_DATABASE__URL", format!("sqlite://{}/hookswitch.db", folder.display()));
    command.env("HOOKSWITCH_SECRETS__MASTER_KEY_FILE", folder.join("master.key"));
    command.env("HOOKSWITCH_EGRESS__ALLOW_CIDRS", "[\"127.0.0.1/32\"]").env("HOOKSWITCH_LISTEN", "127.0.0.1:0");
    command.env("HOOKSWITCH_LIMITS__API_REQUESTS_PER_MINUTE", "1000000");
    command
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn serve(folder: &Path) -> (Process, Client) {
    let log = folder.join("log");
    let file = File::create(&log).unwrap();
    let process = Process(command(folder, &["serve"]).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap());
    let address = until("the server to be ready", || async {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.into_iter().find(|line| line["message"] == "ready").and_then(|line| line["listen"].as_str().map(str::to_owned))
    });
    let client = Client::to(&address.await);
    (process, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_the_system_refuses_are_503_and_lose_nothing() {
    let receiver = Receiver::start(|_, _| 200.into()).await;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    done(at, &["admin", "create-tenant", "acme", "--name", "Acme"]);
    let token = done(at, &["admin", "create-token", "--tenant", "acme", "--role", "tenant_admin", "--name", "t"]);
    let (process, client) = serve(at).await;
    let admin = client.with("authorization", format!("Bearer {token}"));
    let destination = json!({"name": "a receiver", "endpoint_url": receiver.url("/hook")});
    admin.post(DESTINATIONS, destination).await.expect(201);

    let (load, writers) = Load::start(&admin);
    load.until("some events", |load| load.begun() > 20).await;
    let sizes = ["hookswitch.db", "hookswitch.db-wal"].map(|name| std::fs::metadata(at.join(name)).map_or(0, |file| file.len()));
    process.limit(&(sizes.into_iter().max().unwrap_or(0) + (256 << 10)).to_string());
    load.until("writes that are refused", |load| load.refused() > 3 * WRITERS).await;
    // Whoever only reads is served meanwhile.
    admin.get(DESTINATIONS).await.expect(200);
    process.limit("unlimited");
    let acknowledged = load.end(writers).await;

    let arrived = || {
        let mut ids: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for taken in receiver.taken() {
            ids.entry(taken.json()["payload"]["n"].as_u64().unwrap()).or_default().insert(taken.header("webhook-id").to_owned());
        }
        ids
    };
    until("everything that was acknowledged to arrive", || async { arrived().into_keys().eq(0..acknowledged).then_some(()) })
        .await;
    assert!(arrived().values().all(|ids| ids.len() == 1), "one event for each acknowledgement, however often it is sent");
}
