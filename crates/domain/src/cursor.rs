//! Cursors: where a page of a list ended, as text that callers send back. Opaque to them, with
//! enough of a check that a mistyped one is noticed. It proves nothing: what it leads to is looked
//! for among the caller's own rows.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

const CHECK_BYTES: usize = 4;

pub fn seal(place: &[u8]) -> String {
    BASE64URL_NOPAD.encode(&[place, &Sha256::digest(place)[..CHECK_BYTES]].concat())
}

/// The place that was sealed; `None` for every other text.
pub fn unseal(text: &str) -> Option<Vec<u8>> {
    let mut bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    bytes.truncate(bytes.len().checked_sub(CHECK_BYTES)?);
    (seal(&bytes) == text).then_some(bytes)
}
