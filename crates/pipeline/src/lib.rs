//! The work: everything that waits for the network or for time.

pub mod ambient;
pub mod http;
pub mod inbound;
pub mod live;
pub mod notify;
pub mod outbound;
pub mod sandbox;
pub mod secrets;
pub mod shared;
pub mod upkeep;
