//! Public keys as other products publish them: a PEM block, the base64 of its DER, or the key's bare
//! bytes as hex or base64. They are read once, when a webhook is saved, and kept in the one form
//! that `key.rs` knows.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ed25519_dalek::VerifyingKey;

use super::key::{Algorithm, KeyError, P256_PREFIX, PUBLIC_PREFIX};
use crate::secret::Secret;

/// What stands before an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410, 4).
const ED25519_DER: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The same for an uncompressed point of P-256 (RFC 5480, 2).
const P256_DER: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The first byte of a point that is not compressed (SEC 1, 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// The public key of a sender that signs with `algorithm`, as it is kept. A shared secret where the
/// algorithm has one is not for here.
pub fn read_public_key(algorithm: Algorithm, text: &str) -> Result<Secret, KeyError> {
    let bare = |prefix: &str| text.trim().strip_prefix(prefix).map(str::to_owned).unwrap_or_else(|| without_armour(text));
    match algorithm {
        Algorithm::Ed25519 => {
            let bytes = decoded(&bare(PUBLIC_PREFIX)).ok_or(KeyError::NotPublic)?;
            let bytes = bytes.strip_prefix(ED25519_DER).unwrap_or(&bytes);
            let key = VerifyingKey::from_bytes(bytes.try_into().map_err(|_| KeyError::NotPublic)?);
            let key = key.ok().filter(|key| !key.is_weak()).ok_or(KeyError::NotPublic)?;
            Ok(Secret::from(format!("{PUBLIC_PREFIX}{}", BASE64.encode(key.as_bytes()))))
        }
        Algorithm::EcdsaP256 => {
            let bytes = decoded(&bare(P256_PREFIX)).ok_or(KeyError::NotPublic)?;
            let point = bytes.strip_prefix(P256_DER).unwrap_or(&bytes);
            match point {
                [UNCOMPRESSED, rest @ ..] if rest.len() == 64 => {
                    Ok(Secret::from(format!("{P256_PREFIX}{}", BASE64.encode(point))))
                }
                _ => Err(KeyError::NotPublic),
            }
        }
        Algorithm::HmacSha1 | Algorithm::HmacSha256 | Algorithm::HmacSha512 => Err(KeyError::Asymmetric),
    }
}

fn without_armour(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    lines.collect()
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let hex = HEXLOWER_PERMISSIVE.decode(text.as_bytes());
    hex.ok().or_else(|| BASE64.decode(text.as_bytes()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410, 10.1.
    const ED25519_PEM: &str =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    /// Of SendGrid's documentation.
    const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";

    #[test]
    fn every_spelling_of_a_key_is_the_same_key() {
        let key = read_public_key(Algorithm::Ed25519, ED25519_PEM).unwrap();
        let hex = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        let shown = key.expose_text().unwrap().to_owned();
        for spelling in
            [hex, &hex.to_uppercase(), &shown, &shown[5..], "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="]
        {
            assert_eq!(read_public_key(Algorithm::Ed25519, spelling).unwrap(), key, "{spelling}");
        }
        let key = read_public_key(Algorithm::EcdsaP256, P256).unwrap();
        let armoured = format!("-----BEGIN PUBLIC KEY-----\r\n{}\r\n{}\r\n-----END PUBLIC KEY-----", &P256[..64], &P256[64..]);
        let shown = key.expose_text().unwrap().to_owned();
        for spelling in [armoured.as_str(), &shown, &shown[5..]] {
            assert_eq!(read_public_key(Algorithm::EcdsaP256, spelling).unwrap(), key, "{spelling}");
        }
    }

    #[test]
    fn what_is_no_public_key_of_the_algorithm_is_refused() {
        for bad in ["", "whpk_", "a shared secret of enough characters", P256, &"00".repeat(32), &"ab".repeat(31)] {
            assert!(read_public_key(Algorithm::Ed25519, bad).is_err(), "{bad}");
        }
        for bad in ["", "whpe_", ED25519_PEM, &"04".repeat(64), &"02".repeat(65)] {
            assert!(read_public_key(Algorithm::EcdsaP256, bad).is_err(), "{bad}");
        }
        assert_eq!(read_public_key(Algorithm::HmacSha256, ED25519_PEM), Err(KeyError::Asymmetric));
    }
}
