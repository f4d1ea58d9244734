//! Reading a signature: the IN line, and everybody who checks what we sent. Works on raw bytes,
//! before anything parses them, and follows reliability.md 2.3: one header line each, strict
//! times, bounded lists, codes compared in constant time at their fixed length.

use std::collections::BTreeSet;
use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use serde_json::Value;

use super::descriptor::{Descriptor, Encoding, TimeUnit};
use super::key::{Algorithm, Key, KeyError, KeyForm, is_asymmetric};
use super::profile::Profile;
use super::template::{Part, Values};
use crate::secret::Secret;
use crate::time::Timestamp;

/// How far a sender's clock may be off.
pub const TOLERANCE: Duration = Duration::from_secs(300);
/// More entries than this in one header are refused.
pub const SIGNATURES_MAX: usize = 10;
/// Longer header lines are refused.
const LINE_BYTES_MAX: usize = 4096;

/// A received request, as far as a signature may cover it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignedRequest<'a> {
    pub method: &'a str,
    /// As the sender called it, with its query.
    pub url: &'a str,
    /// All lines.
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: &'a [u8],
}

/// What a good signature proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The signed id, where the profile has one.
    pub id: Option<String>,
    /// The signed time, where the profile has one.
    pub timestamp: Option<Timestamp>,
    /// Which of the secrets matched.
    pub secret: usize,
}

/// Why a request is not accepted, and what to do next. The `code` is stable; the text is for the
/// owner of the secret and never for the one who sent the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the profile signs nothing, so there is nothing to verify: choose another profile")]
    Unsigned,
    #[error("{0}: look at the secret that is configured here")]
    Secret(#[from] KeyError),
    #[error("the header {0} is missing: check that the sender signs, and that no proxy in between removes it")]
    HeaderMissing(String),
    #[error("the header {0} stands there twice: exactly one is accepted, look for a proxy that adds it")]
    HeaderRepeated(String),
    #[error("the header {0} is longer than 4096 bytes or holds something else than visible ASCII")]
    HeaderMalformed(String),
    #[error("more than 10 signatures: at most the old and the new secret of a rotation should sign")]
    TooManySignatures,
    #[error("no signature like \"{0}...\" in the header: check that the sender uses this profile")]
    NoSignature(String),
    #[error("the signature can't be decoded: {0} expected; was it cut off?")]
    SignatureMalformed(String),
    #[error(
        "the id is empty, longer than 256 characters or holds \"{0}\": it could be read as part of what follows it, so it is refused"
    )]
    IdAmbiguous(char),
    #[error("the timestamp must be {0}, there exactly once")]
    TimestampMalformed(&'static str),
    #[error("the signature is right, but the body has no {0}, which should say when it was signed")]
    TimestampMissing(String),
    #[error(
        "the signature is right, but its timestamp is {0} s old and {1} s are allowed: a replayed request, or a clock that is wrong"
    )]
    TimestampStale(u64, u64),
    #[error("the signature is right, but its timestamp is {0} s ahead and {1} s are allowed: set the clocks")]
    TimestampAhead(u64, u64),
    #[error(
        "the signature does not match: the secret is another one, or the body was changed on its way; verify the raw bytes, before any JSON parser or framework touches them"
    )]
    Mismatch,
}

impl Rejection {
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned_profile",
            Self::Secret(_) => "secret_unusable",
            Self::HeaderMissing(_) => "header_missing",
            Self::HeaderRepeated(_) => "header_repeated",
            Self::HeaderMalformed(_) => "header_malformed",
            Self::TooManySignatures => "too_many_signatures",
            Self::NoSignature(_) => "no_signature",
            Self::SignatureMalformed(_) => "signature_malformed",
            Self::IdAmbiguous(_) => "id_ambiguous",
            Self::TimestampMalformed(_) => "timestamp_malformed",
            Self::TimestampMissing(_) => "timestamp_missing",
            Self::TimestampStale(..) => "timestamp_stale",
            Self::TimestampAhead(..) => "timestamp_ahead",
            Self::Mismatch => "signature_mismatch",
        }
    }
}

