//! Who did what: the audit trail's words. The trail is chained by hash, per tenant; the chain
//! holds only a salted digest of the detail, so that personal data can be erased without breaking it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{PortalSessionId, TokenId, UserId};
use crate::time::Timestamp;

/// Who acts. Its text (`user:usr_...`) is what the trail keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    User(UserId),
    Token(TokenId),
    /// A customer in the portal: whoever followed its one-time link.
    Portal(PortalSessionId),
    /// The `admin` command line: whoever may open the database file.
    Operator,
    /// The product itself: a worker that disables a destination, upkeep.
    System,
    /// An inbound webhook, by its slug.
    Webhook(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Portal(id) => write!(f, "portal:{id}"),
            Self::Operator => f.write_str("operator"),
            Self::System => f.write_str("system"),
            Self::Webhook(slug) => write!(f, "webhook:{slug}"),
        }
    }
}

/// One thing that was done.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `destination.created`: the noun and what happened to it.
    pub action: &'static str,
    /// The id (or slug) of what it happened to.
    pub target: String,
    pub correlation_id: Option<String>,
    /// What changed. Never a secret, never a whole URL, never a payload.
    pub detail: serde_json::Value,
}

/// The digest that stands in the chain for a detail.
pub fn detail_digest(salt: &[u8], detail: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(detail.as_bytes()).finalize().into()
}

/// A row of the chain as it is hashed. Every part is length-prefixed, so that no two rows share bytes.
pub struct Link<'a> {
    pub previous: &'a [u8],
    pub seq: i64,
    pub at: Timestamp,
    pub actor: &'a str,
    pub action: &'a str,
    pub target: &'a str,
    pub correlation_id: &'a str,
    pub digest: &'a [u8],
}

impl Link<'_> {
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let numbers = [self.seq.to_be_bytes(), self.at.millis().to_be_bytes()].concat();
        for part in [
            self.previous,
            &numbers,
            self.actor.as_bytes(),
            self.action.as_bytes(),
            self.target.as_bytes(),
            self.correlation_id.as_bytes(),
            self.digest,
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}
