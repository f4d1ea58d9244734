//! How an inbound webhook's sender proves itself: SEED-3's four schemes, a signature that a
//! descriptor describes, and three comparisons with a shared secret for senders that can't sign.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::preset::{Preset, PresetRef};
use crate::secret::Secret;
use crate::signature::{Algorithm, BodyPath, Descriptor, DescriptorError, KeyError, is_header_name, read_public_key};

/// A secret that people enter has at least this many characters; a generated one has 32 random bytes.
pub const SECRET_CHARS_MIN: usize = 16;
pub const SECRET_CHARS_MAX: usize = 1_024;
const USERNAME_CHARS_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// HMAC-SHA256 of the raw body as hex, plain or after `sha256=`, in this header.
    HmacSha256 {
        #[serde(default = "default_signature_header")]
        signature_header: String,
    },
    /// `Authorization: Bearer <secret>`.
    Bearer {},
    /// The sender's address is in one of these networks.
    IpAllowlist { ip_cidrs: Vec<IpNet> },
    /// The secret in a query parameter, for senders that can set nothing else. It is never logged.
    PathToken {
        #[serde(default = "default_param")]
        param: String,
    },
    /// A signature as the descriptor says. The secret is the shared one, or the sender's public key.
    Signature { descriptor: Box<Descriptor> },
    /// The secret alone in a header.
    StaticHeader { header: String },
    /// `Authorization: Basic`, with the secret as the password.
    Basic { username: String },
    /// The secret in the JSON body. Where the path leads to several places, it stands in each.
    BodyField { path: BodyPath },
    /// As a known sender does it.
    Preset { preset: PresetRef },
}

fn default_signature_header() -> String {
    "X-Alga-Signature".to_owned()
}

fn default_param() -> String {
    "token".to_owned()
}

/// A field of a scheme is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct AuthError {
    pub field: String,
    pub rule: String,
}

fn fail<T>(field: &str, rule: impl Into<String>) -> Result<T, AuthError> {
    Err(AuthError { field: field.to_owned(), rule: rule.into() })
}

impl From<DescriptorError> for AuthError {
    fn from(DescriptorError { field, rule }: DescriptorError) -> Self {
        Self { field: format!("descriptor.{field}"), rule }
    }
}

impl Auth {
    pub const TYPES: [&str; 9] =
        ["hmac_sha256", "bearer", "ip_allowlist", "path_token", "signature", "static_header", "basic", "body_field", "preset"];

    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::HmacSha256 { .. } => "hmac_sha256",
            Self::Bearer {} => "bearer",
            Self::IpAllowlist { .. } => "ip_allowlist",
            Self::PathToken { .. } => "path_token",
            Self::Signature { .. } => "signature",
            Self::StaticHeader { .. } => "static_header",
            Self::Basic { .. } => "basic",
            Self::BodyField { .. } => "body_field",
            Self::Preset { .. } => "preset",
        }
    }

    /// What is checked: of a preset its scheme.
    pub fn scheme(&self) -> &Self {
        match self {
            Self::Preset { preset } => &preset.get().auth,
            own => own,
        }
    }

    pub fn preset(&self) -> Option<&'static Preset> {
        match self {
            Self::Preset { preset } => Some(preset.get()),
            _ => None,
        }
    }

    /// Whether the scheme has a secret to keep, to show once and to rotate.
    pub fn has_secret(&self) -> bool {
        !matches!(self.scheme(), Self::IpAllowlist { .. })
    }

    /// What a secret of ours would be no use for: the sender's own public key checks these.
    pub fn public_key(&self) -> Option<Algorithm> {
        match self.scheme() {
            Self::Signature { descriptor } if descriptor.algorithm.is_asymmetric() => Some(descriptor.algorithm),
            _ => None,
        }
    }

    /// The query parameter that holds the secret, if one does: it is never kept.
    pub fn query_secret(&self) -> Option<&str> {
        match self.scheme() {
            Self::PathToken { param } => Some(param),
            _ => None,
        }
    }

    /// The header that proves the sender; it is kept in no log.
    pub fn proving_header(&self) -> Option<&str> {
        match self.scheme() {
            Self::HmacSha256 { signature_header } => Some(signature_header),
            Self::Signature { descriptor } => Some(&descriptor.signature_header),
            Self::StaticHeader { header } => Some(header),
            Self::Bearer {} | Self::Basic { .. } => Some("authorization"),
            Self::IpAllowlist { .. } | Self::PathToken { .. } | Self::BodyField { .. } | Self::Preset { .. } => None,
        }
    }

    /// Whether requests can be checked by it at all.
    pub fn check(&self) -> Result<(), AuthError> {
        let header = "must be a header name of at most 100 characters";
        match self.scheme() {
            Self::HmacSha256 { signature_header } if !is_header_name(signature_header) => fail("signature_header", header),
            Self::StaticHeader { header: name } if !is_header_name(name) => fail("header", header),
            Self::PathToken { param } if !is_header_name(param) || param.contains(['&', '%', '+', '#']) => {
                fail("param", "must be a parameter name of at most 100 characters, without special ones")
            }
            Self::IpAllowlist { ip_cidrs } if ip_cidrs.is_empty() => {
                fail("ip_cidrs", "must name a network: an empty list lets nobody in")
            }
            // RFC 7617, 2: a colon would end it.
            Self::Basic { username }
                if username.chars().count() > USERNAME_CHARS_MAX || username.contains(|c: char| c == ':' || c.is_control()) =>
            {
                fail("username", "must have at most 100 characters and hold no colon")
            }
            Self::Signature { descriptor } => Ok(descriptor.check_receiving()?),
            _ => Ok(()),
        }
    }

    /// A secret as it is kept: one that somebody entered must be able to prove something. Public
    /// keys come in several spellings, and are kept in one.
    pub fn read_secret(&self, entered: &Secret) -> Result<Secret, AuthError> {
        let secret = match (self.public_key(), entered.expose_text()) {
            (_, None) => return fail("secret", "must be text"),
            (Some(algorithm), Some(text)) => read_public_key(algorithm, text).or_else(unusable)?,
            (None, Some(text)) => {
                if !(SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&text.chars().count()) {
                    return fail("secret", "must have 16 to 1024 characters");
                }
                entered.clone()
            }
        };
        match self.scheme() {
            Self::Signature { descriptor } => descriptor.check_key(&secret).or_else(unusable)?,
            Self::HmacSha256 { signature_header } => {
                Descriptor::body_hmac(signature_header.as_str()).check_key(&secret).or_else(unusable)?;
            }
            _ => {}
        }
        Ok(secret)
    }
}

