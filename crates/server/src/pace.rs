//! How fast callers may go: requests per token, and failed sign-ins per account and per address.
//! In this process alone; nothing here is a promise about money.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use uuid::Uuid;

/// How often forgotten callers are swept out.
const SWEEP_EVERY: u32 = 4096;

/// A number of requests per minute and caller.
pub struct Pace {
    callers: DefaultKeyedRateLimiter<Uuid>,
    strangers: DefaultKeyedRateLimiter<IpAddr>,
    seen: AtomicU32,
}

/// Bad credentials per minute and address before the answer is 429.
const STRANGER_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

impl Pace {
    pub fn new(per_minute: u32) -> Self {
        let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        let strangers = DefaultKeyedRateLimiter::keyed(Quota::per_minute(STRANGER_PER_MINUTE));
        Self { callers: DefaultKeyedRateLimiter::keyed(quota), strangers, seen: AtomicU32::new(0) }
    }

    /// Counts a request of this caller; `Err` says in how many seconds to come again.
    pub fn check(&self, caller: Uuid) -> Result<(), u64> {
        self.sweep();
        self.callers.check_key(&caller).map_err(|not_yet| seconds(not_yet.wait_time_from(DefaultClock::default().now())))
    }

    /// Counts a request with bad credentials from this address.
    pub fn check_stranger(&self, address: IpAddr) -> Result<(), u64> {
        self.sweep();
        self.strangers.check_key(&address).map_err(|not_yet| seconds(not_yet.wait_time_from(DefaultClock::default().now())))
    }

    fn sweep(&self) {
        if self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            self.callers.retain_recent();
            self.strangers.retain_recent();
        }
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Failures that are forgiven, how long they are remembered, and how long a try may be held up.
const FREE_PER_ACCOUNT: u32 = 5;
const FREE_PER_ADDRESS: u32 = 20;
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
const DELAY_MAX: Duration = Duration::from_secs(5);
const ENTRIES_MAX: usize = 20_000;

/// Slows guessing. An account is slowed and never locked, so that nobody can lock its owner out; an
/// address that keeps failing is refused for a while. A try counts as failed until it has succeeded,
/// so that parallel guesses see each other.
#[derive(Default)]
pub struct SignInGate {
    accounts: Mutex<HashMap<String, Failures>>,
    addresses: Mutex<HashMap<IpAddr, Failures>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl SignInGate {
    /// Counts a try. `Ok` says how long to wait before it is looked at, `Err` when to come again.
    pub fn enter(&self, account: &str, address: IpAddr) -> Result<Duration, u64> {
        let failed = count(&self.addresses, address);
        if failed > FREE_PER_ADDRESS {
            return Err(60);
        }
        let failed = count(&self.accounts, account.to_owned());
        let doublings = failed.saturating_sub(FREE_PER_ACCOUNT);
        let delay = if doublings == 0 { Duration::ZERO } else { Duration::from_millis(125 << doublings.min(10)) };
        Ok(delay.min(DELAY_MAX))
    }

    pub fn succeeded(&self, account: &str, address: IpAddr) {
        lock(&self.accounts).remove(account);
        if let Some(failures) = lock(&self.addresses).get_mut(&address) {
            failures.count = failures.count.saturating_sub(1);
        }
    }
}

fn count<K: Hash + Eq>(map: &Mutex<HashMap<K, Failures>>, key: K) -> u32 {
    let mut map = lock(map);
    let now = Instant::now();
    if map.len() >= ENTRIES_MAX {
        map.retain(|_, failures| now - failures.last < REMEMBERED);
    }
    let failures = map.entry(key).or_insert(Failures { count: 0, last: now });
    if now - failures.last >= REMEMBERED {
        failures.count = 0;
    }
    *failures = Failures { count: failures.count.saturating_add(1), last: now };
    failures.count
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_slows_an_account_without_locking_it() {
        let gate = SignInGate::default();
        let address = |last| IpAddr::from([192, 0, 2, last]);
        for guess in 0..FREE_PER_ACCOUNT as u8 {
            assert_eq!(gate.enter("a@example.com", address(guess)), Ok(Duration::ZERO));
        }
        assert!(gate.enter("a@example.com", address(100)).unwrap() > Duration::ZERO);
        for guess in 0..50 {
            assert!(gate.enter("a@example.com", address(guess)).unwrap() <= DELAY_MAX);
        }
        assert_eq!(gate.enter("b@example.com", address(200)), Ok(Duration::ZERO));
        gate.succeeded("a@example.com", address(100));
        assert_eq!(gate.enter("a@example.com", address(201)), Ok(Duration::ZERO));
    }

    #[test]
    fn an_address_that_keeps_failing_is_refused() {
        let gate = SignInGate::default();
        let here = IpAddr::from([192, 0, 2, 1]);
        for guess in 0..FREE_PER_ADDRESS {
            assert!(gate.enter(&format!("{guess}@example.com"), here).is_ok());
        }
        assert!(gate.enter("x@example.com", here).is_err());
        assert!(gate.enter("x@example.com", IpAddr::from([192, 0, 2, 2])).is_ok());
    }

    #[test]
    fn a_caller_has_its_own_share() {
        let pace = Pace::new(2);
        let (one, two) = (Uuid::nil(), Uuid::max());
        assert!(pace.check(one).is_ok() && pace.check(one).is_ok());
        assert!(pace.check(one).unwrap_err() > 0);
        assert!(pace.check(two).is_ok());
    }
}
