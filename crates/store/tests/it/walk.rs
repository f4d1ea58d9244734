//! Lists and jobs at constant cost: how many rows they look at, and which index they go by, with a
//! history and a backlog behind them.

use bytes::Bytes;
use hookswitch_domain::delivery::State;
use hookswitch_domain::id::*;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::dead_letter::{self, Filter as Letters};
use hookswitch_store::delivery::{self, Filter};
use hookswitch_store::job::{self, NewJob, Selection, Spec, Stepped};
use hookswitch_store::queue::*;
use hookswitch_store::walk::{self, Queue, Stretch, WALK, Way};
use hookswitch_store::{Db, Page, StoreError, Tx, TxFuture, Value, params};
use uuid::Uuid;

use crate::engines::{Engine, ambient, sql};
use crate::queue::COMPONENTS;

crate::on_both_engines!(
    a_page_looks_at_a_bounded_number_of_rows_whatever_the_history_weighs,
    a_rare_state_is_found_by_going_on_from_page_to_page,
    every_walk_goes_by_an_index,
    what_waits_behind_a_pause_is_found_beside_another_tenants_backlog,
    a_step_that_was_read_before_writes_nothing,
);

/// Deliveries of the history.
const MANY: i64 = 5_000;

struct World {
    db: Db,
    tenant: TenantId,
    destination: DestinationId,
}

impl World {
    async fn new(engine: &Engine, slug: &str) -> Self {
        let (tenant, destination): (TenantId, DestinationId) = (ambient().fresh(), ambient().fresh());
        let insert = "INSERT INTO tenant (id, slug, name, created_at) VALUES ($1, $2, 'T', 0)";
        sql(&engine.db, tenant, insert, params![tenant, slug]).await;
        let row = "INSERT INTO integration_destinations (id, tenant, name, adapter_type, endpoint, url_secret, enabled, config,
            revision, created_at, updated_at) VALUES ($1, $2, 'x', 'webhook', 'x', $1, TRUE, '{}', 1, 0, 0)";
        sql(&engine.db, tenant, row, params![destination, tenant]).await;
        let lane = "INSERT INTO lane (destination, tenant, next_at) VALUES ($1, $2, $3)";
        sql(&engine.db, tenant, lane, params![destination, tenant, NEVER]).await;
        Self { db: engine.db.clone(), tenant, destination }
    }

    /// So many deliveries of one event in this state, with ids of long ago.
    async fn fill(&self, engine: &Engine, first: i64, count: i64, state: State, waiting: bool) {
        let event: EventId = ambient().fresh();
        let row = "INSERT INTO event (id, tenant, type, payload, meta) VALUES ($1, $2, 'a.b', $3, '{}')";
        sql(&self.db, self.tenant, row, params![event, self.tenant, &b"1"[..]]).await;
        let (numbers, id) = match engine.name {
            "sqlite" => (
                "WITH RECURSIVE n (n) AS (VALUES ($1) UNION ALL SELECT n + 1 FROM n WHERE n < $2)",
                "unhex('0000000000007000' || printf('%016x', n))",
            ),
            _ => (
                "WITH n (n) AS (SELECT generate_series($1::bigint, $2::bigint))",
                "('0000000000007000' || lpad(to_hex(n), 16, '0'))::uuid",
            ),
        };
        let rows = format!(
            "{numbers} INSERT INTO delivery (id, tenant, event, destination, state, updated_at) SELECT {id}, $3, $4, $5, $6, 1 FROM n"
        );
        let last = first + count - 1;
        sql(&self.db, self.tenant, &rows, params![first, last, self.tenant, event, self.destination, state_code(state)]).await;
        if waiting {
            let due = format!(
                "{numbers} INSERT INTO due (delivery, tenant, destination, next_at, leased, claim) SELECT {id}, $3, $4, 1, FALSE, 0 FROM n"
            );
            sql(&self.db, self.tenant, &due, params![first, last, self.tenant, self.destination]).await;
        }
    }

    async fn read<T, F>(&self, job: F) -> T
    where
        F: for<'t> FnOnce(&'t mut Tx) -> TxFuture<'t, T> + Send + 'static,
        T: Send + 'static,
    {
        self.db.for_tenant(self.tenant).read::<T, StoreError, _>(job).await.unwrap()
    }

    async fn write<T, F>(&self, job: F) -> T
    where
        F: for<'t> FnOnce(&'t mut Tx) -> TxFuture<'t, T> + Send + 'static,
        T: Send + 'static,
    {
        self.db.for_tenant(self.tenant).write::<T, StoreError, _>(job).await.unwrap()
    }

    /// Publishes one event and lets its delivery end so.
    async fn ended(&self, state: State, outcome: &'static str) -> DeliveryId {
        let id: DeliveryId = ambient().fresh();
        let event = NewEvent {
            id: ambient().fresh(),
            event_type: "a.b".to_owned(),
            payload: Bytes::from_static(b"1"),
            meta: "{}".to_owned(),
            deliveries: vec![NewDelivery { id, destination: self.destination, leased: true, key: None }],
        };
        let accept =
            Accept { tenant: self.tenant, epoch: 0, platform_epoch: None, events: vec![event], remember: None, lease_ms: 60_000 };
        assert_eq!(self.db.accept(accept).await.unwrap(), Accepted::Stored);
        let settle = Settle {
            tenant: self.tenant,
            delivery: id,
            destination: self.destination,
            claim: 1,
            state,
            after: After::Finished,
            attempts: 1,
            parked_reason: None,
            record: AttemptRecord {
                record: 1,
                number: Some(1),
                outcome,
                started_at: Timestamp::default(),
                status: Some(500),
                reason: "answered 500".to_owned(),
                detail: "{}".to_owned(),
            },
            key: None,
        };
        assert!(self.db.settle(settle).await.unwrap());
        id
    }
}

