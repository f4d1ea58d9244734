//! Errors as HTTP: RFC 9457 problem documents. The only place where an error becomes a status.
//!
//! A `Problem` travels in the answer's extensions and is rendered at the edge (`edge.rs`), which
//! knows the request id. Its `detail` is for the caller; `cause` is for our log alone.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_pipeline::sandbox::{ExpressionError, SandboxError};
use hookswitch_store::StoreError;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Stable, for programs. Ours are fixed; an action's and an expression's come from further down.
pub type Code = Cow<'static, str>;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field: `signing.profile`, `event_types[2]`; `X-Tenant` and the like for headers.
    #[schema(example = "email")]
    pub field: String,
    #[schema(value_type = String, example = "invalid")]
    pub code: Code,
    #[schema(example = "must be an email address")]
    pub detail: String,
    /// Of an expression: the character at fault, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// Inside a payload: the place, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl FieldError {
    pub fn new(field: impl Into<String>, code: impl Into<Code>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into(), detail: detail.into(), position: None, pointer: None }
    }

    /// What is wrong with the expression in this field.
    pub fn expression(field: impl Into<String>, error: ExpressionError) -> Self {
        let ExpressionError { code, message, position } = error;
        let place = position.map(|at| format!(" (at character {at})")).unwrap_or_default();
        Self { position, ..Self::new(field, code, format!("{message}{place}")) }
    }
}

/// An answer that isn't the one hoped for.
#[derive(Debug, Clone)]
pub struct Problem {
    pub status: StatusCode,
    pub code: Code,
    pub detail: String,
    pub errors: Vec<FieldError>,
    pub retry_after_s: Option<u64>,
    /// The inbound delivery that this answer is about.
    pub delivery_id: Option<String>,
    /// For the log: never shown to the caller.
    pub cause: Option<String>,
}

/// The document as it goes out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Names the kind of problem; stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:hookswitch:problem:validation_failed")]
    kind: String,
    #[schema(value_type = String, example = "Bad Request")]
    title: &'static str,
    #[schema(example = 400)]
    status: u16,
    /// What happened and what to do about it.
    #[schema(example = "email: must be an email address")]
    detail: String,
    /// For programs: stable.
    #[schema(value_type = String, example = "validation_failed")]
    code: Code,
    /// Quote it when you ask for help; our log carries it too.
    #[schema(example = "req_01jd8r7c5tevzs9c1ghvzv3hkp")]
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

impl Problem {
    pub fn new(status: StatusCode, code: impl Into<Code>, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
            delivery_id: None,
            cause: None,
        }
    }

    /// 400 for the whole request.
    pub fn bad_request(code: impl Into<Code>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400 for one field.
    pub fn invalid(field: impl Into<String>, code: impl Into<Code>, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError::new(field, code, detail)])
    }

    /// 400 for several fields at once.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = told(&errors);
        Self { errors, ..Self::bad_request("validation_failed", detail) }
    }

    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Not there, or another tenant's: the two look alike.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "nothing here has this name or id")
    }

    pub fn conflict(code: impl Into<Code>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: understood, and against a rule.
    pub fn rule(code: impl Into<Code>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("the body may have {limit} bytes at most"))
    }

    pub fn media_type(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    pub fn too_many(detail: impl Into<String>, retry_after_s: u64) -> Self {
        Self { retry_after_s: Some(retry_after_s.max(1)), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail) }
    }

    pub fn unavailable(cause: impl Into<String>) -> Self {
        let detail = "this can't be done just now; the same request may work in a moment";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self { retry_after_s: Some(1), cause: Some(cause.into()), ..problem }
    }

    /// A fault of ours. The caller learns the request id and nothing else.
    pub fn internal(cause: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a fault on our side; our log has the request id");
        Self { cause: Some(cause.into()), ..problem }
    }

    /// The same, said of what stands at this place of a larger body.
    #[must_use]
    pub fn within(mut self, place: &str) -> Self {
        for error in &mut self.errors {
            error.field = format!("{place}.{}", error.field);
        }
        match self.errors.is_empty() {
            true => self.detail = format!("{place}: {}", self.detail),
            false => self.detail = told(&self.errors),
        }
        self
    }

    /// The same under a code of its own.
    #[must_use]
    pub fn coded(self, code: impl Into<Code>) -> Self {
        Self { code: code.into(), ..self }
    }

    #[must_use]
    pub fn with_delivery(mut self, id: impl std::fmt::Display) -> Self {
        self.delivery_id = Some(id.to_string());
        self
    }

    /// The body, once the request id is known.
    pub fn document(&self, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            kind: format!("urn:hookswitch:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.clone(),
            request_id: request_id.to_owned(),
            delivery_id: self.delivery_id.clone(),
            errors: self.errors.clone(),
        }
    }
}

/// All of them in one line.
fn told(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("{}: {}", error.field, error.detail)).collect::<Vec<_>>().join("; ")
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // A handler that knows which field is taken says so itself.
            StoreError::Conflict(_) => Self::conflict("already_exists", "something with this name or id is there already"),
            StoreError::Unavailable(cause) | StoreError::Contended(cause) => Self::unavailable(cause),
            StoreError::Overloaded => Self::unavailable("the writer's queue is full"),
            other @ (StoreError::Corrupt(_) | StoreError::Bug(_)) => Self::internal(other.to_string()),
        }
    }
}

/// Never the caller's fault: nobody could look at the expressions, and nothing was saved.
impl From<SandboxError> for Problem {
    fn from(error: SandboxError) -> Self {
        let detail = "expressions can't be checked just now; nothing was changed, and the same request may work in a moment";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "sandbox_unavailable", detail);
        Self { retry_after_s: Some(1), cause: Some(error.to_string()), ..problem }
    }
}

impl From<ActionError> for Problem {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Invalid { field, detail } => Self::invalid(field, "invalid", detail),
            miss @ ActionError::LookupMiss { .. } => Self::rule("lookup_miss", miss.to_string()),
            ActionError::Rule { code, detail } => Self::rule(code, detail),
            ActionError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Collects what is wrong with a body, so that its author hears everything at once.
#[derive(Debug, Default)]
pub struct Checks(Vec<FieldError>);

impl Checks {
    pub fn fail(&mut self, field: impl Into<String>, code: impl Into<Code>, detail: impl Into<String>) {
        self.0.push(FieldError::new(field, code, detail));
    }

    pub fn push(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// Keeps the value of a good field; a bad one is remembered and gives `None`.
    pub fn take<T, E: std::fmt::Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.fail(field, "invalid", error.to_string())).ok()
    }

    /// A name that people read: not empty, not endless, one line, no characters that turn text around.
    pub fn name(&mut self, field: &str, text: &str) {
        if text.trim().is_empty() || text.chars().count() > 200 {
            self.fail(field, "length", "must have 1 to 200 characters");
        } else if text.chars().any(unprintable) {
            self.fail(field, "invalid", "must be one line without control characters");
        }
    }

    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::fields(self.0)) }
    }
}

/// Control characters, and those that reorder or hide text.
fn unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
