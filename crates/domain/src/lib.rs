//! The rules of Hookswitch: who is who, and what may happen to them. Nothing here waits, reads a
//! clock, draws a random number, opens a socket or knows a database; all of that is handed in.
//!
//! * A **tenant** is the isolation boundary. A **group** is a team inside one.
//! * An **event** is a fact that happened, immutable. A **destination** is where events go, and an
//!   **adapter** is how one kind of destination is spoken to.
//! * A **delivery** is one event on its way to one destination: a state machine
//!   ([`delivery`]). An **attempt** is one try of it.
//! * An **inbound webhook** is a URL with an auth scheme, an idempotency source and one handler;
//!   an **inbound delivery** is one request that it received, and what became of it.
//! * An **action** is a typed operation that an inbound webhook may call, a **mapping** says which
//!   expression fills which of its fields.
//! * A **credential** is a reference to a secret, resolved at the moment of use only.

pub mod audit;
pub mod breaker;
pub mod content;
pub mod cursor;
pub mod delivery;
pub mod destination;
pub mod egress;
pub mod event;
pub mod failing;
pub mod flow;
pub mod hands;
pub mod id;
pub mod inbound;
pub mod lease;
pub mod mapping;
pub mod notification;
pub mod permission;
pub mod portal;
pub mod preset;
pub mod reference;
pub mod retry;
pub mod say;
pub mod schedule;
pub mod schema;
pub mod secret;
pub mod signature;
pub mod tenant;
pub mod throttle;
pub mod time;
