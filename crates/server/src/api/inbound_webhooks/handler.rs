//! A webhook's handler and options as people write them, and how they are checked.

use std::collections::BTreeMap;

use hookswitch_domain::inbound::{ACK_TEXT_CHARS_MAX, Ack, AckStyle, DuplicateResponse, Handler, Mode, Options, RULES_MAX, Rule};
use hookswitch_pipeline::inbound::mapping;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::problem::{Checks, FieldError, Problem};
use crate::app::App;

/// What a verified request does; `type` repeats `handler_type`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum InboundWebhookHandlerConfig {
    /// One action with its mapping, or rules of which the first that is true runs.
    DirectAction {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = "createTicket")]
        action: Option<String>,
        /// A JSONata expression over the body for each of the action's fields.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = json!({"title": "alert.message", "external_id": "alert.id"}))]
        field_mapping: Option<BTreeMap<String, String>>,
        /// In place of `action` and `field_mapping`. Where none is true the request is acknowledged and skipped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rules: Option<Vec<InboundWebhookRule>>,
    },
    /// Workflows are not part of this version: this is refused.
    Workflow { workflow_id: String },
}

/// One of a handler's rules.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundWebhookRule {
    /// JSONata over the body; absent: always true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "statusCode = 'TRIGGERED'")]
    when: Option<String>,
    #[schema(example = "createTicket")]
    action: String,
    field_mapping: BTreeMap<String, String>,
}

impl From<Handler> for InboundWebhookHandlerConfig {
    fn from(handler: Handler) -> Self {
        let Handler::DirectAction { mut rules } = handler;
        if rules.len() == 1
            && let Some(Rule { action, field_mapping, .. }) = rules.pop_if(|rule| rule.when.is_none())
        {
            return Self::DirectAction { action: Some(action), field_mapping: Some(field_mapping), rules: None };
        }
        let rule = |Rule { when, action, field_mapping }| InboundWebhookRule { when, action, field_mapping };
        Self::DirectAction { action: None, field_mapping: None, rules: Some(rules.into_iter().map(rule).collect()) }
    }
}

impl InboundWebhookHandlerConfig {
    /// The handler as it is written, for trying it out. `None`: it has no form of one.
    pub(super) fn handler(self) -> Option<Handler> {
        let rules = match self {
            Self::DirectAction { action: Some(action), field_mapping, rules: None } => {
                vec![Rule { when: None, action, field_mapping: field_mapping.unwrap_or_default() }]
            }
            Self::DirectAction { action: None, field_mapping: None, rules: Some(rules) } if rules.len() <= RULES_MAX => {
                rules.into_iter().map(Rule::from).collect()
            }
            _ => return None,
        };
        Some(Handler::DirectAction { rules })
    }

    /// The handler that is meant, with everything that is wrong about it told.
    pub(super) async fn check(self, checks: &mut Checks, app: &App) -> Result<Option<Handler>, Problem> {
        let (rules, listed) = match self {
            Self::Workflow { .. } => {
                let detail = "workflows are not part of this version; use direct_action";
                checks.fail("handler_type", "not_supported", detail);
                return Ok(None);
            }
            Self::DirectAction { action: Some(action), field_mapping, rules: None } => {
                (vec![InboundWebhookRule { when: None, action, field_mapping: field_mapping.unwrap_or_default() }], false)
            }
            Self::DirectAction { action: None, field_mapping: None, rules: Some(rules) } => (rules, true),
            Self::DirectAction { action: None, rules: None, .. } => {
                checks.fail("handler_config.action", "required", "name an action, or give rules");
                return Ok(None);
            }
            Self::DirectAction { rules: Some(_), .. } => {
                checks.fail("handler_config.rules", "conflict", "give either an action with its mapping, or rules");
                return Ok(None);
            }
        };
        if !(1..=RULES_MAX).contains(&rules.len()) {
            checks.fail("handler_config.rules", "length", "must have 1 to 50 entries");
            return Ok(None);
        }
        for (place, rule) in rules.iter().enumerate() {
            let at = if listed { format!("handler_config.rules[{place}]") } else { "handler_config".to_owned() };
            rule.check(checks, &at, app).await?;
        }
        Ok(Some(Handler::DirectAction { rules: rules.into_iter().map(Rule::from).collect() }))
    }
}

impl From<InboundWebhookRule> for Rule {
    fn from(InboundWebhookRule { when, action, field_mapping }: InboundWebhookRule) -> Self {
        Self { when, action, field_mapping }
    }
}

