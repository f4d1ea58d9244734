//! Pages of a million records by each filter that their list offers, beside the same pages of a thousand: the
//! first page of what most records have, and the one of what only the oldest have.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hookswitch_domain::id::from_text;
use uuid::Uuid;

use super::filling::Filler;
use super::records::{self, Cell, Noun};
use super::yard::Yard;
use super::{Finding, Trials};
use crate::database::Engine;
use crate::report::Bound;

const FEW: u64 = 1_000;
/// Requests for each page and side, in turn.
const ASKED: usize = 25;
/// The specification says constant; half as much again is what a busy machine does to a millisecond.
const CONSTANT: Bound = Bound::AtMost(1.5);

pub fn sqlite(trials: &Trials) -> Result<Vec<Finding>> {
    run(trials, &Engine::Sqlite)
}

pub fn postgres(trials: &Trials) -> Result<Vec<Finding>> {
    match &trials.postgres {
        Some(engine) => run(trials, engine),
        None => anyhow::bail!("needs --postgres URL"),
    }
}

fn run(trials: &Trials, engine: &Engine) -> Result<Vec<Finding>> {
    let begun = Instant::now();
    let mut few = open(trials, engine, FEW)?;
    let mut many = open(trials, engine, trials.rows)?;
    let note = format!("{} records of each kind; filled in {:.0} s", trials.rows, begun.elapsed().as_secs_f64());
    let mut findings = Vec::new();
    // A server closes what was idle while the other one was filled.
    trials.runtime.block_on(async {
        few.reconnect().await?;
        many.reconnect().await
    })?;
    for noun in nouns(&references(trials, &mut few)?) {
        let mut pages = vec![("".to_owned(), "all".to_owned())];
        for filter in &noun.filters {
            pages.push((format!("&{}={}", filter.name, escaped(&filter.usual)), format!("{}, most", filter.name)));
            pages.push((format!("&{}={}", filter.name, escaped(&filter.rare)), format!("{}, few", filter.name)));
        }
        // The two installations have boards and statuses of their own.
        let theirs = nouns(&references(trials, &mut many)?);
        let theirs = theirs.iter().find(|other| other.path == noun.path).context("a noun")?;
        let mut worst: Option<(f64, Finding)> = None;
        let mut above = Vec::new();
        for (place, (query, name)) in pages.iter().enumerate() {
            let other = match place {
                0 => String::new(),
                place => {
                    let filter = &theirs.filters[(place - 1) / 2];
                    let value = if place % 2 == 1 { &filter.usual } else { &filter.rare };
                    format!("&{}={}", filter.name, escaped(value))
                }
            };
            let rounds = ask(trials, (&mut few, &many_path(noun.path, query)), (&mut many, &many_path(noun.path, &other)))?;
            let finding = Finding::ratio(format!("{}, slowest page: {name} (ms)", noun.path), rounds, Some(CONSTANT));
            let ratio = finding.ratio.unwrap_or(f64::INFINITY);
            if finding.met == Some(false) {
                above.push(format!("{name} {ratio:.1} x"));
            }
            if worst.as_ref().is_none_or(|(highest, _)| ratio > *highest) {
                worst = Some((ratio, finding));
            }
        }
        let (_, finding) = worst.context("no page")?;
        let listed = if above.is_empty() { String::new() } else { format!("; above: {}", above.join(", ")) };
        findings.push(finding.note(format!("{} pages; {note}{listed}", pages.len())));
    }
    many.stand.check_alive()?;
    Ok(findings)
}

fn many_path(noun: &str, query: &str) -> String {
    format!("{noun}?limit=50{query}")
}

fn escaped(text: &str) -> String {
    text.replace(' ', "%20")
}

/// A quarter of the answers came sooner: what a page takes when nobody else has the processor.
fn undisturbed(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 4).copied().unwrap_or(f64::NAN)
}

/// Times of the page in both installations, asked in turn, as one pair.
fn ask(trials: &Trials, few: (&mut Yard, &str), many: (&mut Yard, &str)) -> Result<Vec<(f64, f64)>> {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for _ in 0..ASKED {
        one.push(time(trials, few.0, few.1)?);
        other.push(time(trials, many.0, many.1)?);
    }
    let counted = trials.runtime.block_on(few.0.list(few.1))?.len() == trials.runtime.block_on(many.0.list(many.1))?.len();
    ensure!(counted, "{} and {} have pages of different length", few.1, many.1);
    Ok(vec![(undisturbed(one), undisturbed(other))])
}

