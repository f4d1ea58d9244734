//! The signed text as a template: `{id}.{timestamp}.{body}`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Id,
    Timestamp,
    Method,
    Url,
    /// Names and values of a form, sorted, one after the other (Twilio).
    SortedForm,
    Body,
    Text(Cow<'static, str>),
}

impl Part {
    pub(super) const DOT: Self = Self::Text(Cow::Borrowed("."));

    /// The parts with their tokens.
    const TOKENS: [(&'static str, Self); 6] = [
        ("{id}", Self::Id),
        ("{timestamp}", Self::Timestamp),
        ("{method}", Self::Method),
        ("{url}", Self::Url),
        ("{sorted_form}", Self::SortedForm),
        ("{body}", Self::Body),
    ];
}

/// What the parts of a template stand for in one request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Values<'a> {
    pub id: &'a str,
    pub timestamp: &'a str,
    pub method: &'a str,
    pub url: &'a str,
    pub sorted_form: &'a [u8],
    pub body: &'a [u8],
}

/// What is signed, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error(
        "must hold {{body}} or {{sorted_form}} once, {{id}}, {{timestamp}}, {{method}} and {{url}} at most once, and no other braces"
    )]
    Tokens,
    #[error("must be at most 128 visible ASCII characters")]
    Text,
    /// Otherwise the end of an id could be read as the start of what follows it.
    #[error("must have a character that no id holds, like . or :, right after {{id}}")]
    Shift,
}

impl Template {
    pub(super) fn of<const N: usize>(parts: [Part; N]) -> Self {
        Self(Vec::from(parts))
    }

    pub(super) fn holds(&self, wanted: &Part) -> bool {
        self.0.contains(wanted)
    }

    /// The character after the id. An id that holds it is ambiguous and refused.
    pub(super) fn id_delimiter(&self) -> Option<char> {
        let place = self.0.iter().position(|part| *part == Part::Id)?;
        match self.0.get(place + 1) {
            Some(Part::Text(text)) => text.chars().next(),
            _ => None,
        }
    }

    /// The signed text in pieces, ready to be hashed without copying the body.
    pub(super) fn fill<'a>(&'a self, values: Values<'a>) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().map(move |part| match part {
            Part::Id => values.id.as_bytes(),
            Part::Timestamp => values.timestamp.as_bytes(),
            Part::Method => values.method.as_bytes(),
            Part::Url => values.url.as_bytes(),
            Part::SortedForm => values.sorted_form,
            Part::Body => values.body,
            Part::Text(text) => text.as_bytes(),
        })
    }

    fn check(self) -> Result<Self, TemplateError> {
        let count = |wanted: Part| self.0.iter().filter(|part| **part == wanted).count();
        let whole = count(Part::Body) + count(Part::SortedForm);
        if whole != 1 || Part::TOKENS.into_iter().any(|(_, part)| count(part) > 1) {
            return Err(TemplateError::Tokens);
        }
        let id_is_last = self.0.last() == Some(&Part::Id);
        let delimits = |first: char| !first.is_ascii_alphanumeric() && first != '_' && first != '-';
        if self.holds(&Part::Id) && !id_is_last && !self.id_delimiter().is_some_and(delimits) {
            return Err(TemplateError::Shift);
        }
        Ok(self)
    }
}

impl FromStr for Template {
    type Err = TemplateError;
    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if text.len() > 128 || !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(TemplateError::Text);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, token) = rest.split_at(open);
            let close = token.find('}').ok_or(TemplateError::Tokens)?;
            push_text(&mut parts, before)?;
            let known = Part::TOKENS.into_iter().find(|(name, _)| *name == &token[..=close]);
            parts.push(known.ok_or(TemplateError::Tokens)?.1);
            rest = &token[close + 1..];
        }
        push_text(&mut parts, rest)?;
        Self(parts).check()
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), TemplateError> {
    if text.contains('}') {
        return Err(TemplateError::Tokens);
    }
    if !text.is_empty() {
        parts.push(Part::Text(Cow::Owned(text.to_owned())));
    }
    Ok(())
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.iter() {
            let token = Part::TOKENS.into_iter().find(|(_, known)| known == part);
            f.write_str(match part {
                Part::Text(text) => text,
                _ => token.map_or("", |(token, _)| token),
            })?;
        }
        Ok(())
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_survives_its_text_and_refuses_what_could_shift() {
        for good in [
            "{body}",
            "{timestamp}.{body}",
            "{id}.{timestamp}.{body}",
            "v0:{timestamp}:{body}",
            "{timestamp}{body}",
            "{body}.{id}",
            "{method}{url}{body}{timestamp}",
            "{url}{sorted_form}",
        ] {
            assert_eq!(good.parse::<Template>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "{id}",
            "{body}{body}",
            "{Body}",
            "{body",
            "body}",
            "{{body}}",
            "{path}{body}",
            "{url}",
            "{body}{sorted_form}",
            "{body}\n",
            "{body}ä",
        ] {
            assert!(bad.parse::<Template>().is_err(), "{bad}");
        }
        for shifting in ["{id}{body}", "{id}{timestamp}.{body}", "{id}x{body}"] {
            assert_eq!(shifting.parse::<Template>(), Err(TemplateError::Shift), "{shifting}");
        }
    }
}
