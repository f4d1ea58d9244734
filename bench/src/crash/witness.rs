//! The receiver's own ledger: what came, under which id, and what it was told. It fails at random.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::ledger::{self, FIRST_MARKER};
use crate::receiver::Judge;
use crate::sign::Signer;
use crate::wire::Message;

pub struct Witness {
    fail_percent: u32,
    signer: OnceLock<Signer>,
    notes: Mutex<Notes>,
    forgeries: AtomicUsize,
    strangers: AtomicUsize,
}

struct Notes {
    random: StdRng,
    seen: HashMap<u64, Seen>,
    deliveries: usize,
}

/// All deliveries of one event.
struct Seen {
    webhook_id: String,
    body: Vec<u8>,
    event_id: String,
    /// Whether one of them was answered with 200.
    received: bool,
    /// Whether a later one carried another id or other bytes.
    wavered: bool,
}

#[derive(serde::Deserialize)]
struct Envelope {
    event_id: String,
}

impl Witness {
    pub fn new(seed: u64, fail_percent: u32) -> Self {
        let notes = Notes { random: StdRng::seed_from_u64(!seed), seen: HashMap::new(), deliveries: 0 };
        Self {
            fail_percent,
            signer: OnceLock::new(),
            notes: Mutex::new(notes),
            forgeries: AtomicUsize::new(0),
            strangers: AtomicUsize::new(0),
        }
    }

    /// The secret that deliveries are signed with, once the destination has been made.
    pub fn trust(&self, signing_secret: &str) -> Result<()> {
        let signer = Signer::from_secret(signing_secret)?;
        self.signer.get_or_init(|| signer);
        Ok(())
    }

    pub fn judge(self: Arc<Self>) -> Judge {
        Arc::new(move |message| self.take(message))
    }

    fn take(&self, message: &Message<'_>) -> bool {
        let Some(event) = ledger::marker(message.body).map(|marker| marker - FIRST_MARKER) else {
            self.strangers.fetch_add(1, Relaxed);
            return true;
        };
        if !self.is_genuine(message) {
            self.forgeries.fetch_add(1, Relaxed);
        }
        let mut notes = self.notes();
        notes.deliveries += 1;
        let accept = notes.random.random_range(0..100) >= self.fail_percent;
        let webhook_id = message.header("webhook-id").unwrap_or_default();
        let seen = notes.seen.entry(event).or_insert_with(|| Seen {
            webhook_id: webhook_id.to_owned(),
            body: message.body.to_vec(),
            event_id: serde_json::from_slice::<Envelope>(message.body).map(|envelope| envelope.event_id).unwrap_or_default(),
            received: false,
            wavered: false,
        });
        seen.wavered |= seen.webhook_id != webhook_id || seen.body != message.body;
        seen.received |= accept;
        accept
    }

    fn is_genuine(&self, message: &Message<'_>) -> bool {
        let header = |name| message.header(name).unwrap_or_default();
        let Some(signer) = self.signer.get() else { return false };
        let expected = signer.sign(header("webhook-id"), header("webhook-timestamp"), message.body);
        header("webhook-signature").split(' ').any(|signature| signature == expected)
    }

    pub fn deliveries(&self) -> usize {
        self.notes().deliveries
    }

    pub fn received(&self) -> usize {
        self.notes().seen.values().filter(|seen| seen.received).count()
    }

    /// Acknowledged events that were never received.
    pub fn missing(&self, acknowledged: &HashMap<u64, String>) -> Vec<u64> {
        let notes = self.notes();
        let received = |event: &u64| notes.seen.get(event).is_some_and(|seen| seen.received);
        acknowledged.keys().copied().filter(|event| !received(event)).collect()
    }

    pub fn wavering(&self) -> Vec<u64> {
        self.notes().seen.iter().filter(|(_, seen)| seen.wavered).map(|(event, _)| *event).collect()
    }

    /// Events delivered under another event id than the publisher was told.
    pub fn with_other_event_id(&self, acknowledged: &HashMap<u64, String>) -> Vec<u64> {
        let notes = self.notes();
        let differs = |(event, seen): (&u64, &Seen)| match acknowledged.get(event) {
            Some(told) if *told != seen.event_id => Some(*event),
            _ => None,
        };
        notes.seen.iter().filter_map(differs).collect()
    }

    pub fn forgeries(&self) -> usize {
        self.forgeries.load(Relaxed)
    }

    pub fn strangers(&self, events: u64) -> usize {
        self.strangers.load(Relaxed) + self.notes().seen.keys().filter(|event| **event >= events).count()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn deliver(witness: &Witness, id: &str, event_id: &str) -> bool {
        let body = format!(r#"{{"event_id":"{event_id}","payload":{{"marker":1000000003}}}}"#);
        let signature = Signer::from_secret(KEY).unwrap().sign(id, "5", body.as_bytes());
        let head = format!(
            "POST / HTTP/1.1\r\nwebhook-id: {id}\r\nwebhook-timestamp: 5\r\nwebhook-signature: v1,no {signature}\r\n\r\n"
        );
        witness.take(&Message { head: head.as_bytes(), body: body.as_bytes() })
    }

    fn witness(fail_percent: u32) -> Witness {
        let witness = Witness::new(1, fail_percent);
        witness.trust(KEY).unwrap();
        witness
    }

    #[test]
    fn an_event_that_was_only_refused_counts_as_missing() {
        let witness = witness(100);
        assert!(!deliver(&witness, "a", "evt_1"));
        assert_eq!(witness.missing(&HashMap::from([(3, "evt_1".to_owned())])), [3]);
    }

    #[test]
    fn a_duplicate_under_another_id_is_found() {
        let witness = witness(0);
        deliver(&witness, "a", "evt_1");
        deliver(&witness, "a", "evt_1");
        assert!(witness.wavering().is_empty());
        deliver(&witness, "b", "evt_1");
        assert_eq!(witness.wavering(), [3]);
    }

    #[test]
    fn an_event_published_twice_shows_as_another_event_id() {
        let witness = witness(0);
        deliver(&witness, "a", "evt_2");
        assert_eq!(witness.with_other_event_id(&HashMap::from([(3, "evt_1".to_owned())])), [3]);
    }

    #[test]
    fn a_wrong_signature_counts_as_a_forgery() {
        let witness = witness(0);
        deliver(&witness, "a", "evt_1");
        assert_eq!(witness.forgeries(), 0);
        witness.take(&Message { head: b"POST / HTTP/1.1\r\n\r\n", body: br#"{"marker":1000000004}"# });
        assert_eq!(witness.forgeries(), 1);
    }
}