async fn a_page_looks_at_a_bounded_number_of_rows_whatever_the_history_weighs(engine: &Engine) {
    let world = World::new(engine, "t").await;
    world.fill(engine, 1, MANY, State::Delivered, false).await;
    let stretch = Stretch::of_page(&Page::first(25));
    let plain = world.read(move |tx| Box::pin(async move { walk::history(tx, stretch, 26).await })).await;
    assert_eq!(plain.visited, 26, "a list without filters looks at what it shows");
    for state in [State::Filtered, State::Failed, State::DeadLettered, State::Parked, State::Pending, State::RetryScheduled] {
        let filter = Filter { state: Some(state), ..Filter::default() };
        let page = world.read(move |tx| Box::pin(async move { delivery::list(tx, &Page::first(25), &filter).await })).await;
        assert!(page.rows.is_empty());
        // What has a place of its own is known to be absent; the rest says where to go on.
        assert_eq!(page.next.is_some(), state == State::Filtered, "{state}");
    }
    let letters = world.read(move |tx| Box::pin(async move { walk::letters(tx, stretch, None, true).await })).await;
    let waiting = world.read(move |tx| Box::pin(async move { walk::waiting(tx, stretch, None).await })).await;
    assert_eq!((letters.visited, waiting.visited), (0, 0), "the history is not looked at");
}

async fn a_rare_state_is_found_by_going_on_from_page_to_page(engine: &Engine) {
    let world = World::new(engine, "t").await;
    world.fill(engine, 1, 2, State::Filtered, false).await;
    world.fill(engine, 3, MANY, State::Delivered, false).await;
    let filter = Filter { state: Some(State::Filtered), destination: Some(world.destination), event: None };
    let (mut page, mut pages, mut found) = (Page::first(25), 0, Vec::new());
    loop {
        let listing = world.read(move |tx| Box::pin(async move { delivery::list(tx, &page, &filter).await })).await;
        found.extend(listing.rows.into_iter().map(|row| row.state));
        pages += 1;
        match listing.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, [State::Filtered; 2]);
    // 26 rows, four times that, and so on until a walk's worth was looked at.
    assert!((3..=6).contains(&pages), "{pages} pages");
}

/// The database's own plan, which names no table that it reads from end to end.
async fn every_walk_goes_by_an_index(engine: &Engine) {
    let world = World::new(engine, "t").await;
    world.fill(engine, 1, MANY, State::Delivered, false).await;
    world.fill(engine, MANY + 1, MANY, State::Pending, true).await;
    let (low, high, limit) = (Value::from(Uuid::nil()), Value::from(Uuid::max()), Value::from(WALK));
    let (tenant, to, never) = (Value::from(world.tenant), Value::from(world.destination), Value::from(NEVER));
    let bounds = [tenant.clone(), low, high, limit.clone()];
    let few = [tenant.clone(), never.clone(), limit.clone()];
    let with = |more: &Value| [&bounds[..], std::slice::from_ref(more)].concat();
    for way in [Way::Down, Way::Up] {
        let stretch = Stretch { way, low: Uuid::nil(), high: Uuid::max() };
        for (text, params) in [
            (walk::history_sql(stretch), bounds.to_vec()),
            (walk::letters_sql(stretch, None, true), bounds.to_vec()),
            (walk::letters_sql(stretch, None, false), bounds.to_vec()),
            (walk::letters_sql(stretch, Some(world.destination), true), with(&to)),
            (walk::waiting_many_sql(Queue::Due, stretch), with(&never)),
            (walk::waiting_few_sql(Queue::Due, None), few.to_vec()),
            (walk::waiting_few_sql(Queue::Due, Some(world.destination)), [&few[..], std::slice::from_ref(&to)].concat()),
            (walk::waiting_many_sql(Queue::Line, stretch), with(&never)),
            (walk::waiting_few_sql(Queue::Line, None), few.to_vec()),
            (walk::waiting_few_sql(Queue::Line, Some(world.destination)), [&few[..], std::slice::from_ref(&to)].concat()),
        ] {
            let plan = explain(&world, engine, &text, params).await;
            let scanned = plan.iter().find(|line| match engine.name {
                "sqlite" => line.starts_with("SCAN ") && !["w", "(subquery", "i"].iter().any(|part| line[5..].starts_with(part)),
                // The tables of one row are read as they are.
                _ => line.contains("Seq Scan") && !line.contains(" on installation"),
            });
            assert_eq!(scanned, None, "{text}\n{plan:#?}");
        }
    }
}