impl InboundWebhookRule {
    async fn check(&self, checks: &mut Checks, at: &str, app: &App) -> Result<(), Problem> {
        if let Some(when) = &self.when
            && let Err(error) = app.engine.sandbox.check(when).await?
        {
            checks.push(FieldError::expression(format!("{at}.when"), error));
        }
        let Some(found) = app.engine.registry.get(&self.action) else {
            let detail = "there is no such action; /api/v1/inbound-webhooks/actions lists them";
            checks.fail(format!("{at}.action"), "unknown", detail);
            return Ok(());
        };
        for error in mapping::check(&app.engine.sandbox, found.definition().fields, &self.field_mapping).await? {
            let field = format!("{at}.field_mapping.{}", error.field);
            checks.fail(field, "mapping", format!("{} ({})", error.detail, error.code));
        }
        Ok(())
    }
}

/// What a sender hears whose request was taken.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InboundAck {
    #[schema(required = false)]
    style: InboundAckStyle,
    /// For the style `text`, at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Acknowledge also what the mapping or the action refused.
    #[schema(required = false)]
    always: bool,
}

/// `json`: 200 and the delivery's id; `empty`: 200 without a body; `accepted`: 202 and the id; `text`: 200 and a text.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboundAckStyle {
    #[default]
    Json,
    Empty,
    Accepted,
    Text,
}

/// `sync`: the handler runs before the answer; `async`: after it, by a worker with retries.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboundMode {
    #[default]
    Sync,
    Async,
}

/// How a duplicate is answered: `acknowledge` (200) or `conflict` (409).
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboundDuplicateResponse {
    #[default]
    Acknowledge,
    Conflict,
}

/// The options among the fields of a webhook.
#[derive(Clone, Default)]
pub(super) struct Chosen {
    pub duplicate_response: InboundDuplicateResponse,
    pub ack: InboundAck,
    pub mode: InboundMode,
    pub split: Option<String>,
    pub allow_get: bool,
}

impl Chosen {
    pub async fn check(self, checks: &mut Checks, app: &App) -> Result<Options, Problem> {
        let ack = self.ack.check(checks);
        check_split(checks, self.split.as_deref(), app).await?;
        Ok(Options {
            duplicate_response: match self.duplicate_response {
                InboundDuplicateResponse::Acknowledge => DuplicateResponse::Acknowledge,
                InboundDuplicateResponse::Conflict => DuplicateResponse::Conflict,
            },
            ack,
            mode: match self.mode {
                InboundMode::Sync => Mode::Sync,
                InboundMode::Async => Mode::Async,
            },
            split: self.split,
            allow_get: self.allow_get,
        })
    }
}

pub(super) async fn check_split(checks: &mut Checks, split: Option<&str>, app: &App) -> Result<(), Problem> {
    if let Some(text) = split
        && let Err(error) = app.engine.sandbox.check(text).await?
    {
        checks.push(FieldError::expression("split", error));
    }
    Ok(())
}

impl From<Options> for Chosen {
    fn from(options: Options) -> Self {
        Self {
            duplicate_response: match options.duplicate_response {
                DuplicateResponse::Acknowledge => InboundDuplicateResponse::Acknowledge,
                DuplicateResponse::Conflict => InboundDuplicateResponse::Conflict,
            },
            ack: options.ack.into(),
            mode: match options.mode {
                Mode::Sync => InboundMode::Sync,
                Mode::Async => InboundMode::Async,
            },
            split: options.split,
            allow_get: options.allow_get,
        }
    }
}

impl From<Ack> for InboundAck {
    fn from(Ack { style, text, always }: Ack) -> Self {
        let style = match style {
            AckStyle::Json => InboundAckStyle::Json,
            AckStyle::Empty => InboundAckStyle::Empty,
            AckStyle::Accepted => InboundAckStyle::Accepted,
            AckStyle::Text => InboundAckStyle::Text,
        };
        Self { style, text, always }
    }
}

impl InboundAck {
    fn check(self, checks: &mut Checks) -> Ack {
        let style = match self.style {
            InboundAckStyle::Json => AckStyle::Json,
            InboundAckStyle::Empty => AckStyle::Empty,
            InboundAckStyle::Accepted => AckStyle::Accepted,
            InboundAckStyle::Text => AckStyle::Text,
        };
        match (style, &self.text) {
            (AckStyle::Text, None) => checks.fail("ack.text", "required", "must be given with the style text"),
            (AckStyle::Text, Some(text)) if !(1..=ACK_TEXT_CHARS_MAX).contains(&text.chars().count()) => {
                checks.fail("ack.text", "length", "must have 1 to 200 characters");
            }
            (AckStyle::Text, Some(text)) if text.chars().any(|letter| letter.is_control() && letter != '\n') => {
                checks.fail("ack.text", "invalid", "must not hold control characters");
            }
            (AckStyle::Text, Some(_)) | (_, None) => {}
            (_, Some(_)) => checks.fail("ack.text", "conflict", "is said with the style text alone"),
        }
        Ack { style, text: self.text, always: self.always }
    }
}
