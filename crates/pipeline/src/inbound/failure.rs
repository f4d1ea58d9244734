//! Why a delivery was not done, and whose fault that is: what its sender is told follows from it,
//! and whether it is tried again.

use hookswitch_domain::mapping::{ExpressionError, FieldError};
use hookswitch_store::StoreError;
use serde_json::{Value, json};

use super::accept::FieldProblem;
use super::action::ActionError;
use super::mapping::MappingError;

#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub errors: Vec<FieldProblem>,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request says something that nobody can do: trying again changes nothing.
    Theirs,
    /// A record isn't there, or a rule stands against it: that may change.
    Refused,
    /// Our fault: the delivery stays pending and is tried again.
    Ours,
}

impl Failure {
    pub fn theirs(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), errors: Vec::new(), kind: Kind::Theirs }
    }

    pub fn ours(detail: impl Into<String>) -> Self {
        Self { kind: Kind::Ours, ..Self::theirs(503, "unavailable", detail) }
    }

    /// No mapping was saved. The sender can do nothing about it (CONTRACT 6): it is taken in, kept, and not done.
    pub fn not_configured() -> Self {
        Self::theirs(200, "not_configured", "the webhook has no handler yet")
    }

    /// What is wrong with the condition of a rule.
    pub fn condition(rule: usize, error: ExpressionError) -> Self {
        let place = error.position.map(|position| format!(" (at character {position})")).unwrap_or_default();
        let field = format!("rules[{rule}].when");
        Self::mapping(vec![FieldProblem { field, code: error.code, detail: format!("{}{place}", error.message) }])
    }

    fn mapping(errors: Vec<FieldProblem>) -> Self {
        Self { errors, ..Self::theirs(400, "mapping_failed", "the mapping could not fill the action's fields") }
    }

    /// As the log keeps it.
    pub fn outcome(&self) -> Value {
        json!({ "code": self.code, "reason": self.detail, "errors": self.errors })
    }
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self { field: error.field, code: error.code, detail: error.detail }
    }
}

impl From<MappingError> for Failure {
    fn from(error: MappingError) -> Self {
        match error {
            MappingError::Fields { errors } => Self::mapping(errors.into_iter().map(FieldProblem::from).collect()),
            MappingError::Body => Self::theirs(400, "invalid_json", "the body is no JSON document"),
            MappingError::Sandbox(error) => Self::ours(error.to_string()),
        }
    }
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Invalid { field, detail } => {
                let summary = format!("{field}: {detail}");
                let errors = vec![FieldProblem { field, code: "invalid".to_owned(), detail }];
                Self { errors, ..Self::theirs(400, "mapping_failed", summary) }
            }
            error @ ActionError::LookupMiss { .. } => {
                Self { kind: Kind::Refused, ..Self::theirs(422, "lookup_miss", error.to_string()) }
            }
            ActionError::Rule { code, detail } => Self { kind: Kind::Refused, ..Self::theirs(422, code, detail) },
            ActionError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::ours(error.to_string())
    }
}
