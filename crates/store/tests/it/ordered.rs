//! Ordered destinations: who is due, who stands in line, and that nothing passes what was before it,
//! whoever accepts, claims, ends, cancels or replays at the same time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hookswitch_domain::delivery::State;
use hookswitch_domain::id::*;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::ordered::{self, Act, Acted};
use hookswitch_store::queue::*;
use hookswitch_store::{Db, Page, Settings, StoreError, Tx, TxFuture, dead_letter, delivery, params};

use crate::engines::{Engine, ambient, sql};
use crate::queue::COMPONENTS;

crate::on_both_engines!(
    of_a_key_one_is_due_and_its_end_makes_the_next_one_due,
    a_head_that_waits_holds_up_its_key_alone,
    an_expired_head_is_taken_over_and_nothing_passes_it,
    what_is_done_to_lines_is_what_a_list_per_key_does,
    concurrent_publishers_and_senders_keep_every_key_in_order,
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
        let row = "INSERT INTO integration_destinations (id, tenant, name, adapter_type, endpoint, url_secret, enabled, config,
            revision, created_at, updated_at) VALUES ($1, $2, 'x', 'webhook', 'x', $1, TRUE, '{\"ordered\":true}', 1, 0, 0)";
        sql(&engine.db, tenant, row, params![destination, tenant]).await;
        let lane = "INSERT INTO lane (destination, tenant, next_at) VALUES ($1, $2, $3)";
        sql(&engine.db, tenant, lane, params![destination, tenant, NEVER]).await;
        Self { db: engine.db.clone(), tenant, destination }
    }

    /// Events of these keys in one request; `None` has no order.
    async fn publish(&self, db: &Db, keys: &[Option<&str>], text: &str) -> Vec<DeliveryId> {
        let event = |key: &Option<&str>| {
            let delivery: DeliveryId = ambient().fresh();
            let key = key.map(str::to_owned);
            let meta = key.as_ref().map_or_else(|| "{}".to_owned(), |key| format!("{{\"ordering_key\":\"{key}\"}}"));
            let delivery = NewDelivery { id: delivery, destination: self.destination, leased: false, key };
            let payload = Bytes::from(text.to_owned());
            NewEvent { id: ambient().fresh(), event_type: "a.b".to_owned(), payload, meta, deliveries: vec![delivery] }
        };
        let events: Vec<NewEvent> = keys.iter().map(event).collect();
        let ids = events.iter().map(|event| event.deliveries[0].id).collect();
        let accept = Accept { tenant: self.tenant, epoch: 0, platform_epoch: None, events, remember: None, lease_ms: 60_000 };
        assert_eq!(db.accept(accept).await.unwrap(), Accepted::Stored);
        ids
    }

    async fn claim(&self, db: &Db, count: i64, lease_ms: i64) -> Vec<Claimed> {
        let lanes = db.look(10, None).await.unwrap().ready;
        db.claim(lanes.into_iter().map(|lane| Want::any(lane, count)).collect(), lease_ms).await.unwrap()
    }

    fn settle(&self, claimed: &Claimed, state: State, after: After) -> Settle {
        let record = AttemptRecord {
            record: claimed.records + 1,
            number: Some(claimed.attempts + 1),
            outcome: if state == State::Delivered { "accepted" } else { "exhausted" },
            started_at: Timestamp::default(),
            status: Some(200),
            reason: String::new(),
            detail: "{}".to_owned(),
        };
        Settle {
            tenant: self.tenant,
            delivery: claimed.delivery,
            destination: self.destination,
            claim: claimed.claim,
            state,
            after,
            attempts: claimed.attempts + 1,
            parked_reason: (after == After::Held).then_some("exhausted"),
            record,
            key: claimed.key.clone(),
        }
    }

    async fn ends(&self, claimed: &Claimed) {
        assert!(self.db.settle(self.settle(claimed, State::Delivered, After::Finished)).await.unwrap());
    }

    async fn write<T: Send + 'static, F>(&self, job: F) -> T
    where
        F: for<'t> FnOnce(&'t mut Tx) -> TxFuture<'t, T> + Send + 'static,
    {
        self.db.for_tenant(self.tenant).write::<T, StoreError, _>(job).await.unwrap()
    }

    async fn act(&self, id: DeliveryId, act: Act) -> Acted {
        self.write(move |tx| Box::pin(ordered::act(tx, id, act))).await
    }

    async fn state(&self, id: DeliveryId) -> State {
        self.write(move |tx| Box::pin(delivery::get(tx, id))).await.unwrap().state
    }
}

fn ids(claimed: &[Claimed]) -> Vec<DeliveryId> {
    claimed.iter().map(|each| each.delivery).collect()
}