fn unusable<T>(error: KeyError) -> Result<T, AuthError> {
    fail("secret", format!("can't be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(json: &str) -> Auth {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn schemes_read_as_seed_3_writes_them() {
        let hmac = auth(r#"{"type":"hmac_sha256","signature_header":"X-Sig"}"#);
        assert_eq!((hmac.type_name(), hmac.has_secret()), ("hmac_sha256", true));
        assert!(serde_json::from_str::<Auth>(r#"{"type":"telepathy"}"#).is_err());
        assert!(serde_json::from_str::<Auth>(r#"{"type":"ip_allowlist","ip_cidrs":["10.0.0.0/33"]}"#).is_err());
    }

    #[test]
    fn what_can_prove_nothing_is_refused_by_field() {
        for (json, field) in [
            (r#"{"type":"hmac_sha256","signature_header":"a b"}"#, "signature_header"),
            (r#"{"type":"path_token","param":"a&b"}"#, "param"),
            (r#"{"type":"ip_allowlist","ip_cidrs":[]}"#, "ip_cidrs"),
            (r#"{"type":"static_header","header":""}"#, "header"),
            (r#"{"type":"basic","username":"a:b"}"#, "username"),
            (r#"{"type":"signature","descriptor":{"signature_header":"X","template":"{id}.{body}"}}"#, "descriptor.id_header"),
            (
                r#"{"type":"signature","descriptor":{"signature_header":"X","template":"{body}","tolerance_seconds":5}}"#,
                "descriptor.tolerance_seconds",
            ),
            (
                r#"{"type":"signature","descriptor":{"signature_header":"X","template":"{body}","timestamp_path":"a[].b"}}"#,
                "descriptor.timestamp_path",
            ),
        ] {
            assert_eq!(auth(json).check().unwrap_err().field, field, "{json}");
        }
        for json in [r#"{"type":"basic","username":""}"#, r#"{"type":"body_field","path":"value[].clientState"}"#] {
            assert_eq!(auth(json).check(), Ok(()), "{json}");
        }
    }

    #[test]
    fn a_secret_that_somebody_enters_must_be_a_key() {
        let hex = auth(r#"{"type":"signature","descriptor":{"signature_header":"X","template":"{body}","key":"hex"}}"#);
        assert!(hex.read_secret(&"00112233445566778899aabbccddeeff".into()).is_ok());
        assert!(hex.read_secret(&"no hex digits, but long enough".into()).is_err());
        assert!(hex.read_secret(&"0011223344556677".into()).is_err(), "eight bytes are no key");
        assert!(auth(r#"{"type":"bearer"}"#).read_secret(&"fifteen letters".into()).is_err());
        let public =
            auth(r#"{"type":"signature","descriptor":{"signature_header":"X","template":"{body}","algorithm":"ed25519"}}"#);
        assert!(public.read_secret(&"a shared secret of enough letters".into()).is_err());
        let key = public.read_secret(&"19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1".into()).unwrap();
        assert!(key.expose_text().unwrap().starts_with("whpk_"));
        assert!(auth(r#"{"type":"hmac_sha256"}"#).read_secret(&key).is_err(), "a public key is never a shared secret");
    }
}
