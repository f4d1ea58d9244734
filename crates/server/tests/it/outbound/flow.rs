//! How fast a destination is sent to, and what becomes of one that fails.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hookswitch_server::app::COMPONENTS;
use hookswitch_store::params;
use serde_json::{Value, json};

use super::{DESTINATIONS, Destination, Line, id_of};
use crate::engines::{Engine, sql};
use crate::on_both_engines;
use crate::receiver::{Say, until};

/// When each request arrived.
type Arrivals = Arc<Mutex<Vec<Instant>>>;

impl Line {
    /// The same installation after a restart, in whose place `meanwhile` is done to its database.
    async fn restarted(self, engine: &Engine, meanwhile: &str) -> Self {
        self.server.stop().await;
        let tenant = self.server.tenant("acme").await;
        sql(&engine.db, tenant, meanwhile, params![]).await;
        let server = self.server.another(engine, &[("egress.allow_cidrs", &self.receiver.allowed())], true).await;
        Self { admin: server.admin("acme").await, server, ..self }
    }

    async fn shown(&self, destination: &Destination) -> Value {
        self.admin.get(&destination.path("")).await.expect(200).json()
    }

    async fn batch(&self, count: usize) {
        let events: Vec<Value> = (0..count).map(|n| json!({"event_type": "a.b", "payload": {"n": n}})).collect();
        self.admin.post("/api/v1/events/batch", json!({"events": events})).await.expect(202);
    }
}

async fn a_breaker_opens_survives_a_restart_and_closes_after_good_probes(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place < 10 { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 3_600]).await;
    let destination = line.destination(json!({})).await;
    for number in 0..10 {
        let event = line.publish("a.b", json!(number)).await;
        line.settled(&event, "retry_scheduled").await;
    }
    let open = until("the breaker to open", || async {
        let shown = line.shown(&destination).await;
        (shown["health"]["breaker"] == "open").then_some(shown)
    });
    let open = open.await["health"].clone();
    assert!(open["failing_since"].is_string());
    let ahead = super::retry::ahead_ms(&open["next_probe_at"]);
    assert!((20_000..=36_000).contains(&ahead), "{ahead} ms");
    let mut waiting = Vec::new();
    for number in 0..5 {
        waiting.push(line.publish("a.b", json!(number)).await);
    }
    let line = line.restarted(engine, "UPDATE destination_health SET not_before = now_ms() + 4000").await;
    assert_eq!(line.shown(&destination).await["health"]["breaker"], "open", "a restart forgets nothing");
    for event in &waiting {
        let delivery = line.settled(event, "pending").await;
        assert_eq!(delivery["attempt_count"], 0, "what is held back costs no attempt");
    }
    assert_eq!(line.receiver.count(), 10, "nothing is sent before the probe");
    for event in &waiting {
        line.settled(event, "delivered").await;
    }
    let closed = line.shown(&destination).await["health"].clone();
    assert_eq!((&closed["breaker"], &closed["failing_since"]), (&json!("closed"), &json!(null)));
    assert_eq!(line.receiver.count(), 15);
}

async fn no_second_has_more_requests_than_the_rate_allows(engine: &Engine) {
    let arrivals = Arrivals::default();
    let noted = arrivals.clone();
    let line = Line::start(engine, move |_, _| {
        noted.lock().unwrap().push(Instant::now());
        200.into()
    })
    .await;
    let mut found = Vec::new();
    // A machine that is busy holds requests up on their way and lets them go together: it gets more tries.
    for _ in 0..5 {
        arrivals.lock().unwrap().clear();
        let destination = line.destination(json!({"rate_limit_per_second": 5})).await;
        assert_eq!(line.shown(&destination).await["rate_limit_per_second"], 5);
        line.batch(17).await;
        line.all_settled(&destination, 17, "delivered").await;
        line.admin.delete(&destination.path("")).await;
        let arrivals = arrivals.lock().unwrap().clone();
        // The way from a send to the receiver's notice is not always the same: 60 ms are allowed for it.
        let busiest =
            |from: &Instant| arrivals.iter().filter(|at| *at >= from && at.duration_since(*from).as_millis() < 940).count();
        let (most, took) = (arrivals.iter().map(busiest).max(), arrivals[16].duration_since(arrivals[0]));
        if most <= Some(5) && (2_900..10_000).contains(&took.as_millis()) {
            return;
        }
        found.push((most, took));
    }
    panic!("requests in the busiest second, and the time that 17 took: {found:?}");
}

