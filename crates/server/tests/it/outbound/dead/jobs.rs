//! Jobs: their rate, their states, and that each item is done once, whoever stops or helps.

use tokio::time::Instant;

use super::*;
use crate::on_both_engines;

async fn a_job_keeps_its_rate(engine: &Engine) {
    let line = Line::deadly(engine, only_replays).await;
    let destination = line.destination(json!({})).await;
    line.letters_of(&destination, 30).await;
    let begun = Instant::now();
    let id = line.begin(&format!("{LETTERS}/replay"), &json!({"filter": {}, "rate_per_second": 20})).await;
    loop {
        let job = line.job(&id).await;
        let done = job["done"].as_f64().unwrap();
        // One step of a quarter of a second may be ahead.
        assert!(done <= begun.elapsed().as_secs_f64() * 20.0 + 5.0, "{done} after {:?}", begun.elapsed());
        if job["state"] == "completed" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed().as_secs_f64() >= 25.0 / 20.0, "{:?}", begun.elapsed());
    assert_eq!(line.replays().await.len(), 30);
}

async fn a_job_rests_goes_on_and_ends_when_told(engine: &Engine) {
    let line = Line::deadly(engine, only_replays).await;
    let destination = line.destination(json!({})).await;
    line.letters_of(&destination, 8).await;
    let id = line.begin(&format!("{LETTERS}/replay"), &json!({"filter": {}, "rate_per_second": 4})).await;
    until("some of it", || async { (line.job(&id).await["done"].as_i64().unwrap() >= 2).then_some(()) }).await;
    let paused = line.tell_job(&id, "pause").await.expect(200).json();
    assert_eq!(paused["state"], "paused");
    let at = Instant::now();
    while at.elapsed().as_millis() < 600 {
        assert_eq!(line.job(&id).await["done"], paused["done"], "it rests");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(line.tell_job(&id, "resume").await.expect(200).json()["state"], "running");
    until("one more", || async { (line.job(&id).await["done"].as_i64() > paused["done"].as_i64()).then_some(()) }).await;
    let cancelled = line.tell_job(&id, "cancel").await.expect(200).json();
    assert_eq!(cancelled["state"], "cancelled");
    assert!(cancelled["finished_at"].is_string());
    for what in ["pause", "resume"] {
        assert_eq!(line.tell_job(&id, what).await.expect(409).code(), "job_over");
    }
    assert_eq!(line.tell_job(&id, "cancel").await.expect(200).json()["state"], "cancelled", "once more changes nothing");
    let left = 8 - cancelled["done"].as_i64().unwrap();
    assert_eq!(line.dead_letters("").await.len() as i64, left, "the rest stays what it was");
    let told = ["job.started", "job.paused", "job.resumed", "job.cancelled"];
    for action in told {
        let trail = line.admin.get(&format!("/api/v1/audit?action={action}")).await.expect(200).json();
        assert_eq!(trail["data"].as_array().unwrap().len(), 1, "{action}");
        assert_eq!(trail["data"][0]["target"], id.as_str());
    }
}

async fn a_job_outlives_its_process_and_repeats_nothing(engine: &Engine) {
    let line = Line::deadly(engine, only_replays).await;
    let destination = line.destination(json!({})).await;
    line.letters_of(&destination, 20).await;
    let id = line.begin(&format!("{LETTERS}/replay"), &json!({"filter": {}, "rate_per_second": 12})).await;
    until("some of it", || async { (line.job(&id).await["done"].as_i64().unwrap() >= 3).then_some(()) }).await;
    line.server.stop().await;
    let server = line.server.another(engine, &[("egress.allow_cidrs", &line.receiver.allowed())], true).await;
    let line = Line { admin: server.admin("acme").await, server, ..line };
    let job = line.ended(&id).await;
    assert_eq!((&job["done"], &job["skipped"], &job["total"]), (&json!(20), &json!(0), &json!(20)));
    line.receiver.wait(40).await;
    let replays = line.replays().await;
    assert_eq!(replays.len(), 20);
    assert!(replays.values().all(|count| *count == 1), "{replays:?}");
    let trail = line.admin.get("/api/v1/audit?action=job.completed").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1, "audited at its end, once");
    assert_eq!(trail["data"][0]["detail"]["done"], 20);
}

async fn several_nodes_share_a_job_and_do_each_item_once(engine: &Engine) {
    let line = Line::deadly(engine, only_replays).await;
    let destination = line.destination(json!({})).await;
    let rules = [("egress.allow_cidrs", line.receiver.allowed())];
    let rules = rules.each_ref().map(|(key, value)| (*key, value.as_str()));
    let _second = line.server.another(engine, &rules, true).await;
    let _third = line.server.another(engine, &rules, true).await;
    line.letters_of(&destination, 45).await;
    // Two jobs over the same letters: each letter is still replayed once.
    let body = json!({"filter": {}, "rate_per_second": 100});
    let jobs = [line.begin(&format!("{LETTERS}/replay"), &body).await, line.begin(&format!("{LETTERS}/replay"), &body).await];
    let mut done = 0;
    for id in &jobs {
        done += line.ended(id).await["done"].as_i64().unwrap();
    }
    assert_eq!(done, 45);
    line.receiver.wait(90).await;
    let replays = line.replays().await;
    assert_eq!(replays.len(), 45);
    assert!(replays.values().all(|count| *count == 1), "{replays:?}");
    assert_eq!(line.receiver.count(), 90, "and each is sent once");
}

/// A key makes one job of a repeated request, and jobs are a tenant's own.
async fn a_repeated_request_is_one_job(engine: &Engine) {
    let line = Line::deadly(engine, only_replays).await;
    let destination = line.destination(json!({})).await;
    line.letters_of(&destination, 2).await;
    let keyed = line.admin.with("idempotency-key", "k");
    let path = format!("{LETTERS}/replay");
    let one = keyed.post(&path, json!({"filter": {}})).await.expect(202).json();
    let two = keyed.post(&path, json!({"filter": {}})).await.expect(202).json();
    assert_eq!((&one, &one["count"]), (&two, &json!(2)));
    let listed = line.admin.get(JOBS).await.expect(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let id = one["job_id"].as_str().unwrap();
    line.ended(id).await;
    let stranger = line.server.admin("globex").await;
    stranger.get(&format!("{JOBS}/{id}")).await.expect(404);
    assert!(stranger.get(JOBS).await.expect(200).json()["data"].as_array().unwrap().is_empty());
}

on_both_engines!(
    a_job_keeps_its_rate,
    a_job_rests_goes_on_and_ends_when_told,
    a_job_outlives_its_process_and_repeats_nothing,
    several_nodes_share_a_job_and_do_each_item_once,
    a_repeated_request_is_one_job,
);
