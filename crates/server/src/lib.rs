//! The process and its HTTP. `main` parses the command line and hands over to `command`; everything
//! else is here, so that tests run the same server in their own process.
//!
//! A request passes `serve` (framing, limits), `edge` (request id, log, security headers, problem
//! documents), `api::guard` (who calls, what may they) and reaches a handler in `api/<noun>.rs`.

pub mod api;
pub mod app;
pub mod command;
pub mod config;
pub mod console;
pub mod demo;
pub mod edge;
pub mod engine;
pub mod identity;
pub mod pace;
pub mod password;
pub mod receive;
pub mod serve;
pub mod telemetry;
