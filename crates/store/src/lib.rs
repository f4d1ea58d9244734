//! SQL. The only crate that names a database driver.
//!
//! `Db` is an open database, `TenantStore` is the way to one tenant's rows, and a `Tx` is a
//! transaction of one tenant. Each table family has a file of plain functions over `&mut Tx`, which
//! name the tenant in every statement. The hot path (`queue`) has statements of its own per engine;
//! everything else is one SQL text for both.

pub mod account;
pub mod audit;
pub mod backup;
mod batches;
mod claim;
pub mod commit;
pub mod credential;
pub mod db;
pub mod dead_letter;
pub mod delivery;
pub mod delivery_body;
pub mod destination;
pub mod effect;
pub mod error;
pub mod event;
pub mod event_type;
pub mod expiry;
pub mod gauge;
pub mod health;
pub mod idempotency;
pub mod inbound;
pub mod installation;
pub mod job;
pub mod live;
pub mod migrate;
pub mod notification;
pub mod ordered;
pub mod page;
pub mod partition;
pub mod policy;
pub mod portal;
mod postgres;
pub mod presence;
pub mod queue;
pub mod retention;
pub mod role;
pub mod secret;
pub mod session;
pub mod settle;
pub mod signing_key;
mod sqlite;
pub mod stat;
pub mod tenant;
pub mod token;
pub mod trail;
pub mod user;
pub mod value;
pub mod walk;

pub use db::{Db, Settings, TenantStore, Tx};
pub use error::StoreError;
pub use migrate::{Component, Migration, STORE};
pub use page::Page;
pub use value::{FromValue, Row, Value};

/// What a transaction's closure returns: `Box::pin(async move { ... })`.
pub type TxFuture<'t, T, E = StoreError> = futures_util::future::BoxFuture<'t, Result<T, E>>;
