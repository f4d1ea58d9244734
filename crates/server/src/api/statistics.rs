//! How delivering goes: the tenant as a whole and each destination, from counters and the rows that
//! no counter holds yet. No history is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::id::DestinationId;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::destination::{self, Destination};
use hookswitch_store::stat::{self, Counts, HOUR_MS, MINUTE_MS, Waiting};
use hookswitch_store::{StoreError, Tx, tenant};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::list::List;
use super::path::Id;
use super::problem::Problem;
use crate::app::App;

/// Unfinished deliveries that one request counts; beyond them the figures are at least these.
const COUNTED_MAX: i64 = 20_000;

/// How far back the figures reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Window {
    #[serde(rename = "1h")]
    Hour,
    #[default]
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
}

impl Window {
    /// Width and number of its buckets.
    const fn buckets(self) -> (i64, i64) {
        match self {
            Self::Hour => (MINUTE_MS, 60),
            Self::Day => (HOUR_MS, 24),
            Self::Week => (HOUR_MS, 168),
        }
    }

    /// The beginning of its first bucket; the last one holds this moment.
    fn from(self, now: Timestamp) -> Timestamp {
        let (width, count) = self.buckets();
        let now = now.millis();
        Timestamp::from_millis(now - now.rem_euclid(width) - (count - 1) * width)
    }
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// `1h` (in minutes), `24h` or `7d` (in hours).
    #[serde(default)]
    #[param(required = false, inline)]
    window: Window,
}

/// What was tried in the window.
#[derive(Serialize, ToSchema)]
pub struct Figures {
    /// Requests that were sent.
    attempts: i64,
    delivered: i64,
    /// Attempts that failed and were followed by another.
    retries: i64,
    dead_lettered: i64,
    /// Deliveries that ended without a dead letter.
    failed: i64,
    /// Delivered, of what ended; null where nothing did.
    #[schema(example = 0.998)]
    success_rate: Option<f64>,
    /// How long half of the attempts took at most.
    #[schema(example = 38.5)]
    p50_ms: Option<f64>,
    #[schema(example = 210.0)]
    p95_ms: Option<f64>,
}

impl From<&Counts> for Figures {
    fn from(counts: &Counts) -> Self {
        let Counts { attempts, delivered, retries, dead_lettered, failed, .. } = *counts;
        let rounded = |part| counts.percentile_ms(part).map(|millis| (millis * 10.0).round() / 10.0);
        let success_rate = counts.success_rate();
        Self { attempts, delivered, retries, dead_lettered, failed, success_rate, p50_ms: rounded(0.5), p95_ms: rounded(0.95) }
    }
}

/// What is not finished now.
#[derive(Default, Serialize, ToSchema)]
pub struct Unfinished {
    pending: i64,
    delivering: i64,
    /// Scheduled for another attempt.
    retrying: i64,
    /// Held: by a paused or disabled destination, a missing secret, used-up attempts.
    parked: i64,
    /// How long the oldest delivery that could be sent has been due; null where none is.
    oldest_due_age_seconds: Option<u64>,
    /// There are more than were counted.
    at_least: bool,
}

impl Unfinished {
    fn add(&mut self, waiting: Waiting, held: bool, now: Timestamp) {
        let own = match held {
            true => Waiting { parked: waiting.pending + waiting.retrying + waiting.parked, pending: 0, retrying: 0, ..waiting },
            false => waiting,
        };
        self.pending += own.pending;
        self.delivering += own.delivering;
        self.retrying += own.retrying;
        self.parked += own.parked;
        self.at_least |= own.more;
        if let Some(at) = own.oldest_due_at.filter(|_| !held) {
            self.oldest_due_age_seconds = self.oldest_due_age_seconds.max(Some(now.since(at).as_secs()));
        }
    }
}

/// The outbound side of a tenant.
#[derive(Serialize, ToSchema)]
pub struct IntegrationsHealth {
    window: Window,
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Nothing is sent for the whole tenant until somebody resumes it.
    sending_paused: bool,
    active_destinations: usize,
    /// Paused or disabled.
    held_destinations: usize,
    #[serde(flatten)]
    figures: Figures,
    #[serde(flatten)]
    unfinished: Unfinished,
    /// Every bucket of the window, the oldest first.
    series: Vec<Bucket>,
    /// Of each destination what the buckets of `series` hold; without those that were sent nothing.
    destinations: Vec<Line>,
}

/// What one destination took and didn't take, per bucket.
#[derive(Serialize, ToSchema)]
pub struct Line {
    #[schema(value_type = String, example = "dst_01jd8r7c5tevzs9c1ghvzv3hkp")]
    destination_id: DestinationId,
    delivered: Vec<i64>,
    /// Retries, dead letters and what failed without one.
    troubled: Vec<i64>,
}

/// The tenant's counts: all of them, per bucket, and per destination.
struct Sums {
    all: Counts,
    series: Vec<Bucket>,
    destinations: Vec<Line>,
}

