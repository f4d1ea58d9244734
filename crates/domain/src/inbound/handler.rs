//! What a verified request does: an ordered list of rules, of which the first that is true runs. A
//! handler with a single rule that is always true is written without the list, as SEED-3 does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All their conditions are evaluated in one round trip.
pub const RULES_MAX: usize = 50;

/// One action, with an expression for each of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// JSONata over the body, true by the language's own cast to boolean. Absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    pub action: String,
    pub field_mapping: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Handler {
    DirectAction { rules: Vec<Rule> },
}

impl Handler {
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::DirectAction { .. } => "direct_action",
        }
    }

    pub fn rules(&self) -> &[Rule] {
        match self {
            Self::DirectAction { rules } => rules,
        }
    }
}

/// A handler as it is stored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Written {
    DirectAction {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field_mapping: Option<BTreeMap<String, String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rules: Option<Vec<Rule>>,
    },
}

impl TryFrom<Written> for Handler {
    type Error = &'static str;
    fn try_from(written: Written) -> Result<Self, &'static str> {
        match written {
            Written::DirectAction { action: Some(action), field_mapping: Some(field_mapping), rules: None } => {
                Ok(Self::DirectAction { rules: vec![Rule { when: None, action, field_mapping }] })
            }
            Written::DirectAction { action: None, field_mapping: None, rules: Some(rules) } => Ok(Self::DirectAction { rules }),
            Written::DirectAction { .. } => Err("a handler has either an action with its mapping, or rules"),
        }
    }
}

impl From<Handler> for Written {
    fn from(handler: Handler) -> Self {
        let Handler::DirectAction { mut rules } = handler;
        if rules.len() == 1
            && let Some(Rule { action, field_mapping, .. }) = rules.pop_if(|rule| rule.when.is_none())
        {
            return Self::DirectAction { action: Some(action), field_mapping: Some(field_mapping), rules: None };
        }
        Self::DirectAction { action: None, field_mapping: None, rules: Some(rules) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(when: Option<&str>) -> Rule {
        let field_mapping = BTreeMap::from([("title".to_owned(), "alert".to_owned())]);
        Rule { when: when.map(str::to_owned), action: "make".to_owned(), field_mapping }
    }

    #[test]
    fn one_rule_without_a_condition_is_written_as_seed_3_writes_it() {
        let one = Handler::DirectAction { rules: vec![rule(None)] };
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(text, r#"{"type":"direct_action","action":"make","field_mapping":{"title":"alert"}}"#);
        assert_eq!(serde_json::from_str::<Handler>(&text).unwrap(), one);
        let several = Handler::DirectAction { rules: vec![rule(Some("a = 1")), rule(None)] };
        let text = serde_json::to_string(&several).unwrap();
        assert!(text.starts_with(r#"{"type":"direct_action","rules":[{"when":"a = 1","action":"make""#), "{text}");
        assert_eq!(serde_json::from_str::<Handler>(&text).unwrap(), several);
    }

    #[test]
    fn half_of_both_forms_is_no_handler() {
        for text in [
            r#"{"type":"direct_action"}"#,
            r#"{"type":"direct_action","action":"make"}"#,
            r#"{"type":"direct_action","action":"make","field_mapping":{},"rules":[]}"#,
            r#"{"type":"workflow","workflow_id":"x"}"#,
        ] {
            assert!(serde_json::from_str::<Handler>(text).is_err(), "{text}");
        }
    }
}
