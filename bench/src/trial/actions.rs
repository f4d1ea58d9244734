//! The fourteen actions, each through a webhook with a signature and a key, beside one durable insert of the same
//! body. Every request does something: what is upserted is new, and what is changed gets another value.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::yard::{Alerts, Bare, Hook, Yard};
use super::{Finding, Trials};
use crate::database::Engine;
use crate::drive::{self, Until};
use crate::report::Bound;

const CONNECTIONS: usize = 32;
const REQUESTS: u64 = 2_000;
/// Records that are changed, again and again.
const CHANGED: u64 = 100;

/// Makes the body of the request of this number.
type Body = Box<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

struct Action {
    name: &'static str,
    hook: Hook,
    body: Body,
}

pub fn run(trials: &Trials) -> Result<Vec<Finding>> {
    let bare = Bare::start(trials)?;
    let rounds = trials.rounds.min(3) as u64;
    let (mut yard, actions) = trials.runtime.block_on(async {
        let mut yard = Yard::open(trials, &Engine::Sqlite).await?;
        let actions = prepare(&mut yard, rounds * REQUESTS).await?;
        anyhow::Ok((yard, actions))
    })?;
    let mut findings = Vec::new();
    for Action { name, hook, body } in actions {
        let body = std::sync::Arc::new(body);
        let (one, other) = (body.clone(), body);
        let theirs = hook.aim(bare.address, move |number| one(number));
        let ours = hook.aim(yard.stand.installation.address, move |number| other(number));
        let mut samples = Vec::new();
        for round in 0..rounds {
            let first = round * REQUESTS;
            let go = |aim: &drive::Aim, first, count| {
                trials.runtime.block_on(drive::closed(aim.clone(), first, CONNECTIONS, Until::Sent(count)))
            };
            let insert = go(&theirs, first, 4 * REQUESTS)?;
            let done = go(&ours, first, REQUESTS).with_context(|| name)?;
            samples.push((1e3 / insert.per_second(), 1e3 / done.per_second()));
        }
        findings.push(Finding::ratio(format!("{name} (ms each)"), samples, Some(Bound::AtMost(4.0))));
    }
    yard.stand.check_alive()?;
    std::thread::sleep(Duration::from_millis(100));
    Ok(findings)
}

/// Passes fields of the body on under their own names.
fn fields(names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), json!(name))).collect::<serde_json::Map<_, _>>().into()
}

fn body(make: impl Fn(u64) -> Value + Send + Sync + 'static) -> Body {
    Box::new(move |number| make(number).to_string().into_bytes())
}

/// Which of two values the request of this number sets: each round over the changed records sets the other.
fn turn(number: u64) -> usize {
    (number / CHANGED % 2) as usize
}

async fn prepare(yard: &mut Yard, requests: u64) -> Result<Vec<Action>> {
    let mut all = Vec::new();
    tickets(yard, &mut all).await?;
    parties(yard, &mut all).await?;
    invoices(yard, &mut all, requests).await?;
    work(yard, &mut all).await?;
    Ok(all)
}

/// A hundred records that the hook's sender knows as `prefix-0`, `prefix-1`, ...
async fn known(yard: &mut Yard, hook: &Hook, noun: &str, kind: &str, record: Value) -> Result<()> {
    for number in 0..CHANGED {
        let id = yard.make(noun, record.clone()).await?;
        yard.link(hook, kind, &id, &format!("x-{number}")).await?;
    }
    Ok(())
}

async fn tickets(yard: &mut Yard, all: &mut Vec<Action>) -> Result<()> {
    let ticket = json!({"title": "Disk full"});
    let alerts = Alerts::of(yard).await?;
    let hook = yard.hook("create-ticket", "createTicket", alerts.mapping.clone()).await?;
    all.push(Action { name: "createTicket", hook, body: Box::new(alerts.body()) });

    let name = "updateTicketByExternalId";
    let hook = yard.hook("update-ticket", name, fields(&["external_id", "title", "description"])).await?;
    known(yard, &hook, "tickets", "ticket", ticket.clone()).await?;
    let make = |number| json!({"external_id": format!("x-{}", number % CHANGED), "title": format!("now {number}"), "description": "more"});
    all.push(Action { name, hook, body: body(make) });

    let name = "addTicketCommentByExternalId";
    let hook = yard.hook("add-comment", name, fields(&["external_id", "content"])).await?;
    known(yard, &hook, "tickets", "ticket", ticket.clone()).await?;
    let make = |number| json!({"external_id": format!("x-{}", number % CHANGED), "content": format!("seen {number} times")});
    all.push(Action { name, hook, body: body(make) });

    let name = "changeTicketStatusByExternalId";
    let hook = yard.hook("change-status", name, fields(&["external_id", "status_id"])).await?;
    known(yard, &hook, "tickets", "ticket", ticket).await?;
    let statuses = two(yard.ids("statuses").await?, "statuses")?;
    let make = move |number| json!({"external_id": format!("x-{}", number % CHANGED), "status_id": statuses[turn(number)]});
    all.push(Action { name, hook, body: body(make) });

    let name = "addTagToEntityByExternalId";
    let hook = yard.hook("add-tag", name, fields(&["entity_type", "external_id", "tag_text"])).await?;
    known(yard, &hook, "tickets", "ticket", json!({"title": "Tagged"})).await?;
    let make = |number| json!({"entity_type": "ticket", "external_id": format!("x-{}", number % CHANGED), "tag_text": format!("tag {number}")});
    all.push(Action { name, hook, body: body(make) });
    Ok(())
}

