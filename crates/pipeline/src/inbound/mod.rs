//! The line in: a request that arrives, and what becomes of it.

pub mod mapping;
