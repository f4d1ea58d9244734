//! Typed identifiers. Inside they are 16-byte UUIDv7 (time-ordered, so keys append); outside they
//! are TypeID text, `dst_01h455vb4pex5vsknk084sn02q`: a prefix, `_`, and the 128 bits in 26
//! characters of Crockford base32, as the TypeID specification 0.3 lays them out.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::time::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("must start with \"{0}_\"")]
    Prefix(&'static str),
    #[error("must end with 26 characters of 0-9 and a-z without i, l, o and u")]
    Text,
}

/// Builds the 16 bytes of a UUIDv7 from a time and 10 random bytes.
pub fn uuid_v7(now: Timestamp, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.millis().max(0) as u64, &random).into_uuid()
}

/// The smallest UUIDv7 that a moment can have: a bound for time-ranged scans over ids.
pub fn uuid_floor(at: Timestamp) -> Uuid {
    let millis = at.millis().clamp(0, (1 << 48) - 1) as u128;
    Uuid::from_u128(millis << 80)
}

/// The moment that a UUIDv7 was made.
pub fn made_at(id: Uuid) -> Timestamp {
    Timestamp::from_millis((id.as_u128() >> 80) as i64)
}

fn encode(id: Uuid) -> [u8; TEXT_LEN] {
    let bits = id.as_u128();
    let mut text = [0u8; TEXT_LEN];
    for (place, byte) in text.iter_mut().enumerate() {
        let shift = 5 * (TEXT_LEN - 1 - place);
        *byte = ALPHABET[((bits >> shift) & 31) as usize];
    }
    text
}

fn decode(text: &[u8]) -> Option<Uuid> {
    // 26 characters carry 130 bits: the first may only hold the top three.
    if text.len() != TEXT_LEN || text[0] > b'7' {
        return None;
    }
    let mut bits: u128 = 0;
    for byte in text {
        let value = ALPHABET.iter().position(|symbol| symbol == byte)?;
        bits = (bits << 5) | value as u128;
    }
    Some(Uuid::from_u128(bits))
}

/// Writes an id of any kind as text.
pub fn to_text(prefix: &str, id: Uuid) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + TEXT_LEN);
    text.push_str(prefix);
    text.push('_');
    text.extend(encode(id).iter().map(|byte| *byte as char));
    text
}

/// Reads an id of the kind that `prefix` names.
pub fn from_text(prefix: &'static str, text: &str) -> Result<Uuid, IdError> {
    let rest = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    decode(rest.ok_or(IdError::Prefix(prefix))?.as_bytes()).ok_or(IdError::Text)
}

/// Declares one id type per line: `Name "prefix";`. Public, so that a host's own entities get the
/// same ids as ours.
#[macro_export]
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $crate::id::Uuid16);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn new(now: $crate::time::Timestamp, random: [u8; 10]) -> Self {
                Self($crate::id::uuid_v7(now, random))
            }

            pub fn uuid(self) -> $crate::id::Uuid16 {
                self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&$crate::id::to_text($prefix, self.0))
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::id::IdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::id::from_text($prefix, text).map(Self)
            }
        }

        impl From<$crate::id::Uuid16> for $name {
            fn from(id: $crate::id::Uuid16) -> Self {
                Self(id)
            }
        }

        impl From<$name> for $crate::id::Uuid16 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl $crate::id::serde::Serialize for $name {
            fn serialize<S: $crate::id::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> $crate::id::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::id::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'_, str> as $crate::id::serde::Deserialize>::deserialize(from)?;
                text.parse().map_err($crate::id::serde::de::Error::custom)
            }
        }
    )+};
}

pub use serde;
pub use uuid::Uuid as Uuid16;

ids! {
    /// The isolation boundary.
    TenantId "ten";
    GroupId "grp";
    UserId "usr";
    RoleId "rol";
    TokenId "tok";
    /// A customer portal that somebody opened, or may still open.
    PortalSessionId "psn";
    EventId "evt";
    EventTypeId "ety";
    DestinationId "dst";
    DeliveryId "dlv";
    AttemptId "att";
    CredentialId "crd";
    /// A sealed value in the store; what `sealed://` references name.
    SecretId "sec";
    InboundWebhookId "iwh";
    InboundDeliveryId "ind";
    AuditId "aud";
    NotificationRuleId "ntf";
    /// Work over many deliveries.
    JobId "job";
    RequestId "req";
}

/// An id whose kind is only known at run time (a reference to any record).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyId {
    pub prefix: String,
    pub uuid: Uuid,
}

impl FromStr for AnyId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (prefix, rest) = text.rsplit_once('_').ok_or(IdError::Text)?;
        let uuid = decode(rest.as_bytes()).ok_or(IdError::Text)?;
        Ok(Self { prefix: prefix.to_owned(), uuid })
    }
}

impl fmt::Display for AnyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_text(&self.prefix, self.uuid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The vectors that the TypeID specification publishes.
    #[test]
    fn agrees_with_the_published_vectors() {
        let id: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(to_text("prefix", id), "prefix_01h455vb4pex5vsknk084sn02q");
        assert_eq!(to_text("x", Uuid::nil()), "x_00000000000000000000000000");
        assert_eq!(to_text("x", Uuid::max()), "x_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    }

    #[test]
    fn refuses_overflow_other_prefixes_and_letters_outside_the_alphabet() {
        for text in ["evt_8zzzzzzzzzzzzzzzzzzzzzzzzz", "evt_0000000000000000000000000u", "evt_0", "evt_", ""] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
        assert!("dst_01h455vb4pex5vsknk084sn02q".parse::<EventId>().is_err());
    }

    proptest! {
        #[test]
        fn every_id_survives_its_text(bits: u128) {
            let id = EventId(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
        }

        #[test]
        fn text_order_is_time_order(a in 0i64..1 << 47, b in 0i64..1 << 47, random: [u8; 10]) {
            let (one, two) = (EventId::new(Timestamp::from_millis(a), random), EventId::new(Timestamp::from_millis(b), random));
            prop_assert_eq!(one.to_string().cmp(&two.to_string()), a.cmp(&b));
            prop_assert_eq!(made_at(one.uuid()), Timestamp::from_millis(a));
        }
    }
}
