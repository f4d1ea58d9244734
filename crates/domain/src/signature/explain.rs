//! Why a signature doesn't match: tries the mistakes that people make, one at a time. For
//! `hookswitch verify --explain`; nothing is ever accepted because of it.

use super::descriptor::Descriptor;
use super::key::{Algorithm, KeyForm, Kind, is_asymmetric};
use super::profile::Profile;
use super::verify::{Claim, SignedRequest};
use crate::secret::Secret;

/// The mistake that would make the signature right, if one of the known ones does.
pub fn explain(profile: &Profile, secrets: &[Secret], headers: &[(&str, &[u8])], body: &[u8]) -> Option<&'static str> {
    let descriptor = profile.descriptor()?;
    let claim = descriptor.read(headers).ok()?;
    if let Some(mistake) = wrong_kind(descriptor, secrets, &claim) {
        return Some(mistake);
    }
    let fits = |form: KeyForm, body: &[u8]| {
        let request = SignedRequest { headers, body, ..SignedRequest::default() };
        secrets.iter().any(|secret| claim.matches(descriptor, form, secret, &request).unwrap_or(false))
    };
    for (altered, mistake) in altered_bodies(body) {
        if fits(descriptor.key, &altered) {
            return Some(mistake);
        }
    }
    let (other, mistake) = match descriptor.key {
        KeyForm::Base64 => {
            (KeyForm::Text, "the sender used the secret's text as the key: it must decode the base64 after whsec_ first")
        }
        KeyForm::Text | KeyForm::Hex | KeyForm::Sha256 => {
            (KeyForm::Base64, "the sender decoded the secret as base64: in this profile the whole shown text is the key")
        }
    };
    if secrets.iter().all(is_asymmetric) {
        return (!fits(descriptor.key, body)).then_some(
            "the body was changed, or another key signed: read the destination's public keys again, they change with a \
             rotation, and each destination has its own",
        );
    }
    fits(other, body).then_some(mistake)
}

/// A public key where only a shared secret signed, or the other way about.
fn wrong_kind(descriptor: &Descriptor, secrets: &[Secret], claim: &Claim<'_>) -> Option<&'static str> {
    let carried = |algorithm: Option<Algorithm>| algorithm.is_some_and(|algorithm| claim.carries(algorithm));
    if secrets.iter().any(|secret| carried(descriptor.algorithm_for(secret))) {
        return None;
    }
    match secrets.iter().any(is_asymmetric) {
        true if carried(descriptor.algorithm_of(Kind::Shared)) => {
            Some("only the shared secret signed this request: give whsec_..., or switch ed25519 on for the destination")
        }
        false if carried(descriptor.algorithm_of(Kind::Ed25519)) => {
            Some("only an Ed25519 key signed this request: give the destination's public key, whpk_...")
        }
        _ => None,
    }
}

fn altered_bodies(body: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let mut altered = Vec::new();
    if let Some(cut) = body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n")) {
        altered.push((cut.to_vec(), "the body has a line break at its end that was not signed: save it without one"));
    }
    altered.push(([body, b"\n"].concat(), "the signed body ends with a line break that is missing here"));
    if let Ok(text) = std::str::from_utf8(body) {
        let unix = text.replace("\r\n", "\n");
        altered.push((unix.clone().into_bytes(), "the body's line breaks were changed from LF to CRLF"));
        altered.push((unix.replace('\n', "\r\n").into_bytes(), "the body's line breaks were changed from CRLF to LF"));
    }
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) {
        let again = "the body was parsed and written again: verify the raw bytes, before any JSON parser";
        altered.extend(serde_json::to_vec(&value).into_iter().chain(serde_json::to_vec_pretty(&value)).map(|text| (text, again)));
    }
    altered
}