async fn of_a_key_one_is_due_and_its_end_makes_the_next_one_due(engine: &Engine) {
    let world = World::new(engine).await;
    let (a, b, none) = (Some("a"), Some(""), None);
    let ids_of = world.publish(&world.db, &[a, a, b, a, b, none], "1").await;
    let first = world.claim(&world.db, 100, 60_000).await;
    let mut got = ids(&first);
    got.sort();
    let mut heads = vec![ids_of[0], ids_of[2], ids_of[5]];
    heads.sort();
    assert_eq!(got, heads, "the heads, and what has no order");
    assert!(world.claim(&world.db, 100, 60_000).await.is_empty());
    let head = first.iter().find(|each| each.delivery == ids_of[0]).unwrap();
    world.ends(head).await;
    let second = world.claim(&world.db, 100, 60_000).await;
    assert_eq!(ids(&second), [ids_of[1]]);
    // What comes later stands behind, also when the line was empty.
    let later = world.publish(&world.db, &[a, b], "2").await;
    world.ends(&second[0]).await;
    let third = world.claim(&world.db, 100, 60_000).await;
    assert_eq!(ids(&third), [ids_of[3]]);
    world.ends(&third[0]).await;
    assert_eq!(ids(&world.claim(&world.db, 100, 60_000).await), [later[0]]);
}

async fn a_head_that_waits_holds_up_its_key_alone(engine: &Engine) {
    let world = World::new(engine).await;
    let of = world.publish(&world.db, &[Some("a"), Some("a"), Some("b"), Some("b")], "1").await;
    for head in world.claim(&world.db, 100, 60_000).await {
        match head.delivery == of[0] {
            true => assert!(world.db.settle(world.settle(&head, State::RetryScheduled, After::DueIn(60_000))).await.unwrap()),
            false => world.ends(&head).await,
        }
    }
    let next = world.claim(&world.db, 100, 60_000).await;
    assert_eq!(ids(&next), [of[3]], "b goes on, a waits for its head");
    assert_eq!(world.act(of[1], Act::Skip).await, Acted::Behind(of[0]));
    assert_eq!(world.act(of[3], Act::Skip).await, Acted::InHand);
    assert_eq!(world.act(of[2], Act::Skip).await, Acted::Finished);
    let destination = world.destination;
    let keys = world.write(move |tx| Box::pin(async move { ordered::keys(tx, destination, None, true, &Page::first(5)).await }));
    let keys = keys.await;
    assert_eq!((keys.len(), keys[0].key.as_str(), keys[0].depth, keys[0].head.id), (1, "a", 2, of[0]));
    // Tried at once; put aside; and the next one is due.
    assert_eq!(world.act(of[0], Act::Retry { fresh: ambient().fresh() }).await, Acted::Done(of[0]));
    let again = world.claim(&world.db, 100, 60_000).await.remove(0);
    assert_eq!((again.delivery, again.attempts), (of[0], 1));
    assert!(world.db.settle(world.settle(&again, State::Parked, After::Held)).await.unwrap());
    let fresh: DeliveryId = ambient().fresh();
    assert_eq!(world.act(of[0], Act::Retry { fresh }).await, Acted::Done(fresh), "used up: a new delivery has its place");
    assert_eq!(world.state(of[0]).await, State::Discarded);
    assert_eq!(world.act(of[1], Act::Skip).await, Acted::Behind(fresh));
    assert_eq!(world.act(fresh, Act::DeadLetter).await, Acted::Done(fresh));
    assert_eq!(world.state(fresh).await, State::DeadLettered);
    assert_eq!(ids(&world.claim(&world.db, 100, 60_000).await), [of[1]]);
}

async fn an_expired_head_is_taken_over_and_nothing_passes_it(engine: &Engine) {
    let world = World::new(engine).await;
    let of = world.publish(&world.db, &[Some("a"), Some("a")], "1").await;
    let old = world.claim(&world.db, 100, 30).await.remove(0);
    tokio::time::sleep(std::time::Duration::from_millis(80)).await;
    let new = world.claim(&world.db, 100, 60_000).await;
    assert_eq!((ids(&new), new[0].interruptions), (vec![of[0]], 1));
    assert!(!world.db.settle(world.settle(&old, State::Delivered, After::Finished)).await.unwrap());
    assert!(world.claim(&world.db, 100, 60_000).await.is_empty(), "a write that came too late makes nobody due");
    world.ends(&new[0]).await;
    assert_eq!(ids(&world.claim(&world.db, 100, 60_000).await), [of[1]]);
}

