//! The workers as processes: when they exist, what they hold, and who gets one.

use hookswitch_pipeline::sandbox::SandboxError;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::*;

/// Some tens of milliseconds of honest work.
const SLOW: &str = "$count([1..400].($sum([1..50].($ * $))))";

/// This process's children that are still running.
pub fn children() -> Vec<i32> {
    let mut children = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let listed = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(listed.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()).filter(|pid| runs(*pid)));
    }
    children.sort_unstable();
    children
}

fn runs(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn workers_start_on_first_use_and_end_when_idle() {
    let before = children();
    let config = SandboxConfig { idle_shutdown: Duration::from_millis(300), ..SandboxConfig::this_binary().unwrap() };
    let sandbox = Sandbox::new(config);
    assert_eq!(children(), before, "nothing is started before it is needed");
    for _ in 0..2 {
        evaluate(&sandbox, ACME, "{}", "1").await.unwrap();
        assert_eq!((sandbox.idle_workers(), children().len()), (1, before.len() + 1), "one request, one worker");
        until("an idle worker ends", || sandbox.idle_workers() == 0 && children() == before).await;
    }
    evaluate(&sandbox, ACME, "{}", "1").await.unwrap();
    drop(sandbox);
    until("workers end with their sandbox", || children() == before).await;
}

pub async fn a_worker_holds_nothing() {
    let (listener, file) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), std::fs::File::open("Cargo.toml").unwrap());
    let sandbox = sandbox();
    let before = children();
    evaluate(&sandbox, ACME, "{}", "1").await.unwrap();
    let worker = children().into_iter().find(|pid| !before.contains(pid)).unwrap();
    // Nothing of ours; the one setting keeps the allocator inside the worker's address-space limit.
    let environment = std::fs::read(format!("/proc/{worker}/environ")).unwrap();
    assert_eq!(environment, b"MIMALLOC_ARENA_RESERVE=64M\0", "no environment of the parent's");
    let open: Vec<_> = (std::fs::read_dir(format!("/proc/{worker}/fd")).unwrap().flatten())
        .map(|entry| std::fs::read_link(entry.path()).unwrap().display().to_string())
        .collect();
    let leaked =
        |target: &String| target.starts_with("socket:") || target.contains("eventpoll") || target.ends_with("Cargo.toml");
    assert!(!open.iter().any(leaked), "nothing of ours is inherited: {open:?}");
    drop((listener, file));
    let limits = std::fs::read_to_string(format!("/proc/{worker}/limits")).unwrap();
    for limit in ["Max open files", "Max core file size", "Max file size"] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert_eq!(line[limit.len()..].split_whitespace().next(), Some("0"), "{line}");
    }
    assert!(limits.lines().any(|line| line.starts_with("Max address space") && line.contains("536870912")));
}

pub async fn a_worker_that_was_killed_from_outside_is_nobodys_fault() {
    let sandbox = sandbox();
    let kill = |pid: i32| kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let before = children();
    let ours = || children().into_iter().filter(|pid| !before.contains(pid)).collect::<Vec<_>>();
    evaluate(&sandbox, ACME, "{}", "1").await.unwrap();
    for pid in ours() {
        kill(pid);
        until("it is gone", || !runs(pid)).await;
    }
    assert_eq!(evaluate(&sandbox, ACME, r#"{"a":1}"#, "a").await, Ok(Some(json!(1))), "while idle");

    let slow = [Expr { id: "slow", text: SLOW, limit_ms: 5_000 }];
    let (result, ()) = tokio::join!(sandbox.evaluate(ACME, b"{}", &slow), async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        ours().into_iter().for_each(kill);
    });
    assert_eq!(result.unwrap()[0].result, Ok(Some(json!(400))), "in the middle of it");
}

pub async fn a_flood_of_one_tenant_does_not_hold_up_another() {
    let sandbox = sandbox();
    evaluate(&sandbox, GLOBEX, "{}", "1").await.unwrap();
    let flood: Vec<_> = (0..60)
        .map(|_| {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.evaluate(ACME, b"{}", &[Expr { id: "slow", text: SLOW, limit_ms: 5_000 }]).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let started = Instant::now();
        assert_eq!(evaluate(&sandbox, GLOBEX, r#"{"a":1}"#, "a").await, Ok(Some(json!(1))));
        slowest = slowest.max(started.elapsed());
    }
    let still_waiting = flood.iter().filter(|task| !task.is_finished()).count();
    println!("  slowest {slowest:?} with {still_waiting} of the flood still to come");
    assert!(still_waiting > 0 && slowest < PROMPT);
    for task in flood {
        assert_eq!(task.await.unwrap().unwrap()[0].result, Ok(Some(json!(400))));
    }
}

pub async fn a_caller_that_goes_away_frees_its_slot() {
    let config = SandboxConfig { workers: 1, ..SandboxConfig::this_binary().unwrap() };
    let sandbox = Sandbox::new(config);
    let endless = [Expr { id: "endless", text: "($f := function($n){ $f($n + 1) }; $f(0))", limit_ms: 10_000 }];
    for _ in 0..3 {
        let left = tokio::time::timeout(Duration::from_millis(150), sandbox.evaluate(ACME, b"{}", &endless)).await;
        assert!(left.is_err());
    }
    let started = Instant::now();
    assert_eq!(evaluate(&sandbox, ACME, r#"{"a":1}"#, "a").await, Ok(Some(json!(1))));
    assert!(started.elapsed() < PROMPT);
}

pub async fn too_many_waiting_are_told_so() {
    let config = SandboxConfig { workers: 1, ..SandboxConfig::this_binary().unwrap() };
    let sandbox = Sandbox::new(config);
    let tasks: Vec<_> = (0..400)
        .map(|_| {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.evaluate(ACME, b"{}", &[Expr { id: "one", text: "1", limit_ms: LIMIT_MS }]).await })
        })
        .collect();
    let (mut served, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(results) => served += usize::from(results[0].result == Ok(Some(json!(1)))),
            Err(error) => refused += usize::from(error == SandboxError::Busy),
        }
    }
    println!("  {served} served, {refused} refused");
    assert_eq!(served + refused, 400);
    assert!(served >= 256, "who was let into the queue is served");
}

pub async fn a_worker_that_cannot_start_is_an_error() {
    for (program, args) in
        [("/nonexistent/hookswitch", vec![]), ("/bin/true", vec![]), ("/bin/echo", vec!["hello, hello".into()])]
    {
        let config = SandboxConfig { program: program.into(), args, ..SandboxConfig::this_binary().unwrap() };
        let failed = Sandbox::new(config).evaluate(ACME, b"{}", &[Expr { id: "a", text: "a", limit_ms: LIMIT_MS }]).await;
        assert!(matches!(failed, Err(SandboxError::Unavailable(_))), "{program}: {failed:?}");
    }
}
