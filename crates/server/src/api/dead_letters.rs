//! Dead letters: what failed for good and what is parked, with why and what lets it go on. Replaying
//! and discarding them in bulk is a job (`jobs`).

use hookswitch_domain::delivery::{ParkedReason, State};
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::dead_letter::{self as rows, Filter, Letter};
use hookswitch_store::{delivery, event};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::deliveries::{Attempt, Delivery};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::Problem;

/// As much of a payload as a person looks at.
const PAYLOAD_HEAD_BYTES: usize = 2_048;

/// A delivery that failed for good, or that is parked.
#[derive(Serialize, ToSchema)]
pub struct DeadLetter {
    #[serde(flatten)]
    delivery: Delivery,
    /// The outcome of the last try (`exhausted`, `terminal` or `refused`), `set_aside` by a person, or why it is parked.
    #[schema(example = "exhausted")]
    reason: String,
    /// What happened and what lets it go on, in plain language.
    #[schema(example = "All 3 attempts failed, the last one with: answered 500. Replay it once the receiver works again.")]
    explanation: String,
    /// When it came to this.
    #[schema(value_type = String, format = DateTime)]
    dead_at: Timestamp,
    /// The delivery that replays it.
    #[schema(value_type = Option<String>)]
    replayed_as: Option<DeliveryId>,
}

impl From<Letter> for DeadLetter {
    fn from(letter: Letter) -> Self {
        Self {
            explanation: explain(&letter),
            reason: letter.reason,
            dead_at: letter.at,
            replayed_as: letter.replayed_as,
            delivery: letter.delivery.into(),
        }
    }
}

fn explain(letter: &Letter) -> String {
    let row = &letter.delivery;
    let last = row.last_reason.as_deref().filter(|text| !text.is_empty()).unwrap_or("nothing was recorded");
    let attempts = match row.attempt_count {
        1 => "The one attempt".to_owned(),
        count => format!("All {count} attempts"),
    };
    if row.state != State::Parked {
        return match &*letter.reason {
            "exhausted" => format!("{attempts} failed, the last one with: {last}. Replay it once the receiver works again."),
            "refused" => format!("It was not sent: {last}. Mend the destination, then replay it."),
            rows::SET_ASIDE => {
                format!(
                    "A person set it aside, so that its ordering key goes on; the last try said: {last}. Replay it if it is still wanted."
                )
            }
            _ => format!("Trying again can't help, the receiver's answer says: {last}. Mend the cause, then replay it."),
        };
    }
    match ParkedReason::ALL.iter().find(|reason| reason.as_str() == letter.reason) {
        Some(ParkedReason::DestinationDisabled) => "Its destination is disabled; it goes on when that is enabled again.",
        Some(ParkedReason::DestinationUnverified) => {
            "Its destination has not answered the ownership challenge; it goes on when that is verified."
        }
        Some(ParkedReason::DestinationPaused) => "Its destination is paused; it goes on when that is resumed.",
        Some(ParkedReason::TenantPaused) => "Sending is paused for the tenant; it goes on when that is resumed.",
        Some(ParkedReason::InstallationPaused) => {
            "Sending is paused for the whole installation; it goes on when whoever runs it resumes it."
        }
        Some(ParkedReason::SecretUnavailable) => {
            return format!("A secret could not be had: {last}. It is looked for again by itself.");
        }
        Some(ParkedReason::ReceiverGone) => {
            "The receiver answered 410, so its destination was disabled; it goes on when that is enabled again."
        }
        Some(ParkedReason::Exhausted) => {
            return format!("{attempts} failed, the last one with: {last}. It waits for a replay.");
        }
        None => return format!("It is parked ({}), the last try said: {last}.", letter.reason),
    }
    .to_owned()
}

/// What a dead letter may be.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterState)]
pub enum LetterState {
    DeadLettered,
    Parked,
}

/// How the last try of what is dead-lettered ended.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterReason)]
pub enum Reason {
    Exhausted,
    Terminal,
    Refused,
    SetAside,
}

impl LetterState {
    pub const fn state(self) -> State {
        match self {
            Self::DeadLettered => State::DeadLettered,
            Self::Parked => State::Parked,
        }
    }
}

