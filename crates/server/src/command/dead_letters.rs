//! `dead-letters`: looks at what failed for good or is parked on a running server, and replays or
//! discards it. In bulk it counts first and starts nothing without `--yes`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Global;
use super::remote::{Api, Remote};

const LETTERS: &str = "/api/v1/integrations/dead-letters";
/// Between two looks at a job.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show what failed for good or is parked, newest first.
    List {
        #[command(flatten)]
        remote: Remote,
        #[command(flatten)]
        filter: Filter,
        /// How many at most.
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Show one with its last try and the head of its payload.
    Show {
        #[command(flatten)]
        remote: Remote,
        #[arg(value_name = "DELIVERY")]
        id: String,
    },
    /// Send again: by id, or all that the filter leaves.
    Replay(Bulk),
    /// End for good: by id, or all that the filter leaves.
    Discard(Bulk),
}

/// What is left out doesn't narrow it.
#[derive(Args)]
struct Filter {
    /// dead_lettered or parked
    #[arg(long)]
    state: Option<String>,
    /// dst_...
    #[arg(long, value_name = "ID")]
    destination: Option<String>,
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// exhausted, terminal, refused or set_aside
    #[arg(long)]
    reason: Option<String>,
    #[arg(long)]
    parked_reason: Option<String>,
    /// Made from this moment on (RFC 3339).
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Made before this moment (RFC 3339).
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
}

impl Filter {
    fn fields(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("state", &self.state),
            ("destination_id", &self.destination),
            ("event_type", &self.event_type),
            ("reason", &self.reason),
            ("parked_reason", &self.parked_reason),
            ("from", &self.from),
            ("to", &self.to),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

#[derive(Args)]
struct Bulk {
    #[command(flatten)]
    remote: Remote,
    /// Which; without any, all that the filter leaves.
    #[arg(value_name = "DELIVERY")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    /// Start it, whatever the count is.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// How many a second.
    #[arg(long, value_name = "RATE", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// Wait for the job's end.
    #[arg(long)]
    wait: bool,
}

pub async fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.what {
        What::List { remote, filter, limit } => list(global, &remote.api()?, &filter, limit).await,
        What::Show { remote, id } => show(global, &remote.api()?, &id).await,
        What::Replay(bulk) => all(global, bulk, "replay").await,
        What::Discard(bulk) => all(global, bulk, "discard").await,
    }
}

async fn list(global: &Global, api: &Api, filter: &Filter, limit: u32) -> anyhow::Result<ExitCode> {
    let (mut left, mut cursor): (usize, Option<String>) = (limit as usize, None);
    let mut rows = Vec::new();
    // Pages may be short although there is more: only a missing cursor is the end.
    loop {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(filter.fields()).append_pair("limit", &left.clamp(1, 25).to_string());
        if let Some(cursor) = &cursor {
            query.append_pair("cursor", cursor);
        }
        let page = api.get(&format!("{LETTERS}?{}", query.finish())).await?;
        let found = page["data"].as_array().cloned().unwrap_or_default();
        left = left.saturating_sub(found.len());
        rows.extend(found);
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if left == 0 || cursor.is_none() {
            break;
        }
    }
    if global.json {
        println!("{}", json!({ "data": rows, "more": cursor.is_some() }));
        return Ok(ExitCode::SUCCESS);
    }
    for row in &rows {
        let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
        let to = row["destination_name"].as_str().unwrap_or("(deleted)");
        println!(
            "{}  {}  {}  {}  {to}: {}",
            text("id"),
            text("dead_at"),
            text("reason"),
            text("event_type"),
            text("explanation")
        );
    }
    if rows.is_empty() {
        eprintln!("nothing here");
    } else if cursor.is_some() {
        eprintln!("there is more: raise --limit, or narrow the list");
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(global: &Global, api: &Api, id: &str) -> anyhow::Result<ExitCode> {
    let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let letter = api.get(&format!("{LETTERS}/{id}")).await?;
    match global.json {
        true => println!("{letter}"),
        false => println!("{letter:#}"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn all(global: &Global, bulk: Bulk, what: &str) -> anyhow::Result<ExitCode> {
    let fields = bulk.filter.fields();
    anyhow::ensure!(bulk.ids.is_empty() || fields.is_empty(), "name either deliveries or a filter");
    let mut body = match bulk.ids.is_empty() {
        false => json!({ "ids": bulk.ids }),
        true => json!({ "filter": fields.into_iter().collect::<std::collections::BTreeMap<_, _>>() }),
    };
    let (api, path) = (bulk.remote.api()?, format!("{LETTERS}/{what}"));
    body["dry_run"] = json!(true);
    let counted = api.post(&path, &body).await?;
    let count = counted["count"].as_i64().unwrap_or_default();
    if bulk.dry_run || count == 0 {
        print(global, &counted, &format!("{count} to {what}"));
        return Ok(ExitCode::SUCCESS);
    }
    anyhow::ensure!(bulk.yes, "{count} to {what}; nothing was started: say --yes to go on");
    body["dry_run"] = json!(false);
    body["rate_per_second"] = json!(bulk.rate);
    let started = api.post(&path, &body).await?;
    let id = started["job_id"].as_str().unwrap_or_default().to_owned();
    if !bulk.wait {
        print(global, &started, &format!("{id}: {count} to {what}"));
        return Ok(ExitCode::SUCCESS);
    }
    let job = follow(&api, &id).await?;
    print(global, &job, &format!("{id} is {}: {} done, {} skipped", said(&job, "state"), job["done"], job["skipped"]));
    Ok(if job["state"] == "completed" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn follow(api: &Api, id: &str) -> anyhow::Result<Value> {
    loop {
        let job = api.get(&format!("{LETTERS}/jobs/{id}")).await?;
        if job["state"] != "running" {
            return Ok(job);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn said<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn print(global: &Global, data: &Value, plain: &str) {
    match global.json {
        true => println!("{data}"),
        false => println!("{plain}"),
    }
}
