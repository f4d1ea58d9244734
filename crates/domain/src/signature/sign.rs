//! Writing a signature: the OUT line, once per attempt.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};

use super::descriptor::{Descriptor, Encoding, Fact, Separator};
use super::key::{Key, KeyError};
use super::profile::Profile;
use super::template::Values;
use crate::id::{DeliveryId, DestinationId, EventId};
use crate::secret::Secret;
use crate::time::Timestamp;

/// What is sent, as far as signing and its headers care.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// [`super::message_id`]: the same on every attempt.
    pub id: &'a str,
    pub event_id: EventId,
    pub event_type: &'a str,
    pub delivery_id: DeliveryId,
    pub destination_id: DestinationId,
    /// From 1.
    pub attempt: u32,
    /// The moment of this attempt.
    pub timestamp: Timestamp,
    pub body: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("{0}")]
    Key(#[from] KeyError),
    #[error("the message id may not be empty or hold \"{0}\", spaces or control characters")]
    Id(char),
    #[error("the time {0} can't be signed: it must be ten digits of Unix seconds")]
    Time(i64),
}

/// The headers that prove a message to its receiver. Secrets stand newest first: during a
/// rotation's overlap all of them sign where the profile carries a list, else the first does. Keys
/// of a kind that the profile doesn't know are left out.
pub fn sign<'p>(profile: &'p Profile, secrets: &[Secret], message: &Message<'_>) -> Result<Vec<(&'p str, String)>, SignError> {
    let Some(descriptor) = profile.descriptor() else { return Ok(Vec::new()) };
    check_id(descriptor, message.id)?;
    let seconds = message.timestamp.seconds();
    if !(1_000_000_000..10_000_000_000).contains(&seconds) {
        return Err(SignError::Time(seconds));
    }
    let timestamp = seconds.to_string();

    let mut headers = Vec::with_capacity(3 + descriptor.facts.len());
    headers.push((&*descriptor.signature_header, signature_line(descriptor, secrets, message, &timestamp)?));
    if let Some(name) = &descriptor.id_header {
        headers.push((name, message.id.to_owned()));
    }
    if let Some(name) = &descriptor.timestamp_header {
        headers.push((name, timestamp));
    }
    headers.extend(descriptor.facts.iter().map(|fact| (&*fact.header, message.tell(fact.value))));
    Ok(headers)
}

fn check_id(descriptor: &Descriptor, id: &str) -> Result<(), SignError> {
    let delimiter = descriptor.template.id_delimiter().unwrap_or('.');
    match !id.is_empty() && id.chars().all(|c| c.is_ascii_graphic() && c != delimiter) {
        true => Ok(()),
        false => Err(SignError::Id(delimiter)),
    }
}

fn signature_line(
    descriptor: &Descriptor,
    secrets: &[Secret],
    message: &Message<'_>,
    timestamp: &str,
) -> Result<String, SignError> {
    let (between, count) = match descriptor.separator {
        Separator::None => ("", 1),
        Separator::Space => (" ", super::SIGNATURES_MAX),
        Separator::Comma => (",", super::SIGNATURES_MAX),
        Separator::Semicolon => (";", super::SIGNATURES_MAX),
    };
    let usable = secrets.iter().filter_map(|secret| Some((secret, descriptor.algorithm_for(secret)?)));
    let mut usable = usable.take(count).peekable();
    if usable.peek().is_none() {
        return Err(KeyError::Missing.into());
    }
    let mut line = String::with_capacity(128);
    if let Some(prefix) = &descriptor.timestamp_prefix {
        line.push_str(prefix);
        line.push_str(timestamp);
    }
    for (secret, algorithm) in usable {
        let parts = descriptor.template.fill(Values { id: message.id, timestamp, body: message.body, ..Values::default() });
        let signature = Key::read(descriptor.key, secret)?.sign(algorithm, parts)?;
        if !line.is_empty() {
            line.push_str(between);
        }
        line.push_str(descriptor.prefix_of(algorithm));
        match descriptor.encoding {
            Encoding::Hex => HEXLOWER.encode_append(&signature, &mut line),
            Encoding::Base64 => BASE64.encode_append(&signature, &mut line),
            Encoding::Base64url => BASE64URL_NOPAD.encode_append(&signature, &mut line),
        }
    }
    Ok(line)
}

impl Message<'_> {
    fn tell(&self, fact: Fact) -> String {
        match fact {
            Fact::MessageId => self.id.to_owned(),
            Fact::EventId => self.event_id.to_string(),
            Fact::EventType => self.event_type.to_owned(),
            Fact::DeliveryId => self.delivery_id.to_string(),
            Fact::DestinationId => self.destination_id.to_string(),
            Fact::Attempt => self.attempt.to_string(),
        }
    }
}
