//! The values that cross the border to a database, the same for both engines: ids are 16-byte
//! blobs on SQLite and `uuid` on PostgreSQL, everything else is integer, float, text or bytes.

use std::error::Error as StdError;

use bytes::BytesMut;
use hookswitch_domain::time::Timestamp;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::error::StoreError;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Id(Uuid),
    Ids(Vec<Uuid>),
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Float(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Id(id) => ValueRef::Blob(id.as_bytes()),
            Self::Ids(_) | Self::Ints(_) | Self::Texts(_) => {
                return Err(rusqlite::Error::ToSqlConversionFailure("SQLite has no arrays".into()));
            }
        }))
    }
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(flag) => flag.to_sql(kind, out),
            Self::Int(number) => match *kind {
                Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
                Type::INT2 => i16::try_from(*number)?.to_sql(kind, out),
                Type::FLOAT8 => (*number as f64).to_sql(kind, out),
                _ => number.to_sql(kind, out),
            },
            Self::Float(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
            Self::Id(id) => id.to_sql(kind, out),
            Self::Ids(ids) => ids.to_sql(kind, out),
            Self::Ints(numbers) => numbers.to_sql(kind, out),
            Self::Texts(texts) => texts.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

macro_rules! into_value {
    ($($from:ty, $value:ident => $made:expr;)+) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self { $made }
        }
    )+};
}

into_value! {
    bool, flag => Self::Bool(flag);
    i64, number => Self::Int(number);
    i32, number => Self::Int(number.into());
    u32, number => Self::Int(number.into());
    u16, number => Self::Int(number.into());
    f64, number => Self::Float(number);
    String, text => Self::Text(text);
    &String, text => Self::Text(text.clone());
    &str, text => Self::Text(text.to_owned());
    Vec<u8>, bytes => Self::Bytes(bytes);
    &[u8], bytes => Self::Bytes(bytes.to_vec());
    Uuid, id => Self::Id(id);
    Vec<Uuid>, ids => Self::Ids(ids);
    Vec<i64>, numbers => Self::Ints(numbers);
    Timestamp, at => Self::Int(at.millis());
    serde_json::Value, json => Self::Text(json.to_string());
    &serde_json::Value, json => Self::Text(json.to_string());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Typed ids as parameters and columns: `id_values!(TicketId, ClientId)` once per host.
#[macro_export]
macro_rules! id_values {
    ($($name:ty),+ $(,)?) => {$(
        impl From<$name> for $crate::Value {
            fn from(id: $name) -> Self { Self::Id(id.uuid()) }
        }
        impl $crate::value::FromValue for $name {
            fn from_value(value: $crate::Value) -> Option<Self> {
                <$crate::value::UuidValue as $crate::value::FromValue>::from_value(value).map(Self)
            }
        }
    )+};
}
pub use uuid::Uuid as UuidValue;

/// A type that a column can be read as.
pub trait FromValue: Sized {
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($to:ty { $($pattern:pat => $made:expr),+ $(,)? })+) => {$(
        impl FromValue for $to {
            fn from_value(value: Value) -> Option<Self> {
                match value { $($pattern => $made,)+ _ => None }
            }
        }
    )+};
}

from_value! {
    bool { Value::Bool(flag) => Some(flag), Value::Int(number) => Some(number != 0) }
    i64 { Value::Int(number) => Some(number) }
    u32 { Value::Int(number) => u32::try_from(number).ok() }
    f64 { Value::Float(number) => Some(number), Value::Int(number) => Some(number as f64) }
    String { Value::Text(text) => Some(text) }
    Vec<u8> { Value::Bytes(bytes) => Some(bytes) }
    Uuid { Value::Id(id) => Some(id), Value::Bytes(bytes) => Uuid::from_slice(&bytes).ok() }
    Timestamp { Value::Int(millis) => Some(Self::from_millis(millis)) }
    serde_json::Value { Value::Text(text) => serde_json::from_str(&text).ok() }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Option<Self> {
        Some(value)
    }
}

mod ids {
    use hookswitch_domain::id::*;
    crate::id_values!(
        TenantId,
        GroupId,
        UserId,
        RoleId,
        TokenId,
        PortalSessionId,
        EventId,
        EventTypeId,
        DestinationId,
        DeliveryId,
        AttemptId,
        CredentialId,
        SecretId,
        InboundWebhookId,
        InboundDeliveryId,
        AuditId,
        NotificationRuleId,
        JobId,
    );
}

/// One row of a result. Columns are taken in the order of the query.
#[derive(Debug)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// Takes column `place` (from 0). A type that doesn't fit is a bug or a damaged database.
    pub fn get<T: FromValue>(&mut self, place: usize) -> Result<T, StoreError> {
        let slot = self.0.get_mut(place).ok_or_else(|| StoreError::Corrupt(format!("no column {place}")))?;
        let value = std::mem::replace(slot, Value::Null);
        T::from_value(value).ok_or_else(|| StoreError::Corrupt(format!("column {place} is not what was expected")))
    }

    /// Puts back what was taken.
    pub(crate) fn put(&mut self, place: usize, value: impl Into<Value>) {
        if let Some(slot) = self.0.get_mut(place) {
            *slot = value.into();
        }
    }
}

/// Parameters of a statement, in the order of `$1`, `$2`, ...
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*] };
}