impl Reason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Terminal => "terminal",
            Self::Refused => "refused",
            Self::SetAside => rows::SET_ASIDE,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    state: Option<LetterState>,
    destination_id: Option<DestinationId>,
    event_type: Option<String>,
    reason: Option<Reason>,
    parked_reason: Option<ParkedReason>,
    replayed: Option<bool>,
}

/// What failed for good or is parked, newest first; `from` and `to` are about when the delivery was made. A page
/// looks at a bounded number of rows: it may be short, or even empty, although there is more; `next_cursor` then
/// says where to go on.
#[utoipa::path(get, path = "/api/v1/integrations/dead-letters", operation_id = "listDeadLetters", tag = "deliveries",
    params(PageParams, ("state" = Option<String>, Query, description = "`dead_lettered` or `parked`"),
        ("destination_id" = Option<String>, Query, description = "Only to this destination"),
        ("event_type" = Option<String>, Query, description = "Only events of this type"),
        ("reason" = Option<String>, Query, description = "Only dead letters whose last try was `exhausted`, `terminal` or `refused`, or that a person `set_aside`"),
        ("parked_reason" = Option<String>, Query, description = "Only what is parked for this reason"),
        ("replayed" = Option<bool>, Query, description = "`true`: those that were replayed, instead of those that wait for somebody")),
    extensions(("x-permission" = json!("delivery:read"))),
    responses((status = 200, description = "A page of dead letters", body = Listed<DeadLetter>)))]
pub async fn list(caller: Caller, List { page, filter }: List<Query>) -> Result<axum::Json<Listed<DeadLetter>>, Problem> {
    let filter = Filter {
        state: filter.state.map(LetterState::state),
        destination: filter.destination_id,
        event_type: filter.event_type,
        reason: filter.reason.map(|reason| reason.as_str().to_owned()),
        parked_reason: filter.parked_reason.map(|reason| reason.as_str().to_owned()),
        replayed: filter.replayed.unwrap_or(false),
        from: None,
        to: None,
    };
    let found =
        caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::list(tx, &page, &filter).await?) })).await?;
    Ok(axum::Json(Listed::walked(found, DeadLetter::from)))
}

/// One dead letter, with all that helps to decide what to do about it.
#[derive(Serialize, ToSchema)]
pub struct Inspected {
    #[serde(flatten)]
    letter: DeadLetter,
    /// The last try; null where nothing was tried yet.
    last_attempt: Option<Attempt>,
    /// The first 2048 bytes of the payload as text; null for callers who see things redacted.
    payload_head: Option<String>,
    payload_bytes: Option<usize>,
}

/// One dead letter: why it is here, the last try, and the head of the payload.
#[utoipa::path(get, path = "/api/v1/integrations/dead-letters/{id}", operation_id = "getDeadLetter", tag = "deliveries",
    params(("id" = String, Path, description = "The delivery: `dlv_...`")),
    extensions(("x-permission" = json!("delivery:read"))),
    responses((status = 200, description = "The dead letter", body = Inspected)))]
pub async fn get(caller: Caller, Id(id): Id<DeliveryId>) -> Result<axum::Json<Inspected>, Problem> {
    let redacted = caller.redacted;
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let letter = rows::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            let event_id: EventId = letter.delivery.event_id;
            let attempts = delivery::attempts(tx, id).await?;
            Ok((letter, attempts, event::get(tx, event_id).await?))
        })
    });
    let (letter, mut attempts, event) = job.await?;
    let payload = event.map(|event| event.payload);
    Ok(axum::Json(Inspected {
        letter: letter.into(),
        last_attempt: attempts.pop().map(|row| Attempt::of(id, row, redacted)),
        payload_bytes: payload.as_ref().map(Vec::len),
        payload_head: payload.filter(|_| !redacted).map(|bytes| head(&bytes)),
    }))
}

/// Cut between two characters.
fn head(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(PAYLOAD_HEAD_BYTES)];
    match std::str::from_utf8(cut) {
        Ok(text) => text.to_owned(),
        Err(error) => String::from_utf8_lossy(&cut[..error.valid_up_to()]).into_owned(),
    }
}
