//! Types that fields are made of: words from a fixed list, days, and JSON. Each is one thing in Rust, in
//! a column and in JSON.

use std::fmt;
use std::str::FromStr;

use hookswitch_domain::time::Timestamp;
use hookswitch_store::value::FromValue;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Map;
use utoipa::ToSchema;

/// An enum of words: the first is what a record has unless it says otherwise.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident $first_text:tt $(, $variant:ident $text:tt)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $name {
            #[default]
            #[serde(rename = $first_text)]
            $first,
            $(#[serde(rename = $text)] $variant),*
        }

        impl $name {
            pub const WORDS: &'static [&'static str] = &[$first_text $(, $text)*];

            pub const fn as_str(self) -> &'static str {
                match self { Self::$first => $first_text $(, Self::$variant => $text)* }
            }
        }

        impl From<$name> for hookswitch_store::Value {
            fn from(word: $name) -> Self { Self::Text(word.as_str().to_owned()) }
        }

        impl hookswitch_store::value::FromValue for $name {
            fn from_value(value: hookswitch_store::Value) -> Option<Self> {
                match String::from_value(value)?.as_str() { $first_text => Some(Self::$first), $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use words;

/// The columns of an entity, in the order of its fields, and how they are read and written.
macro_rules! columns {
    ($($field:ident),+ $(,)?) => {
        const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

        fn read(row: &mut hookswitch_store::Row, at: usize) -> Result<Self, hookswitch_store::StoreError> {
            let mut places = at..;
            let mut next = || places.next().unwrap_or_default();
            Ok(Self { $($field: row.get(next())?),+ })
        }

        fn values(&self) -> Vec<hookswitch_store::Value> {
            vec![$(self.$field.clone().into()),+]
        }
    };
}
pub(crate) use columns;

/// A day as people write it: `2026-01-31`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Day(String);

impl Day {
    /// The day of a moment, in UTC.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.to_string().chars().take(10).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Midnight UTC, when it begins.
    pub fn begins(&self) -> Option<Timestamp> {
        format!("{}T00:00:00Z", self.0).parse().ok()
    }
}

impl FromStr for Day {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = Self(text.to_owned());
        let good = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if good && day.begins().is_some() { Ok(day) } else { Err("must be a day like 2026-01-31") }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl From<Day> for hookswitch_store::Value {
    fn from(day: Day) -> Self {
        Self::Text(day.0)
    }
}

impl FromValue for Day {
    fn from_value(value: hookswitch_store::Value) -> Option<Self> {
        String::from_value(value).map(Self)
    }
}

/// A moment (RFC 3339), or a day, which begins at midnight UTC.
pub fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
    let found = text.parse().ok().or_else(|| text.parse::<Day>().ok()?.begins());
    found.map(Some).ok_or_else(|| D::Error::custom("must be a moment like 2026-01-31T12:00:00Z, or a day like 2026-01-31"))
}

/// Whatever JSON a column holds as text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Json<T>(pub T);

/// An object of anything.
pub type Free = Json<Map<String, serde_json::Value>>;

impl<T: Serialize> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(Self)
    }
}

impl<T: Serialize> From<Json<T>> for hookswitch_store::Value {
    fn from(json: Json<T>) -> Self {
        Self::Text(serde_json::to_string(&json.0).unwrap_or_else(|_| "null".to_owned()))
    }
}

impl<T: DeserializeOwned> FromValue for Json<T> {
    fn from_value(value: hookswitch_store::Value) -> Option<Self> {
        serde_json::from_str(&String::from_value(value)?).ok().map(Self)
    }
}

words! {
    /// How far something got on its way through an approval.
    ApprovalStatus { Draft "DRAFT", Submitted "SUBMITTED", Approved "APPROVED", ChangesRequested "CHANGES_REQUESTED" }
}

/// An address of somebody, as contacts and clients have several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailAddress {
    pub email_address: String,
    /// `work`, `personal`, `billing` or `other`.
    pub canonical_type: Option<String>,
}
