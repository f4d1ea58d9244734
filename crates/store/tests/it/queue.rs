//! The outbound queue: what `reliability.md` 3 asks of accepting, claiming and settling.

use bytes::Bytes;
use hookswitch_domain::delivery::State;
use hookswitch_domain::flow::Class;
use hookswitch_domain::id::*;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::queue::*;
use hookswitch_store::{Component, Db, STORE, Settings, params};

use crate::engines::{Engine, ambient, sql};

pub const COMPONENTS: &[Component] = &[STORE];

crate::on_both_engines!(
    accepted_work_is_claimed_once_and_settled_once,
    an_expired_lease_is_taken_over_and_its_old_holder_writes_nothing,
    what_was_handed_over_at_accept_is_not_claimable_until_its_lease_ends,
    a_stale_epoch_writes_nothing,
    one_idempotency_key_is_one_event_under_concurrency,
    a_held_lane_is_not_claimed_and_loses_nothing,
    a_retry_waits_for_its_time,
    concurrent_claimers_never_share_a_delivery,
    a_dead_processs_leases_are_freed_and_the_interruption_is_recorded,
    a_look_goes_on_behind_the_lanes_that_it_showed,
    fresh_work_is_claimed_before_retries_and_replays,
    an_open_breaker_holds_its_lane_back_and_one_node_probes,
);

struct World {
    db: Db,
    tenant: TenantId,
    destination: DestinationId,
}

impl World {
    async fn new(engine: &Engine) -> Self {
        let (tenant, destination): (TenantId, DestinationId) = (ambient().fresh(), ambient().fresh());
        let insert = "INSERT INTO tenant (id, slug, name, created_at) VALUES ($1, 't', 'T', 0)";
        sql(&engine.db, tenant, insert, params![tenant]).await;
        let lane = "INSERT INTO lane (destination, tenant, next_at) VALUES ($1, $2, $3)";
        sql(&engine.db, tenant, lane, params![destination, tenant, NEVER]).await;
        Self { db: engine.db.clone(), tenant, destination }
    }

    fn accept(&self, leased: bool) -> Accept {
        let delivery = NewDelivery { id: ambient().fresh(), destination: self.destination, leased, key: None };
        let event = NewEvent {
            id: ambient().fresh(),
            event_type: "a.b".to_owned(),
            payload: Bytes::from_static(b"{\"n\":  1}"),
            meta: "{}".to_owned(),
            deliveries: vec![delivery],
        };
        Accept { tenant: self.tenant, epoch: 0, platform_epoch: None, events: vec![event], remember: None, lease_ms: 200 }
    }

    async fn claim(&self, lease_ms: i64) -> Vec<Claimed> {
        let lanes = self.db.look(10, None).await.unwrap().ready;
        self.db.claim(lanes.into_iter().map(|lane| Want::any(lane, 100)).collect(), lease_ms).await.unwrap()
    }

    fn settle(&self, claimed: &Claimed, state: State, after: After) -> Settle {
        Settle {
            tenant: self.tenant,
            delivery: claimed.delivery,
            destination: self.destination,
            claim: claimed.claim,
            state,
            after,
            attempts: claimed.attempts + 1,
            parked_reason: None,
            record: AttemptRecord {
                record: claimed.records + 1,
                number: Some(claimed.attempts + 1),
                outcome: "accepted",
                started_at: Timestamp::default(),
                status: Some(200),
                reason: String::new(),
                detail: "{}".to_owned(),
            },
            key: claimed.key.clone(),
        }
    }

    async fn count(&self, table: &str) -> i64 {
        let text = format!("SELECT count(*) FROM {table}");
        sql(&self.db, self.tenant, &text, &[]).await.remove(0).get(0).unwrap()
    }

    async fn wait(&self, millis: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    }
}

async fn accepted_work_is_claimed_once_and_settled_once(engine: &Engine) {
    let world = World::new(engine).await;
    assert_eq!(world.db.accept(world.accept(false)).await.unwrap(), Accepted::Stored);
    let claimed = world.claim(60_000).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(&claimed[0].payload[..], b"{\"n\":  1}", "payload bytes are untouched");
    assert!(world.claim(60_000).await.is_empty());
    let settle = world.settle(&claimed[0], State::Delivered, After::Finished);
    assert!(world.db.settle(settle.clone()).await.unwrap());
    assert!(!world.db.settle(settle).await.unwrap(), "a second write under the same claim changes nothing");
    assert_eq!((world.count("due").await, world.count("attempt").await), (0, 1));
}