fn time(trials: &Trials, yard: &mut Yard, path: &str) -> Result<f64> {
    let begun = Instant::now();
    trials.runtime.block_on(yard.list(path))?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// An installation with so many records of each noun.
fn open(trials: &Trials, engine: &Engine, rows: u64) -> Result<Yard> {
    let mut yard = trials.runtime.block_on(Yard::open(trials, engine))?;
    let references = references(trials, &mut yard)?;
    yard.stand.stop()?;
    trials.runtime.block_on(async {
        let filler = Filler::open(yard.stand.database_url(), &yard.tenant).await?;
        for noun in nouns(&references) {
            records::write(&filler, &noun, rows).await.with_context(|| noun.path)?;
        }
        filler.close().await;
        anyhow::Ok(())
    })?;
    yard.stand.start()?;
    std::thread::sleep(Duration::from_millis(200));
    trials.runtime.block_on(yard.reconnect())?;
    Ok(yard)
}

/// What a ticket's list joins has to be there: (rare, usual) of boards, statuses and priorities.
struct References {
    board: [Uuid; 2],
    status: [Uuid; 2],
    priority: [Uuid; 2],
}

fn references(trials: &Trials, yard: &mut Yard) -> Result<References> {
    trials.runtime.block_on(async {
        let boards = yard.ids("boards").await?;
        if boards.len() < 2 {
            yard.make("boards", serde_json::json!({"board_name": "Second"})).await?;
        }
        let pair = |ids: Vec<String>, prefix| match ids.as_slice() {
            [one, other, ..] => Ok([from_text(prefix, one)?, from_text(prefix, other)?]),
            _ => anyhow::bail!("fewer than two {prefix}"),
        };
        Ok(References {
            board: pair(yard.ids("boards").await?, "brd")?,
            status: pair(yard.ids("statuses").await?, "sts")?,
            priority: pair(yard.ids("priorities").await?, "pri")?,
        })
    })
}

fn nouns(references: &References) -> Vec<Noun> {
    let zero = || Cell::All(0i64.into());
    let record = |noun: Noun| {
        let noun = noun.cell("version", Cell::All(1i64.into())).cell("search_key", Cell::Name("record"));
        noun.cell("created_at", zero()).cell("updated_at", zero())
    };
    let [one, other] = references.board;
    let ticket = Noun::new("tickets", "ticket")
        .cell("version", Cell::All(1i64.into()))
        .cell("search_key", Cell::Name("disk full"))
        .cell("ticket_number", Cell::Number)
        .cell("title", Cell::Name("Disk full"))
        .by_known_id("board_id", "brd", one, other)
        .by_known_id("status_id", "sts", references.status[0], references.status[1])
        .by_known_id("priority_id", "pri", references.priority[0], references.priority[1])
        .by_id("client_id", "cli")
        .by_id("contact_id", "con")
        .by_id("category_id", "cat")
        .by_id("assigned_to", "usr")
        .by_id("assigned_team_id", "tea")
        .text("attributes", "{}")
        .text("ticket_origin", "api")
        .text("source", "webhook")
        .text("entered_by", "webhook:alerts")
        .cell("entered_at", zero())
        .cell("updated_at", zero());
    let asset = record(Noun::new("assets", "asset"))
        .cell("name", Cell::Name("db"))
        .by_text("asset_type", "printer", "server")
        .by_id("client_id", "cli")
        .by_text("asset_tag", "RARE", "USUAL")
        .by_text("serial_number", "SN1", "SN2")
        .by_text("status", "inactive", "active")
        .by_text("rmm_provider", "other", "ninjaone")
        .by_text("agent_status", "offline", "online")
        .text("attributes", "{}")
        .text("extension", "{}");
    let contact = record(Noun::new("contacts", "contact"))
        .cell("full_name", Cell::Name("Ann"))
        .by_id("client_id", "cli")
        .by_text("email", "rare@customer.example", "usual@customer.example")
        .by_flag("is_inactive")
        .text("phone_numbers", "[]")
        .text("additional_email_addresses", "[]");
    let entry = record(Noun::new("time-entries", "time_entry"))
        .by_id("user_id", "usr")
        .by_text("work_item_type", "interaction", "ad_hoc")
        .by_text("work_item_id", "rare", "usual")
        .by_id("service_id", "svc")
        .by_id("time_period_id", "tpd")
        .by_id("time_sheet_id", "tsh")
        .cell("start_time", zero())
        .cell("end_time", zero())
        .cell("duration_minutes", Cell::All(15i64.into()))
        .cell("billable_duration", Cell::All(15i64.into()))
        .cell("is_billable", Cell::All(true.into()))
        .text("work_date", "2031-01-31")
        .text("work_timezone", "UTC")
        .text("approval_status", "DRAFT");
    vec![ticket, asset, contact, entry]
}
