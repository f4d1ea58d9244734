//! Looks at what notification rules are about, and tells. Of several nodes one does: whoever moves
//! the rule's state on sends, and gives it back if that fails.

use std::time::Duration;

use hookswitch_domain::destination::Hold;
use hookswitch_domain::notification::{Seen, State, Trigger};
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_store::notification::{self as rows, NotificationRule};
use hookswitch_store::{StoreError, Tx, destination, inbound, stat, tenant};

use crate::notify::{Message, Notifier};

/// Whoever sends for longer has died.
const SENDING: Duration = Duration::from_secs(120);

pub(super) async fn run(notifier: &Notifier, ambient: &dyn Ambient, console: &str) -> Result<(), StoreError> {
    for rule in rows::enabled(&notifier.db).await? {
        let now = ambient.now();
        if rule.state.may_send(now) {
            judge(notifier, rule, now, console).await?;
        }
    }
    Ok(())
}

async fn judge(notifier: &Notifier, row: NotificationRule, now: Timestamp, console: &str) -> Result<(), StoreError> {
    let store = notifier.db.for_tenant(row.tenant);
    let (rule, state) = (row.rule.clone(), row.state.clone());
    let looked = store.read(move |tx| {
        Box::pin(async move {
            let Some(own) = tenant::own(tx).await? else { return Ok::<_, StoreError>(None) };
            let seen = look(tx, &rule.triggers, &state, now, own.sending_paused).await?;
            Ok(Some((own.slug, rule.judge(&state, &seen, now))))
        })
    });
    let Some((slug, (lines, told))) = looked.await? else { return Ok(()) };
    let id = row.id;
    if lines.is_empty() {
        let (from, to) = (row.state, told);
        if from != to {
            store.write(move |tx| Box::pin(async move { rows::advance(tx, id, &from, &to).await })).await?;
        }
        return Ok(());
    }
    let (before, sending) = (row.state.clone(), row.state.clone().sending(now.plus(SENDING)));
    let (from, to) = (before.clone(), sending.clone());
    if !store.write(move |tx| Box::pin(async move { rows::advance(tx, id, &from, &to).await })).await? {
        return Ok(());
    }
    let ended = notifier.send(&row, &Message::new(&slug, &lines, console)).await.map(|()| now);
    if let Err(error) = &ended {
        tracing::warn!(tenant = %row.tenant, rule = %row.id, error, "a notification could not be sent");
    }
    metrics::counter!("hookswitch_notifications_total", "sent" => if ended.is_ok() { "yes" } else { "no" }).increment(1);
    let after = if ended.is_ok() { told } else { before.failed(now) };
    let job = store.write(move |tx| {
        Box::pin(async move {
            rows::advance(tx, id, &sending, &after).await?;
            rows::note(tx, id, &ended).await
        })
    });
    job.await
}

/// What there is to see of the tenant, as far as its triggers ask.
async fn look(tx: &mut Tx, triggers: &[Trigger], told: &State, now: Timestamp, paused: bool) -> Result<Seen, StoreError> {
    let mut seen = Seen::default();
    for trigger in triggers {
        match trigger {
            Trigger::DestinationDisabled => {
                let all = destination::all(tx).await?;
                let disabled = all.into_iter().filter(|each| each.hold.is_some_and(|hold| hold != Hold::Paused));
                seen.disabled_destinations = disabled.map(|each| (each.id.to_string(), each.name)).collect();
            }
            Trigger::InboundWebhookDisabled => seen.disabled_webhooks = rows::disabled_webhooks(tx).await?,
            Trigger::DeadLetters { .. } => {
                let from = told.counts_from(*trigger, now);
                let counted = stat::since(tx, stat::MINUTE_MS, from, None).await?;
                let outbound: i64 = counted.values().map(|counts| counts.dead_lettered).sum();
                seen.dead_letters.push(outbound + inbound::dead_since(tx, from).await?);
            }
            // What a person has paused is late on purpose.
            Trigger::OldestDueAge { .. } if !paused => seen.oldest_due_age = oldest(tx, now).await?,
            Trigger::OldestDueAge { .. } => {}
        }
    }
    Ok(seen)
}

async fn oldest(tx: &mut Tx, now: Timestamp) -> Result<Option<Duration>, StoreError> {
    let mut oldest = None;
    for each in destination::all(tx).await?.into_iter().filter(|each| each.hold.is_none()) {
        let due = stat::waiting(tx, each.id, 1).await?.oldest_due_at;
        oldest = oldest.max(due.map(|at| now.since(at)));
    }
    Ok(oldest)
}
