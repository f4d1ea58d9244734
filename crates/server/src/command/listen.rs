//! `listen`: what happens on a server, forwarded to a port of one's own machine, signed as a
//! destination's requests are. Without a destination each event comes once; with one, each of its
//! deliveries does, in the destination's form.
//!
//! The stream says that something happened; what is forwarded is fetched by its id. After a break
//! the lists tell what was missed, and nothing is forwarded twice.

mod forward;
mod stream;

use std::collections::{HashSet, VecDeque};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use hookswitch_domain::event::EventPattern;
use hookswitch_domain::signature::new_secret;
use serde_json::{Value, json};
use tokio::time::sleep;
use url::{Url, form_urlencoded};

use self::forward::Forwarder;
use self::stream::{Frame, Frames};
use super::remote::{Api, Refused, Remote, local_url, text};
use super::{Global, ambient};

const PAUSE_MAX: Duration = Duration::from_secs(30);
/// So many are remembered as forwarded.
const REMEMBERED_MAX: usize = 10_000;
/// After a break, at most so many are made up for.
const CATCH_UP_MAX: usize = 100;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    remote: Remote,
    /// Where to: a URL, host and port, or a port of this machine.
    #[arg(long, value_name = "URL", value_parser = local_url)]
    forward_to: Url,
    /// Forward this destination's deliveries; without it, every event of the tenant.
    #[arg(long, value_name = "ID")]
    destination: Option<String>,
    /// Only these event types: ticket.created, ticket.*, *.
    #[arg(long, value_name = "PATTERN")]
    filter: Option<EventPattern>,
    /// Begin with the newest N there are already.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    last: u32,
    /// Sign with this secret instead of a fresh one. Other users of this machine can see it on the command line.
    #[arg(long, env = "HOOKSWITCH_SIGNING_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// How long the local server may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// Something to forward.
#[derive(Debug, Clone)]
struct Item {
    /// The delivery's id, or the event's.
    id: String,
    event_id: String,
    event_type: String,
    created_at: String,
    replay: bool,
}

pub async fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let api = arguments.remote.api()?;
    let fresh = || new_secret(ambient().random());
    let secret = arguments.secret.clone().unwrap_or_else(fresh);
    let forwarder = Forwarder::new(api.clone(), &arguments, &secret, global.json).await?;
    let generated = arguments.secret.is_none().then_some(secret.as_str());
    match global.json {
        true => println!("{}", json!({ "forward_to": arguments.forward_to.as_str(), "signing_secret": generated })),
        false => {
            println!("Forwarding to {}", arguments.forward_to);
            generated.iter().for_each(|secret| println!("Signing secret: {secret}"));
        }
    }
    let mut listener =
        Listener { api, arguments, forwarder, done: Done::default(), newest: None, ready: false, json: global.json };
    let mut pause = Duration::from_secs(1);
    loop {
        let begun = tokio::time::Instant::now();
        let broken = match listener.once().await {
            Ok(reason) => reason,
            Err(error) if error.downcast_ref::<Refused>().is_some_and(Refused::is_final) => return Err(error),
            Err(error) => format!("{error:#}"),
        };
        if begun.elapsed() > PAUSE_MAX {
            pause = Duration::from_secs(1);
        }
        eprintln!("hookswitch: {broken}; trying again in {} s", pause.as_secs());
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

struct Listener {
    api: Api,
    arguments: Arguments,
    forwarder: Forwarder,
    done: Done,
    /// When the newest that was forwarded was made: where to go on after a break.
    newest: Option<String>,
    /// The first connection was there.
    ready: bool,
    json: bool,
}

impl Listener {
    /// One connection, to its end. Returns why it ended.
    async fn once(&mut self) -> anyhow::Result<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(id) = &self.arguments.destination {
            query.append_pair("destination_id", id);
        }
        if let Some(pattern) = &self.arguments.filter {
            query.append_pair("event_type", &pattern.to_string());
        }
        let mut frames = Frames::open(&self.api, &format!("/api/v1/integrations/live?{}", query.finish())).await?;
        while let Some(frame) = frames.next().await? {
            match frame.name.as_str() {
                "ready" => self.begin().await?,
                "lagged" => self.catch_up(CATCH_UP_MAX).await?,
                "end" => return Ok(text(&frame.data["reason"]).to_owned()),
                _ => self.take(self.item(&frame)).await?,
            }
        }
        Ok("the connection ended".to_owned())
    }

    /// The newest N at the first time; after a break, what was missed.
    async fn begin(&mut self) -> anyhow::Result<()> {
        let count = if self.ready { CATCH_UP_MAX } else { self.arguments.last as usize };
        if !self.ready {
            self.ready = true;
            self.newest = (count == 0).then(|| ambient().now().to_string());
            println!("{}", if self.json { r#"{"ready":true}"# } else { "Ready" });
        }
        self.catch_up(count).await
    }

    async fn catch_up(&mut self, count: usize) -> anyhow::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", "100");
        if let Some(from) = &self.newest {
            query.append_pair("from", from);
        }
        let list = match &self.arguments.destination {
            Some(id) => {
                query.append_pair("destination_id", id);
                "/api/v1/integrations/deliveries"
            }
            None => "/api/v1/events",
        };
        let page = self.api.get(&format!("{list}?{}", query.finish())).await?;
        let matches = |item: &Item| self.arguments.filter.as_ref().is_none_or(|pattern| pattern.matches(&item.event_type));
        let listed = page["data"].as_array().into_iter().flatten().map(Item::listed);
        let newest: Vec<Item> = listed.filter(matches).take(count).collect();
        for item in newest.into_iter().rev() {
            self.take(Some(item)).await?;
        }
        Ok(())
    }

    fn item(&self, frame: &Frame) -> Option<Item> {
        match (frame.name.as_str(), &self.arguments.destination) {
            ("published", None) => Some(Item::published(&frame.data)),
            ("delivery", Some(_)) => Some(Item::listed(&frame.data["delivery"])),
            _ => None,
        }
    }

    async fn take(&mut self, item: Option<Item>) -> anyhow::Result<()> {
        let Some(item) = item.filter(|item| self.done.is_new(&item.id)) else { return Ok(()) };
        self.forwarder.forward(&item).await?;
        self.done.remember(item.id);
        self.newest = self.newest.take().max(Some(item.created_at));
        Ok(())
    }
}

impl Item {
    /// Of a list of events or deliveries.
    fn listed(row: &Value) -> Self {
        let id = text(&row["id"]).to_owned();
        Self {
            event_id: row["event_id"].as_str().map_or_else(|| id.clone(), str::to_owned),
            id,
            event_type: text(&row["event_type"]).to_owned(),
            created_at: text(&row["created_at"]).to_owned(),
            replay: !row["replayed_from"].is_null(),
        }
    }

    fn published(event: &Value) -> Self {
        let id = text(&event["event_id"]).to_owned();
        let [event_type, created_at] = ["event_type", "created_at"].map(|name| text(&event[name]).to_owned());
        Self { event_id: id.clone(), id, event_type, created_at, replay: false }
    }
}

/// What was forwarded, up to a number.
#[derive(Default)]
struct Done {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Done {
    fn is_new(&self, id: &str) -> bool {
        !id.is_empty() && !self.ids.contains(id)
    }

    fn remember(&mut self, id: String) {
        self.ids.insert(id.clone());
        self.order.push_back(id);
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}