async fn bad_rates_are_refused_by_name(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"rate_limit_per_second": 1000})).await;
    for rate in [json!(0), json!(1001)] {
        let body = json!({"name": "x", "endpoint_url": line.receiver.url("/x"), "rate_limit_per_second": rate});
        let refused = line.admin.post(DESTINATIONS, body).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], "rate_limit_per_second");
        let change = json!({"rate_limit_per_second": rate});
        line.admin.patch(&destination.path(""), change).await.expect(400);
    }
    line.admin.patch(&destination.path(""), json!({"rate_limit_per_second": -1})).await.expect(400);
    let without = line.admin.patch(&destination.path(""), json!({"rate_limit_per_second": null})).await.expect(200).json();
    assert_eq!(without["rate_limit_per_second"], json!(null));
}

async fn a_destination_that_gets_too_much_rests_and_is_sent_less(engine: &Engine) {
    let arrivals = Arrivals::default();
    let noted = arrivals.clone();
    let line = Line::start(engine, move |place, _| {
        noted.lock().unwrap().push(Instant::now());
        let wish = Say { headers: vec![("retry-after", "2".to_owned())], ..429.into() };
        if place == 0 { wish } else { 200.into() }
    })
    .await;
    line.schedule(&[0, 3_600]).await;
    let destination = line.destination(json!({"max_in_flight": 8})).await;
    let first = line.publish("a.b", json!(1)).await;
    line.settled(&first, "retry_scheduled").await;
    assert_eq!(line.shown(&destination).await["health"]["in_flight_limit"], 4, "half of what it was");
    let mut later = Vec::new();
    for number in 0..6 {
        later.push(line.publish("a.b", json!(number)).await);
    }
    for event in &later {
        assert_eq!(line.settled(event, "delivered").await["attempt_count"], 1, "waiting cost no attempt");
    }
    let arrivals = arrivals.lock().unwrap().clone();
    let rested = arrivals[1].duration_since(arrivals[0]);
    assert!(rested >= Duration::from_millis(1_900), "{rested:?}");
}

async fn a_busy_tenant_does_not_starve_a_quiet_one(engine: &Engine) {
    let slow = |_: usize, taken: &crate::receiver::Taken| Say {
        after: Duration::from_millis(if taken.path == "/quiet" { 0 } else { 50 }),
        ..200.into()
    };
    let line = Line::start(engine, slow).await;
    let quiet = line.server.admin("globex").await;
    let body = json!({"name": "quiet", "endpoint_url": line.receiver.url("/quiet")});
    let calm = quiet.post(DESTINATIONS, body).await.expect(201).id();
    let command = |what: &str| format!("{DESTINATIONS}/{calm}/{what}");
    quiet.send(http::Method::POST, &command("pause"), None).await.expect(200);
    quiet.post("/api/v1/events", json!({"event_type": "a.b", "payload": 1})).await.expect(202);
    for number in 0..10 {
        line.destination_at(&format!("/busy/{number}"), json!({"max_in_flight": 2})).await;
    }
    // 900 deliveries that need 50 ms each, 20 at once: more than two seconds of work.
    line.batch(90).await;
    line.receiver.wait(100).await;
    quiet.send(http::Method::POST, &command("resume"), None).await.expect(200);
    until("the quiet tenant's event", || async { (line.receiver.at("/quiet").len() == 1).then_some(()) }).await;
    let before = line.receiver.count();
    assert!(before < 700, "{before} of 900 went first");
}

