//! The profiles of CONTRACT 7, by which a destination's requests are signed. Each is a
//! [`Descriptor`]: data that [`super::sign`] and [`super::verify`] read.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::descriptor::{Descriptor, DescriptorError, Encoding, Fact, FactHeader, Separator, Text};
use super::key::{Algorithm, KeyError, KeyForm, Kind, check_brought};
use super::template::{Part, Template};
use crate::secret::Secret;

/// How a destination's requests are signed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Standard Webhooks 1.0.
    #[default]
    Standard,
    Oneprotect,
    Fr022,
    Alga,
    /// `{"custom": {...}}`: the destination brings its own descriptor.
    Custom(Box<Descriptor>),
    /// Nothing is signed; only where the installation allows it.
    None,
}

impl Profile {
    /// The profiles that have a name alone, with it.
    pub const NAMED: [(&'static str, Self); 5] = [
        ("standard", Self::Standard),
        ("oneprotect", Self::Oneprotect),
        ("fr022", Self::Fr022),
        ("alga", Self::Alga),
        ("none", Self::None),
    ];

    pub fn name(&self) -> &'static str {
        Self::NAMED.iter().find(|(_, profile)| profile == self).map_or("custom", |(name, _)| name)
    }

    /// The profile of this name; `custom` has none without its descriptor.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find_map(|(known, profile)| (known == name).then_some(profile))
    }

    /// `None` where nothing is signed.
    pub fn descriptor(&self) -> Option<&Descriptor> {
        match self {
            Self::Standard => Some(&STANDARD),
            Self::Oneprotect => Some(&ONEPROTECT),
            Self::Fr022 => Some(&FR022),
            Self::Alga => Some(&ALGA),
            Self::Custom(descriptor) => Some(descriptor),
            Self::None => None,
        }
    }

    /// Whether both secrets of a rotation can sign one request.
    pub fn carries_two(&self) -> bool {
        self.descriptor().is_some_and(|descriptor| descriptor.separator != Separator::None)
    }

    /// Whether a shared secret signs; a destination may have a key pair beside it, or alone.
    pub fn takes_secret(&self) -> bool {
        self.descriptor().is_some_and(|descriptor| descriptor.algorithm != Algorithm::Ed25519)
    }

    /// Whether an Ed25519 key pair can sign.
    pub fn takes_key_pair(&self) -> bool {
        self.descriptor().is_some_and(|descriptor| descriptor.algorithm_of(Kind::Ed25519).is_some())
    }

    /// Whether a shared secret that somebody brings along can sign by this profile, and is strong enough.
    pub fn check_secret(&self, secret: &Secret) -> Result<(), KeyError> {
        let Some(descriptor) = self.descriptor().filter(|_| self.takes_secret()) else { return Err(KeyError::Asymmetric) };
        check_brought(descriptor.key, secret)
    }

    /// Checks a destination's own descriptor; the named ones are right.
    pub fn check(&self) -> Result<(), DescriptorError> {
        match self {
            Self::Custom(descriptor) => descriptor.check_sending(),
            _ => Ok(()),
        }
    }
}

static STANDARD: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    encoding: Encoding::Base64,
    prefix: text("v1,"),
    separator: Separator::Space,
    ed25519_prefix: Some(text("v1a,")),
    key: KeyForm::Base64,
    timestamp_header: Some(text("webhook-timestamp")),
    id_header: Some(text("webhook-id")),
    ..Descriptor::hex("webhook-signature", Template::of([Part::Id, Part::DOT, Part::Timestamp, Part::DOT, Part::Body]))
});

static ONEPROTECT: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    timestamp_header: Some(text("X-OneProtect-Timestamp")),
    facts: vec![
        FactHeader { header: text("X-OneProtect-Delivery-Id"), value: Fact::DeliveryId },
        FactHeader { header: text("X-OneProtect-Idempotency-Key"), value: Fact::MessageId },
    ],
    ..Descriptor::hex("X-OneProtect-Signature", time_and_body())
});

static FR022: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    timestamp_header: Some(text("X-Timestamp")),
    ..Descriptor::hex("X-Signature", time_and_body())
});

static ALGA: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    prefix: text("v1="),
    separator: Separator::Comma,
    timestamp_prefix: Some(text("t=")),
    facts: vec![
        FactHeader { header: text("X-Alga-Event-Id"), value: Fact::EventId },
        FactHeader { header: text("X-Alga-Event-Type"), value: Fact::EventType },
        FactHeader { header: text("X-Alga-Delivery-Id"), value: Fact::DeliveryId },
        FactHeader { header: text("X-Alga-Delivery-Attempt"), value: Fact::Attempt },
        FactHeader { header: text("X-Alga-Webhook-Id"), value: Fact::DestinationId },
    ],
    ..Descriptor::hex("X-Alga-Signature", time_and_body())
});

const fn text(text: &'static str) -> Text {
    Cow::Borrowed(text)
}

fn time_and_body() -> Template {
    Template::of([Part::Timestamp, Part::DOT, Part::Body])
}
