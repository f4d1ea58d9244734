//! Secrets become keys here, and keys become message authentication codes and signatures.
//!
//! What a secret is stands in its own text: `whsk_` and `whpk_` are the halves of an Ed25519 pair,
//! `whpe_` is a public key for ECDSA on P-256, everything else is a shared secret. So no public key
//! is ever taken for a shared one, which would let everybody sign. `public.rs` reads the keys that
//! other products publish into this form.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Shorter keys are refused: an empty or guessable key makes every signature worthless.
pub const KEY_BYTES_MIN: usize = 16;

const SECRET_PREFIX: &str = "whsec_";
const PRIVATE_PREFIX: &str = "whsk_";
pub(super) const PUBLIC_PREFIX: &str = "whpk_";
pub(super) const P256_PREFIX: &str = "whpe_";

/// What signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    #[default]
    HmacSha256,
    HmacSha512,
    /// For senders that have nothing better. Reading only.
    HmacSha1,
    /// A private key signs, and whoever has the public one can check it.
    Ed25519,
    /// The same on the curve P-256 over SHA-256, written as ASN.1. Reading only.
    EcdsaP256,
}

impl Algorithm {
    /// The length of its signatures, from and to.
    pub(super) const fn bytes(self) -> (usize, usize) {
        match self {
            Self::HmacSha1 => (20, 20),
            Self::HmacSha256 => (32, 32),
            Self::HmacSha512 | Self::Ed25519 => (64, 64),
            // Two integers of up to 33 bytes, each with its tag, in a list with its own.
            Self::EcdsaP256 => (8, 72),
        }
    }

    /// Whether a public key checks what a private one signed.
    pub const fn is_asymmetric(self) -> bool {
        matches!(self, Self::Ed25519 | Self::EcdsaP256)
    }
}

/// How the key is made from the secret that people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// The shown text's own bytes, `whsec_` included.
    #[default]
    Text,
    /// The bytes behind the base64 after `whsec_`.
    Base64,
    /// The bytes that the text's hex digits name. Reading only.
    Hex,
    /// The SHA-256 of the text. Reading only.
    Sha256,
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
    #[error("the secret must be hex digits, two for each byte of the key")]
    NotHex,
    #[error("the public key must be the sender's: a PEM block, the base64 of its DER, or its bytes as hex or base64")]
    NotPublic,
    #[error("the private key must be whsk_ and the base64 of 32 or 64 bytes, the public one whpk_ and that of 32 bytes")]
    NotEd25519,
    #[error("a public key (whpk_) can only verify: the private one (whsk_) signs")]
    PublicOnly,
    #[error("Ed25519 keys (whsk_, whpk_) are not for this profile, which has a shared secret")]
    Asymmetric,
    #[error("this profile signs with an Ed25519 key: give whpk_... (or whsk_...), not a shared secret")]
    Shared,
    #[error("the secret must be whsec_ and the base64 of 24 to 64 bytes, these are {0}")]
    KeyLength(usize),
    #[error("the secret must be 16 to 256 visible ASCII characters without spaces")]
    NotText,
    #[error("the secret repeats itself: take a random one, like that of openssl rand -base64 32")]
    Weak,
}

/// A key, wiped when dropped.
pub(super) enum Key {
    Shared(Zeroizing<Vec<u8>>),
    Private(Box<SigningKey>),
    Public(Box<VerifyingKey>),
    /// A point of P-256, uncompressed.
    PublicP256(Box<[u8; 65]>),
}

impl Key {
    pub(super) fn read(form: KeyForm, secret: &Secret) -> Result<Self, KeyError> {
        if let Some(text) = secret.expose().strip_prefix(PRIVATE_PREFIX.as_bytes()) {
            return Ok(Self::Private(Box::new(private(text)?)));
        }
        if let Some(text) = secret.expose().strip_prefix(PUBLIC_PREFIX.as_bytes()) {
            let bytes = BASE64.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            let key = VerifyingKey::from_bytes(&bytes.ok_or(KeyError::NotEd25519)?).map_err(|_| KeyError::NotEd25519)?;
            // A key of small order verifies what nobody signed.
            return if key.is_weak() { Err(KeyError::NotEd25519) } else { Ok(Self::Public(Box::new(key))) };
        }
        if let Some(text) = secret.expose().strip_prefix(P256_PREFIX.as_bytes()) {
            let point = BASE64.decode(text).ok().and_then(|bytes| <[u8; 65]>::try_from(bytes).ok());
            return point.map(|point| Self::PublicP256(Box::new(point))).ok_or(KeyError::NotPublic);
        }
        shared(form, secret).map(Self::Shared)
    }

