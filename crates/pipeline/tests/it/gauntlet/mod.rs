//! The gauntlet: receivers and name servers that lie, stall, flood and point inside, against the
//! real adapter and client. For each of them:
//!
//! * the attempt ends within its deadline and 200 ms, with the outcome and the sentence of the table;
//! * nothing connects to where it points;
//! * the next delivery to the same destination gets its own answer and nothing of this one.
//!
//! All of it together runs in a process of its own, which may grow by 20 MB.

mod answers;
mod dns;
mod encryption;
mod special;

use std::time::Duration;

use hookswitch_domain::delivery::Outcome;
use hookswitch_pipeline::outbound::adapter::Delivered;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::receiver::{Receiver, Step, answer};
use crate::webhook::Try;

/// What an attempt may take beyond its deadline.
const GRACE: Duration = Duration::from_millis(200);
/// For receivers that come to an end by themselves.
const PATIENT: Duration = Duration::from_secs(3);
/// For those that don't.
const SHORT: Duration = Duration::from_millis(300);
/// Stands in whatever must not reach another delivery.
const POISON: &str = "POISON";

pub struct Case {
    name: &'static str,
    script: Vec<Step>,
    outcome: Outcome,
    /// One of these, separated by `|`: who hangs up first is a race.
    reasons: String,
    within: Duration,
    /// Accepted is right too: two ends race.
    or_accepted: bool,
    /// Before the next delivery: what is under way then can't be told from its answer.
    pause: Duration,
}

/// Ends by itself.
fn ends(name: &'static str, script: impl IntoIterator<Item = Step>, outcome: Outcome, reasons: impl Into<String>) -> Case {
    Case {
        name,
        script: script.into_iter().collect(),
        outcome,
        reasons: reasons.into(),
        within: PATIENT,
        or_accepted: false,
        pause: Duration::ZERO,
    }
}

/// Is cut off by the deadline.
fn hangs(name: &'static str, script: impl IntoIterator<Item = Step>, reasons: impl Into<String>) -> Case {
    Case {
        name,
        script: script.into_iter().collect(),
        outcome: again(),
        reasons: reasons.into(),
        within: SHORT,
        or_accepted: false,
        pause: Duration::ZERO,
    }
}

fn again() -> Outcome {
    Outcome::Retryable { retry_after: None }
}

/// One attempt, and whether it was in time.
async fn timed(attempt: &Try) -> (Delivered, bool) {
    let begun = Instant::now();
    let delivered = attempt.go().await;
    (delivered, begun.elapsed() <= attempt.within + GRACE)
}

#[track_caller]
fn check(name: &str, outcome: &Outcome, reasons: &str, delivered: &Delivered) {
    // A busy machine takes some of the span between setting a deadline and sending.
    let told = reasons.split('|').any(|reason| match reason.ends_with(" within ") {
        true => delivered.reason.starts_with(reason),
        false => delivered.reason == reason,
    });
    assert!(told, "{name}: {:?} is none of {reasons:?}", delivered.reason);
    assert_eq!(&delivered.outcome, outcome, "{name}");
    let summary = delivered.response_summary.as_deref().unwrap_or_default();
    assert!(summary.len() <= 1024 && !summary.chars().any(char::is_control), "{name}: {summary}");
}

/// Plays a case. A busy machine gets a second chance to be in time.
async fn run(case: Case) {
    assert!(play(&case).await || play(&case).await, "{} took longer than its deadline allows", case.name);
}

/// Whether the attempt was in time; everything else has to be right.
async fn play(case: &Case) -> bool {
    let good = answer("200 OK", "", "good");
    let script = [case.script.clone(), good.to_vec()].concat();
    let receiver = Receiver::in_turn(vec![script, good.to_vec()]).await;
    let mut attempt = Try::at(&receiver.url("/hook"));
    attempt.within = case.within;
    let (delivered, in_time) = timed(&attempt).await;
    let accepted = case.or_accepted && delivered.outcome == Outcome::Accepted;
    let outcome = if accepted { &Outcome::Accepted } else { &case.outcome };
    check(case.name, outcome, &case.reasons, &delivered);
    tokio::time::sleep(case.pause).await;
    attempt.within = PATIENT;
    let next = attempt.go().await;
    assert_eq!(
        (next.status, next.response_summary.as_deref()),
        (Some(200), Some("good")),
        "after {}: {}",
        case.name,
        next.reason
    );
    let sent = receiver.saw(|ledger| ledger.requests.join("\n")).to_ascii_lowercase();
    assert!(!sent.contains("cookie:") && !sent.contains("poison") && !sent.contains("proxy-auth"), "after {}: {sent}", case.name);
    in_time
}

/// Somebody who must never be called: hears about each connection.
pub struct Canary {
    listener: TcpListener,
}

impl Canary {
    pub async fn at(addr: &str) -> Self {
        Self { listener: TcpListener::bind(addr).await.unwrap() }
    }

    pub fn url(&self) -> String {
        format!("http://{}/{POISON}", self.listener.local_addr().unwrap())
    }

    pub async fn assert_untouched(&self, what: &str) {
        let called = tokio::time::timeout(Duration::from_millis(20), self.listener.accept()).await;
        assert!(called.is_err(), "{what}: somebody called where nobody may");
    }
}

/// Kilobytes of this process, by the line's name in its status: `VmRSS`, `VmHWM`.
fn kilobytes(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|each| each.strip_prefix(line)?.strip_prefix(':'));
    found.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

const GROWTH_MAX_KB: usize = 20 * 1024;
const ALONE: &str = "gauntlet::every_hostile_receiver_is_survived_in_time_and_memory";

/// Set by the test below, which runs this one in a process of its own: it measures the process's memory.
const IN_ITS_OWN_PROCESS: &str = "HOOKSWITCH_GAUNTLET";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_receiver_is_survived_in_time_and_memory() {
    if std::env::var_os(IN_ITS_OWN_PROCESS).is_none() {
        return;
    }
    // What every client costs is not the receivers' doing.
    run(ends("an honest receiver", answer("200 OK", "", "fine"), Outcome::Accepted, "answered 200")).await;
    let before = kilobytes("VmRSS");
    let canary = Canary::at("127.0.0.1:0").await;
    let (mut count, mut failed) = (0, 0);
    for case in answers::all(&canary.url()) {
        // Each fails by itself, so that one run shows all that do.
        failed += usize::from(tokio::spawn(run(case)).await.is_err());
        count += 1;
    }
    assert_eq!(failed, 0, "of {count} receivers");
    canary.assert_untouched("a redirect").await;
    count += special::all().await + encryption::all().await + dns::all().await;
    assert!(count >= 80, "the gauntlet has {count} receivers left");
    let grown = kilobytes("VmHWM").saturating_sub(before);
    assert!(grown < GROWTH_MAX_KB, "the process grew by {grown} KiB");
    println!("{count} receivers; grew by {grown} KiB");
}

#[test]
fn the_gauntlet_is_run() {
    let program = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(program);
    let ran = command.args([ALONE, "--exact", "--nocapture"]).env(IN_ITS_OWN_PROCESS, "1").output().unwrap();
    let told = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    // The count is printed behind the last assertion.
    assert!(ran.status.success() && told.contains(" receivers; grew by "), "{told}");
}
