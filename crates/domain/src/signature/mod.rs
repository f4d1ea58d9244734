//! Signatures: how a receiver knows that a request is ours, and how we know that one is its
//! sender's. One [`Descriptor`] says where signature, time and id stand, what is signed and how the
//! key is made from the secret; [`sign`] writes by it and [`verify`] reads by it, so what we send
//! and what we accept can't drift apart. The profiles (`standard`, `alga`, ...) are data, see
//! [`profile`]; a destination may bring a descriptor of its own, and so may an inbound webhook.
//! Secrets are shared ones (HMAC), or keys of pairs: a shared one and an Ed25519 pair may both sign
//! one request under `standard` (`v1,` and `v1a,`).
//!
//! OUT: the webhook adapter signs each attempt anew (new time, same id). IN: the auth schemes that
//! sign verify raw bytes before anything parses them. `hookswitch sign` and `verify` do both offline,
//! and [`explain`] tells people what probably went wrong.

mod descriptor;
mod explain;
pub mod fixtures;
mod key;
mod path;
pub mod profile;
mod public;
mod sign;
mod template;
mod verify;

use sha2::{Digest, Sha256};

use crate::id::{DestinationId, EventId, TenantId, to_text};

pub use descriptor::{Descriptor, DescriptorError, Encoding, Fact, FactHeader, Separator, Text, TimeUnit, is_header_name};
pub use explain::explain;
pub use key::{
    Algorithm, KEY_BYTES_MIN, KeyError, KeyForm, constant_time_eq, decoded_key, hmac_sha256, new_key_pair, new_secret,
    public_key_bytes,
};
pub use path::{BodyPath, NoPath};
pub use profile::Profile;
pub use public::read_public_key;
pub use sign::{Message, SignError, sign};
pub use template::{Template, TemplateError};
pub use verify::{Rejection, SIGNATURES_MAX, SignedRequest, TOLERANCE, Verified, verify, verify_hmac};

/// The id that a receiver dedupes by: the same for every attempt and every replay of one event to
/// one destination, and no other. It never holds a dot, so it can't shift into the fields that
/// follow it in a signed text.
pub fn message_id(tenant: TenantId, event: EventId, destination: DestinationId) -> String {
    let mut digest = Sha256::new_with_prefix(b"hookswitch message id 1");
    for part in [tenant.uuid(), event.uuid(), destination.uuid()] {
        digest.update(part.as_bytes());
    }
    let digest: [u8; 32] = digest.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    to_text("msg", uuid::Uuid::from_bytes(half))
}

#[cfg(test)]
mod tests;
