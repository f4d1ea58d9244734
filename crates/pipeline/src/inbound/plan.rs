//! What a handler makes of a document: the first rule that is true, and its action's fields. The
//! conditions are evaluated in one round trip, and the fields of the chosen rule in another; a
//! handler with one rule that is always true has the second alone. Nothing here touches the store.

use std::sync::Arc;

use hookswitch_domain::content::is_true;
use hookswitch_domain::inbound::{Handler, Rule};
use hookswitch_domain::mapping::{ExpressionError, wrap_body};
use uuid::Uuid;

use super::action::{Action, Input, Registry};
use super::failure::Failure;
use super::mapping::{self, LIMIT_MS, MappingError};
use crate::sandbox::{Expr, Sandbox};

/// What evaluating needs.
#[derive(Clone, Copy)]
pub struct Planner<'a> {
    pub sandbox: &'a Sandbox,
    pub registry: &'a Registry,
    pub tenant: Uuid,
}

/// What is to be done.
pub enum Plan {
    /// No rule is true.
    Skip,
    Act {
        rule: usize,
        action: Arc<dyn Action>,
        input: Input,
    },
}

/// What became of one condition.
pub type Judged = Result<bool, ExpressionError>;

impl Planner<'_> {
    pub async fn plan(&self, document: &[u8], handler: &Handler) -> Result<Plan, Failure> {
        let Some((place, rule)) = self.choose(document, handler.rules()).await? else { return Ok(Plan::Skip) };
        let action = self.action(rule)?;
        let fields = action.definition().fields;
        let input = mapping::map(self.sandbox, self.tenant, document, fields, &rule.field_mapping).await?;
        Ok(Plan::Act { rule: place, action, input })
    }

    pub fn action(&self, rule: &Rule) -> Result<Arc<dyn Action>, Failure> {
        let found = self.registry.get(&rule.action).cloned();
        found.ok_or_else(|| Failure::theirs(422, "unknown_action", format!("there is no action {}", rule.action)))
    }

    async fn choose<'h>(&self, document: &[u8], rules: &'h [Rule]) -> Result<Option<(usize, &'h Rule)>, Failure> {
        let judged = self.judge(document, rules).await?;
        for (place, (rule, judged)) in rules.iter().zip(judged).enumerate() {
            match judged {
                Ok(true) => return Ok(Some((place, rule))),
                Ok(false) => {}
                // What stands behind it might be meant for something else.
                Err(error) => return Err(Failure::condition(place, error)),
            }
        }
        Ok(None)
    }

    /// Each rule's condition.
    pub async fn judge(&self, document: &[u8], rules: &[Rule]) -> Result<Vec<Judged>, Failure> {
        let conditions = rules.iter().filter_map(|rule| rule.when.as_deref());
        let conditions: Vec<Expr<'_>> = conditions.map(|text| Expr { id: "when", text, limit_ms: LIMIT_MS }).collect();
        let mut results = match conditions.is_empty() {
            true => Vec::new(),
            false => {
                let body = wrap_body(document).ok_or(MappingError::Body)?;
                let evaluated = self.sandbox.evaluate(self.tenant, &body, &conditions).await;
                evaluated.map_err(MappingError::from)?
            }
        }
        .into_iter();
        let judge = |rule: &Rule| match rule.when.as_ref().and_then(|_| results.next()) {
            Some(evaluated) => evaluated.result.map(|value| is_true(value.as_ref())),
            None => Ok(rule.when.is_none()),
        };
        Ok(rules.iter().map(judge).collect())
    }
}
