//! Notification rules: who is told when something needs a look, by mail or chat.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::egress::{Target, parse_target};
use hookswitch_domain::id::{NotificationRuleId, SecretId};
use hookswitch_domain::notification::{
    COOLDOWN_SECONDS_DEFAULT, Channel, RECIPIENTS_MAX, Rule, State as Told, Trigger, is_mail_address,
};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::notify::{self, PURPOSE};
use hookswitch_store::notification::{self as rows, NotificationRule};
use hookswitch_store::{Tx, secret};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;

const TRIGGERS_MAX: usize = 10;

/// How somebody is reached.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelBody {
    /// `smtp`, `slack` or `teams`.
    #[serde(rename = "type")]
    #[schema(example = "slack")]
    kind: String,
    /// For `smtp`: up to 20 addresses.
    #[schema(example = json!(null))]
    to: Option<Vec<String>>,
    /// For `slack` and `teams`: the address that the chat service gave. Never shown again.
    #[schema(value_type = Option<String>, example = "https://hooks.slack.example/services/T0/B0/x")]
    url: Option<Secret>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationBody {
    #[schema(example = "night watch", max_length = 200)]
    name: String,
    channel: ChannelBody,
    /// `{"type": "destination_disabled"}`, `{"type": "inbound_webhook_disabled"}`,
    /// `{"type": "dead_letters", "count": 10, "window_seconds": 3600}`, `{"type": "oldest_due_age", "seconds": 900}`.
    #[schema(value_type = Vec<Object>, example = json!([{"type": "destination_disabled"}, {"type": "oldest_due_age", "seconds": 900}]))]
    triggers: Vec<Trigger>,
    /// After telling of something, that kind of thing is not told of again for so long.
    #[serde(default = "cooldown")]
    #[schema(default = 3600, minimum = 60, maximum = 604800)]
    cooldown_seconds: u64,
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

fn cooldown() -> u64 {
    COOLDOWN_SECONDS_DEFAULT
}

fn yes() -> bool {
    true
}

/// A change; what is absent stays. A chat channel keeps its address where `url` is absent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "day watch", "cooldown_seconds": 600, "enabled": true}))]
pub struct NotificationChange {
    name: Option<String>,
    channel: Option<ChannelBody>,
    #[schema(value_type = Option<Vec<Object>>)]
    triggers: Option<Vec<Trigger>>,
    cooldown_seconds: Option<u64>,
    enabled: Option<bool>,
}

/// A rule as it is shown.
#[derive(Serialize, ToSchema)]
pub struct Notification {
    #[schema(value_type = String, example = "ntf_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: NotificationRuleId,
    name: String,
    enabled: bool,
    /// A chat service's address shows its scheme and host alone.
    #[schema(value_type = Object, example = json!({"type": "slack", "endpoint": "https://hooks.slack.com"}))]
    channel: Channel,
    #[schema(value_type = Vec<Object>)]
    triggers: Vec<Trigger>,
    cooldown_seconds: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_sent_at: Option<Timestamp>,
    /// Why nobody could be told the last time; null while all is well.
    last_error: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<NotificationRule> for Notification {
    fn from(row: NotificationRule) -> Self {
        let Rule { channel, triggers, cooldown_seconds } = row.rule;
        let NotificationRule { id, name, enabled, last_sent_at, last_error, created_at, updated_at, .. } = row;
        Self { id, name, enabled, channel, triggers, cooldown_seconds, last_sent_at, last_error, created_at, updated_at }
    }
}

/// List notification rules, newest first.
#[utoipa::path(get, path = "/api/v1/notifications", operation_id = "listNotifications", tag = "notifications", params(PageParams),
    responses((status = 200, description = "A page of rules", body = Listed<Notification>)),
    extensions(("x-permission" = json!("notification:read"))))]
pub async fn list(caller: Caller, List { page, .. }: List) -> Result<Answer<Listed<Notification>>, Problem> {
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::list(tx, &page).await?) })).await?;
    Ok(Answer(Listed::of(&page, found, |row| row.id.uuid(), Notification::from)))
}

/// One rule.
#[utoipa::path(get, path = "/api/v1/notifications/{id}", operation_id = "getNotification", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_...`")),
    responses((status = 200, description = "The rule", body = Notification)),
    extensions(("x-permission" = json!("notification:read"))))]
pub async fn get(caller: Caller, Id(id): Id<NotificationRuleId>) -> Result<Answer<Notification>, Problem> {
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    Ok(Answer(found.into()))
}

/// Create a rule.
#[utoipa::path(post, path = "/api/v1/notifications", operation_id = "createNotification", tag = "notifications",
    request_body = NotificationBody,
    responses((status = 201, description = "The rule", body = Notification)),
    extensions(("x-permission" = json!("notification:write"))))]
