//! Checks what Hookswitch sends, over the raw bytes.

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const TOLERANCE_SECONDS: u64 = 300;

fn fresh(timestamp: &str, now: u64) -> bool {
    let strict = timestamp.len() == 10 && !timestamp.starts_with('0') && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    strict && timestamp.parse::<u64>().is_ok_and(|seconds| seconds.abs_diff(now) <= TOLERANCE_SECONDS)
}

/// The id to remember. `header` gives a header's value, `now` is in Unix seconds.
pub fn verify<'h>(keys: &[&str], header: impl Fn(&str) -> Option<&'h str>, body: &[u8], now: u64) -> Option<&'h str> {
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let is_plain = (1..=256).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
    if !is_plain || !fresh(timestamp, now) {
        return None;
    }
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    header("webhook-signature")?.split(' ').take(10).find_map(|entry| {
        let (version, text) = entry.split_once(',')?;
        let signature = BASE64.decode(text.as_bytes()).ok()?;
        keys.iter().find_map(|key| made_by(key, version, &signed, &signature)).map(|()| id)
    })
}

fn made_by(key: &str, version: &str, signed: &[u8], signature: &[u8]) -> Option<()> {
    if let Some(public) = key.strip_prefix("whpk_") {
        let public: [u8; 32] = BASE64.decode(public.as_bytes()).ok()?.try_into().ok()?;
        let signature = Signature::from_slice(signature).ok().filter(|_| version == "v1a")?;
        return VerifyingKey::from_bytes(&public).ok()?.verify_strict(signed, &signature).ok();
    }
    let secret = BASE64.decode(key.strip_prefix("whsec_").unwrap_or(key).as_bytes()).ok()?;
    let mac = Hmac::<Sha256>::new_from_slice(&secret).ok()?.chain_update(signed);
    mac.verify_slice(signature).ok().filter(|()| version == "v1")
}

/// oneprotect, fr022 and alga: hex over `timestamp.body`; the key is the secret's text.
pub fn verify_timed(secret: &str, timestamp: &str, signature: &str, body: &[u8], now: u64) -> bool {
    let Ok(given) = HEXLOWER.decode(signature.as_bytes()) else { return false };
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    fresh(timestamp, now) && mac.chain_update(timestamp).chain_update(".").chain_update(body).verify_slice(&given).is_ok()
}
