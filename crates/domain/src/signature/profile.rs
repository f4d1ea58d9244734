//! The profiles of CONTRACT 7, and what a destination may describe itself. All of them are data:
//! nothing but [`super::sign`] and [`super::verify`] knows how to read it.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::key::{Algorithm, KeyError, KeyForm, check_brought, is_asymmetric};
use super::template::{Part, Template};
use crate::destination::check_headers;
use crate::secret::Secret;

/// A name or a piece of text: fixed in a profile, owned in a destination's own descriptor.
pub type Text = Cow<'static, str>;

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
        self.descriptor().is_some_and(|descriptor| descriptor.algorithm_of(true).is_some())
    }

    /// Whether a shared secret that somebody brings along can sign by this profile, and is strong enough.
    pub fn check_secret(&self, secret: &Secret) -> Result<(), KeyError> {
        let Some(descriptor) = self.descriptor().filter(|_| self.takes_secret()) else { return Err(KeyError::Asymmetric) };
        check_brought(descriptor.key, secret)
    }

    /// Checks a destination's own descriptor; the named ones are right.
    pub fn check(&self) -> Result<(), DescriptorError> {
        match self {
            Self::Custom(descriptor) => descriptor.check(),
            _ => Ok(()),
        }
    }
}

/// How the bytes of a signature are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
}

/// Whether the signature header is a list, and what stands between its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Separator {
    /// One signature alone.
    #[default]
    None,
    Space,
    Comma,
}

/// Something about a message that a header tells, unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    MessageId,
    EventId,
    EventType,
    DeliveryId,
    DestinationId,
    Attempt,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactHeader {
    pub header: Text,
    pub value: Fact,
}

/// One scheme of signatures, for writing and for reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    pub signature_header: Text,
    #[serde(default)]
    pub algorithm: Algorithm,
    #[serde(default)]
    pub encoding: Encoding,
    /// Stands before each signature: `v1,`, `sha256=`.
    #[serde(default)]
    pub prefix: Text,
    /// Reading accepts signatures without the prefix too.
    #[serde(default)]
    pub prefix_optional: bool,
    #[serde(default)]
    pub separator: Separator,
    /// Ed25519 keys sign too, after this prefix: `v1a,`. For `standard` alone.
    #[serde(skip)]
    pub ed25519_prefix: Option<Text>,
    pub template: Template,
    #[serde(default)]
    pub key: KeyForm,
    /// The time in a header of its own, as Unix seconds.
    #[serde(default)]
    pub timestamp_header: Option<Text>,
    /// The time as an entry of the signature header, after this prefix: `t=`.
    #[serde(default)]
    pub timestamp_prefix: Option<Text>,
    #[serde(default)]
    pub id_header: Option<Text>,
    #[serde(default)]
    pub facts: Vec<FactHeader>,
}

/// A field of a destination's own descriptor is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct DescriptorError {
    pub field: &'static str,
    pub rule: String,
}

impl Descriptor {
    /// SEED-3's inbound scheme: the hex HMAC of the body, plain or after `sha256=`.
    pub fn body_hmac(header: impl Into<String>) -> Self {
        Self { prefix: text("sha256="), prefix_optional: true, ..Self::hex(header.into(), Template::of([Part::Body])) }
    }

    /// One hex signature and nothing else: what the others differ from.
    fn hex(header: impl Into<Text>, template: Template) -> Self {
        Self {
            signature_header: header.into(),
            algorithm: Algorithm::HmacSha256,
            encoding: Encoding::Hex,
            prefix: text(""),
            prefix_optional: false,
            separator: Separator::None,
            ed25519_prefix: None,
            template,
            key: KeyForm::Text,
            timestamp_header: None,
            timestamp_prefix: None,
            id_header: None,
            facts: Vec::new(),
        }
    }

    /// What a shared secret, or an asymmetric key, signs with; `None` where it doesn't sign.
    pub(super) fn algorithm_of(&self, asymmetric: bool) -> Option<Algorithm> {
        match (self.algorithm, asymmetric) {
            (Algorithm::Ed25519, false) => None,
            (Algorithm::Ed25519, true) => Some(Algorithm::Ed25519),
            (algorithm, false) => Some(algorithm),
            (_, true) => self.ed25519_prefix.as_ref().map(|_| Algorithm::Ed25519),
        }
    }

    /// The same for the secret's own kind.
    pub(super) fn algorithm_for(&self, secret: &Secret) -> Option<Algorithm> {
        self.algorithm_of(is_asymmetric(secret))
    }

    /// What stands before the signatures of an algorithm.
    pub(super) fn prefix_of(&self, algorithm: Algorithm) -> &str {
        match &self.ed25519_prefix {
            Some(prefix) if algorithm == Algorithm::Ed25519 => prefix,
            _ => &self.prefix,
        }
    }

    fn check(&self) -> Result<(), DescriptorError> {
        let fail = |field, rule: &str| Err(DescriptorError { field, rule: rule.to_owned() });
        check_name("signature_header", &self.signature_header)?;
        let optional = [("timestamp_header", &self.timestamp_header), ("id_header", &self.id_header)];
        let facts = self.facts.iter().map(|fact| ("facts", &fact.header));
        let named = optional.into_iter().filter_map(|(field, name)| Some((field, name.as_ref()?))).chain(facts);
        let mut seen = vec![self.signature_header.to_ascii_lowercase()];
        for (field, name) in named {
            check_name(field, name)?;
            if seen.contains(&name.to_ascii_lowercase()) {
                return fail(field, "names a header that another field names too");
            }
            seen.push(name.to_ascii_lowercase());
        }
        if seen.len() > 12 {
            return fail("facts", "may have at most 10 entries");
        }
        if !is_label(&self.prefix, self.separator) {
            return fail("prefix", "must be at most 32 visible ASCII characters without the separator");
        }
        self.check_time().or_else(|rule| fail("timestamp_header", rule))?;
        if self.template.holds(&Part::Id) != self.id_header.is_some() {
            return fail("id_header", "must be named if the template holds {id}, and only then");
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), &'static str> {
        if self.timestamp_header.is_some() && self.timestamp_prefix.is_some() {
            return Err("and timestamp_prefix exclude each other");
        }
        let entry = |prefix: &Text| {
            let distinct = !prefix.is_empty() && *prefix != self.prefix;
            self.separator != Separator::None && distinct && is_label(prefix, self.separator)
        };
        if !self.timestamp_prefix.as_ref().is_none_or(entry) {
            return Err("or a timestamp_prefix: that needs a separator, and must differ from prefix");
        }
        if self.template.holds(&Part::Timestamp) != (self.timestamp_header.is_some() || self.timestamp_prefix.is_some()) {
            // A time that isn't signed proves nothing, a signed one that isn't sent can't be checked.
            return Err("or timestamp_prefix must be set if the template holds {timestamp}, and only then");
        }
        Ok(())
    }
}

fn check_name(field: &'static str, name: &str) -> Result<(), DescriptorError> {
    if name.len() > 64 {
        return Err(DescriptorError { field, rule: "must be at most 64 characters".to_owned() });
    }
    check_headers([(name, "1")]).map_err(|error| DescriptorError { field, rule: format!("is refused: {error}") })
}

fn is_label(text: &str, separator: Separator) -> bool {
    let splits = match separator {
        Separator::Comma => b',',
        Separator::None | Separator::Space => b' ',
    };
    text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != splits)
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