async fn an_expired_lease_is_taken_over_and_its_old_holder_writes_nothing(engine: &Engine) {
    let world = World::new(engine).await;
    world.db.accept(world.accept(false)).await.unwrap();
    let old = world.claim(50).await.remove(0);
    world.wait(120).await;
    let new = world.claim(60_000).await.remove(0);
    assert_eq!((new.delivery, new.claim, new.interruptions, new.attempts), (old.delivery, old.claim + 1, 1, 0));
    assert!(!world.db.settle(world.settle(&old, State::Delivered, After::Finished)).await.unwrap());
    assert!(world.db.settle(world.settle(&new, State::Delivered, After::Finished)).await.unwrap());
    assert_eq!(world.count("attempt").await, 2, "the interruption and the attempt");
}

async fn what_was_handed_over_at_accept_is_not_claimable_until_its_lease_ends(engine: &Engine) {
    let world = World::new(engine).await;
    world.db.accept(world.accept(true)).await.unwrap();
    assert!(world.claim(60_000).await.is_empty());
    world.wait(300).await;
    assert_eq!(world.claim(60_000).await.len(), 1, "the node that held it is taken for dead");
}

async fn a_stale_epoch_writes_nothing(engine: &Engine) {
    let world = World::new(engine).await;
    let accept = Accept { epoch: 7, ..world.accept(false) };
    assert_eq!(world.db.accept(accept).await.unwrap(), Accepted::Stale);
    assert_eq!(world.count("event").await, 0);
}

async fn one_idempotency_key_is_one_event_under_concurrency(engine: &Engine) {
    let world = World::new(engine).await;
    let remember = |hash: u8| {
        Some(Remember {
            key: "k".to_owned(),
            scope: "events".to_owned(),
            request_hash: [hash; 32],
            status: 202,
            response: format!("first {hash}"),
        })
    };
    let mut asks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (db, accept) = (world.db.clone(), Accept { remember: remember(1), ..world.accept(false) });
        asks.spawn(async move {
            loop {
                match db.accept(accept.clone()).await.unwrap() {
                    Accepted::Stale => continue,
                    other => return other,
                }
            }
        });
    }
    let answers = asks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Accepted::Stored).count(), 1);
    assert_eq!(world.count("event").await, 1);
    let other = Accept { remember: remember(2), ..world.accept(false) };
    assert_eq!(world.db.accept(other).await.unwrap(), Accepted::KeyReused);
}

async fn a_held_lane_is_not_claimed_and_loses_nothing(engine: &Engine) {
    let world = World::new(engine).await;
    sql(&world.db, world.tenant, "UPDATE lane SET hold = 'paused'", &[]).await;
    world.db.accept(world.accept(false)).await.unwrap();
    assert!(world.claim(60_000).await.is_empty());
    sql(&world.db, world.tenant, "UPDATE lane SET hold = NULL, next_at = 0", &[]).await;
    assert_eq!(world.claim(60_000).await.len(), 1);
}

async fn a_retry_waits_for_its_time(engine: &Engine) {
    let world = World::new(engine).await;
    world.db.accept(world.accept(false)).await.unwrap();
    let claimed = world.claim(60_000).await.remove(0);
    assert!(world.db.settle(world.settle(&claimed, State::RetryScheduled, After::DueIn(150))).await.unwrap());
    let twice = world.settle(&claimed, State::Delivered, After::Finished);
    assert!(!world.db.settle(twice).await.unwrap(), "whoever has written holds nothing any more");
    assert!(world.claim(60_000).await.is_empty());
    let look = world.db.look(10, None).await.unwrap();
    assert!(look.next_in_ms.is_some_and(|wait| wait <= 150), "the worker knows how long it may sleep");
    world.wait(250).await;
    let again = world.claim(60_000).await.remove(0);
    assert_eq!((again.attempts, again.interruptions), (1, 0));
}