/// Verifies a request by a profile. `headers` are all lines of the request.
pub fn verify(
    profile: &Profile,
    secrets: &[Secret],
    headers: &[(&str, &[u8])],
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<Verified, Rejection> {
    let request = SignedRequest { headers, body, ..SignedRequest::default() };
    profile.descriptor().ok_or(Rejection::Unsigned)?.verify(secrets, &request, now, tolerance)
}

/// SEED-3's inbound scheme on the value of its header: hex HMAC-SHA256 of the raw body, plain or
/// after `sha256=`. The place of the secret that matched.
pub fn verify_hmac(secrets: &[Secret], value: &[u8], body: &[u8]) -> Result<usize, Rejection> {
    const HEADER: &str = "signature";
    let request = SignedRequest { headers: &[(HEADER, value)], body, ..SignedRequest::default() };
    let verified = Descriptor::body_hmac(HEADER).verify(secrets, &request, Timestamp::default(), TOLERANCE);
    verified.map(|verified| verified.secret)
}

impl Descriptor {
    pub fn verify(
        &self,
        secrets: &[Secret],
        request: &SignedRequest<'_>,
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Verified, Rejection> {
        let claim = self.read(request.headers)?;
        self.check_kinds(secrets, &claim)?;
        let mut matched = None;
        for (place, secret) in secrets.iter().enumerate() {
            if claim.matches(self, self.key, secret, request)? {
                matched = matched.or(Some(place));
            }
        }
        let secret = matched.ok_or(Rejection::Mismatch)?;
        // After the signature: so a stale time is known to be the sender's own.
        let timestamp = match claim.moment {
            Some(moment) => Some(moment),
            None => self.time_in(request.body)?,
        };
        if let Some(signed) = timestamp {
            check_age(signed, now, tolerance)?;
        }
        Ok(Verified { id: self.id_header.is_some().then(|| claim.id.to_owned()), timestamp, secret })
    }

    /// Whether a secret that somebody enters can be the key: of the right kind, readable, long enough.
    pub fn check_key(&self, secret: &Secret) -> Result<(), KeyError> {
        match self.algorithm_for(secret) {
            None if self.algorithm.is_asymmetric() => Err(KeyError::NotPublic),
            None => Err(KeyError::Asymmetric),
            Some(_) => Key::read(self.key, secret).map(drop),
        }
    }

    /// The time that stands in the body, where the descriptor says so. The body is verified already.
    fn time_in(&self, body: &[u8]) -> Result<Option<Timestamp>, Rejection> {
        let Some(path) = &self.timestamp_path else { return Ok(None) };
        let missing = || Rejection::TimestampMissing(path.to_string());
        let body: Value = serde_json::from_slice(body).map_err(|_| missing())?;
        let text = match path.find(&body).ok_or_else(missing)?[..] {
            [Value::String(text)] => text.clone(),
            [Value::Number(number)] => number.to_string(),
            _ => return Err(missing()),
        };
        self.timestamp_unit.read(&text).map(Some)
    }

    /// Something must be there that one of the secrets could have made.
    fn check_kinds(&self, secrets: &[Secret], claim: &Claim<'_>) -> Result<(), Rejection> {
        let Some(first) = secrets.first() else { return Err(KeyError::Missing.into()) };
        let mut kinds = secrets.iter().filter_map(|secret| self.algorithm_for(secret)).peekable();
        let Some(wanted) = kinds.peek().copied() else {
            return Err(if is_asymmetric(first) { KeyError::Asymmetric } else { KeyError::Shared }.into());
        };
        match kinds.any(|kind| claim.carries(kind)) {
            true => Ok(()),
            false => Err(Rejection::NoSignature(self.prefix_of(wanted).to_owned())),
        }
    }

    /// What a request says about itself, before anything is proven.
    pub(super) fn read<'h>(&self, headers: &[(&str, &'h [u8])]) -> Result<Claim<'h>, Rejection> {
        let line = one_line(headers, &self.signature_header)?;
        let id = self.id_header.as_ref().map_or(Ok(""), |name| self.read_id(headers, name))?;
        let entries: Vec<&str> = match self.separator.character() {
            None => vec![line],
            Some(' ') => line.split(' ').filter(|entry| !entry.is_empty()).take(SIGNATURES_MAX + 2).collect(),
            Some(between) => line.split(between).map(str::trim).take(SIGNATURES_MAX + 2).collect(),
        };
        let (time, entries) = self.read_time(headers, entries)?;
        if entries.len() > SIGNATURES_MAX {
            return Err(Rejection::TooManySignatures);
        }
        let moment = time.map(|time| self.timestamp_unit.read(time)).transpose()?;
        Ok(Claim { id, time: time.unwrap_or(""), moment, signatures: self.read_signatures(&entries)? })
    }

    fn read_id<'h>(&self, headers: &[(&str, &'h [u8])], name: &str) -> Result<&'h str, Rejection> {
        let id = one_line(headers, name)?;
        let delimiter = self.template.id_delimiter().unwrap_or('.');
        match !id.is_empty() && id.len() <= 256 && !id.contains(delimiter) {
            true => Ok(id),
            false => Err(Rejection::IdAmbiguous(delimiter)),
        }
    }

    /// The time's text, and the entries that are left.
    fn read_time<'h>(
        &self,
        headers: &[(&str, &'h [u8])],
        entries: Vec<&'h str>,
    ) -> Result<(Option<&'h str>, Vec<&'h str>), Rejection> {
        if let Some(name) = &self.timestamp_header {
            return Ok((Some(one_line(headers, name)?), entries));
        }
        let Some(prefix) = &self.timestamp_prefix else { return Ok((None, entries)) };
        let (times, rest): (Vec<&str>, Vec<&str>) = entries.into_iter().partition(|entry| entry.starts_with(&**prefix));
        match times[..] {
            [time] => Ok((Some(&time[prefix.len()..]), rest)),
            _ => Err(Rejection::TimestampMalformed(self.timestamp_unit.shape())),
        }
    }

    fn read_signatures(&self, entries: &[&str]) -> Result<Vec<(Algorithm, Vec<u8>)>, Rejection> {
        let known = |entry: &&'_ str| {
            if let Some(text) = self.ed25519_prefix.as_ref().and_then(|prefix| entry.strip_prefix(&**prefix)) {
                return Some((Algorithm::Ed25519, text.to_owned()));
            }
            let text = entry.strip_prefix(&*self.prefix).or(self.prefix_optional.then_some(*entry))?;
            Some((self.algorithm, text.to_owned()))
        };
        let mut ours = entries.iter().filter_map(known).peekable();
        let Some((algorithm, _)) = ours.peek().cloned() else { return Err(Rejection::NoSignature(self.prefix.to_string())) };
        let decoded = ours.filter_map(|(algorithm, text)| Some((algorithm, self.encoding.decode(&text, algorithm.bytes())?)));
        let decoded: Vec<_> = decoded.collect();
        if decoded.is_empty() {
            return Err(Rejection::SignatureMalformed(self.encoding.shape(algorithm.bytes())));
        }
        Ok(decoded)
    }
}