async fn fresh_events_go_before_replays_that_wait(engine: &Engine) {
    let line = Line::start(engine, |_, _| Say { after: Duration::from_millis(15), ..200.into() }).await;
    let destination = line.destination(json!({"max_in_flight": 1})).await;
    line.batch(30).await;
    let done = line.all_settled(&destination, 30, "delivered").await;
    line.command(&destination, "pause").await;
    for delivery in &done {
        line.admin
            .send(http::Method::POST, &format!("/api/v1/integrations/deliveries/{}/replay", id_of(delivery)), None)
            .await
            .expect(202);
    }
    for number in 0..3 {
        line.publish("fresh", json!(number)).await;
    }
    line.command(&destination, "resume").await;
    line.all_settled(&destination, 63, "delivered").await;
    let taken = line.receiver.taken();
    let last_fresh = taken.iter().rposition(|taken| taken.json()["event_type"] == "fresh").unwrap();
    let replays_before = last_fresh + 1 - 30 - 3;
    assert!(replays_before <= 10, "{replays_before} of 30 replays went first");
}

async fn days_of_failure_warn_and_disable_and_people_are_told(engine: &Engine) {
    let line = Line::start(engine, |_, taken| if taken.path == "/news" { 200.into() } else { 500.into() }).await;
    line.schedule(&[0, 3_600]).await;
    let failing = line.destination(json!({"event_types": ["a.b"]})).await;
    line.destination_at("/news", json!({"event_types": ["integration.*"]})).await;
    line.destination_at("/everything", json!({"event_types": ["*"], "enabled": false})).await;
    let since = |hours: u64| {
        format!(
            "INSERT INTO destination_health (destination, tenant, failing_since, warned)
             SELECT id, tenant, now_ms() - {}, {} FROM integration_destinations WHERE name = 'a receiver' AND config LIKE '%a.b%'
             ON CONFLICT (destination, tenant) DO UPDATE SET failing_since = excluded.failing_since",
            hours * 3_600_000,
            0
        )
    };
    let line = line.restarted(engine, &since(25)).await;
    for _ in 0..2 {
        let event = line.publish("a.b", json!(1)).await;
        line.settled(&event, "retry_scheduled").await;
    }
    until("the warning", || async { (line.receiver.at("/news").len() == 1).then_some(()) }).await;
    let told = line.receiver.at("/news")[0].json();
    assert_eq!(told["event_type"], "integration.destination.failing");
    assert_eq!(told["payload"]["destination_id"], failing.id);
    let shown = line.shown(&failing).await;
    assert_eq!((&shown["enabled"], shown["health"]["failing_since"].is_string()), (&json!(true), true));

    let line = line.restarted(engine, &since(121)).await;
    line.publish("a.b", json!(2)).await;
    until("the end", || async { (line.shown(&failing).await["enabled"] == false).then_some(()) }).await;
    let shown = line.shown(&failing).await;
    assert_eq!((&shown["state"], &shown["held_reason"]), (&json!("disabled"), &json!("failing")));
    until("the news of it", || async { (line.receiver.at("/news").len() == 2).then_some(()) }).await;
    assert_eq!(line.receiver.at("/news")[1].json()["event_type"], "integration.destination.disabled");
    for (action, count) in [("destination.failing", 1), ("destination.disabled", 1)] {
        let trail = line.admin.get(&format!("/api/v1/audit?action={action}")).await.expect(200).json();
        let rows = trail["data"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0]["target"], &rows[0]["actor"]), (count, &json!(failing.id), &json!("system")));
    }
    let parked = line.deliveries(&format!("destination_id={}", failing.id)).await;
    assert!(parked.iter().all(|delivery| delivery["parked_reason"] == "destination_disabled"), "nothing is lost");

    line.admin.patch(&failing.path(""), json!({"enabled": true})).await.expect(200);
    let event = line.publish("a.b", json!(3)).await;
    line.settled(&event, "retry_scheduled").await;
    let shown = line.shown(&failing).await;
    assert_eq!(shown["enabled"], true, "the clock starts anew");
}

on_both_engines!(
    a_breaker_opens_survives_a_restart_and_closes_after_good_probes,
    no_second_has_more_requests_than_the_rate_allows,
    bad_rates_are_refused_by_name,
    a_destination_that_gets_too_much_rests_and_is_sent_less,
    a_busy_tenant_does_not_starve_a_quiet_one,
    fresh_events_go_before_replays_that_wait,
    days_of_failure_warn_and_disable_and_people_are_told,
);