async fn concurrent_claimers_never_share_a_delivery(engine: &Engine) {
    let world = World::new(engine).await;
    for _ in 0..60 {
        world.db.accept(world.accept(false)).await.unwrap();
    }
    let lane = Lane { destination: world.destination, tenant: world.tenant };
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let db = world.db.clone();
        claimers.spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..10 {
                mine.extend(db.claim(vec![Want::any(lane, 7)], 60_000).await.unwrap());
            }
            mine
        });
    }
    let mut all: Vec<_> = claimers.join_all().await.into_iter().flatten().map(|claimed| claimed.delivery).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 60);
    assert_eq!(world.claim(60_000).await.len(), 0);
}

async fn a_dead_processs_leases_are_freed_and_the_interruption_is_recorded(engine: &Engine) {
    let world = World::new(engine).await;
    world.db.accept(Accept { lease_ms: 90_000, ..world.accept(true) }).await.unwrap();
    assert!(world.claim(60_000).await.is_empty());
    let mut presence = world.db.begin_sending().await.unwrap();
    assert_eq!(presence.freed().await, 1);
    let claimed = world.claim(60_000).await.remove(0);
    assert_eq!((claimed.interruptions, claimed.attempts, claimed.records), (1, 0, 1));
}

/// What another process has in hand stays there. Only PostgreSQL has several.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_alone_frees_no_leases() {
    let engine = Engine::postgres(COMPONENTS).await;
    let world = World::new(&engine).await;
    world.db.accept(Accept { lease_ms: 90_000, ..world.accept(true) }).await.unwrap();
    let other = Db::open(&Settings { connections: 2, ..Settings::new(engine.url.clone()) }, ambient()).await.unwrap();
    let mut first = other.begin_sending().await.unwrap();
    assert_eq!(first.freed().await, 1, "it is alone, whatever was left is nobody's");
    let held = world.claim(90_000).await;
    let mut second = world.db.begin_sending().await.unwrap();
    assert_eq!((held.len(), second.freed().await), (1, 0));
    drop((first, second));
    let mut third = world.db.begin_sending().await.unwrap();
    assert_eq!(third.freed().await, 1, "nobody is left who could have it in hand");
}

