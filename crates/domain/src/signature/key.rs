//! Secrets become keys here, and keys become message authentication codes.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Shorter keys are refused: an empty or guessable key makes every signature worthless.
pub const KEY_BYTES_MIN: usize = 16;

const SECRET_PREFIX: &str = "whsec_";

/// How the key is made from the secret that people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// The shown text's own bytes, `whsec_` included.
    #[default]
    Text,
    /// The bytes behind the base64 after `whsec_`.
    Base64,
}

/// Why a secret can't be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("no secret is given")]
    Missing,
    #[error("the secret is too short: its key has {0} bytes, at least 16 are needed")]
    Short(usize),
    #[error("the secret must be base64 after whsec_: copy it whole, with its = at the end")]
    NotBase64,
}

/// The key of a secret, wiped when dropped.
pub(super) fn key(form: KeyForm, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let key = match form {
        KeyForm::Text => Zeroizing::new(secret.expose().to_vec()),
        KeyForm::Base64 => Zeroizing::new(decoded_key(secret).ok_or(KeyError::NotBase64)?),
    };
    match key.len() {
        0 => Err(KeyError::Missing),
        length if length < KEY_BYTES_MIN => Err(KeyError::Short(length)),
        _ => Ok(key),
    }
}

/// The bytes behind a secret's base64; `None` where it is none. Also for whoever masks secrets.
pub fn decoded_key(secret: &Secret) -> Option<Vec<u8>> {
    let text = secret.expose();
    let text = text.strip_prefix(SECRET_PREFIX.as_bytes()).unwrap_or(text);
    BASE64.decode(text).ok()
}

/// A new secret from 32 random bytes. One spelling for every profile: those that take the text as
/// the key, and those that decode it, both find 32 bytes of randomness in it.
pub fn new_secret(random: [u8; 32]) -> String {
    format!("{SECRET_PREFIX}{}", BASE64.encode(&random))
}

/// HMAC-SHA256 over the parts as if they stood in one piece.
pub fn hmac_sha256<'a>(key: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    // HMAC takes keys of every length; the error type exists for other algorithms.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Compares secrets of any length without telling by its time where they differ, or how long the
/// right one is.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}