/// What a request says about itself.
pub(super) struct Claim<'h> {
    id: &'h str,
    time: &'h str,
    moment: Option<Timestamp>,
    signatures: Vec<(Algorithm, Vec<u8>)>,
}

impl Claim<'_> {
    /// Whether one of the signatures is this secret's. All of them are looked at.
    pub(super) fn matches(
        &self,
        by: &Descriptor,
        form: KeyForm,
        secret: &Secret,
        request: &SignedRequest<'_>,
    ) -> Result<bool, KeyError> {
        let Some(algorithm) = by.algorithm_for(secret) else { return Ok(false) };
        let key = Key::read(form, secret)?;
        let form = if by.template.holds(&Part::SortedForm) { sorted_form(request.body) } else { Vec::new() };
        let SignedRequest { method, url, body, .. } = *request;
        let values = Values { id: self.id, timestamp: self.time, method, url, sorted_form: &form, body };
        let mut found = false;
        for (_, signature) in self.signatures.iter().filter(|(kind, _)| *kind == algorithm) {
            found |= key.verifies(algorithm, by.template.fill(values), signature)?;
        }
        Ok(found)
    }

    pub(super) fn carries(&self, algorithm: Algorithm) -> bool {
        self.signatures.iter().any(|(kind, _)| *kind == algorithm)
    }
}

