//! The pipeline against real sockets.

mod adapter;
#[allow(dead_code, reason = "shared with the server's suite")]
#[path = "../../../server/tests/it/receiver.rs"]
mod door;
#[allow(dead_code, reason = "shared with the store's suite")]
#[path = "../../../store/tests/it/engines.rs"]
mod engines;
mod gauntlet;
mod http;
mod names;
mod presets;
mod receiver;
mod secrets;
mod tls;
mod webhook;
