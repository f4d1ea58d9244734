//! `trigger`: publishes a sample of an event type, to see what comes of it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use hookswitch_domain::event::EventType;
use serde_json::{Value, json};

use super::remote::{Api, Remote, text};
use super::{Global, ambient, input};

/// A batch holds so many.
const BATCH_MAX: u32 = 500;
const CATALOGUE_PAGES_MAX: usize = 20;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    remote: Remote,
    /// Like ticket.created.
    event_type: EventType,
    /// The payload, JSON; `-` is standard input. Without it the catalogue's example, or a plain sample.
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// How many times.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(BATCH_MAX)))]
    count: u32,
}

pub async fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let api = arguments.remote.api()?;
    let event_type = arguments.event_type.as_str();
    let payload = match &arguments.payload {
        Some(path) => serde_json::from_slice(&input(Some(path))?).context("--payload is no JSON")?,
        None => match catalogued(&api, event_type).await {
            Some(example) => example,
            None => sample(event_type),
        },
    };
    let one = json!({ "event_type": event_type, "payload": payload });
    let answers = match arguments.count {
        1 => vec![api.post("/api/v1/events", &one).await?],
        count => {
            let batch = json!({ "events": vec![one; count as usize] });
            let answer = api.post("/api/v1/events/batch", &batch).await?;
            answer["events"].as_array().cloned().context("the answer names no events")?
        }
    };
    for answer in answers {
        match global.json {
            true => println!("{answer}"),
            false => println!("{} {event_type}, for {}", text(&answer["event_id"]), destinations(&answer)),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn destinations(answer: &Value) -> String {
    match answer["matched_destinations"].as_u64() {
        Some(1) => "1 destination".to_owned(),
        Some(count) => format!("{count} destinations"),
        None => "an unknown number of destinations".to_owned(),
    }
}

/// The example that the tenant's catalogue has. Whoever may not read it gets the plain sample.
async fn catalogued(api: &Api, event_type: &str) -> Option<Value> {
    let mut cursor = String::new();
    for _ in 0..CATALOGUE_PAGES_MAX {
        let page = api.get(&format!("/api/v1/event-types?limit=100{cursor}")).await.ok()?;
        let found = page["data"].as_array()?.iter().find(|each| each["name"] == event_type);
        if let Some(found) = found {
            return found.get("example").filter(|example| !example.is_null()).cloned();
        }
        cursor = format!("&cursor={}", page["next_cursor"].as_str()?);
    }
    None
}

/// Says what it is, and what it is about.
fn sample(event_type: &str) -> Value {
    let (about, what) = event_type.rsplit_once('.').unwrap_or(("example", event_type));
    json!({
        "sample": true,
        "message": format!("A sample of {event_type}, published by hookswitch trigger"),
        "object": about,
        "action": what,
        "id": "sample-1",
        "occurred_at": ambient().now(),
    })
}