impl Encoding {
    fn decode(self, text: &str, (shortest, longest): (usize, usize)) -> Option<Vec<u8>> {
        let bytes = match self {
            Self::Hex => HEXLOWER_PERMISSIVE.decode(text.as_bytes()),
            Self::Base64 => BASE64.decode(text.as_bytes()),
            Self::Base64url => BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()),
        };
        bytes.ok().filter(|bytes| (shortest..=longest).contains(&bytes.len()))
    }

    fn shape(self, (shortest, longest): (usize, usize)) -> String {
        let up_to = if shortest == longest { "" } else { "up to " };
        match self {
            Self::Hex => format!("{up_to}{} hex digits", longest * 2),
            Self::Base64 => format!("{up_to}{} characters of base64", longest.div_ceil(3) * 4),
            Self::Base64url => format!("{up_to}{} characters of base64 with - and _", (longest * 4).div_ceil(3)),
        }
    }
}

/// Names and values of a form, sorted, each pair once, with nothing in between: what Twilio signs.
pub(super) fn sorted_form(body: &[u8]) -> Vec<u8> {
    let pairs: BTreeSet<_> = url::form_urlencoded::parse(body).collect();
    pairs.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]).flatten().copied().collect()
}

/// The value of a header that must stand there exactly once.
fn one_line<'h>(headers: &[(&str, &'h [u8])], name: &str) -> Result<&'h str, Rejection> {
    let mut lines = headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
    let (_, value) = lines.next().ok_or_else(|| Rejection::HeaderMissing(name.to_owned()))?;
    if lines.next().is_some() {
        return Err(Rejection::HeaderRepeated(name.to_owned()));
    }
    let visible = value.len() <= LINE_BYTES_MAX && value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let text = visible.then(|| std::str::from_utf8(value).ok()).flatten();
    text.map(|text| text.trim_matches(' ')).ok_or_else(|| Rejection::HeaderMalformed(name.to_owned()))
}

impl TimeUnit {
    fn read(self, text: &str) -> Result<Timestamp, Rejection> {
        let digits = |count| text.len() == count && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        let moment = match self {
            Self::Seconds => digits(10).then(|| text.parse().ok()).flatten().map(Timestamp::from_seconds),
            Self::Milliseconds => digits(13).then(|| text.parse().ok()).flatten().map(Timestamp::from_millis),
            // In UTC alone: the first Z ends it.
            Self::Rfc3339 => (text.len() >= 20 && text.find('Z') == Some(text.len() - 1)).then(|| text.parse().ok()).flatten(),
        };
        moment.ok_or(Rejection::TimestampMalformed(self.shape()))
    }

    const fn shape(self) -> &'static str {
        match self {
            Self::Seconds => "ten digits of Unix seconds, without sign, spaces or milliseconds",
            Self::Milliseconds => "thirteen digits of Unix milliseconds",
            Self::Rfc3339 => "a moment in UTC, like 2026-01-31T12:00:00Z",
        }
    }
}

fn check_age(signed: Timestamp, now: Timestamp, tolerance: Duration) -> Result<(), Rejection> {
    // Whole seconds on both sides: what is signed has no fraction.
    let off = now.seconds() - signed.seconds();
    let allowed = tolerance.as_secs();
    match off.unsigned_abs() {
        seconds if seconds <= allowed => Ok(()),
        seconds if off > 0 => Err(Rejection::TimestampStale(seconds, allowed)),
        seconds => Err(Rejection::TimestampAhead(seconds, allowed)),
    }
}