/// Numbers that a seed repeats.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// The rule in its simplest form.
#[derive(Default)]
struct Lists {
    lines: BTreeMap<String, VecDeque<DeliveryId>>,
    hand: HashMap<DeliveryId, Claimed>,
    used_up: Vec<DeliveryId>,
    over: Vec<(DeliveryId, String)>,
}

impl Lists {
    fn line_of(&self, id: DeliveryId) -> Option<&String> {
        self.lines.iter().find(|(_, line)| line.contains(&id)).map(|(key, _)| key)
    }

    fn remove(&mut self, id: DeliveryId) {
        let Some(key) = self.line_of(id).cloned() else { return };
        self.lines.entry(key.clone()).or_default().retain(|each| *each != id);
        self.used_up.retain(|each| *each != id);
        self.hand.remove(&id);
        self.over.push((id, key));
    }

    fn replace(&mut self, old: DeliveryId, fresh: DeliveryId) {
        let Some(key) = self.line_of(old).cloned() else { return };
        self.remove(old);
        self.lines.entry(key).or_default().push_front(fresh);
    }
}

const SEED: u64 = 0x005e_ed0f_0de4;
const STEPS: usize = 220;

/// A differential test: after every step the two tables say what a list per key says.
async fn what_is_done_to_lines_is_what_a_list_per_key_does(engine: &Engine) {
    let (world, mut draw, mut lists) = (World::new(engine).await, Draw(SEED), Lists::default());
    for step in 0..STEPS {
        one_step(&world, &mut draw, &mut lists).await;
        let due = "SELECT delivery, ordering_key FROM due ORDER BY ordering_key";
        let due = sql(&world.db, world.tenant, due, &[]).await.into_iter();
        let due: Vec<(DeliveryId, String)> = due.map(|mut row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
        let line = "SELECT delivery, ordering_key FROM line ORDER BY ordering_key, place";
        let line = sql(&world.db, world.tenant, line, &[]).await.into_iter();
        let line: Vec<(DeliveryId, String)> = line.map(|mut row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
        let rows = |skip: usize, take: usize| {
            let of = move |(key, line): (&String, &VecDeque<DeliveryId>)| {
                line.iter().skip(skip).take(take).map(|id| (*id, key.clone())).collect::<Vec<_>>()
            };
            lists.lines.iter().flat_map(of).collect::<Vec<_>>()
        };
        assert_eq!(due, rows(0, 1), "step {step}: the heads");
        assert_eq!(line, rows(1, usize::MAX), "step {step}: those behind them");
    }
    assert!(lists.over.len() > 20, "a run in which little happened shows little");
}

async fn one_step(world: &World, draw: &mut Draw, lists: &mut Lists) {
    let keys = ["", "a", "b"];
    let all: Vec<DeliveryId> = lists.lines.values().flatten().copied().collect();
    match draw.below(10) {
        0 | 1 => {
            let picked: Vec<Option<&str>> = (0..1 + draw.below(4)).map(|_| Some(keys[draw.below(3)])).collect();
            let ids = world.publish(&world.db, &picked, "1").await;
            for (id, key) in ids.into_iter().zip(&picked) {
                lists.lines.entry(key.unwrap().to_owned()).or_default().push_back(id);
            }
        }
        2 | 3 => {
            for claimed in world.claim(&world.db, 1 + draw.below(3) as i64, 600_000).await {
                let key = claimed.key.clone().unwrap();
                assert_eq!(lists.lines[&key].front(), Some(&claimed.delivery));
                assert!(lists.hand.insert(claimed.delivery, claimed).is_none(), "in hand twice");
            }
        }
        4 | 5 if !lists.hand.is_empty() => {
            let mut held: Vec<DeliveryId> = lists.hand.keys().copied().collect();
            held.sort();
            let id = held[draw.below(held.len())];
            let claimed = lists.hand.remove(&id).unwrap();
            let (state, after) = match draw.below(4) {
                0 => (State::RetryScheduled, After::DueIn(0)),
                1 => (State::Parked, After::Held),
                2 => (State::DeadLettered, After::Finished),
                _ => (State::Delivered, After::Finished),
            };
            assert!(world.db.settle(world.settle(&claimed, state, after)).await.unwrap());
            match after {
                After::Finished => lists.remove(id),
                After::Held => lists.used_up.push(id),
                After::DueIn(_) => {}
            }
        }
        6 if !all.is_empty() => {
            let id = all[draw.below(all.len())];
            assert!(world.write(move |tx| Box::pin(delivery::end(tx, id, State::Cancelled))).await);
            lists.remove(id);
        }
        7 if !lists.over.is_empty() => {
            let (old, key) = lists.over[draw.below(lists.over.len())].clone();
            let fresh: DeliveryId = ambient().fresh();
            let made = world.write(move |tx| Box::pin(dead_letter::replay(tx, old, fresh, false, 0))).await;
            assert_eq!(made, dead_letter::Replay::Made);
            lists.lines.entry(key).or_default().push_back(fresh);
        }
        8 if !lists.used_up.is_empty() => {
            let (old, fresh): (DeliveryId, DeliveryId) = (lists.used_up[draw.below(lists.used_up.len())], ambient().fresh());
            let made = world.write(move |tx| Box::pin(dead_letter::replay(tx, old, fresh, false, 0))).await;
            assert_eq!(made, dead_letter::Replay::Made);
            lists.replace(old, fresh);
        }
        9 if !all.is_empty() => {
            let id = all[draw.below(all.len())];
            person(world, draw, lists, id).await;
        }
        _ => {}
    }
}

async fn person(world: &World, draw: &mut Draw, lists: &mut Lists, id: DeliveryId) {
    let fresh: DeliveryId = ambient().fresh();
    let act = [Act::Skip, Act::DeadLetter, Act::Retry { fresh }][draw.below(3)];
    let front = lists.line_of(id).and_then(|key| lists.lines[key].front().copied());
    let new_one = matches!(act, Act::Retry { .. }) && lists.used_up.contains(&id);
    let expected = match front {
        Some(head) if head != id => Acted::Behind(head),
        _ if lists.hand.contains_key(&id) => Acted::InHand,
        _ if new_one => Acted::Done(fresh),
        _ => Acted::Done(id),
    };
    assert_eq!(world.act(id, act).await, expected, "{act:?}");
    match (expected, act) {
        (Acted::Done(_), Act::Skip | Act::DeadLetter) => lists.remove(id),
        (Acted::Done(_), Act::Retry { .. }) if new_one => lists.replace(id, fresh),
        _ => {}
    }
}

/// What senders have seen: per key what is in hand, and the last number of each publisher.
#[derive(Default)]
struct Ledger {
    in_hand: HashMap<String, DeliveryId>,
    last: HashMap<(String, String), u32>,
    ended: usize,
}

const PUBLISHERS: usize = 4;
const EACH: u32 = 40;

async fn concurrent_publishers_and_senders_keep_every_key_in_order(engine: &Engine) {
    let world = Arc::new(World::new(engine).await);
    // Two processes, where the engine takes several: each has batches of its own.
    let mut nodes = vec![engine.db.clone()];
    if engine.name == "postgres" {
        nodes.push(Db::open(&Settings { connections: 6, ..Settings::new(engine.url.clone()) }, ambient()).await.unwrap());
    }
    let ledger: Arc<Mutex<Ledger>> = Arc::default();
    let mut tasks = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (world, db) = (world.clone(), nodes[publisher % nodes.len()].clone());
        tasks.spawn(async move {
            for number in 1..=EACH {
                world.publish(&db, &[Some(["a", "b", "c"][number as usize % 3])], &format!("{publisher}:{number}")).await;
            }
        });
    }
    for sender in 0..4 {
        let (world, db, ledger) = (world.clone(), nodes[sender % nodes.len()].clone(), ledger.clone());
        tasks.spawn(async move {
            while ledger.lock().unwrap().ended < PUBLISHERS * EACH as usize {
                for claimed in world.claim(&db, 5, 60_000).await {
                    send(&world, &db, &ledger, claimed).await;
                }
            }
        });
    }
    let all = async { while tasks.join_next().await.transpose().unwrap().is_some() {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), all).await.expect("a lane stands still: its bell was lost");
}

async fn send(world: &World, db: &Db, ledger: &Mutex<Ledger>, claimed: Claimed) {
    let key = claimed.key.clone().unwrap();
    let text = String::from_utf8(claimed.payload.to_vec()).unwrap();
    let (publisher, number) = text.split_once(':').unwrap();
    let number: u32 = number.parse().unwrap();
    {
        let mut ledger = ledger.lock().unwrap();
        assert_eq!(ledger.in_hand.insert(key.clone(), claimed.delivery), None, "two of a key in hand");
        if claimed.attempts == 0 {
            let last = ledger.last.insert((publisher.to_owned(), key.clone()), number).unwrap_or(0);
            assert!(last < number, "{publisher} {key}: {number} after {last}");
        }
    }
    tokio::task::yield_now().await;
    let again = claimed.attempts == 0 && number.is_multiple_of(7);
    let settle = match again {
        true => world.settle(&claimed, State::RetryScheduled, After::DueIn(1)),
        false => world.settle(&claimed, State::Delivered, After::Finished),
    };
    {
        let mut ledger = ledger.lock().unwrap();
        ledger.in_hand.remove(&key);
        ledger.ended += usize::from(!again);
    }
    assert!(db.settle(settle).await.unwrap());
}
