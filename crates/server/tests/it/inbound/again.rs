//! Many logged requests done again: counted, at a rate, paused and resumed, across a restart, each
//! once; and batches done again as the whole that they came as.

use std::collections::BTreeSet;

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{House, WEBHOOKS, Webhook, alert, alerts, delivery_id, mapping};
use crate::engines::Engine;
use crate::harness::Answer;
use crate::on_both_engines;
use crate::receiver::until;

const JOBS: &str = "/api/v1/inbound-webhooks/jobs";

impl House {
    async fn count(&self, webhook: &Webhook, filter: Value) -> i64 {
        let body = json!({"filter": filter, "dry_run": true});
        self.admin.post(&webhook.api("/replay"), body).await.expect(200).json()["count"].as_i64().unwrap()
    }

    async fn begin(&self, webhook: &Webhook, body: Value) -> String {
        self.admin.post(&webhook.api("/replay"), body).await.expect(202).json()["job_id"].as_str().unwrap().to_owned()
    }

    async fn job(&self, id: &str) -> Value {
        self.admin.get(&format!("{JOBS}/{id}")).await.expect(200).json()
    }

    async fn tell_job(&self, id: &str, what: &str) -> Answer {
        self.admin.send(Method::POST, &format!("{JOBS}/{id}/{what}"), None).await
    }

    /// A job's end, and that of everything that it began.
    async fn whole(&self, webhook: &Webhook, id: &str) -> Value {
        let job = until("the job's end", || async {
            let job = self.job(id).await;
            (job["state"] == "completed").then_some(job)
        });
        let job = job.await;
        until("the end of what it began", || async {
            self.log(webhook).await.iter().all(|row| row["dispatch_status"] != "pending").then_some(())
        })
        .await;
        job
    }

    async fn trail(&self, action: &str) -> Vec<Value> {
        self.admin.get(&format!("/api/v1/audit?action={action}")).await.expect(200).json()["data"].as_array().unwrap().clone()
    }
}

fn replays(log: &[Value]) -> Vec<&str> {
    log.iter().filter_map(|row| row["replayed_from"].as_str()).collect()
}

/// A webhook whose handler misses a field, and so many requests that it could not do.
async fn broken(house: &House, requests: usize) -> Webhook {
    let missing = mapping(json!({"title": "alert.nothing"}));
    let webhook = house.webhook(alerts(json!({"handler_config": missing}))).await;
    for number in 0..requests {
        webhook.post(&format!("k-{number}"), &alert(&format!("n {number}"))).await.expect(400);
    }
    webhook
}

async fn mended(house: &House, webhook: &Webhook) {
    house.admin.put(&webhook.api(""), alerts(json!({}))).await.expect(200);
}

async fn a_bulk_replay_does_what_it_counted_and_links_each(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = broken(&house, 6).await;
    webhook.post("bad", "{").await.expect(400);
    assert_eq!(house.count(&webhook, json!({"code": "mapping_failed"})).await, 6);
    assert_eq!(house.count(&webhook, json!({"status": "failed"})).await, 7);
    assert_eq!(house.count(&webhook, json!({"status": "dispatched"})).await, 0);
    assert_eq!(house.count(&webhook, json!({"status": "failed", "search": "K-3"})).await, 1);
    assert_eq!(house.count(&webhook, json!({"to": "2020-01-01T00:00:00Z"})).await, 0);
    mended(&house, &webhook).await;
    let id = house.begin(&webhook, json!({"filter": {"code": "mapping_failed"}, "rate_per_second": 1000})).await;
    let job = house.whole(&webhook, &id).await;
    assert_eq!((&job["kind"], &job["inbound_webhook_id"]), (&json!("inbound_replay"), &json!(webhook.id)));
    assert_eq!((&job["total"], &job["done"], &job["skipped"]), (&json!(6), &json!(6), &json!(0)), "{job}");
    let titles: BTreeSet<String> =
        house.tickets().await.iter().map(|ticket| ticket["title"].as_str().unwrap().to_owned()).collect();
    assert_eq!(titles, (0..6).map(|number| format!("n {number}")).collect());
    let log = house.log(&webhook).await;
    assert_eq!(replays(&log).into_iter().collect::<BTreeSet<_>>().len(), 6);
    let again = log.iter().find(|row| row["is_replay"] == true).unwrap();
    assert_eq!((&again["dispatch_status"], &again["response_status"]), (&json!("dispatched"), &json!(200)));
    // What was done again is left alone, and its sender's next try is told of it.
    assert_eq!(house.count(&webhook, json!({"code": "mapping_failed"})).await, 0);
    let told = webhook.post("k-0", &alert("n 0")).await.expect(200).json();
    assert_eq!(told["duplicate"], true);
    assert_eq!(house.count(&webhook, json!({"status": "duplicate"})).await, 1);
    assert_eq!(house.count(&webhook, json!({})).await, 7, "no duplicate is done unless it is asked for");
    for action in ["job.started", "job.completed"] {
        let told = house.trail(action).await;
        assert_eq!((told.len(), &told[0]["target"]), (1, &json!(id)), "{action}");
    }
    assert_eq!(house.trail("job.started").await[0]["detail"]["count"], 6);
}

