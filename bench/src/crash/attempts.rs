//! What the server says of its own attempts, asked through the API once all is over.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::hookswitch::Caller;

/// Of a long history so many deliveries are looked at.
const LOOKED_MAX: usize = 2_000;

#[derive(Default)]
pub struct Gaps {
    pub looked: usize,
    /// Deliveries with more than one row: a retry, or a sender that was killed.
    pub again: usize,
    pub found: Vec<String>,
}

/// Looks at the newest deliveries: numbers of what was sent count 1 to the delivery's own count.
pub fn gaps(address: SocketAddr, token: &str, tenant: &str) -> Result<Gaps> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(look(address, token, tenant))
}

async fn look(address: SocketAddr, token: &str, tenant: &str) -> Result<Gaps> {
    let mut caller = Caller::connect(address, token.into()).await?;
    let (mut gaps, mut cursor) = (Gaps::default(), String::new());
    while gaps.looked < LOOKED_MAX {
        let page = caller.get(&format!("/api/v1/integrations/deliveries?limit=100{cursor}"), tenant).await?;
        for delivery in page["data"].as_array().context("a page of deliveries")? {
            let id = delivery["id"].as_str().context("a delivery's id")?;
            let attempts = caller.get(&format!("/api/v1/integrations/deliveries/{id}/attempts"), tenant).await?;
            let rows = attempts["data"].as_array().context("a delivery's attempts")?;
            let numbers: Vec<u64> = rows.iter().filter_map(|row| row["number"].as_u64()).collect();
            let count = delivery["attempt_count"].as_u64().unwrap_or_default();
            gaps.looked += 1;
            gaps.again += usize::from(rows.len() > 1);
            if !numbers.iter().copied().eq(1..=count) {
                gaps.found.push(format!("{id} has the attempts {numbers:?}, and says {count}"));
            }
        }
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    Ok(gaps)
}
