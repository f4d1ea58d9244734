//! The pipeline against real sockets.

#[allow(dead_code, reason = "shared with the store's suite")]
#[path = "../../../store/tests/it/engines.rs"]
mod engines;
mod http;
mod names;
mod receiver;
mod secrets;
mod tls;
mod webhook;
