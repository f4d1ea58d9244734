//! One history: the clock goes from one thing to the next, and between any two of them a node may
//! die. Publishing is in `publishing`; what a node does with a delivery in `claiming`, `turns` and
//! `sending`, what people do and how it all calms down at the end in `people`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hookswitch_domain::hands::Place;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, TenantId, uuid_v7};
use hookswitch_domain::lease::LEASE;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::queue::Accept;

use crate::check::{Check, Failure};
use crate::memory::Memory;
use crate::mutant::Mutant;
use crate::node::{Config, Node, Outlet, Work};
use crate::plan::{BEGIN, Plan};
use crate::receiver::{Reaction, Temper};
use crate::rng::Rng;
use crate::trace::{Step, What};

pub(crate) const LEASE_MS: i64 = LEASE.as_millis() as i64;
/// More steps than any history needs: one that goes on is stuck in a circle.
const STEPS_MAX: usize = 400_000;

/// What a history came to.
#[derive(Debug)]
pub struct Run {
    pub seed: u64,
    pub failure: Option<Failure>,
    pub trace: Vec<Step>,
    pub figures: Figures,
}

/// How much happened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    pub deliveries: u64,
    pub sends: u64,
    pub crashes: u64,
    pub takeovers: u64,
    pub stale: u64,
    /// Breakers that opened, sends that waited for their rate, and events beside a burst.
    pub opened: u64,
    pub paced: u64,
    pub beside_a_burst: u64,
    pub disabled: u64,
    pub steps: u64,
}

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Event {
    Publish(usize),
    Commit {
        node: usize,
        life: u32,
        request: usize,
        leased_from: i64,
        accept: Box<Accept>,
        places: Vec<Option<Place>>,
    },
    Look {
        node: usize,
        life: u32,
        polls: bool,
    },
    Begin(usize),
    /// The rate limit's place has come.
    Paced(usize),
    Arrive {
        work: usize,
        answered: bool,
    },
    Answer {
        work: usize,
        reaction: Reaction,
    },
    Settle(usize),
    Start(usize),
    Doing,
    Heal,
}

/// A publisher's request, repeated under one key until it is answered.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub acknowledged: bool,
    pub event: Option<EventId>,
}

pub(crate) struct World {
    pub now: i64,
    pub rng: Rng,
    pub plan: Plan,
    pub mutant: Option<Mutant>,
    pub memory: Memory,
    pub check: Check,
    pub nodes: Vec<Node>,
    pub tenants: Vec<TenantId>,
    /// The configuration of all tenants as it is committed: a change counts every tenant's epoch.
    pub config: Arc<Config>,
    pub tempers: BTreeMap<DestinationId, Temper>,
    pub works: Vec<Work>,
    pub open_works: usize,
    pub requests: Vec<Request>,
    pub acknowledged: Vec<Vec<DeliveryId>>,
    pub healed_at: Option<i64>,
    pub crashes: u64,
    trace: Vec<Step>,
    agenda: BTreeMap<(i64, u64), Event>,
    order: u64,
}

/// Lives through the history of a seed, until it is over or a rule is broken.
pub fn run(seed: u64, mutant: Option<Mutant>) -> Run {
    let mut world = World::new(seed, mutant);
    let mut steps = 0;
    while world.check.failure.is_none() {
        let Some(((at, _), event)) = world.agenda.pop_first() else { break };
        world.now = at;
        steps += 1;
        world.happen(event);
        if world.is_over() {
            world.check.at_the_end(&world.memory, &world.acknowledged);
            break;
        }
        if steps > STEPS_MAX {
            world.check.fail(19, format!("{} still wait after {STEPS_MAX} steps", world.memory.waiting()));
        }
    }
    let figures = Figures {
        deliveries: world.memory.deliveries.len() as u64,
        sends: world.check.deliveries,
        crashes: world.crashes,
        takeovers: world.check.takeovers,
        stale: world.check.stale,
        opened: world.check.flow.opened,
        paced: world.check.flow.paced,
        beside_a_burst: world.check.flow.beside_a_burst,
        disabled: world.check.flow.disabled,
        steps: steps as u64,
    };
    Run { seed, failure: world.check.failure, trace: world.trace, figures }
}

