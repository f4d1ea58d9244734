//! From a request's body to an action's fields: the expressions of the mapping, evaluated over the body in
//! one round trip to the sandbox, then taken as the fields' types want them. Runs before the action's
//! transaction; nothing here touches the store.

use std::collections::BTreeMap;

use hookswitch_domain::mapping::{ExpressionError, Field, FieldError, check_mapping, coerce, collect, wrap_body};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::sandbox::{Expr, Sandbox, SandboxError};

/// Per field.
pub const LIMIT_MS: u32 = 25;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// 400 `mapping_failed`: everything that is wrong, by field.
    #[error("{} of the target fields could not be filled", errors.len())]
    Fields { errors: Vec<FieldError> },
    /// 400 `invalid_json`.
    #[error("the body is no JSON document")]
    Body,
    /// Our fault, 503: the delivery is kept and can be replayed.
    #[error(transparent)]
    Sandbox(SandboxError),
}

impl From<SandboxError> for MappingError {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::Input(_) => Self::Body,
            error => Self::Sandbox(error),
        }
    }
}

/// The action's input, in its fields' order, without what is missing and may be.
pub async fn map(
    sandbox: &Sandbox,
    tenant: Uuid,
    body: &[u8],
    fields: &[Field],
    mapping: &BTreeMap<String, String>,
) -> Result<Map<String, Value>, MappingError> {
    let body = wrap_body(body).ok_or(MappingError::Body)?;
    let expressions: Vec<Expr<'_>> = mapping.iter().map(|(name, text)| Expr { id: name, text, limit_ms: LIMIT_MS }).collect();
    let evaluated = sandbox.evaluate(tenant, &body, &expressions).await?;
    let evaluated: Vec<_> =
        expressions.iter().zip(evaluated).map(|(expression, evaluated)| (expression.id, evaluated.result)).collect();
    collect(fields, &evaluated).map_err(|errors| MappingError::Fields { errors })
}

/// What is wrong with a mapping that somebody wants to save: names, sizes, and every expression's syntax.
pub async fn check(
    sandbox: &Sandbox,
    fields: &[Field],
    mapping: &BTreeMap<String, String>,
) -> Result<Vec<FieldError>, SandboxError> {
    let mut errors = check_mapping(fields, mapping);
    for (name, text) in mapping {
        if errors.iter().any(|error| error.field == *name) {
            continue;
        }
        if let Err(error) = sandbox.check(text).await? {
            let place = error.position.map(|position| format!(" (at character {position})")).unwrap_or_default();
            errors.push(FieldError::new(name, error.code, format!("{}{place}", error.message)));
        }
    }
    Ok(errors)
}

/// What became of one target field, for people who write a mapping.
#[derive(Debug, Clone)]
pub struct Traced {
    pub name: String,
    /// None: the action has no such field.
    pub field: Option<Field>,
    /// None: it has to be mapped and isn't.
    pub expression: Option<String>,
    /// As the action would get it.
    pub value: Option<Value>,
    pub error: Option<ExpressionError>,
}

/// Every mapped field and every one that would have to be, each with its value or what is wrong, and
/// the place in its expression.
pub async fn trace(
    sandbox: &Sandbox,
    tenant: Uuid,
    body: &[u8],
    fields: &[Field],
    mapping: &BTreeMap<String, String>,
) -> Result<Vec<Traced>, MappingError> {
    let body = wrap_body(body).ok_or(MappingError::Body)?;
    let expressions: Vec<Expr<'_>> = mapping.iter().map(|(name, text)| Expr { id: name, text, limit_ms: LIMIT_MS }).collect();
    let mut evaluated = sandbox.evaluate(tenant, &body, &expressions).await?;
    let mut traced = Vec::new();
    for field in fields {
        let place = evaluated.iter().position(|evaluated| evaluated.id == field.name);
        if place.is_none() && !field.required {
            continue;
        }
        let result = place.map_or(Ok(None), |place| evaluated.swap_remove(place).result);
        let taken = result
            .and_then(|value| coerce(field, value.as_ref()).map_err(|error| ExpressionError::new(&error.code, error.detail)));
        let (value, error) = match taken {
            Ok(value) => (value, None),
            Err(error) => (None, Some(error)),
        };
        traced.push(Traced {
            name: field.name.to_owned(),
            field: Some(*field),
            expression: mapping.get(field.name).cloned(),
            value,
            error,
        });
    }
    for unknown in evaluated {
        let expression = mapping.get(&unknown.id).cloned();
        let error = Some(ExpressionError::new("unknown_field", "is no target field of this action"));
        traced.push(Traced { name: unknown.id, field: None, expression, value: None, error });
    }
    Ok(traced)
}

/// The action's input from what was traced, if nothing in it is wrong.
pub fn input_of(traced: &[Traced]) -> Option<Map<String, Value>> {
    let mut input = Map::new();
    for field in traced {
        if field.error.is_some() {
            return None;
        }
        if let Some(value) = &field.value {
            input.insert(field.name.clone(), value.clone());
        }
    }
    Some(input)
}
