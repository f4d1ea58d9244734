//! The idempotency key of a request: what makes a sender's second try the same as its first.

use hookswitch_domain::id::TenantId;
use hookswitch_domain::inbound::{IdempotencySource, KEY_CHARS_MAX};
use hookswitch_domain::mapping::wrap_body;
use hookswitch_store::inbound::Webhook;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::accept::Receiver;
use super::failure::Failure;
use crate::sandbox::{Expr, ExpressionError, SandboxError};

/// One expression finds the key (SEED-3: 500 ms).
const KEY_LIMIT_MS: u32 = 500;

/// Why there is no telling whether there is a key.
pub enum KeyError {
    Expression(ExpressionError),
    Body,
    Sandbox(SandboxError),
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Expression(error) => {
                Self::theirs(400, "idempotency_failed", format!("idempotency_source: {}", error.message))
            }
            KeyError::Body => Self::theirs(400, "invalid_json", "the body is no JSON document"),
            KeyError::Sandbox(error) => Self::ours(error.to_string()),
        }
    }
}

impl Receiver {
    /// The request's key. A request without one is taken in; an expression that fails isn't.
    pub(super) async fn key(
        &self,
        tenant: TenantId,
        webhook: &Webhook,
        headers: &[(String, Vec<u8>)],
        document: &[u8],
    ) -> Result<Option<String>, KeyError> {
        let found = match &webhook.idempotency_source {
            None => None,
            Some(IdempotencySource::Header(name)) => {
                let line = headers.iter().find(|(line, _)| line.eq_ignore_ascii_case(name));
                // A list counts by its first entry.
                line.and_then(|(_, value)| std::str::from_utf8(value).ok())
                    .map(|value| value.split(',').next().unwrap_or("").trim().to_owned())
            }
            Some(IdempotencySource::Jsonata(text)) => self.key_by_expression(tenant, text, document).await?,
        };
        Ok(found.filter(|key| !key.is_empty()).map(bounded))
    }

    pub(super) async fn key_by_expression(
        &self,
        tenant: TenantId,
        text: &str,
        document: &[u8],
    ) -> Result<Option<String>, KeyError> {
        let expression = [Expr { id: "idempotency_source", text, limit_ms: KEY_LIMIT_MS }];
        let body = wrap_body(document).ok_or(KeyError::Body)?;
        let evaluated = self.sandbox.evaluate(tenant.uuid(), &body, &expression).await.map_err(KeyError::Sandbox)?;
        let Some(only) = evaluated.into_iter().next() else { return Ok(None) };
        match only.result.map_err(KeyError::Expression)? {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(other) => Ok(Some(other.to_string())),
        }
    }
}

/// A key as it can be stored; PostgreSQL keeps no NUL in a text.
pub(super) fn bounded(key: String) -> String {
    if key.chars().count() <= KEY_CHARS_MAX && !key.contains('\0') {
        return key;
    }
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(key.as_bytes())))
}