/// Two others live on: one of them loses its connection at the same moment, and isn't taken for dead.
#[tokio::test(flavor = "multi_thread")]
async fn the_living_free_the_leases_of_one_that_died_beside_them() {
    let engine = Engine::postgres(COMPONENTS).await;
    let world = World::new(&engine).await;
    let open = || async { Db::open(&Settings { connections: 2, ..Settings::new(engine.url.clone()) }, ambient()).await.unwrap() };
    let (dying, blinking, living) = (open().await, open().await, world.db.clone());
    let numbers = || async {
        let rows = sql(&world.db, world.tenant, "SELECT holder FROM node", &[]).await;
        rows.into_iter().map(|mut row| row.get::<i64>(0).unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    let died = dying.begin_sending().await.unwrap();
    let first = numbers().await;
    let _second = blinking.begin_sending().await.unwrap();
    let blinked = *numbers().await.difference(&first).next().unwrap();
    let _third = living.begin_sending().await.unwrap();
    for db in [&dying, &blinking, &living] {
        // One handed over at accept, one claimed.
        db.accept(Accept { lease_ms: 90_000, ..world.accept(true) }).await.unwrap();
        db.accept(world.accept(false)).await.unwrap();
        let lane = Lane { destination: world.destination, tenant: world.tenant };
        assert_eq!(db.claim(vec![Want::any(lane, 10)], 90_000).await.unwrap().len(), 1);
    }
    drop(died);
    let holders = "SELECT holder FROM due WHERE leased AND next_at <= now_ms()";
    let lost = "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 2 AND l.objid::bigint = $1";
    sql(&world.db, world.tenant, lost, params![blinked]).await;
    let begun = std::time::Instant::now();
    while sql(&world.db, world.tenant, holders, &[]).await.is_empty() {
        assert!(begun.elapsed().as_secs() < 60, "the leases of a dead process are still held");
        world.wait(200).await;
    }
    let again = world.claim(60_000).await;
    assert_eq!(again.iter().map(|claimed| claimed.interruptions).collect::<Vec<_>>(), [1, 1]);
    while numbers().await.len() != 2 {
        assert!(begun.elapsed().as_secs() < 60, "whoever is gone is forgotten, and nobody else");
        world.wait(200).await;
    }
    assert!(numbers().await.contains(&blinked));
    assert!(world.claim(60_000).await.is_empty(), "what the others have in hand stays there");
}

async fn a_look_goes_on_behind_the_lanes_that_it_showed(engine: &Engine) {
    let world = World::new(engine).await;
    for _ in 0..5 {
        let destination: DestinationId = ambient().fresh();
        let lane = "INSERT INTO lane (destination, tenant, next_at) VALUES ($1, $2, 7)";
        sql(&world.db, world.tenant, lane, params![destination, world.tenant]).await;
    }
    let (mut seen, mut after, mut pages) = (std::collections::HashSet::new(), None, 0);
    loop {
        let look = world.db.look(2, after).await.unwrap();
        seen.extend(look.ready.iter().map(|lane| lane.destination));
        (after, pages) = (look.more, pages + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (5, 3));
}

async fn fresh_work_is_claimed_before_retries_and_replays(engine: &Engine) {
    let world = World::new(engine).await;
    for _ in 0..4 {
        world.db.accept(world.accept(false)).await.unwrap();
    }
    let first = world.claim(60_000).await;
    assert!(world.db.settle(world.settle(&first[0], State::RetryScheduled, After::DueIn(0))).await.unwrap());
    let replay = "UPDATE due SET class = 2, leased = FALSE, next_at = 0 WHERE delivery = $1";
    sql(&world.db, world.tenant, replay, params![first[1].delivery]).await;
    world.db.accept(world.accept(false)).await.unwrap();
    world.wait(5).await;
    let lane = Lane { destination: world.destination, tenant: world.tenant };
    let mut classes = Vec::new();
    for _ in 0..4 {
        let claimed = world.db.claim(vec![Want::any(lane, 1)], 60_000).await.unwrap();
        classes.extend(claimed.iter().map(|claimed| claimed.class));
    }
    assert_eq!(classes, [Class::Fresh, Class::Retry, Class::Replay]);
}

async fn an_open_breaker_holds_its_lane_back_and_one_node_probes(engine: &Engine) {
    use hookswitch_store::health;
    let world = World::new(engine).await;
    for _ in 0..3 {
        world.db.accept(world.accept(false)).await.unwrap();
    }
    let (store, destination) = (world.db.for_tenant(world.tenant), world.destination);
    let open = store.write::<_, hookswitch_store::StoreError, _>(move |tx| {
        Box::pin(async move {
            assert!(health::record(tx, destination, 1_000, 0).await?);
            assert!(!health::record(tx, destination, 9_000, 0).await?, "told once");
            assert!(health::record(tx, destination, 9_000, 1).await?);
            health::open(tx, destination, 2, 100).await
        })
    });
    open.await.unwrap();
    let look = world.db.look(10, None).await.unwrap();
    assert!(look.ready.is_empty() && look.next_in_ms.is_some_and(|wait| wait <= 100));
    let kept = world.db.failing().await.unwrap().remove(0);
    assert_eq!((kept.destination, kept.warned, kept.failed_probes), (destination, 1, Some(2)));
    assert!((1_000..5_000).contains(&kept.failing_for_ms), "{}", kept.failing_for_ms);
    world.wait(150).await;
    let lane = world.db.look(10, None).await.unwrap().ready.remove(0);
    let probe = Want { probe: true, ..Want::any(lane, 1) };
    assert_eq!(world.db.claim(vec![probe], 60_000).await.unwrap().len(), 1);
    assert!(world.db.claim(vec![probe], 60_000).await.unwrap().is_empty(), "another node took it");
    assert!(world.db.look(10, None).await.unwrap().ready.is_empty());
    // One node sees it work, and for another its breaker opens: that is written down all the same.
    let anew = store.write::<_, hookswitch_store::StoreError, _>(move |tx| {
        Box::pin(async move {
            health::clear(tx, destination).await?;
            health::open(tx, destination, 0, 60_000).await
        })
    });
    anew.await.unwrap();
    assert_eq!(world.db.failing().await.unwrap().remove(0).failed_probes, Some(0));
    assert!(world.db.look(10, None).await.unwrap().ready.is_empty());
}
