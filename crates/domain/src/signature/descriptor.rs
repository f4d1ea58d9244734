//! What a scheme of signatures is made of. A descriptor is data: the profiles of `profile.rs`, what
//! a destination describes itself, and how an inbound webhook's sender signs. [`super::sign`]
//! writes by it and [`super::verify`] reads by it. Senders of other products do more than we send
//! ourselves, so [`Descriptor::check_receiving`] takes more than [`Descriptor::check_sending`].

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::{Algorithm, KeyForm, Kind, kind_of};
use super::path::BodyPath;
use super::template::{Part, Template};
use super::verify::TOLERANCE;
use crate::destination::check_headers;
use crate::secret::Secret;

/// A name or a piece of text: fixed in a profile, owned where somebody else wrote the descriptor.
pub type Text = Cow<'static, str>;

/// Nobody's clock is a day off, and a request that old is a replayed one.
const TOLERANCE_SECONDS_MAX: u32 = 86_400;
const HEADER_CHARS_MAX: usize = 100;

/// How the bytes of a signature are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
    /// Base64 with `-` and `_`, with or without its padding.
    Base64url,
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
    Semicolon,
}

impl Separator {
    pub(super) const fn character(self) -> Option<char> {
        match self {
            Self::None => None,
            Self::Space => Some(' '),
            Self::Comma => Some(','),
            Self::Semicolon => Some(';'),
        }
    }
}

/// How a time is written. Each has one spelling for a moment, of one length, so that no byte of it
/// can be read as part of what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Ten digits of Unix seconds.
    #[default]
    Seconds,
    /// Thirteen digits of Unix milliseconds.
    Milliseconds,
    /// `2026-01-31T12:00:00Z`, with or without a fraction.
    Rfc3339,
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
    /// The time in a header of its own.
    #[serde(default)]
    pub timestamp_header: Option<Text>,
    /// The time as an entry of the signature header, after this prefix: `t=`.
    #[serde(default)]
    pub timestamp_prefix: Option<Text>,
    /// The time as a field of the JSON body. Reading only.
    #[serde(default)]
    pub timestamp_path: Option<BodyPath>,
    #[serde(default)]
    pub timestamp_unit: TimeUnit,
    /// How far a sender's clock may be off. Reading only; 300 where absent.
    #[serde(default)]
    pub tolerance_seconds: Option<u32>,
    #[serde(default)]
    pub id_header: Option<Text>,
    #[serde(default)]
    pub facts: Vec<FactHeader>,
}

/// A field of somebody's own descriptor is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct DescriptorError {
    pub field: &'static str,
    pub rule: String,
}

fn fail<T>(field: &'static str, rule: &str) -> Result<T, DescriptorError> {
    Err(DescriptorError { field, rule: rule.to_owned() })
}

impl Descriptor {
    /// SEED-3's inbound scheme: the hex HMAC of the body, plain or after `sha256=`.
    pub fn body_hmac(header: impl Into<String>) -> Self {
        Self { prefix: Cow::Borrowed("sha256="), prefix_optional: true, ..Self::hex(header.into(), Template::of([Part::Body])) }
    }

    /// One hex signature and nothing else: what the others differ from.
    pub(super) fn hex(header: impl Into<Text>, template: Template) -> Self {
        Self {
            signature_header: header.into(),
            algorithm: Algorithm::HmacSha256,
            encoding: Encoding::Hex,
            prefix: Cow::Borrowed(""),
            prefix_optional: false,
            separator: Separator::None,
            ed25519_prefix: None,
            template,
            key: KeyForm::Text,
            timestamp_header: None,
            timestamp_prefix: None,
            timestamp_path: None,
            timestamp_unit: TimeUnit::Seconds,
            tolerance_seconds: None,
            id_header: None,
            facts: Vec::new(),
        }
    }

    /// What a key of this kind signs with; `None` where it doesn't sign.
    pub(super) fn algorithm_of(&self, kind: Kind) -> Option<Algorithm> {
        match (self.algorithm, kind) {
            (Algorithm::Ed25519, Kind::Ed25519) => Some(Algorithm::Ed25519),
            (Algorithm::EcdsaP256, Kind::P256) => Some(Algorithm::EcdsaP256),
            (Algorithm::Ed25519 | Algorithm::EcdsaP256, _) | (_, Kind::P256) => None,
            (algorithm, Kind::Shared) => Some(algorithm),
            (_, Kind::Ed25519) => self.ed25519_prefix.as_ref().map(|_| Algorithm::Ed25519),
        }
    }

    /// The same for the secret's own kind.
    pub(super) fn algorithm_for(&self, secret: &Secret) -> Option<Algorithm> {
        self.algorithm_of(kind_of(secret))
    }