async fn a_bulk_replay_rests_goes_on_and_outlives_its_process(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = broken(&house, 20).await;
    mended(&house, &webhook).await;
    let id = house.begin(&webhook, json!({"filter": {}, "rate_per_second": 8})).await;
    let some = |least: i64| {
        let house = &house;
        let id = &id;
        until("some of it", move || async move { (house.job(id).await["done"].as_i64().unwrap() >= least).then_some(()) })
    };
    some(2).await;
    let paused = house.tell_job(&id, "pause").await.expect(200).json();
    assert_eq!(paused["state"], "paused");
    let begun = tokio::time::Instant::now();
    while begun.elapsed().as_millis() < 700 {
        assert_eq!(house.job(&id).await["done"], paused["done"], "it rests");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    house.tell_job(&id, "resume").await.expect(200);
    some(paused["done"].as_i64().unwrap() + 1).await;
    house.server.stop().await;
    let server = house.server.another(engine, &[], true).await;
    let admin = server.admin("acme").await;
    let house = House { server, admin };
    let job = house.whole(&webhook, &id).await;
    assert_eq!((&job["done"], &job["skipped"]), (&json!(20), &json!(0)), "{job}");
    let log = house.log(&webhook).await;
    let (all, each) = (replays(&log).len(), replays(&log).into_iter().collect::<BTreeSet<_>>().len());
    assert_eq!((all, each, house.tickets().await.len()), (20, 20, 20), "each once, whoever did it");
    for action in ["job.started", "job.paused", "job.resumed", "job.completed"] {
        assert_eq!(house.trail(action).await.len(), 1, "{action}");
    }
    assert_eq!(house.tell_job(&id, "cancel").await.expect(409).code(), "job_over");
}

async fn a_bulk_replay_rests_by_itself_while_its_webhook_is_switched_off(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = broken(&house, 8).await;
    mended(&house, &webhook).await;
    let id = house.begin(&webhook, json!({"filter": {}, "rate_per_second": 4})).await;
    house.admin.patch(&webhook.api(""), json!({"is_active": false})).await.expect(200);
    let job = until("its rest", || async {
        let job = house.job(&id).await;
        (job["state"] == "paused").then_some(job)
    });
    let job = job.await;
    assert!(job["trouble"].as_str().unwrap().contains("switched off") && job["skipped"] == 0, "{job}");
    let path = webhook.api("/replay");
    assert_eq!(house.admin.post(&path, json!({"filter": {}})).await.expect(409).code(), "inactive");
    house.admin.patch(&webhook.api(""), json!({"is_active": true})).await.expect(200);
    house.tell_job(&id, "resume").await.expect(200);
    let job = house.whole(&webhook, &id).await;
    assert_eq!((&job["done"], &job["trouble"]), (&json!(8), &Value::Null), "{job}");
}

async fn two_jobs_over_the_same_requests_do_each_once(engine: &Engine) {
    let house = House::open(engine).await;
    let _second = house.server.another(engine, &[], true).await;
    let webhook = broken(&house, 12).await;
    let ids: Vec<Value> = house.log(&webhook).await.iter().map(|row| row["id"].clone()).collect();
    mended(&house, &webhook).await;
    let jobs = [
        house.begin(&webhook, json!({"ids": ids, "rate_per_second": 100})).await,
        house.begin(&webhook, json!({"filter": {}, "rate_per_second": 100})).await,
    ];
    let mut done = 0;
    for id in &jobs {
        done += house.whole(&webhook, id).await["done"].as_i64().unwrap();
    }
    let log = house.log(&webhook).await;
    assert_eq!((done, replays(&log).len(), house.tickets().await.len()), (12, 12, 12));
}

async fn a_bulk_replay_may_take_the_configuration_of_then(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"idempotency_source": null}))).await;
    webhook.post("", &alert("one")).await.expect(200);
    let changed = mapping(json!({"title": "'Now: ' & alert.message"}));
    house.admin.put(&webhook.api(""), alerts(json!({"idempotency_source": null, "handler_config": changed}))).await.expect(200);
    let id = house.begin(&webhook, json!({"filter": {}, "config": "original"})).await;
    house.whole(&webhook, &id).await;
    let id = house.begin(&webhook, json!({"filter": {}})).await;
    house.whole(&webhook, &id).await;
    let mut titles: Vec<Value> = house.tickets().await.iter().map(|ticket| ticket["title"].clone()).collect();
    titles.reverse();
    assert_eq!(json!(titles), json!(["one", "one", "Now: one"]));
}

