//! What failed for good and what is parked: seen, replayed, discarded, recovered, at a rate, by jobs
//! that outlive their process.

mod backlog;
mod bulk;
mod command;
mod jobs;
mod letters;
mod recover;
mod switch;

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{Destination, Line, id_of};
use crate::engines::Engine;
use crate::receiver::{Say, Taken, until};

pub const LETTERS: &str = "/api/v1/integrations/dead-letters";
const JOBS: &str = "/api/v1/integrations/dead-letters/jobs";

/// Refuses everything but what is a replay: one attempt, and it is dead.
fn only_replays(_: usize, taken: &Taken) -> Say {
    if taken.header("hookswitch-replay") == "true" { 200.into() } else { 500.into() }
}

impl Line {
    /// A line on which everything dies at once.
    async fn deadly(engine: &Engine, script: impl Fn(usize, &Taken) -> Say + Send + Sync + 'static) -> Self {
        let line = Self::start(engine, script).await;
        line.schedule(&[0]).await;
        line
    }

    /// So many dead letters of a destination, oldest first.
    async fn letters_of(&self, destination: &Destination, count: usize) -> Vec<Value> {
        let mut dead = Vec::new();
        for number in 0..count {
            self.publish("a.b", json!({"n": number})).await;
            // A person says in time that it works, before its breaker opens.
            if number % 8 == 7 || number + 1 == count {
                dead = self.all_settled(destination, number + 1, "dead_lettered").await;
                self.command(destination, "pause").await;
                self.command(destination, "resume").await;
            }
        }
        dead.reverse();
        dead
    }

    /// Up to 100 dead letters, newest first.
    async fn dead_letters(&self, filter: &str) -> Vec<Value> {
        let found = self.admin.get(&format!("{LETTERS}?limit=100&{filter}")).await.expect(200).json();
        found["data"].as_array().unwrap().clone()
    }

    /// What a `dry_run` says.
    async fn count(&self, path: &str, body: &Value) -> i64 {
        let body = super::merged(body.clone(), json!({"dry_run": true}));
        let told = self.admin.post(path, body).await.expect(200).json();
        assert_eq!(told["dry_run"], true);
        told["count"].as_i64().unwrap()
    }

    async fn begin(&self, path: &str, body: &Value) -> String {
        self.admin.post(path, body.clone()).await.expect(202).json()["job_id"].as_str().unwrap().to_owned()
    }

    async fn job(&self, id: &str) -> Value {
        self.admin.get(&format!("{JOBS}/{id}")).await.expect(200).json()
    }

    async fn ended(&self, id: &str) -> Value {
        until("the job's end", || async {
            let job = self.job(id).await;
            (job["state"] == "completed").then_some(job)
        })
        .await
    }

    /// Counts, starts, waits, and checks that it did what it had counted.
    async fn whole(&self, path: &str, body: Value) -> Value {
        let count = self.count(path, &body).await;
        let job = self.ended(&self.begin(path, &body).await).await;
        assert_eq!((&job["total"], &job["done"], &job["skipped"]), (&json!(count), &json!(count), &json!(0)), "{job}");
        job
    }

    async fn tell_job(&self, id: &str, what: &str) -> crate::harness::Answer {
        self.admin.send(Method::POST, &format!("{JOBS}/{id}/{what}"), None).await
    }

    /// How often each replayed delivery was made anew.
    async fn replays(&self) -> std::collections::HashMap<String, usize> {
        let mut counts = std::collections::HashMap::new();
        for delivery in self.deliveries("").await {
            if let Some(of) = delivery["replayed_from"].as_str() {
                *counts.entry(of.to_owned()).or_default() += 1;
            }
        }
        counts
    }
}