pub async fn create(caller: Caller, State(app): State<Arc<App>>, asked: Create<NotificationBody>) -> Result<Response, Problem> {
    let Create { body, once } = asked;
    let mut checks = Checks::default();
    checks.name("name", &body.name);
    let channel = check_channel(&mut checks, &app, body.channel, None);
    let triggers = check_triggers(&mut checks, body.triggers);
    check_cooldown(&mut checks, body.cooldown_seconds);
    checks.finish()?;
    let (Some((channel, url)), Some(triggers)) = (channel, triggers) else {
        return Err(Problem::internal("a body that was checked lacks a part"));
    };
    let rule = Rule { channel, triggers, cooldown_seconds: body.cooldown_seconds };
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            let now = app.ambient.now();
            let url_secret = match &url {
                Some(url) => Some(seal(tx, &app, url).await?),
                None => None,
            };
            let row = NotificationRule {
                id: app.ambient.fresh(),
                tenant: tx.tenant(),
                name: body.name,
                enabled: body.enabled,
                rule,
                url_secret,
                state: Told::default(),
                last_sent_at: None,
                last_error: None,
                created_at: now,
                updated_at: now,
            };
            rows::insert(tx, &row).await?;
            caller.record(tx, &app, "notification.created", row.id, trail(&row)).await?;
            Created::new(&Notification::from(row))
        })
    })
    .await
}

/// Change a rule. It starts anew: what was told before may be told again.
#[utoipa::path(patch, path = "/api/v1/notifications/{id}", operation_id = "changeNotification", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_...`")), request_body = NotificationChange,
    responses((status = 200, description = "The rule as it is now", body = Notification)),
    extensions(("x-permission" = json!("notification:write"))))]
pub async fn change(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<NotificationRuleId>,
    Json(change): Json<NotificationChange>,
) -> Result<Answer<Notification>, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let mut row = find(tx, id).await?;
            let mut checks = Checks::default();
            change.name.iter().for_each(|name| checks.name("name", name));
            let channel = change.channel.and_then(|channel| check_channel(&mut checks, &app, channel, Some(&row.rule.channel)));
            let triggers = change.triggers.and_then(|triggers| check_triggers(&mut checks, triggers));
            change.cooldown_seconds.iter().for_each(|seconds| check_cooldown(&mut checks, *seconds));
            checks.finish()?;
            row.name = change.name.unwrap_or(row.name);
            row.rule.triggers = triggers.unwrap_or(row.rule.triggers);
            row.rule.cooldown_seconds = change.cooldown_seconds.unwrap_or(row.rule.cooldown_seconds);
            row.enabled = change.enabled.unwrap_or(row.enabled);
            (row.state, row.last_error, row.updated_at) = (Told::default(), None, app.ambient.now());
            if let Some((channel, url)) = channel {
                replace_channel(tx, &app, &mut row, channel, url).await?;
            }
            rows::update(tx, &row).await?;
            caller.record(tx, &app, "notification.changed", id, trail(&row)).await?;
            Ok(row)
        })
    });
    Ok(Answer(job.await?.into()))
}

/// Remove a rule.
#[utoipa::path(delete, path = "/api/v1/notifications/{id}", operation_id = "removeNotification", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_...`")), responses((status = 204, description = "Removed")),
    extensions(("x-permission" = json!("notification:write"))))]
pub async fn remove(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<NotificationRuleId>) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = find(tx, id).await?;
            rows::delete(tx, id).await?;
            if let Some(old) = row.url_secret {
                secret::delete(tx, old).await?;
            }
            caller.record(tx, &app, "notification.removed", id, trail(&row)).await
        })
    });
    job.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a test went.
#[derive(Serialize, ToSchema)]
pub struct Tested {
    sent: bool,
    /// Why it was not.
    error: Option<String>,
}

/// Send a test message by the rule's channel, now.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/test", operation_id = "testNotification", tag = "notifications",
    params(("id" = String, Path, description = "`ntf_...`")),
    responses((status = 200, description = "How it went", body = Tested)),
    extensions(("x-permission" = json!("notification:write"))))]
pub async fn test(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<NotificationRuleId>,
) -> Result<Answer<Tested>, Problem> {
    let row = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    let lines = [format!("This is a test of the rule \"{}\".", row.name)];
    let message = notify::Message::new(&caller.tenant_slug, &lines, &app.config.base_url());
    let sent = app.engine.notifier.send(&row, &message).await;
    let store = caller.store.clone();
    let ended = sent.as_ref().map(|()| app.ambient.now()).map_err(Clone::clone);
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            rows::note(tx, id, &ended).await?;
            caller.record(tx, &app, "notification.tested", id, json!({ "sent": ended.is_ok() })).await
        })
    });
    job.await?;
    Ok(Answer(Tested { sent: sent.is_ok(), error: sent.err() }))
}