    /// What stands before the signatures of an algorithm.
    pub(super) fn prefix_of(&self, algorithm: Algorithm) -> &str {
        match &self.ed25519_prefix {
            Some(prefix) if algorithm == Algorithm::Ed25519 => prefix,
            _ => &self.prefix,
        }
    }

    /// How far a sender's clock may be off.
    pub fn tolerance(&self) -> Duration {
        self.tolerance_seconds.map_or(TOLERANCE, |seconds| Duration::from_secs(seconds.into()))
    }

    /// Whether requests say when they were signed: those that don't can be replayed at any time.
    pub fn has_time(&self) -> bool {
        self.timestamp_header.is_some() || self.timestamp_prefix.is_some() || self.timestamp_path.is_some()
    }

    /// Whether this can be written: a destination's own descriptor.
    pub fn check_sending(&self) -> Result<(), DescriptorError> {
        let receiving = "is for receiving alone";
        if matches!(self.algorithm, Algorithm::HmacSha1 | Algorithm::EcdsaP256) {
            return fail("algorithm", receiving);
        }
        if !matches!(self.key, KeyForm::Text | KeyForm::Base64) {
            return fail("key", receiving);
        }
        if [Part::Method, Part::Url, Part::SortedForm].iter().any(|part| self.template.holds(part)) {
            return fail("template", "may hold {id}, {timestamp} and {body} where we sign");
        }
        if self.timestamp_path.is_some() {
            return fail("timestamp_path", receiving);
        }
        if self.tolerance_seconds.is_some() {
            return fail("tolerance_seconds", receiving);
        }
        if self.timestamp_unit != TimeUnit::Seconds {
            return fail("timestamp_unit", receiving);
        }
        self.check(|field, name| {
            check_headers([(name, "1")]).map_err(|error| DescriptorError { field, rule: format!("is refused: {error}") })
        })
    }

    /// Whether requests can be checked by it: how an inbound webhook's sender signs.
    pub fn check_receiving(&self) -> Result<(), DescriptorError> {
        if !self.facts.is_empty() {
            return fail("facts", "are for sending alone");
        }
        if self.timestamp_path.as_ref().is_some_and(BodyPath::spreads) {
            return fail("timestamp_path", "must name one field, without []");
        }
        if self.tolerance_seconds.is_some_and(|seconds| !(1..=TOLERANCE_SECONDS_MAX).contains(&seconds)) {
            return fail("tolerance_seconds", "must be 1 to 86400");
        }
        if self.tolerance_seconds.is_some() && !self.has_time() {
            return fail("tolerance_seconds", "needs a time: timestamp_header, timestamp_prefix or timestamp_path");
        }
        if self.key != KeyForm::Text && matches!(self.algorithm, Algorithm::Ed25519 | Algorithm::EcdsaP256) {
            return fail("key", "is for shared secrets; a public key says itself what it is");
        }
        self.check(|field, name| match is_header_name(name) {
            true => Ok(()),
            false => fail(field, "must be a header name of at most 100 characters"),
        })
    }

    fn check(&self, check_name: impl Fn(&'static str, &str) -> Result<(), DescriptorError>) -> Result<(), DescriptorError> {
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
        self.check_time()?;
        if self.template.holds(&Part::Id) != self.id_header.is_some() {
            return fail("id_header", "must be named if the template holds {id}, and only then");
        }
        Ok(())
    }

    fn check_time(&self) -> Result<(), DescriptorError> {
        let places = [self.timestamp_header.is_some(), self.timestamp_prefix.is_some(), self.timestamp_path.is_some()];
        if places.iter().filter(|there| **there).count() > 1 {
            return fail("timestamp_header", "timestamp_prefix and timestamp_path exclude each other");
        }
        let entry = |prefix: &Text| {
            let distinct = !prefix.is_empty() && *prefix != self.prefix;
            self.separator != Separator::None && distinct && is_label(prefix, self.separator)
        };
        if !self.timestamp_prefix.as_ref().is_none_or(entry) {
            return fail("timestamp_prefix", "needs a separator, and must differ from prefix");
        }
        if self.template.holds(&Part::Timestamp) != (self.timestamp_header.is_some() || self.timestamp_prefix.is_some()) {
            // A time that isn't signed proves nothing, a signed one that isn't sent can't be checked.
            // One in the body is signed with it.
            let rule = "or timestamp_prefix must be set if the template holds {timestamp}, and only then";
            return fail("timestamp_header", rule);
        }
        Ok(())
    }
}

/// A header's name, as HTTP has them.
pub fn is_header_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
    (1..=HEADER_CHARS_MAX).contains(&name.len()) && name.bytes().all(token)
}

fn is_label(text: &str, separator: Separator) -> bool {
    let visible = |c: char| c == ' ' || c.is_ascii_graphic();
    text.len() <= 32 && text.chars().all(|c| visible(c) && separator.character() != Some(c)) && !text.starts_with(' ')
}