async fn jobs_of_one_line_are_not_those_of_the_other(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = broken(&house, 1).await;
    let keyed = house.admin.with("idempotency-key", "k");
    let one = keyed.post(&webhook.api("/replay"), json!({"filter": {}})).await.expect(202).json();
    assert_eq!(one, keyed.post(&webhook.api("/replay"), json!({"filter": {}})).await.expect(202).json(), "one job");
    let id = one["job_id"].as_str().unwrap();
    let outbound = "/api/v1/integrations/dead-letters/jobs";
    house.admin.get(&format!("{outbound}/{id}")).await.expect(404);
    house.admin.send(Method::POST, &format!("{outbound}/{id}/pause"), None).await.expect(404);
    let listed = async |path: &str| house.admin.get(path).await.expect(200).json()["data"].as_array().unwrap().len();
    assert_eq!((listed(outbound).await, listed(JOBS).await), (0, 1));
    let operator = house.server.token("acme", "operator", None).await;
    operator.get(JOBS).await.expect(403);
    let body = json!({"filter": {"code": "No Code", "status": "pending"}, "dry_run": true});
    let refused = house.admin.post(&webhook.api("/replay"), body).await.expect(400).json();
    let fields: Vec<&Value> = refused["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["filter.code", "filter.status"]);
    for body in [json!({}), json!({"ids": []}), json!({"ids": [delivery_of(&house, &webhook).await], "filter": {}})] {
        house.admin.post(&webhook.api("/replay"), body).await.expect(400);
    }
    house.admin.post(&format!("{WEBHOOKS}/{}/replay", "iwh_01jd8r7c5tevzs9c1ghvzv3hkp"), json!({"filter": {}})).await.expect(404);
}

async fn delivery_of(house: &House, webhook: &Webhook) -> Value {
    house.log(webhook).await.last().unwrap()["id"].clone()
}

/// A webhook that takes Alertmanager's batches apart.
fn batches(more: Value) -> Value {
    let base = json!({
        "idempotency_source": {"type": "jsonata", "value": "fingerprint"},
        "split": "alerts",
        "handler_config": mapping(json!({"title": "labels.alertname", "external_id": "fingerprint"})),
    });
    alerts(crate::outbound::merged(base, more))
}

fn batch() -> String {
    let alert = |name: &str, print: &str| json!({"labels": {"alertname": name}, "fingerprint": print});
    json!({"alerts": [alert("DiskFull", "a1"), alert("NoPing", "b2")]}).to_string()
}

async fn a_batch_is_done_again_as_a_whole(engine: &Engine) {
    let house = House::open(engine).await;
    let missing = mapping(json!({"title": "labels.nothing"}));
    let webhook = house.webhook(batches(json!({"handler_config": missing}))).await;
    let whole = delivery_id(&webhook.post("", &batch()).await.expect(400));
    let before = house.log(&webhook).await;
    assert_eq!(before.len(), 3, "the whole and its parts");
    house.admin.put(&webhook.api(""), batches(json!({}))).await.expect(200);
    let shown = house.admin.get(&webhook.api(&format!("/deliveries/{whole}/replay-preview?part=1"))).await.expect(200).json();
    assert_eq!((&shown["current"]["parts"], &shown["current"]["document"]["fingerprint"]), (&json!(2), &json!("b2")));
    assert_eq!(shown["differences"], json!(["fields.external_id", "fields.title", "effect"]), "{shown}");
    let path = webhook.api(&format!("/deliveries/{whole}/replay-preview?part=2"));
    house.admin.get(&path).await.expect(400);
    let again = house.admin.post(&webhook.api(&format!("/deliveries/{whole}/replay")), json!({})).await.expect(202).json();
    let again = house.logged(&webhook, again["delivery_id"].as_str().unwrap()).await;
    assert_eq!((&again["replayed_from"], &again["dispatch_status"]), (&json!(whole), &json!("dispatched")), "{again}");
    let parts: Vec<Value> = house.log(&webhook).await.into_iter().filter(|row| row["split_from"] == again["id"]).collect();
    assert_eq!(parts.len(), 2);
    for part in &parts {
        assert_eq!((&part["is_replay"], &part["dispatch_status"]), (&json!(true), &json!("dispatched")), "{part}");
        let original = before.iter().find(|row| row["id"] == part["replayed_from"]).expect("the part in its place");
        assert_eq!(original["request_body"], part["request_body"]);
    }
    assert_eq!(house.tickets().await.len(), 2);
    // Its sender's next try is told what was done, part by part.
    let told = webhook.post("", &batch()).await.expect(200).json();
    assert!(told["deliveries"].as_array().unwrap().iter().all(|part| part["duplicate"] == true), "{told}");
    assert_eq!(house.count(&webhook, json!({"status": "failed"})).await, 0, "each of its parts was done again");
}

async fn what_was_limited_before_it_was_taken_apart_is_taken_apart_when_it_is_done_again(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(batches(json!({"rate_limit_per_minute": 1}))).await;
    webhook.post("", &batch()).await.expect(200);
    let other = batch().replace("a1", "c3").replace("b2", "d4");
    webhook.post("", &other).await.expect(429);
    assert_eq!(house.count(&webhook, json!({"code": "rate_limited"})).await, 1);
    let id = house.begin(&webhook, json!({"filter": {"code": "rate_limited"}})).await;
    house.whole(&webhook, &id).await;
    until("its parts", || async { (house.tickets().await.len() == 4).then_some(()) }).await;
    // Without a split there is nothing to take a former batch apart with.
    let whole = house.log(&webhook).await.into_iter().find(|row| row["handler_outcome"]["parts"].is_array()).unwrap();
    house.admin.put(&webhook.api(""), batches(json!({"split": null}))).await.expect(200);
    let path = webhook.api(&format!("/deliveries/{}/replay", whole["id"].as_str().unwrap()));
    assert_eq!(house.admin.post(&path, json!({})).await.expect(409).code(), "batch");
}

on_both_engines!(
    a_bulk_replay_does_what_it_counted_and_links_each,
    a_bulk_replay_rests_goes_on_and_outlives_its_process,
    a_bulk_replay_rests_by_itself_while_its_webhook_is_switched_off,
    two_jobs_over_the_same_requests_do_each_once,
    a_bulk_replay_may_take_the_configuration_of_then,
    jobs_of_one_line_are_not_those_of_the_other,
    a_batch_is_done_again_as_a_whole,
    what_was_limited_before_it_was_taken_apart_is_taken_apart_when_it_is_done_again,
);
