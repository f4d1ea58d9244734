//! Expressions that killed their worker twice are not tried again for ten minutes. Counted per tenant, since
//! it may be the tenant's input that makes a harmless text deadly: nobody can have another tenant's
//! expression locked out.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use uuid::Uuid;

const QUARANTINE: Duration = Duration::from_secs(600);
const STRIKES: u32 = 2;
/// Beyond this the oldest are forgotten; each entry cost its tenant a kill, so it takes long to get here.
const ENTRIES_MAX: usize = 4_096;

type Key = (Uuid, [u8; 32]);

#[derive(Debug, Default)]
pub struct Quarantine {
    strikes: HashMap<Key, (u32, Instant)>,
}

impl Quarantine {
    pub fn holds(&self, tenant: Uuid, text: &str, now: Instant) -> bool {
        // The usual state, and the only one on the hot path: nothing to hash.
        if self.strikes.is_empty() {
            return false;
        }
        self.strikes.get(&key(tenant, text)).is_some_and(|(count, last)| *count >= STRIKES && now < *last + QUARANTINE)
    }

    /// The expression killed a worker while it was evaluated alone.
    pub fn strike(&mut self, tenant: Uuid, text: &str, now: Instant) {
        self.strikes.retain(|_, (_, last)| now < *last + QUARANTINE);
        if self.strikes.len() >= ENTRIES_MAX {
            let oldest = self.strikes.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| *key);
            oldest.map(|key| self.strikes.remove(&key));
        }
        let entry = self.strikes.entry(key(tenant, text)).or_insert((0, now));
        *entry = (entry.0 + 1, now);
    }
}

fn key(tenant: Uuid, text: &str) -> Key {
    (tenant, Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_strikes_quarantine_for_ten_minutes_and_for_one_tenant() {
        let (one, other, now) = (Uuid::from_u128(1), Uuid::from_u128(2), Instant::now());
        let mut quarantine = Quarantine::default();
        quarantine.strike(one, "$f()", now);
        assert!(!quarantine.holds(one, "$f()", now));
        quarantine.strike(one, "$f()", now);
        assert!(quarantine.holds(one, "$f()", now + Duration::from_secs(599)));
        assert!(!quarantine.holds(one, "$g()", now));
        assert!(!quarantine.holds(other, "$f()", now));
        assert!(!quarantine.holds(one, "$f()", now + Duration::from_secs(600)));
    }

    #[test]
    fn an_old_strike_is_forgotten() {
        let (tenant, now) = (Uuid::from_u128(1), Instant::now());
        let mut quarantine = Quarantine::default();
        quarantine.strike(tenant, "$f()", now);
        quarantine.strike(tenant, "$f()", now + QUARANTINE);
        assert!(!quarantine.holds(tenant, "$f()", now + QUARANTINE));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (tenant, now) = (Uuid::from_u128(1), Instant::now());
        let mut quarantine = Quarantine::default();
        for number in 0..ENTRIES_MAX + 10 {
            quarantine.strike(tenant, &number.to_string(), now);
        }
        assert_eq!(quarantine.strikes.len(), ENTRIES_MAX);
    }
}
