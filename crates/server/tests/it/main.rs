//! The program from outside: real HTTP, real processes, real databases.

#[allow(dead_code, reason = "shared with the store's suite")]
#[path = "../../../store/tests/it/engines.rs"]
mod engines;

mod accounts;
mod cli;
mod conventions;
mod credentials;
mod custody;
#[allow(dead_code, reason = "shared with the pipeline's suite")]
#[path = "../../../pipeline/tests/it/adapter/fake.rs"]
mod fake;
mod framing;
mod groups;
mod harness;
mod identity;
mod inbound;
mod isolation;
mod listen;
mod live;
mod markers;
mod matrix;
mod notifications;
mod nul;
mod outages;
mod outbound;
mod portal;
mod receiver;
mod records;
mod references;
mod retention;
mod session;
mod siege;
mod surface;
mod tidy;
mod trail;
mod urls;

/// As the shared fakes of services name it.
use receiver as door;
