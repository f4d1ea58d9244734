//! References to secrets: `file:///run/secrets/acme/pg_password`, `sealed://sec_...`. A credential
//! holds one in place of a value, and a secret provider resolves it at the moment of use.
//!
//! There is one spelling of a reference: no `.`, `..` or empty segments, no escapes. So a prefix
//! that the installation grants to a tenant can be compared as text. What a scheme wants behind
//! its `://` is for its provider to check.

use std::fmt;
use std::str::FromStr;

const BYTES_MAX: usize = 1024;
/// At most so much of the last segment is shown.
const SHOWN_MAX: usize = 3;

/// Why a text is no reference, said to whoever entered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("must be a reference like file:///run/secrets/acme/password or sealed://sec_...")]
    Shape,
    #[error("must be at most 1024 bytes of visible ASCII without %, ?, # and \\")]
    Character,
    #[error("must not hold the segments . and .., nor an empty one")]
    Segment,
    #[error("must end with / and name at least one segment, like file:///run/secrets/acme/")]
    Prefix,
}

/// Where a secret lies. Prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    text: String,
    scheme_len: usize,
}

impl Reference {
    /// The whole text: for the store and for providers, never for an answer or a log.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn scheme(&self) -> &str {
        &self.text[..self.scheme_len]
    }

    /// What stands behind `://`; starts with `/` where the reference is an absolute path.
    pub fn path(&self) -> &str {
        &self.text[self.scheme_len + 3..]
    }

    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path().trim_start_matches('/').split('/')
    }

    pub fn under(&self, prefix: &Prefix) -> bool {
        self.text.starts_with(&prefix.0)
    }

    /// What may be shown: `file://…/pg_***`.
    pub fn redacted(&self) -> String {
        let last = self.segments().last().unwrap_or_default();
        let shown = &last[..(last.len() / 3).min(SHOWN_MAX)];
        format!("{}://…/{shown}***", self.scheme())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (scheme, path) = text.split_once("://").ok_or(ReferenceError::Shape)?;
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !(1..=16).contains(&scheme.len()) || !scheme.bytes().all(letter) || path.is_empty() {
            return Err(ReferenceError::Shape);
        }
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"%?#\\".contains(&byte);
        if text.len() > BYTES_MAX || !text.bytes().all(allowed) {
            return Err(ReferenceError::Character);
        }
        let relative = path.strip_prefix('/').unwrap_or(path);
        if relative.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(ReferenceError::Segment);
        }
        Ok(Self { text: text.to_owned(), scheme_len: scheme.len() })
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// The beginning of references, whole segments only, that the installation grants to a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefix without its last slash, as a reference of its own.
    pub fn root(&self) -> Result<Reference, ReferenceError> {
        self.0.trim_end_matches('/').parse()
    }
}

impl FromStr for Prefix {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let root = text.strip_suffix('/').ok_or(ReferenceError::Prefix)?;
        match root.parse::<Reference>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(ReferenceError::Shape) => Err(ReferenceError::Prefix),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reference(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[test]
    fn a_reference_has_one_spelling() {
        for good in ["file:///run/secrets/acme/pg", "local://acme/smtp/password/1", "sealed://sec_01", "k8s://s/k"] {
            assert!(good.parse::<Reference>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "pg_password",
            "file://",
            "file:///",
            "FILE:///a",
            "://a",
            "file:///a/../b",
            "file:///a/./b",
            "file:///a//b",
            "file:////a",
            "file:///a/",
            "file:///a/%2e%2e/b",
            "file:///a b",
            "file:///a\\..\\b",
            "file:///a?b",
            "file:///a\0b",
            "file:///ä",
            &format!("file:///{}", "a".repeat(BYTES_MAX)),
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_prefix_grants_whole_segments_and_never_a_whole_scheme() {
        let prefix: Prefix = "file:///run/secrets/acme/".parse().unwrap();
        assert!(reference("file:///run/secrets/acme/pg").under(&prefix));
        assert!(!reference("file:///run/secrets/acme-2/pg").under(&prefix));
        assert!(!reference("file:///run/secrets/acme").under(&prefix));
        for bad in ["file:///", "file://", "file:///run", "file:///run/../", "/run/", "", "/"] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_names_the_scheme_and_a_hint() {
        assert_eq!(reference("file:///run/secrets/acme/pg_password").redacted(), "file://…/pg_***");
        assert_eq!(reference("local://acme/smtp/password/1").redacted(), "local://…/***");
        assert_eq!(format!("{:?}", reference("file:///run/secrets/acme/pg_password")), "file://…/pg_***");
    }

    proptest! {
        #[test]
        fn no_text_panics_or_hides_a_parent_segment(text in "\\PC{0,40}") {
            if let Ok(found) = text.parse::<Reference>() {
                prop_assert!(found.segments().all(|segment| segment != ".." && !segment.is_empty()));
                let _shown = found.redacted();
            }
            let _parsed = text.parse::<Prefix>();
        }
    }
}