impl World {
    fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::draw(&mut rng);
        let begin = Timestamp::from_millis(BEGIN);
        let tenants: Vec<_> = (0..plan.tenants).map(|_| TenantId(uuid_v7(begin, rng.bytes()))).collect();
        let outlets = plan.destinations.iter().map(|each| Outlet {
            id: DestinationId(uuid::Uuid::from_bytes(rng.bytes())),
            tenant: tenants[each.tenant],
            revision: 1,
            hold: each.hold,
            policy: each.policy.clone(),
            max_in_flight: each.max_in_flight,
            rate_per_second: each.rate_per_second,
            ordered: each.ordered,
        });
        let config = Arc::new(Config { epoch: 0, paused: false, outlets: outlets.collect() });
        let tempers = config.outlets.iter().zip(&plan.destinations).map(|(outlet, each)| (outlet.id, each.temper)).collect();
        let nodes = plan.skews_ms.iter().map(|skew_ms| Node::new(*skew_ms)).collect();
        let mut world = Self {
            now: BEGIN,
            memory: Memory::with(mutant),
            check: Check::default(),
            nodes,
            tenants,
            config,
            tempers,
            works: Vec::new(),
            open_works: 0,
            requests: Vec::new(),
            acknowledged: Vec::new(),
            healed_at: None,
            crashes: 0,
            trace: Vec::new(),
            agenda: BTreeMap::new(),
            order: 0,
            rng,
            plan,
            mutant,
        };
        world.set_up();
        world
    }

    fn set_up(&mut self) {
        for outlet in &self.config.outlets {
            self.memory.add_lane(outlet.tenant, outlet.id);
            if outlet.hold.is_some() {
                self.memory.set_hold(outlet.id, outlet.hold);
                self.check.held(self.now, outlet.id, true);
            }
        }
        (0..self.nodes.len()).for_each(|node| self.later(0, Event::Start(node)));
        for tenant in &self.tenants {
            self.memory.tenants.entry(*tenant).or_default();
        }
        for request in 0..(self.plan.events + self.plan.burst) as usize {
            self.requests.push(Request::default());
            // Some at once, the rest over the whole time; a burst at once.
            let at_once = request >= self.plan.events as usize || (self.rng.chance(400) && !self.plan.calm);
            let delay = if at_once { 0 } else { self.rng.between(0, self.plan.chaos_ms) };
            self.later(delay, Event::Publish(request));
        }
        for _ in 0..self.plan.faults.doings {
            let delay = self.rng.between(0, self.plan.chaos_ms);
            self.later(delay, Event::Doing);
        }
        self.later(self.plan.chaos_ms, Event::Heal);
    }

    pub fn later(&mut self, delay: i64, event: Event) {
        self.order += 1;
        self.agenda.insert((self.now + delay, self.order), event);
    }

    pub fn note(&mut self, what: What) {
        self.trace.push(Step { at: self.now, what });
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Publish(request) => self.publish(request),
            Event::Commit { node, life, request, leased_from, accept, places } => {
                self.commit(node, life, request, leased_from, &accept, places);
            }
            Event::Look { node, life, polls } => self.look(node, life, polls),
            Event::Begin(work) => self.begin(work),
            Event::Paced(work) => self.paced(work),
            Event::Arrive { work, answered } => self.arrive(work, answered),
            Event::Answer { work, reaction } => self.answer(work, reaction),
            Event::Settle(work) => self.settle(work),
            Event::Start(node) => self.start(node),
            Event::Doing => self.doing(),
            Event::Heal => self.heal(),
        }
    }

    fn is_over(&mut self) -> bool {
        let Some(healed_at) = self.healed_at else { return false };
        if self.now > healed_at + self.plan.patience_ms {
            let waiting = self.memory.waiting();
            self.check.fail(19, format!("{waiting} still wait {} ms after everything was well", self.now - healed_at));
        }
        let answered = self.requests.iter().all(|request| request.acknowledged);
        answered && self.memory.waiting() == 0 && self.open_works == 0
    }

    /// What the books count by: no clock that anybody sets.
    pub fn moment(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    /// The number by which a delivery goes in the trace.
    pub fn number(&self, delivery: DeliveryId) -> u32 {
        self.memory.deliveries.get(&delivery).map_or(u32::MAX, |row| row.place as u32)
    }

    pub fn is_alive(&self, node: usize, life: u32) -> bool {
        self.nodes[node].up && self.nodes[node].life == life
    }

    /// A copy that is at least as new as `epoch`.
    pub fn config_at(&mut self, node: usize, epoch: i64) -> Arc<Config> {
        let kept = self.nodes[node].config.clone().filter(|copy| copy.epoch >= epoch);
        kept.unwrap_or_else(|| {
            self.nodes[node].config = Some(self.config.clone());
            self.config.clone()
        })
    }

    /// Perhaps the node dies here, between two steps.
    pub fn perhaps_dies(&mut self, node: usize) -> bool {
        let dies = self.healed_at.is_none() && self.rng.chance(self.plan.faults.crash);
        if dies {
            self.crash(node);
        }
        dies
    }

    pub fn crash(&mut self, node: usize) {
        if !self.nodes[node].up {
            return;
        }
        self.crashes += 1;
        let life = self.nodes[node].life;
        let lost = self.works.iter_mut().filter(|work| work.node == node && work.life == life && work.place.is_some());
        let lost = lost.map(|work| work.place = None).count();
        self.open_works -= lost;
        self.nodes[node].die();
        self.note(What::Crashed { node });
        let delay = self.rng.between(100, 120_000);
        self.later(delay, Event::Start(node));
    }

    fn start(&mut self, node: usize) {
        if self.nodes[node].up {
            return;
        }
        self.nodes[node].start();
        self.note(What::Started { node });
        let life = self.nodes[node].life;
        self.later(0, Event::Look { node, life, polls: true });
    }
}
