//! The queue in memory and the one in SQLite are the same queue: any sequence of commands gives
//! the same answers and leaves the same rows. So what the simulator shows of the one holds for
//! the other. (The rules themselves are the store's conformance suite, on both databases.)

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use hookswitch_domain::delivery::State;
use hookswitch_domain::destination::Hold;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, TenantId};
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_sim::memory::Memory;
use hookswitch_store::queue::{Accept, Accepted, After, AttemptRecord, Claimed, Lane, NEVER, NewDelivery, NewEvent, Settle};
use hookswitch_store::{Db, STORE, Settings, StoreError, Value, delivery, destination, params};
use proptest::prelude::*;
use uuid::Uuid;

const LANES: u128 = 2;
const TENANT: TenantId = TenantId(Uuid::from_u128(7));
const LEASE_MS: i64 = 100;

/// The database's clock, set by hand.
struct Clock(AtomicI64);

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

#[derive(Debug, Clone, Copy)]
enum Command {
    Accept { lane: u128, leased: bool, stale: bool },
    Claim { lane: u128 },
    Settle { which: usize, after: After, again: bool },
    Release { which: usize },
    End { which: usize },
    Hold { lane: u128, on: bool },
    Sweep,
    Pass { millis: i64 },
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let after = prop_oneof![Just(After::Finished), (0i64..200).prop_map(After::DueIn), Just(After::Held)];
    let one = prop_oneof![
        3 => (0..LANES, any::<bool>(), prop::bool::weighted(0.1)).prop_map(|(lane, leased, stale)| Command::Accept { lane, leased, stale }),
        3 => (0..LANES).prop_map(|lane| Command::Claim { lane }),
        4 => (0usize..50, after, prop::bool::weighted(0.2)).prop_map(|(which, after, again)| Command::Settle { which, after, again }),
        1 => (0usize..50).prop_map(|which| Command::Release { which }),
        1 => (0usize..50).prop_map(|which| Command::End { which }),
        1 => (0..LANES, any::<bool>()).prop_map(|(lane, on)| Command::Hold { lane, on }),
        1 => Just(Command::Sweep),
        3 => (0i64..150).prop_map(|millis| Command::Pass { millis }),
    ];
    prop::collection::vec(one, 1..60)
}

fn lane(number: u128) -> DestinationId {
    DestinationId(Uuid::from_u128(100 + number))
}

/// Both queues, and what was claimed from them.
struct Both {
    db: Db,
    memory: Memory,
    clock: Arc<Clock>,
    in_hand: Vec<Claimed>,
    made: u128,
    _folder: tempfile::TempDir,
}