async fn parties(yard: &mut Yard, all: &mut Vec<Action>) -> Result<()> {
    let name = "upsertClientByExternalId";
    let hook = yard.hook("upsert-client", name, fields(&["external_id", "client_name", "email", "city"])).await?;
    let make = |number| json!({"external_id": format!("c-{number}"), "client_name": format!("Customer {number}"), "email": "it@customer.example", "city": "Berlin"});
    all.push(Action { name, hook, body: body(make) });

    let name = "setClientActiveByExternalId";
    let hook = yard.hook("set-active", name, fields(&["external_id", "active"])).await?;
    known(yard, &hook, "clients", "client", json!({"client_name": "Customer"})).await?;
    let make = |number| json!({"external_id": format!("x-{}", number % CHANGED), "active": turn(number) == 1});
    all.push(Action { name, hook, body: body(make) });

    let name = "upsertContactByExternalId";
    let hook = yard.hook("upsert-contact", name, fields(&["external_id", "full_name", "email", "client_id"])).await?;
    let client = yard.ids("clients").await?.pop().context("no client")?;
    let make = move |number| json!({"external_id": format!("p-{number}"), "full_name": format!("Ann {number}"), "email": format!("ann{number}@customer.example"), "client_id": client});
    all.push(Action { name, hook, body: body(make) });

    let name = "upsertAssetByExternalId";
    let hook = yard.hook("upsert-asset", name, fields(&["external_id", "name", "asset_type", "serial_number"])).await?;
    let make = |number| json!({"external_id": format!("a-{number}"), "name": format!("db{number}"), "asset_type": "server", "serial_number": format!("SN{number}")});
    all.push(Action { name, hook, body: body(make) });
    Ok(())
}

async fn invoices(yard: &mut Yard, all: &mut Vec<Action>, requests: u64) -> Result<()> {
    let sent = json!({"total_amount": 12900, "status": "sent"});
    let name = "markInvoicePaidByExternalId";
    let hook = yard.hook("mark-paid", name, fields(&["external_id", "payment_reference"])).await?;
    // Paid once is paid: each request needs an invoice of its own.
    for number in 0..requests {
        let id = yard.make("invoices", sent.clone()).await?;
        yard.link(&hook, "invoice", &id, &format!("i-{number}")).await?;
    }
    let make = |number| json!({"external_id": format!("i-{number}"), "payment_reference": format!("ch_{number}")});
    all.push(Action { name, hook, body: body(make) });

    let name = "updateInvoiceStatusByExternalId";
    let hook = yard.hook("invoice-status", name, fields(&["external_id", "status"])).await?;
    known(yard, &hook, "invoices", "invoice", sent).await?;
    let status = |number| ["overdue", "sent"][turn(number)];
    let make = move |number| json!({"external_id": format!("x-{}", number % CHANGED), "status": status(number)});
    all.push(Action { name, hook, body: body(make) });
    Ok(())
}

async fn work(yard: &mut Yard, all: &mut Vec<Action>) -> Result<()> {
    let user = yard.make("users", json!({"email": "ann@yard.example", "name": "Ann", "role": "operator"})).await?;
    let service = yard.ids("services").await?.pop().context("no service")?;
    let name = "createTimeEntry";
    let names = ["user_id", "work_item_type", "service_id", "start_time", "duration_minutes", "external_id"];
    let hook = yard.hook("book-time", name, fields(&names)).await?;
    let now = jiff::Timestamp::from_millisecond(crate::clock::unix_millis() as i64)?.to_string();
    let make = move |number| json!({"user_id": user, "work_item_type": "ad_hoc", "service_id": service, "start_time": now, "duration_minutes": 15, "external_id": format!("t-{number}")});
    all.push(Action { name, hook, body: body(make) });

    let project = yard.make("projects", json!({"project_name": "New office"})).await?;
    let statuses = two(yard.ids(&format!("project-statuses?project_id={project}")).await?, "project statuses")?;
    let name = "createProjectTask";
    let hook = yard.hook("create-task", name, fields(&["project_id", "task_name", "external_id"])).await?;
    let of = project.clone();
    let make =
        move |number| json!({"project_id": of, "task_name": format!("Cable {number}"), "external_id": format!("k-{number}")});
    all.push(Action { name, hook, body: body(make) });

    let name = "updateProjectTaskStatusByExternalId";
    let hook = yard.hook("task-status", name, fields(&["external_id", "project_status_mapping_id"])).await?;
    known(yard, &hook, "project-tasks", "project_task", json!({"project_id": project, "task_name": "Cable"})).await?;
    let make = move |number| json!({"external_id": format!("x-{}", number % CHANGED), "project_status_mapping_id": statuses[turn(number)]});
    all.push(Action { name, hook, body: body(make) });
    Ok(())
}

fn two(ids: Vec<String>, what: &str) -> Result<[String; 2]> {
    let mut ids = ids.into_iter();
    match (ids.next(), ids.next()) {
        (Some(one), Some(other)) => Ok([one, other]),
        _ => anyhow::bail!("fewer than two {what}"),
    }
}
