//! Notification rules: when somebody is told that something needs a look, and when not again. Pure:
//! what is seen, what was told before and the time go in; what to tell comes out.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

pub const RECIPIENTS_MAX: usize = 20;
pub const COOLDOWN_SECONDS_DEFAULT: u64 = 3_600;
/// Counters of minutes reach back so far.
pub const WINDOW_SECONDS_MAX: u64 = 86_400;

/// How somebody is reached. The address of a chat service is a secret and stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Channel {
    Smtp { to: Vec<String> },
    Slack { endpoint: String },
    Teams { endpoint: String },
}

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// A destination was disabled, by its receiver, by its failures or by a person.
    DestinationDisabled,
    /// So many deliveries, of either line, became dead letters within the window.
    DeadLetters { count: u32, window_seconds: u64 },
    /// The oldest delivery that could be sent has been due for so long.
    OldestDueAge { seconds: u64 },
    /// An inbound webhook was disabled by its failures.
    InboundWebhookDisabled,
}

impl Trigger {
    pub const fn kind(self) -> &'static str {
        match self {
            Self::DestinationDisabled => "destination_disabled",
            Self::DeadLetters { .. } => "dead_letters",
            Self::OldestDueAge { .. } => "oldest_due_age",
            Self::InboundWebhookDisabled => "inbound_webhook_disabled",
        }
    }

    /// Why the trigger's figures can't be used.
    pub fn check(self) -> Result<(), String> {
        match self {
            Self::DeadLetters { count: 0, .. } => Err("count must be 1 or more".to_owned()),
            Self::DeadLetters { window_seconds, .. } if !(60..=WINDOW_SECONDS_MAX).contains(&window_seconds) => {
                Err("window_seconds must be 60 to 86400".to_owned())
            }
            Self::OldestDueAge { seconds } if !(60..=31_536_000).contains(&seconds) => {
                Err("seconds must be 60 to 31536000".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// A rule as it is kept, besides its name and secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub channel: Channel,
    pub triggers: Vec<Trigger>,
    pub cooldown_seconds: u64,
}

/// What was told before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Somebody is sending; after this moment it counts as failed.
    pub sending_until: Option<Timestamp>,
    /// Sends that failed one after the other, and when the next may be tried.
    pub failures: u32,
    pub not_before: Option<Timestamp>,
    told: Vec<Told>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    trigger: String,
    at: Timestamp,
    /// What was wrong then and still is: told once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    names: BTreeSet<String>,
}

/// What there is to see of a tenant.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Disabled destinations and inbound webhooks: id and name.
    pub disabled_destinations: Vec<(String, String)>,
    pub disabled_webhooks: Vec<(String, String)>,
    pub oldest_due_age: Option<Duration>,
    /// Dead letters since each `DeadLetters` trigger's own moment, in the rule's order.
    pub dead_letters: Vec<i64>,
}

impl State {
    /// Whether a send may be tried now.
    pub fn may_send(&self, now: Timestamp) -> bool {
        self.sending_until.is_none_or(|until| until <= now) && self.not_before.is_none_or(|at| at <= now)
    }

    /// Dead letters are counted from here: the window's beginning, or what was told last.
    pub fn counts_from(&self, trigger: Trigger, now: Timestamp) -> Timestamp {
        let Trigger::DeadLetters { window_seconds, .. } = trigger else { return now };
        let begins = now.minus(Duration::from_secs(window_seconds));
        self.told(trigger).map_or(begins, |told| told.at.max(begins))
    }

    fn told(&self, trigger: Trigger) -> Option<&Told> {
        self.told.iter().find(|told| told.trigger == trigger.kind())
    }

    /// Somebody sends, and has died if they haven't told by then.
    #[must_use]
    pub fn sending(self, until: Timestamp) -> Self {
        Self { sending_until: Some(until), ..self }
    }

    /// After a send failed: a minute, two, four, at most an hour.
    #[must_use]
    pub fn failed(self, now: Timestamp) -> Self {
        let failures = self.failures.saturating_add(1);
        let minutes = 1u64 << (failures - 1).min(6);
        let not_before = Some(now.plus(Duration::from_secs(60 * minutes.min(60))));
        Self { sending_until: None, failures, not_before, ..self }
    }
}

impl Rule {
    /// The lines to tell now, and the state once they are told. No line: nothing to tell; the state
    /// may still have forgotten what is well again.
    pub fn judge(&self, state: &State, seen: &Seen, now: Timestamp) -> (Vec<String>, State) {
        let mut after = State { sending_until: None, failures: 0, not_before: None, told: Vec::new() };
        let mut lines = Vec::new();
        let mut dead_letters = seen.dead_letters.iter();
        for trigger in &self.triggers {
            let told = state.told(*trigger);
            let quiet = told.is_some_and(|told| now < told.at.plus(Duration::from_secs(self.cooldown_seconds)));
            let (line, names) = match *trigger {
                Trigger::DestinationDisabled => news("destination", &seen.disabled_destinations, told),
                Trigger::InboundWebhookDisabled => news("inbound webhook", &seen.disabled_webhooks, told),
                Trigger::DeadLetters { count, window_seconds } => {
                    let found = dead_letters.next().copied().unwrap_or(0);
                    let line = format!("{found} deliveries became dead letters within {window_seconds} seconds");
                    ((found >= i64::from(count)).then_some(line), BTreeSet::new())
                }
                Trigger::OldestDueAge { seconds } => {
                    let age = seen.oldest_due_age.filter(|age| age.as_secs() >= seconds);
                    (age.map(|age| format!("the oldest delivery has been due for {} seconds", age.as_secs())), BTreeSet::new())
                }
            };
            let kind = trigger.kind().to_owned();
            match (line, told) {
                (Some(line), _) if !quiet => {
                    lines.push(line);
                    after.told.push(Told { trigger: kind, at: now, names });
                }
                // Kept, but for what is well again, so that it is told when it happens anew.
                (_, Some(told)) => {
                    let names = told.names.intersection(&names).cloned().collect();
                    after.told.push(Told { names, ..told.clone() });
                }
                (_, None) => {}
            }
        }
        (lines, after)
    }
}

/// What is disabled and wasn't told of; and all that is.
fn news(what: &str, disabled: &[(String, String)], told: Option<&Told>) -> (Option<String>, BTreeSet<String>) {
    let all: BTreeSet<String> = disabled.iter().map(|(id, _)| id.clone()).collect();
    let fresh: Vec<_> = disabled.iter().filter(|(id, _)| told.is_none_or(|told| !told.names.contains(id))).collect();
    if fresh.is_empty() {
        return (None, all);
    }
    let names: Vec<_> = fresh.iter().take(10).map(|(id, name)| format!("{name} ({id})")).collect();
    let more = if fresh.len() > 10 { format!(" and {} more", fresh.len() - 10) } else { String::new() };
    (Some(format!("disabled {what}: {}{more}", names.join(", "))), all)
}

/// An address that a mail may go to: one `@`, a dotted or plain host, nothing that could start a line anew.
pub fn is_mail_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[],;:\\\"@".contains(&byte));
    text.len() <= 254 && plain(local) && plain(host) && !host.starts_with('.') && !host.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(triggers: &[Trigger]) -> Rule {
        Rule { channel: Channel::Smtp { to: vec![] }, triggers: triggers.to_vec(), cooldown_seconds: 600 }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + seconds)
    }

    fn disabled(ids: &[&str]) -> Seen {
        Seen { disabled_destinations: ids.iter().map(|id| ((*id).to_owned(), format!("to {id}"))).collect(), ..Seen::default() }
    }

    #[test]
    fn what_was_told_is_not_told_again_until_it_was_well() {
        let rule = rule(&[Trigger::DestinationDisabled]);
        let (lines, state) = rule.judge(&State::default(), &disabled(&["a"]), at(0));
        assert_eq!(lines, ["disabled destination: to a (a)"]);
        let (lines, state) = rule.judge(&state, &disabled(&["a"]), at(5_000));
        assert!(lines.is_empty());
        let (lines, state) = rule.judge(&state, &disabled(&["a", "b"]), at(5_001));
        assert_eq!(lines, ["disabled destination: to b (b)"]);
        let (_, state) = rule.judge(&state, &disabled(&["b"]), at(9_000));
        let (lines, _) = rule.judge(&state, &disabled(&["a", "b"]), at(9_001));
        assert_eq!(lines, ["disabled destination: to a (a)"]);
    }

    #[test]
    fn within_the_cooldown_news_wait_and_are_not_lost() {
        let rule = rule(&[Trigger::DestinationDisabled]);
        let (_, state) = rule.judge(&State::default(), &disabled(&["a"]), at(0));
        let (lines, state) = rule.judge(&state, &disabled(&["a", "b"]), at(599));
        assert!(lines.is_empty());
        let (lines, _) = rule.judge(&state, &disabled(&["a", "b"]), at(600));
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn dead_letters_are_counted_from_what_was_told_last() {
        let trigger = Trigger::DeadLetters { count: 3, window_seconds: 3_600 };
        let rule = rule(&[trigger]);
        let seen = |count| Seen { dead_letters: vec![count], ..Seen::default() };
        assert!(rule.judge(&State::default(), &seen(2), at(0)).0.is_empty());
        let (lines, state) = rule.judge(&State::default(), &seen(3), at(0));
        assert_eq!(lines.len(), 1);
        assert_eq!(state.counts_from(trigger, at(60)), at(0));
        assert_eq!(state.counts_from(trigger, at(7_200)), at(3_600));
    }

    #[test]
    fn failed_sends_are_tried_ever_more_rarely() {
        let mut state = State::default();
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            state = state.failed(at(0));
            assert!(!state.may_send(at(minutes * 60 - 1)) && state.may_send(at(minutes * 60)), "{minutes}: {state:?}");
        }
        let (_, told) = rule(&[]).judge(&state, &Seen::default(), at(0));
        assert!(told.may_send(at(0)));
    }

    #[test]
    fn an_address_cannot_carry_a_second_line_or_recipient() {
        for good in ["ops@example.com", "a.b+c@mail.internal", "root@localhost"] {
            assert!(is_mail_address(good), "{good}");
        }
        for bad in
            ["", "@", "a@", "@b", "a@b\r\nBcc: c@d", "a@b, c@d", "<a@b>", "a b@c", "a@b@c", &format!("{}@b", "a".repeat(300))]
        {
            assert!(!is_mail_address(bad), "{bad}");
        }
    }
}