impl Both {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Clock(AtomicI64::new(1_000_000)));
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let db = Db::open(&Settings::new(url), clock.clone()).await.unwrap();
        db.migrate(&[STORE]).await.unwrap();
        let mut memory = Memory::default();
        sql(&db, "INSERT INTO tenant (id, slug, name, created_at) VALUES ($1, 't', 'T', 0)", params![TENANT]).await;
        for number in 0..LANES {
            memory.add_lane(TENANT, lane(number));
            let insert = "INSERT INTO lane (destination, tenant, next_at) VALUES ($1, $2, $3)";
            sql(&db, insert, params![lane(number), TENANT, NEVER]).await;
        }
        Self { db, memory, clock, in_hand: Vec::new(), made: 0, _folder: folder }
    }

    fn now(&self) -> i64 {
        self.clock.now().millis()
    }

    async fn run(&mut self, command: Command) {
        let now = self.now();
        let known = |which: usize, all: &[Claimed]| (!all.is_empty()).then(|| all[which % all.len()].clone());
        match command {
            Command::Accept { lane, leased, stale } => self.accept(lane, leased, stale).await,
            Command::Claim { lane } => self.claim(lane).await,
            Command::Settle { which, after, again } => {
                let Some(claimed) = known(which, &self.in_hand) else { return };
                for _ in 0..1 + usize::from(again) {
                    let settle = settled(&claimed, after);
                    let wrote = self.db.settle(settle.clone()).await.unwrap();
                    assert_eq!(wrote, self.memory.settle(now, &settle), "{settle:?}");
                }
            }
            Command::Release { which } => {
                let Some(Claimed { delivery, claim, .. }) = known(which, &self.in_hand) else { return };
                let store = self.db.for_tenant(TENANT);
                let job: Result<_, StoreError> = store.write(move |tx| Box::pin(delivery::release(tx, delivery, claim))).await;
                job.unwrap();
                self.memory.release(now, delivery, claim);
            }
            Command::End { which } => {
                let Some(Claimed { delivery, .. }) = known(which, &self.in_hand) else { return };
                let store = self.db.for_tenant(TENANT);
                let job: Result<_, StoreError> =
                    store.write(move |tx| Box::pin(delivery::end(tx, delivery, State::Cancelled))).await;
                assert_eq!(job.unwrap(), self.memory.end(delivery, State::Cancelled));
            }
            Command::Hold { lane: number, on } => {
                let hold = on.then_some(Hold::Paused);
                let store = self.db.for_tenant(TENANT);
                let job: Result<_, StoreError> =
                    store.write(move |tx| Box::pin(destination::set_hold(tx, lane(number), hold))).await;
                job.unwrap();
                self.memory.set_hold(lane(number), hold);
            }
            Command::Sweep => assert_eq!(self.db.sweep_lanes().await.unwrap(), self.memory.sweep()),
            Command::Pass { millis } => self.clock.0.store(now + millis, Ordering::Relaxed),
        }
    }

    async fn accept(&mut self, number: u128, leased: bool, stale: bool) {
        self.made += 1;
        let (id, event) = (DeliveryId(Uuid::from_u128(1_000 + self.made)), EventId(Uuid::from_u128(100_000 + self.made)));
        let delivery = NewDelivery { id, destination: lane(number), leased };
        let event = NewEvent {
            id: event,
            event_type: "a.b".to_owned(),
            payload: Bytes::from_static(b"1"),
            meta: "{}".to_owned(),
            deliveries: vec![delivery],
        };
        let epoch = i64::from(stale);
        let accept =
            Accept { tenant: TENANT, epoch, platform_epoch: None, events: vec![event], remember: None, lease_ms: LEASE_MS };
        let now = self.now();
        let answer = self.memory.accept(now, &accept);
        assert_eq!(self.db.accept(accept).await.unwrap(), answer);
        assert_eq!(answer == Accepted::Stored, !stale);
    }

    async fn claim(&mut self, number: u128) {
        let now = self.now();
        let wanted = vec![(Lane { destination: lane(number), tenant: TENANT }, 100)];
        let mut theirs = self.db.claim(wanted.clone(), LEASE_MS).await.unwrap();
        let mut ours = self.memory.claim(now, wanted, LEASE_MS);
        theirs.sort_by_key(|claimed| claimed.delivery);
        ours.sort_by_key(|claimed| claimed.delivery);
        let told = |all: &[Claimed]| all.iter().map(|each| format!("{each:?}")).collect::<Vec<_>>();
        assert_eq!(told(&theirs), told(&ours));
        self.in_hand.extend(ours);
    }

    /// Row by row.
    async fn compare(&self) {
        let rows = "SELECT d.id, d.state, d.attempts, d.records, d.interruptions, q.next_at, q.leased, q.claim
            FROM delivery d LEFT JOIN due q ON q.delivery = d.id AND q.tenant = d.tenant ORDER BY d.id";
        for mut row in sql(&self.db, rows, &[]).await {
            let id: DeliveryId = row.get(0).unwrap();
            let ours = &self.memory.deliveries[&id];
            let due = self.memory.due(id);
            assert_eq!(hookswitch_store::queue::state_of(row.get(1).unwrap()).unwrap(), ours.state);
            let numbers: [u32; 3] = [row.get(2).unwrap(), row.get(3).unwrap(), row.get(4).unwrap()];
            assert_eq!(numbers, [ours.attempts, ours.records, ours.interruptions]);
            let theirs: (Option<i64>, Option<bool>, Option<i64>) =
                (row.get(5).unwrap(), row.get(6).unwrap(), row.get(7).unwrap());
            assert_eq!(theirs, (due.map(|due| due.next_at), due.map(|due| due.leased), due.map(|due| due.claim)));
        }
        for mut row in sql(&self.db, "SELECT destination, next_at, hold FROM lane", &[]).await {
            let ours = &self.memory.lanes[&row.get::<DestinationId>(0).unwrap()];
            let theirs: (i64, Option<String>) = (row.get(1).unwrap(), row.get(2).unwrap());
            assert_eq!(theirs, (ours.next_at, ours.hold.map(|hold| hold.as_str().to_owned())));
        }
    }
}

fn settled(claimed: &Claimed, after: After) -> Settle {
    Settle {
        tenant: TENANT,
        delivery: claimed.delivery,
        destination: claimed.destination,
        claim: claimed.claim,
        state: match after {
            After::Finished => State::Delivered,
            After::DueIn(_) => State::RetryScheduled,
            After::Held => State::Parked,
        },
        after,
        attempts: claimed.attempts + 1,
        parked_reason: None,
        record: AttemptRecord {
            record: claimed.records + 1,
            number: Some(claimed.attempts + 1),
            outcome: "accepted",
            started_at: Timestamp::default(),
            status: None,
            reason: String::new(),
            detail: "{}".to_owned(),
        },
    }
}

async fn sql(db: &Db, text: &str, params: &[Value]) -> Vec<hookswitch_store::Row> {
    let (text, params) = (text.to_owned(), params.to_vec());
    let job: Result<_, StoreError> =
        db.for_tenant(TENANT).write(move |tx| Box::pin(async move { tx.query(&text, &params).await })).await;
    job.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_commands_do_the_same_to_both(commands in commands()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut both = Both::new().await;
            for command in commands {
                both.run(command).await;
            }
            both.compare().await;
        });
    }
}