async fn explain(world: &World, engine: &Engine, text: &str, params: Vec<Value>) -> Vec<String> {
    let sqlite = engine.name == "sqlite";
    let text = if sqlite { format!("EXPLAIN QUERY PLAN {text}") } else { format!("EXPLAIN {text}") };
    let plan = world.write(move |tx| {
        Box::pin(async move {
            if !sqlite {
                // Small tables are read from end to end because that is cheap; large ones must not be.
                tx.execute("SET LOCAL enable_seqscan = off", &[]).await?;
            }
            let rows = tx.query(&text, &params).await?;
            rows.into_iter().map(|mut row| row.get(if sqlite { 3 } else { 0 })).collect()
        })
    });
    plan.await
}

async fn what_waits_behind_a_pause_is_found_beside_another_tenants_backlog(engine: &Engine) {
    let (world, noisy) = (World::new(engine, "quiet").await, World::new(engine, "noisy").await);
    world.fill(engine, 1, 30, State::Pending, true).await;
    noisy.fill(engine, 100, MANY, State::Pending, true).await;
    sql(&world.db, world.tenant, "UPDATE lane SET hold = 'paused'", &[]).await;
    let filter = Letters::default();
    let page = world.read(move |tx| Box::pin(async move { dead_letter::list(tx, &Page::first(25), &filter).await })).await;
    assert_eq!((page.rows.len(), page.next.is_some()), (25, true), "all at once, however much others wait");
    assert!(page.rows.iter().all(|row| row.reason == "destination_paused"));
    let stretch = Stretch::of_page(&Page::first(25));
    let walked = noisy.read(move |tx| Box::pin(async move { walk::waiting(tx, stretch, None).await })).await;
    assert_eq!((walked.visited as i64, walked.found.len() as i64, walked.end.is_some()), (WALK, WALK, true));
    // Page by page through all of it, newest first, nothing of the other tenant in it.
    let (mut page, mut seen) = (Page::first(100), Vec::new());
    loop {
        let filter = Letters::default();
        let listing = noisy.read(move |tx| Box::pin(async move { dead_letter::list(tx, &page, &filter).await })).await;
        seen.extend(listing.rows.into_iter().map(|row| row.delivery.id));
        match listing.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len() as i64, MANY);
    assert!(seen.is_sorted_by(|one, next| one > next));
}

async fn a_step_that_was_read_before_writes_nothing(engine: &Engine) {
    let world = World::new(engine, "t").await;
    for _ in 0..3 {
        world.ended(State::DeadLettered, "exhausted").await;
    }
    let id: JobId = ambient().fresh();
    let spec = Spec::Replay { of: Selection::Filter(Letters::default()) };
    assert_eq!(job::count(&world.db, world.tenant, &spec).await.unwrap(), 3);
    let new = NewJob { id, spec, rate_per_second: 1_000, total: Some(3), started_by: "x".to_owned() };
    world.write(move |tx| Box::pin(async move { job::insert(tx, &new).await })).await;
    let mut plans = Vec::new();
    for _ in 0..2 {
        plans.push(world.read(move |tx| Box::pin(job::plan(tx, id))).await.unwrap());
    }
    let mut came = Vec::new();
    for (job, next) in plans {
        came.push(world.write(move |tx| Box::pin(async move { job::step(tx, &*ambient(), &job, &next, 1).await })).await);
    }
    assert_eq!(came, [Stepped::Done { finished: true }, Stepped::Stale]);
    let made = sql(&world.db, world.tenant, "SELECT count(*) FROM delivery WHERE replayed_from IS NOT NULL", &[]).await;
    assert_eq!(made.into_iter().next().unwrap().get::<i64>(0).unwrap(), 3);
    let job = world.read(move |tx| Box::pin(job::get(tx, id))).await.unwrap();
    assert_eq!((job.done, job.skipped, job.state.as_str()), (3, 0, "completed"));
}
