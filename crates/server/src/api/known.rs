//! Tokens that published a moment ago, so that publishing needs no read of its own. A copy is good
//! only together with the epoch that it was made at: the statement that stores the events compares
//! it with the tenant's, and stores nothing when somebody's rights have changed since. Everything
//! but publishing reads the primary.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use hookswitch_domain::time::Timestamp;

use super::caller::Caller;
use crate::edge::Arrival;

/// More tokens than this and the copies start anew.
const TOKENS_MAX: usize = 20_000;

#[derive(Default)]
pub struct Known(RwLock<HashMap<Vec<u8>, Caller>>);

impl Known {
    /// The caller with this token, if it was here before and asks for its own tenant.
    pub fn get(&self, hash: &[u8], named: Option<&str>, now: Timestamp, arrival: &Arrival) -> Option<Caller> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(hash)?;
        let alive = found.expires_at.is_none_or(|at| at > now);
        let own = named.is_none_or(|slug| slug == &*found.tenant_slug);
        (alive && own).then(|| Caller { arrival: arrival.clone(), copied: true, ..found.clone() })
    }

    /// Keeps what was just read. A platform caller's rights hang on more than one epoch.
    pub fn keep(&self, caller: &Caller) {
        let Some(hash) = caller.token.clone().filter(|_| !caller.platform) else { return };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TOKENS_MAX {
            known.clear();
        }
        known.insert(hash, caller.clone());
    }

    pub fn forget(&self, hash: &[u8]) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }
}