/// In a transaction that is narrowed to a group, `present` is all that is counted: what was deleted belongs to none.
async fn sums(tx: &mut Tx, window: Window, from: Timestamp, present: &[Destination]) -> Result<Sums, StoreError> {
    let (width, count) = window.buckets();
    let mut buckets = empty(window, from);
    let mut lines = BTreeMap::new();
    let mut all = Counts::default();
    let narrowed = tx.group().is_some();
    for ((destination, bucket), counts) in stat::since(tx, width, from, None).await? {
        if narrowed && !present.iter().any(|each| each.id == destination) {
            continue;
        }
        all.add(&counts);
        buckets.entry(bucket).or_default().add(&counts);
        let line = lines.entry(destination).or_insert_with(|| vec![(0, 0); count as usize]);
        if let Some((delivered, troubled)) = line.get_mut(((bucket - from.millis()) / width) as usize) {
            *delivered += counts.delivered;
            *troubled += counts.retries + counts.dead_lettered + counts.failed;
        }
    }
    let line = |(destination_id, line): (_, Vec<_>)| {
        let (delivered, troubled) = line.into_iter().unzip();
        Line { destination_id, delivered, troubled }
    };
    Ok(Sums { all, series: series(&buckets), destinations: lines.into_iter().map(line).collect() })
}

fn empty(window: Window, from: Timestamp) -> BTreeMap<i64, Counts> {
    let (width, count) = window.buckets();
    (0..count).map(|place| (from.millis() + place * width, Counts::default())).collect()
}

fn series(buckets: &BTreeMap<i64, Counts>) -> Vec<Bucket> {
    buckets.iter().map(|(at, counts)| Bucket { from: Timestamp::from_millis(*at), figures: counts.into() }).collect()
}

/// How delivering goes: what happened in the window, and what waits now.
#[utoipa::path(get, path = "/api/v1/integrations/health", operation_id = "integrationsHealth", tag = "health", params(Span),
    extensions(("x-permission" = json!("delivery:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The figures", body = IntegrationsHealth)))]
pub async fn health(
    caller: Caller,
    State(app): State<Arc<App>>,
    asked: List<Span>,
) -> Result<axum::Json<IntegrationsHealth>, Problem> {
    let (window, now) = (asked.filter.window, app.ambient.now());
    let from = window.from(now);
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let paused = tenant::own(tx).await?.is_some_and(|own| own.sending_paused);
            let all = destination::all(tx).await?;
            let Sums { all: sum, series, destinations } = sums(tx, window, from, &all).await?;
            let mut unfinished = Unfinished::default();
            let mut left = COUNTED_MAX;
            for each in &all {
                let waiting = stat::waiting(tx, each.id, left.max(1)).await?;
                left -= waiting.pending + waiting.delivering + waiting.retrying + waiting.parked;
                unfinished.add(waiting, paused || each.hold.is_some(), now);
            }
            let held = all.iter().filter(|each| each.hold.is_some()).count();
            Ok(IntegrationsHealth {
                window,
                from,
                sending_paused: paused,
                active_destinations: all.len() - held,
                held_destinations: held,
                figures: Figures::from(&sum),
                unfinished,
                series,
                destinations,
            })
        })
    });
    Ok(axum::Json(job.await?))
}

/// One destination over time.
#[derive(Serialize, ToSchema)]
pub struct DestinationStats {
    #[schema(value_type = String, example = "dst_01jd8r7c5tevzs9c1ghvzv3hkp")]
    destination_id: DestinationId,
    window: Window,
    #[serde(flatten)]
    figures: Figures,
    #[serde(flatten)]
    unfinished: Unfinished,
    /// Every bucket of the window, the oldest first.
    series: Vec<Bucket>,
}

/// A part of the window.
#[derive(Serialize, ToSchema)]
pub struct Bucket {
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[serde(flatten)]
    figures: Figures,
}

/// How delivering to one destination goes, with a series for charts.
#[utoipa::path(get, path = "/api/v1/integrations/destinations/{id}/stats", operation_id = "destinationStats", tag = "destinations",
    params(("id" = String, Path, description = "`dst_...`"), Span), extensions(("x-permission" = json!("delivery:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The figures", body = DestinationStats)))]
pub async fn stats(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
    asked: List<Span>,
) -> Result<axum::Json<DestinationStats>, Problem> {
    let (window, now) = (asked.filter.window, app.ambient.now());
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let found = destination::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            Ok(read(tx, &found, window, now).await?)
        })
    });
    Ok(axum::Json(job.await?))
}

async fn read(tx: &mut Tx, found: &Destination, window: Window, now: Timestamp) -> Result<DestinationStats, StoreError> {
    let from = window.from(now);
    let mut buckets = empty(window, from);
    for ((_, bucket), counts) in stat::since(tx, window.buckets().0, from, Some(found.id)).await? {
        buckets.entry(bucket).or_default().add(&counts);
    }
    let mut sum = Counts::default();
    buckets.values().for_each(|counts| sum.add(counts));
    let paused = tenant::own(tx).await?.is_some_and(|own| own.sending_paused);
    let mut unfinished = Unfinished::default();
    unfinished.add(stat::waiting(tx, found.id, COUNTED_MAX).await?, paused || found.hold.is_some(), now);
    let series = series(&buckets);
    Ok(DestinationStats { destination_id: found.id, window, figures: (&sum).into(), unfinished, series })
}
