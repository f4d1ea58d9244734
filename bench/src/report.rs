//! Ratios and what they should be. Ratios are taken within a round and their median is shown, so that
//! a machine that slows down in the middle of a run slows both sides.

use serde::Serialize;

use crate::scenario::Figures;
use crate::tally::median;

/// One measure of one subject.
#[derive(Serialize)]
pub struct Row {
    pub subject: String,
    pub measure: &'static str,
    pub value: f64,
    pub relay: Option<f64>,
    pub ratio: Option<f64>,
    /// What must hold now, and what is aimed at.
    pub target: Option<Bound>,
    pub goal: Option<Bound>,
    /// Whether each of the two is met.
    pub verdict: Option<&'static str>,
    pub goal_verdict: Option<&'static str>,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}
use Bound::{AtLeast, AtMost};

impl Bound {
    pub fn holds(self, value: f64) -> bool {
        match self {
            AtLeast(bound) => value >= bound,
            AtMost(bound) => value <= bound,
        }
    }

    pub fn text(self) -> String {
        match self {
            AtLeast(bound) => format!(">= {bound}"),
            AtMost(bound) => format!("<= {bound}"),
        }
    }
}

/// Bounds hold for the ratio to the relay where there is one, else for the value.
struct Measure {
    name: &'static str,
    of: fn(&Figures) -> Option<f64>,
    against_relay: bool,
    /// For sqlite-1, sqlite-1000, postgres-1, postgres-1000.
    targets: [Option<Bound>; 4],
    goals: [Option<Bound>; 4],
}

const NONE: [Option<Bound>; 4] = [None; 4];
const SUBJECTS: [&str; 4] = ["sqlite-1", "sqlite-1000", "postgres-1", "postgres-1000"];

const fn sqlite(one: Bound, many: Bound) -> [Option<Bound>; 4] {
    [Some(one), Some(many), None, None]
}

const fn all(one: Bound, many: Bound, postgres: Bound) -> [Option<Bound>; 4] {
    [Some(one), Some(many), Some(postgres), Some(postgres)]
}

const MEASURES: &[Measure] = &[
    Measure {
        name: "throughput, accepted to received (events/s)",
        of: |figures| Some(figures.full_speed.result.delivered_per_second),
        against_relay: true,
        targets: sqlite(AtLeast(0.25), AtLeast(0.25)),
        goals: all(AtLeast(0.45), AtLeast(0.35), AtLeast(0.25)),
    },
    // Two rows and no sum: the faster a subject, the more events its first phase has, and a sum over both
    // phases would weigh the dearer second one less for the relay than for the product.
    Measure {
        name: "CPU per 1,000 deliveries, full speed (s)",
        of: |figures| Some(figures.full_speed.cpu_seconds_per_thousand),
        against_relay: true,
        targets: sqlite(AtMost(5.0), AtMost(6.0)),
        goals: all(AtMost(2.6), AtMost(3.6), AtMost(6.0)),
    },
    Measure {
        // Shown without a bound: on a machine that is nearly idle it is wake-ups and fsyncs, one or
        // two for each event, which many events share at full speed.
        name: "CPU per 1,000 deliveries, at 300/s (s)",
        of: |figures| Some(figures.fixed_rate.cpu_seconds_per_thousand),
        against_relay: true,
        targets: NONE,
        goals: NONE,
    },
    Measure {
        name: "accepted to received at 300/s, p99 (ms)",
        of: |figures| Some(figures.fixed_rate.result.accepted_to_received.p99_ms),
        against_relay: true,
        targets: sqlite(AtMost(5.0), AtMost(5.0)),
        goals: all(AtMost(3.0), AtMost(3.0), AtMost(3.0)),
    },
    Measure {
        name: "accepted to received at 300/s, p50 (ms)",
        of: |figures| Some(figures.fixed_rate.result.accepted_to_received.p50_ms),
        against_relay: true,
        targets: NONE,
        goals: NONE,
    },
    Measure {
        name: "published to received at 300/s, p99 (ms)",
        of: |figures| Some(figures.fixed_rate.result.published_to_received.p99_ms),
        against_relay: true,
        targets: NONE,
        goals: NONE,
    },
    // Where an answer comes late, deliveries overtake it and the rows above flatter: then this one is not small,
    // and published to received tells the truth.
    Measure {
        name: "received before the answer at 300/s (share)",
        of: |figures| {
            let latency = &figures.fixed_rate.result;
            Some(latency.arrived_before_answer as f64 / latency.delivered.max(1) as f64)
        },
        against_relay: false,
        targets: NONE,
        goals: NONE,
    },
    Measure {
        name: "publish at 300/s, p50 (ms)",
        of: |figures| Some(figures.fixed_rate.result.publish.p50_ms),
        against_relay: true,
        targets: NONE,
        goals: NONE,
    },
    Measure {
        name: "publish at 300/s, p99 (ms)",
        of: |figures| Some(figures.fixed_rate.result.publish.p99_ms),
        against_relay: true,
        targets: NONE,
        goals: NONE,
    },
    Measure {
        name: "accepted at full speed (events/s)",
        of: |figures| Some(figures.full_speed.result.accepted_per_second),
        against_relay: true,
        targets: NONE,
        goals: NONE,
    },
    Measure {
        name: "publish at full speed, p99 (ms)",
        of: |figures| Some(figures.full_speed.result.publish.p99_ms),
        against_relay: true,
        targets: NONE,
        goals: NONE,
    },
    Measure {
        name: "idle memory of all processes (MB)",
        of: |figures| Some(figures.idle.resident_bytes as f64 / 1e6),
        against_relay: false,
        targets: all(AtMost(60.0), AtMost(60.0), AtMost(60.0)),
        goals: NONE,
    },
    Measure {
        name: "start to ready (s)",
        of: |figures| Some(figures.ready_ms / 1e3),
        against_relay: false,
        targets: all(AtMost(0.5), AtMost(0.5), AtMost(0.5)),
        goals: NONE,
    },
    Measure {
        name: "stored per 1 KiB event (bytes)",
        of: |figures| figures.stored_bytes_per_event,
        against_relay: false,
        targets: NONE,
        goals: all(AtMost(1900.0), AtMost(1900.0), AtMost(2300.0)),
    },
];

pub fn table(runs: &[Figures]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, subject) in SUBJECTS.iter().enumerate() {
        rows.extend(MEASURES.iter().filter_map(|measure| row(measure, subject, place, runs)));
    }
    rows
}