    /// The signature of the parts as if they stood in one piece.
    pub(super) fn sign<'a>(&self, algorithm: Algorithm, parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, KeyError> {
        match (self, algorithm) {
            (Self::Shared(key), Algorithm::HmacSha256) => Ok(hmac_sha256(key, parts).to_vec()),
            (Self::Shared(key), Algorithm::HmacSha512) => Ok(hmac::<Sha512>(key, parts)),
            (Self::Shared(key), Algorithm::HmacSha1) => Ok(hmac_sha1(key, parts)),
            (Self::Shared(_), Algorithm::Ed25519 | Algorithm::EcdsaP256) => Err(KeyError::Shared),
            (Self::Private(key), Algorithm::Ed25519) => Ok(key.sign(&joined(parts)).to_bytes().to_vec()),
            (Self::Public(_), Algorithm::Ed25519) | (Self::PublicP256(_), Algorithm::EcdsaP256) => Err(KeyError::PublicOnly),
            _ => Err(KeyError::Asymmetric),
        }
    }

    /// Whether the signature is this key's. Shared ones are compared in constant time, as bytes.
    pub(super) fn verifies<'a>(
        &self,
        algorithm: Algorithm,
        parts: impl IntoIterator<Item = &'a [u8]>,
        signature: &[u8],
    ) -> Result<bool, KeyError> {
        let public = match (self, algorithm) {
            (Self::Private(key), Algorithm::Ed25519) => key.verifying_key(),
            (Self::Public(key), Algorithm::Ed25519) => **key,
            (Self::PublicP256(point), Algorithm::EcdsaP256) => return Ok(p256_verifies(&point[..], &joined(parts), signature)),
            _ => return Ok(self.sign(algorithm, parts)?.ct_eq(signature).into()),
        };
        let signature = Signature::from_slice(signature);
        Ok(signature.is_ok_and(|signature| public.verify_strict(&joined(parts), &signature).is_ok()))
    }
}

fn p256_verifies(point: &[u8], signed: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(signed, signature).is_ok()
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    parts.into_iter().flatten().copied().collect()
}

fn private(text: &[u8]) -> Result<SigningKey, KeyError> {
    let bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| KeyError::NotEd25519)?);
    match bytes.len() {
        32 => <&[u8; 32]>::try_from(bytes.as_slice()).map(SigningKey::from_bytes).map_err(|_| KeyError::NotEd25519),
        // Some write the public half behind it: it must be the right one.
        64 => <&[u8; 64]>::try_from(bytes.as_slice())
            .ok()
            .and_then(|pair| SigningKey::from_keypair_bytes(pair).ok())
            .ok_or(KeyError::NotEd25519),
        _ => Err(KeyError::NotEd25519),
    }
}

fn shared(form: KeyForm, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let key = match form {
        KeyForm::Text => Zeroizing::new(secret.expose().to_vec()),
        KeyForm::Base64 => Zeroizing::new(decoded_key(secret).ok_or(KeyError::NotBase64)?),
        KeyForm::Hex => Zeroizing::new(HEXLOWER_PERMISSIVE.decode(secret.expose()).map_err(|_| KeyError::NotHex)?),
        KeyForm::Sha256 => Zeroizing::new(Sha256::digest(secret.expose()).to_vec()),
    };
    match key.len() {
        0 => Err(KeyError::Missing),
        length if length < KEY_BYTES_MIN => Err(KeyError::Short(length)),
        _ => Ok(key),
    }
}

/// What a secret's text says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Shared,
    /// A half of an Ed25519 pair.
    Ed25519,
    P256,
}

