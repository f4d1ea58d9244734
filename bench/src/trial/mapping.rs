//! The sandbox, with its round trip to a worker process, beside the JavaScript reference implementation of JSONata,
//! in whose process nothing has to be handed over: the same eight expressions over the same body, parsed and
//! evaluated anew each time, and the results made JSON.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hookswitch_pipeline::sandbox::{Expr, Sandbox, SandboxConfig, WORKER_COMMAND};
use serde_json::{Value, json};
use uuid::Uuid;

use super::yard::alert;
use super::{Finding, Trials};
use crate::report::Bound;

const SPAN: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_millis(500);
/// As the server has them.
const WORKERS: usize = 2;
const LIMIT_MS: u32 = 25;

/// A ticket's eight fields.
const EXPRESSIONS: [&str; 8] = [
    "$uppercase(alert.severity) & ': ' & alert.message",
    "$join(alert.lines, '\n')",
    "alert.client",
    "alert.board",
    "alert.severity = 'high' ? 'pri_2' : 'pri_1'",
    "alert.due",
    "$string(alert.id)",
    "{'host': alert.host, 'tags': alert.tags[$ != 'prod']}",
];

pub fn run(trials: &Trials) -> Result<Vec<Finding>> {
    let reference = Reference::prepare(trials)?;
    let (start, end) = alert("brd_01jd8r7c5tevzs9c1ghvzv3hkp", "cli_01jd8r7c5tevzs9c1ghvzv3hkp");
    let body = format!("{start}0000000007{end}");
    let program = trials.binary.canonicalize().with_context(|| format!("{}", trials.binary.display()))?;
    let config =
        SandboxConfig { program, args: vec![WORKER_COMMAND.into()], workers: WORKERS, idle_shutdown: Duration::from_secs(60) };
    let sandbox = Arc::new(Sandbox::new(config));
    let (_, theirs) = reference.run(&body, 1, WARM_UP)?;
    trials.runtime.block_on(ours(&sandbox, &body, WORKERS, WARM_UP))?;
    let results = trials.runtime.block_on(once(&sandbox, &body))?;
    ensure!(results == theirs, "the two implementations differ: {results} and {theirs}");
    let (mut single, mut all) = (Vec::new(), Vec::new());
    for _ in 0..trials.rounds.min(3) {
        let one = trials.runtime.block_on(ours(&sandbox, &body, 1, SPAN))?;
        single.push((reference.run(&body, 1, SPAN)?.0, one));
        let many = trials.runtime.block_on(ours(&sandbox, &body, 2 * WORKERS, SPAN))?;
        all.push((reference.run(&body, WORKERS, SPAN)?.0, many));
    }
    let note = format!("{}; both give the same results", reference.version);
    Ok(vec![
        Finding::ratio("mappings per second, one at a time, beside one process", single, Some(Bound::AtLeast(3.0))).note(note),
        Finding::ratio("mappings per second, two workers beside two processes", all, Some(Bound::AtLeast(3.0))),
    ])
}

fn expressions() -> Vec<Expr<'static>> {
    EXPRESSIONS.iter().map(|text| Expr { id: text, text, limit_ms: LIMIT_MS }).collect()
}

async fn once(sandbox: &Sandbox, body: &str) -> Result<Value> {
    let evaluated = sandbox.evaluate(Uuid::nil(), body.as_bytes(), &expressions()).await?;
    let results = evaluated.into_iter().map(|one| one.result.map_err(|error| anyhow::anyhow!(error.message)));
    Ok(json!(results.collect::<Result<Vec<_>>>()?))
}

/// Mappings per second with so many asked for at once.
async fn ours(sandbox: &Arc<Sandbox>, body: &str, at_once: usize, span: Duration) -> Result<f64> {
    let begun = Instant::now();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (sandbox, body) = (sandbox.clone(), body.to_owned());
        askers.spawn(async move {
            let mut count = 0u64;
            while begun.elapsed() < span {
                sandbox.evaluate(Uuid::nil(), body.as_bytes(), &expressions()).await?;
                count += 1;
            }
            anyhow::Ok(count)
        });
    }
    let mut count = 0;
    for done in askers.join_all().await {
        count += done?;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// `jsonata` from npm, under node.
struct Reference {
    folder: std::path::PathBuf,
    version: String,
}

impl Reference {
    fn prepare(trials: &Trials) -> Result<Self> {
        let folder = trials.jsonata.clone();
        if !folder.join("node_modules").is_dir() {
            let install = Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder).status();
            let install = install.context("npm is needed to install the reference implementation")?;
            ensure!(install.success(), "npm ci in {} failed", folder.display());
        }
        let version = Command::new("node").arg("reference.mjs").arg("--version").current_dir(&folder).output();
        let version = version.context("node is needed to run the reference implementation")?;
        ensure!(version.status.success(), "{}", String::from_utf8_lossy(&version.stderr));
        Ok(Self { folder, version: String::from_utf8_lossy(&version.stdout).trim().to_owned() })
    }

    /// Mappings per second of so many processes together, and the results of one.
    fn run(&self, body: &str, processes: usize, span: Duration) -> Result<(f64, Value)> {
        let input = json!({"body": body, "expressions": EXPRESSIONS, "milliseconds": span.as_millis() as u64}).to_string();
        let mut running = Vec::new();
        for _ in 0..processes {
            let mut child = Command::new("node")
                .arg("reference.mjs")
                .current_dir(&self.folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            child.stdin.take().context("stdin")?.write_all(input.as_bytes())?;
            running.push(child);
        }
        let (mut sum, mut results) = (0.0, Value::Null);
        for child in running {
            let output = child.wait_with_output()?;
            ensure!(output.status.success(), "node reference.mjs failed");
            let mut said: Value = serde_json::from_slice(&output.stdout)?;
            sum += said["per_second"].as_f64().context("per_second")?;
            results = said["results"].take();
        }
        Ok((sum, results))
    }
}
