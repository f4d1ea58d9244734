//! One history: the clock goes from one thing to the next, and between any two of them a node may
//! die. Publishing is here; what a node does with a delivery is in `sending`, what people do and
//! how it all calms down at the end in `people`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, TenantId, uuid_v7};
use hookswitch_domain::lease::LEASE;
use hookswitch_store::queue::{Accept, Accepted, Claimed, NewDelivery, NewEvent, Remember};

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

/// Events of a request stand in line under one of these.
const KEYS: [&str; 3] = ["", "a", "b"];

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
    pub steps: u64,
}

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Event {
    Publish(usize),
    Commit { node: usize, life: u32, request: usize, leased_from: i64, accept: Box<Accept> },
    Look { node: usize, life: u32, polls: bool },
    Begin(usize),
    Arrive { work: usize, answered: bool },
    Answer { work: usize, reaction: Reaction },
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
    pub tenant: TenantId,
    /// The configuration as it is committed.
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
        steps: steps as u64,
    };
    Run { seed, failure: world.check.failure, trace: world.trace, figures }
}

impl World {
    fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::draw(&mut rng);
        let tenant = TenantId(uuid_v7(hookswitch_domain::time::Timestamp::from_millis(BEGIN), rng.bytes()));
        let outlets = plan.destinations.iter().map(|each| Outlet {
            id: DestinationId(uuid::Uuid::from_bytes(rng.bytes())),
            revision: 1,
            hold: each.hold,
            policy: each.policy.clone(),
            max_in_flight: each.max_in_flight,
            ordered: each.ordered,
        });
        let config = Arc::new(Config { epoch: 0, paused: false, outlets: outlets.collect() });
        let tempers = config.outlets.iter().zip(&plan.destinations).map(|(outlet, each)| (outlet.id, each.temper)).collect();
        let nodes = plan.skews_ms.iter().map(|skew_ms| Node { skew_ms: *skew_ms, ..Node::default() }).collect();
        let mut world = Self {
            now: BEGIN,
            memory: Memory::with(mutant),
            check: Check::default(),
            nodes,
            tenant,
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
            self.memory.add_lane(self.tenant, outlet.id);
            if outlet.hold.is_some() {
                self.memory.set_hold(outlet.id, outlet.hold);
                self.check.held(self.now, outlet.id, true);
            }
        }
        (0..self.nodes.len()).for_each(|node| self.later(0, Event::Start(node)));
        for request in 0..self.plan.events as usize {
            self.requests.push(Request::default());
            // Some at once, the rest over the whole time.
            let delay = if self.rng.chance(400) { 0 } else { self.rng.between(0, self.plan.chaos_ms) };
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
            Event::Commit { node, life, request, leased_from, accept } => self.commit(node, life, request, leased_from, &accept),
            Event::Look { node, life, polls } => self.look(node, life, polls),
            Event::Begin(work) => self.begin(work),
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
        self.open_works -= self.works.iter().filter(|work| work.node == node && work.life == life && work.flying).count();
        self.works.iter_mut().filter(|work| work.node == node && work.life == life).for_each(|work| work.flying = false);
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

    /// The publisher sends its request to any node, and again until it is answered.
    fn publish(&mut self, request: usize) {
        if self.requests[request].acknowledged {
            return;
        }
        self.later(2_000, Event::Publish(request));
        let open: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].up && !self.nodes[*node].stopping).collect();
        if open.is_empty() {
            return;
        }
        let node = *self.rng.pick(&open);
        self.prepare(node, request);
    }

    /// The fan-out, made from the node's copy of the configuration.
    fn prepare(&mut self, node: usize, request: usize) {
        let config = match &self.nodes[node].config {
            Some(config) => config.clone(),
            None => self.config_at(node, 0),
        };
        let clock = self.nodes[node].clock(self.now);
        let event = EventId(uuid_v7(clock, self.rng.bytes()));
        let mut deliveries = Vec::new();
        let ordering_key = KEYS[request % KEYS.len()];
        for outlet in &config.outlets {
            let key = outlet.ordered.then(|| ordering_key.to_owned());
            let leased = key.is_none() && outlet.hold.is_none() && !config.paused && self.nodes[node].room(outlet.id) > 0;
            if leased {
                self.nodes[node].take(outlet.id);
            }
            let id = DeliveryId(uuid_v7(clock, self.rng.bytes()));
            deliveries.push(NewDelivery { id, destination: outlet.id, leased, key });
        }
        let row =
            NewEvent { id: event, event_type: "a.b".into(), payload: Bytes::new(), meta: ordering_key.to_owned(), deliveries };
        let remember = Remember {
            key: request.to_string(),
            scope: String::new(),
            request_hash: [0; 32],
            status: 202,
            response: event.to_string(),
        };
        let accept = Box::new(Accept {
            tenant: self.tenant,
            epoch: config.epoch,
            platform_epoch: None,
            events: vec![row],
            remember: Some(remember),
            lease_ms: LEASE_MS,
        });
        if self.mutant == Some(Mutant::AnswersBeforeTheCommit) {
            self.acknowledge(request, &accept);
        }
        let (life, leased_from, delay) = (self.nodes[node].life, self.now, self.rng.between(0, 20));
        self.later(delay, Event::Commit { node, life, request, leased_from, accept });
    }

    fn commit(&mut self, node: usize, life: u32, request: usize, leased_from: i64, accept: &Accept) {
        if !self.is_alive(node, life) || self.perhaps_dies(node) {
            return;
        }
        let answer = self.memory.accept(self.now, accept);
        let slots = accept.events[0].deliveries.iter().filter(|delivery| delivery.leased);
        if answer != Accepted::Stored {
            slots.for_each(|delivery| self.nodes[node].give_back(delivery.destination));
            self.note(What::Refused { node });
        }
        match answer {
            Accepted::Stored => self.stored(node, request, leased_from, accept),
            Accepted::Stale => {
                self.nodes[node].config = Some(self.config.clone());
                self.prepare(node, request);
            }
            Accepted::Repeated { response, .. } => {
                let known = self.requests[request].event.map(|event| event.to_string());
                if known.as_deref() != Some(&response) {
                    self.check.fail(28, "a repeated request heard of another event".to_owned());
                }
                self.requests[request].acknowledged = true;
            }
            Accepted::KeyReused => self.check.fail(28, "the same request was taken for another one".to_owned()),
        }
        self.ends(node);
    }

    fn stored(&mut self, node: usize, request: usize, leased_from: i64, accept: &Accept) {
        let event = &accept.events[0];
        let wanted = self.config.outlets.iter().map(|outlet| outlet.id).collect();
        self.check.stored(event.deliveries.iter().map(|delivery| delivery.destination).collect(), wanted);
        self.requests[request].event = Some(event.id);
        event.deliveries.iter().for_each(|delivery| self.check.stands(delivery));
        self.note(What::Stored { node, event: request as u32, deliveries: event.deliveries.len() as u32 });
        let holder = (node, self.nodes[node].life);
        for delivery in event.deliveries.iter().filter(|delivery| delivery.leased) {
            self.check.leased(self.now, holder, delivery.id, 1, self.now + LEASE_MS);
        }
        self.perhaps_loses_a_bell();
        // Committed, and nobody has been told.
        if self.perhaps_dies(node) {
            return self.remember_for_later(accept);
        }
        self.acknowledge(request, accept);
        self.hand_over(node, leased_from, accept);
    }

    /// Committed without an answer: the next try of the publisher is told of it, and it counts too.
    fn remember_for_later(&mut self, accept: &Accept) {
        self.acknowledged.push(accept.events[0].deliveries.iter().map(|delivery| delivery.id).collect());
    }

    fn acknowledge(&mut self, request: usize, accept: &Accept) {
        let deliveries: Vec<DeliveryId> = accept.events[0].deliveries.iter().map(|delivery| delivery.id).collect();
        self.check.acknowledged(&self.memory, &deliveries);
        self.requests[request].acknowledged = true;
        self.acknowledged.push(deliveries);
        self.note(What::Acknowledged { event: request as u32 });
    }

    fn hand_over(&mut self, node: usize, leased_from: i64, accept: &Accept) {
        let event = &accept.events[0];
        let config = self.nodes[node].config.clone();
        for delivery in event.deliveries.iter().filter(|delivery| delivery.leased) {
            self.note(What::HandedOver { node, delivery: self.number(delivery.id) });
            let claimed = Claimed::at_accept(self.tenant, accept.epoch, event, delivery);
            // The copy that the fan-out was made from.
            let config = config.clone().filter(|config| config.epoch == accept.epoch);
            self.carry(node, claimed, config, leased_from);
        }
        if event.deliveries.iter().any(|delivery| !delivery.leased) {
            self.ring(node);
        }
    }
}