async fn find(tx: &mut Tx, id: NotificationRuleId) -> Result<NotificationRule, Problem> {
    rows::get(tx, id).await?.ok_or_else(Problem::not_found)
}

async fn seal(tx: &mut Tx, app: &App, target: &Target) -> Result<SecretId, Problem> {
    Ok(app.engine.secrets.seal(tx, &*app.ambient, PURPOSE, &Secret::from(target.expose())).await?)
}

/// The address stays where none came; the old one goes where it is no longer used.
async fn replace_channel(
    tx: &mut Tx,
    app: &App,
    row: &mut NotificationRule,
    channel: Channel,
    url: Option<Target>,
) -> Result<(), Problem> {
    let mail = matches!(channel, Channel::Smtp { .. });
    row.rule.channel = channel;
    if url.is_none() && !mail {
        return Ok(());
    }
    let old = row.url_secret.take();
    if let Some(url) = &url {
        row.url_secret = Some(seal(tx, app, url).await?);
    }
    if let Some(old) = old {
        secret::delete(tx, old).await?;
    }
    Ok(())
}

fn trail(row: &NotificationRule) -> serde_json::Value {
    let kinds: Vec<_> = row.rule.triggers.iter().map(|trigger| trigger.kind()).collect();
    let channel = match &row.rule.channel {
        Channel::Smtp { to } => json!({ "type": "smtp", "recipients": to.len() }),
        Channel::Slack { endpoint } => json!({ "type": "slack", "endpoint": endpoint }),
        Channel::Teams { endpoint } => json!({ "type": "teams", "endpoint": endpoint }),
    };
    json!({ "name": row.name, "channel": channel, "triggers": kinds, "enabled": row.enabled })
}

fn check_cooldown(checks: &mut Checks, seconds: u64) {
    if !(60..=604_800).contains(&seconds) {
        checks.fail("cooldown_seconds", "invalid", "must be 60 to 604800");
    }
}

fn check_triggers(checks: &mut Checks, triggers: Vec<Trigger>) -> Option<Vec<Trigger>> {
    if triggers.is_empty() || triggers.len() > TRIGGERS_MAX {
        checks.fail("triggers", "invalid", "must be 1 to 10 triggers");
        return None;
    }
    for (place, trigger) in triggers.iter().enumerate() {
        if let Err(why) = trigger.check() {
            checks.fail(format!("triggers[{place}]"), "invalid", why);
        }
        if triggers[..place].iter().any(|other| other.kind() == trigger.kind()) {
            checks.fail(format!("triggers[{place}]"), "duplicate", "each kind of trigger may be there once");
        }
    }
    Some(triggers)
}

/// The channel, and the address of a chat service where one came. `now` is the channel that a change begins with.
fn check_channel(checks: &mut Checks, app: &App, body: ChannelBody, now: Option<&Channel>) -> Option<(Channel, Option<Target>)> {
    let ChannelBody { kind, to, url } = body;
    match (kind.as_str(), to, url) {
        ("smtp", Some(to), None) => {
            if app.config.smtp.is_none() {
                checks.fail(
                    "channel.type",
                    "not_configured",
                    "this installation sends no mail: notifications.smtp.host is not set",
                );
                return None;
            }
            if to.is_empty() || to.len() > RECIPIENTS_MAX || !to.iter().all(|address| is_mail_address(address)) {
                checks.fail("channel.to", "invalid", "must be 1 to 20 mail addresses");
                return None;
            }
            Some((Channel::Smtp { to }, None))
        }
        ("smtp", ..) => {
            checks.fail("channel.to", "invalid", "a mail channel has to, and no url");
            None
        }
        ("slack" | "teams", None, Some(url)) => {
            let parsed = parse_target(url.expose_text().unwrap_or_default(), &app.engine.rules);
            let target = checks.take("channel.url", parsed)?;
            Some((chat(&kind, target.endpoint()), Some(target)))
        }
        ("slack" | "teams", None, None) => match now {
            Some(Channel::Slack { endpoint } | Channel::Teams { endpoint }) => Some((chat(&kind, endpoint.clone()), None)),
            _ => {
                checks.fail("channel.url", "required", "is needed for a chat channel");
                None
            }
        },
        ("slack" | "teams", Some(_), _) => {
            checks.fail("channel.to", "invalid", "a chat channel has url, and no to");
            None
        }
        _ => {
            checks.fail("channel.type", "invalid", "must be smtp, slack or teams");
            None
        }
    }
}

fn chat(kind: &str, endpoint: String) -> Channel {
    if kind == "slack" { Channel::Slack { endpoint } } else { Channel::Teams { endpoint } }
}