pub(super) fn kind_of(secret: &Secret) -> Kind {
    let starts = |prefix: &str| secret.expose().starts_with(prefix.as_bytes());
    match () {
        () if starts(PRIVATE_PREFIX) || starts(PUBLIC_PREFIX) => Kind::Ed25519,
        () if starts(P256_PREFIX) => Kind::P256,
        () => Kind::Shared,
    }
}

/// Whether the secret is half of a pair, of whatever kind.
pub(super) fn is_asymmetric(secret: &Secret) -> bool {
    kind_of(secret) != Kind::Shared
}

/// The bytes behind a secret's base64; `None` where it is none. Also for whoever masks secrets.
pub fn decoded_key(secret: &Secret) -> Option<Vec<u8>> {
    let text = secret.expose();
    let bare = [SECRET_PREFIX, PRIVATE_PREFIX].iter().find_map(|prefix| text.strip_prefix(prefix.as_bytes()));
    BASE64.decode(bare.unwrap_or(text)).ok()
}

/// A new secret from 32 random bytes. One spelling for every profile: those that take the text as
/// the key, and those that decode it, both find 32 bytes of randomness in it.
pub fn new_secret(random: [u8; 32]) -> String {
    format!("{SECRET_PREFIX}{}", BASE64.encode(&random))
}

/// A new Ed25519 pair from 32 random bytes: the private key `whsk_...` and the public one `whpk_...`.
pub fn new_key_pair(random: [u8; 32]) -> (Secret, String) {
    let seed = Zeroizing::new(random);
    let public = SigningKey::from_bytes(&seed).verifying_key();
    let private = Zeroizing::new(BASE64.encode(seed.as_slice()));
    (Secret::from(format!("{PRIVATE_PREFIX}{}", *private)), format!("{PUBLIC_PREFIX}{}", BASE64.encode(public.as_bytes())))
}

/// The 32 bytes of a public key `whpk_...`.
pub fn public_key_bytes(text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text.strip_prefix(PUBLIC_PREFIX)?.as_bytes()).ok()?.try_into().ok()
}

/// Whether a secret that somebody brings along is good enough to sign with: of the form that
/// receivers expect, long enough, and not a repetition.
pub(super) fn check_brought(form: KeyForm, secret: &Secret) -> Result<(), KeyError> {
    if is_asymmetric(secret) {
        return Err(KeyError::Asymmetric);
    }
    let key = match form {
        KeyForm::Base64 => {
            let key = Zeroizing::new(decoded_key(secret).ok_or(KeyError::NotBase64)?);
            // Standard Webhooks 1.0, "Signature scheme": 24 to 64 bytes.
            if !(24..=64).contains(&key.len()) {
                return Err(KeyError::KeyLength(key.len()));
            }
            key
        }
        // Profiles have no others; a text that is hashed first is as good as the text.
        KeyForm::Text | KeyForm::Hex | KeyForm::Sha256 => {
            let text = secret.expose();
            if !(KEY_BYTES_MIN..=256).contains(&text.len()) || !text.iter().all(u8::is_ascii_graphic) {
                return Err(KeyError::NotText);
            }
            Zeroizing::new(text.to_vec())
        }
    };
    let mut kinds = [false; 256];
    key.iter().for_each(|byte| kinds[usize::from(*byte)] = true);
    // 24 random bytes repeat a few; eight different ones in them are a pattern.
    if kinds.iter().filter(|seen| **seen).count() < 8 { Err(KeyError::Weak) } else { Ok(()) }
}

/// HMAC-SHA256 over the parts as if they stood in one piece.
pub fn hmac_sha256<'a>(key: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    hmac::<Sha256>(key, parts).try_into().unwrap_or([0; 32])
}

fn hmac<'a, D: EagerHash>(key: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8>
where
    Hmac<D>: Mac + KeyInit,
{
    // HMAC takes keys of every length; the error type exists for other algorithms.
    let Ok(mut mac) = <Hmac<D> as KeyInit>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hmac_sha1<'a>(key: &[u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut mac = ring::hmac::Context::with_key(&ring::hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, key));
    parts.into_iter().for_each(|part| mac.update(part));
    mac.sign().as_ref().to_vec()
}

/// Compares secrets of any length without telling by its time where they differ, or how long the
/// right one is.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}