fn row(measure: &Measure, subject: &str, place: usize, runs: &[Figures]) -> Option<Row> {
    let mine = |figures: &&Figures| figures.subject == subject;
    let value = median(runs.iter().filter(mine).filter_map(measure.of).collect())?;
    let relay_of = |round| runs.iter().find(|figures| figures.subject == "relay-1" && figures.round == round);
    let ratio_of = |figures: &Figures| Some((measure.of)(figures)? / (measure.of)(relay_of(figures.round)?)?);
    let relay = median(runs.iter().filter(|figures| figures.subject == "relay-1").filter_map(measure.of).collect());
    let ratio = median(runs.iter().filter(mine).filter_map(ratio_of).collect()).filter(|_| measure.against_relay);
    let judged = if measure.against_relay { ratio } else { Some(value) };
    let target = measure.targets[place];
    let (relay, goal) = (relay.filter(|_| measure.against_relay), measure.goals[place]);
    let verdict_on =
        |bound: Option<Bound>| bound.zip(judged).map(|(bound, judged)| if bound.holds(judged) { "met" } else { "MISSED" });
    let (verdict, goal_verdict) = (verdict_on(target), verdict_on(goal));
    Some(Row { subject: subject.to_owned(), measure: measure.name, value, relay, ratio, target, goal, verdict, goal_verdict })
}

pub fn print(rows: &[Row], runs: &[Figures]) {
    if rows.is_empty() {
        return;
    }
    let rounds = runs.iter().map(|figures| figures.round).max().unwrap_or(0);
    println!("\nMedians of {rounds} rounds; 'now' is what must hold, 'goal' what is aimed at.");
    println!("{:<14} {:<44} {:>10} {:>10} {:>8}  {:<17} {:<17}", "", "", "value", "relay", "ratio", "now", "goal");
    let number = |value: Option<f64>| value.map_or_else(String::new, significant);
    let judged = |bound: Option<Bound>, verdict: Option<&str>| {
        format!("{:<8} {:<7}", bound.map_or_else(String::new, Bound::text), verdict.unwrap_or(""))
    };
    let mut last = "";
    for row in rows {
        let subject = if row.subject == last { "" } else { row.subject.as_str() };
        last = &row.subject;
        println!(
            "{subject:<14} {:<44} {:>10} {:>10} {:>8}  {} {}",
            row.measure,
            significant(row.value),
            number(row.relay),
            number(row.ratio),
            judged(row.target, row.verdict),
            judged(row.goal, row.goal_verdict)
        );
    }
}

/// One run as it ends.
pub fn line(figures: &Figures) -> String {
    let (full, fixed) = (&figures.full_speed, &figures.fixed_rate);
    let missing = if figures.missing > 0 { format!("; {} MISSING", figures.missing) } else { String::new() };
    format!(
        "round {} {:<13} {:>6.0} accepted/s, {:>6.0} delivered/s, CPU {:.4} s/1,000 ({:.3} at 300/s), \
         p50 {:.2} p99 {:.2} ms, publish p99 {:.2} ms, {:.1} MB, ready {:.0} ms; before: load {:.2}, busy {:.0} %{missing}",
        figures.round,
        figures.subject,
        full.result.accepted_per_second,
        full.result.delivered_per_second,
        full.cpu_seconds_per_thousand,
        fixed.cpu_seconds_per_thousand,
        fixed.result.accepted_to_received.p50_ms,
        fixed.result.accepted_to_received.p99_ms,
        fixed.result.publish.p99_ms,
        figures.idle.resident_bytes as f64 / 1e6,
        figures.ready_ms,
        full.machine.load_average_before,
        full.machine.busy_share_before * 100.0,
    )
}

pub fn significant(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
