//! Who changes a record, what led to it, and where the news of it goes. People's requests and
//! inbound webhooks both come with one of these, so that there is one path for both.

use hookswitch_domain::audit::Actor;
use hookswitch_domain::event::EventType;
use hookswitch_domain::id::GroupId;
use hookswitch_domain::time::Ambient;
use hookswitch_pipeline::inbound::action::{ActionError, Context};
use hookswitch_pipeline::outbound::publish::{NewEvent, Publisher};
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, Value};

#[derive(Clone)]
pub struct Change<'a> {
    pub ambient: &'a dyn Ambient,
    pub publisher: &'a Publisher,
    pub actor: Actor,
    pub correlation_id: Option<String>,
    pub causation_id: Option<String>,
    /// Length of the causal chain that led here.
    pub depth: u8,
    /// What the change's events refer to beside the record that each is about.
    pub references: Map<String, Value>,
    /// The group in which it happens: its destinations hear of it, and no other group's.
    pub group: Option<GroupId>,
}

impl<'a> Change<'a> {
    /// What a person or a token asks for.
    pub fn by(actor: Actor, ambient: &'a dyn Ambient, publisher: &'a Publisher) -> Self {
        let references = Map::new();
        Self { ambient, publisher, actor, correlation_id: None, causation_id: None, depth: 0, references, group: None }
    }

    /// What an inbound webhook asks for: its delivery is the cause of whatever follows.
    pub fn through(context: &Context<'a>) -> Self {
        let delivery = context.delivery.to_string();
        Self {
            ambient: context.ambient,
            publisher: context.publisher,
            actor: Actor::Webhook(context.integration.to_owned()),
            correlation_id: Some(delivery.clone()),
            causation_id: Some(delivery),
            depth: context.depth,
            references: Map::new(),
            group: None,
        }
    }

    /// The same change as something that happens in a group. Its events say who did it, which their
    /// receivers are told.
    pub(crate) fn within(&self, group: GroupId) -> Self {
        let actor = match &self.actor {
            Actor::User(id) => Some(id.to_string()),
            Actor::Token(id) => Some(id.to_string()),
            Actor::Operator | Actor::System | Actor::Webhook(_) | Actor::Portal(_) => None,
        };
        let actor = actor.map(|id| ("actor_id".to_owned(), Value::from(id)));
        Self { group: Some(group), ..self.about(actor) }
    }

    /// The same change, whose events refer to these too.
    pub(crate) fn about(&self, more: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut change = self.clone();
        change.references.extend(more);
        change
    }

    /// What an external mapping keeps of where it came from.
    pub(crate) fn origin(&self) -> Map<String, Value> {
        self.causation_id.iter().map(|cause| ("inbound_delivery_id".to_owned(), Value::from(cause.as_str()))).collect()
    }

    /// Publishes what happened to the record that `reference` names, in the transaction in which
    /// it happens. A chain that is too long is refused, and the change with it.
    pub async fn publish(
        &self,
        tx: &mut Tx,
        event_type: &str,
        reference: (&str, String),
        payload: Value,
    ) -> Result<(), ActionError> {
        let mut references = self.references.clone();
        references.insert(reference.0.to_owned(), Value::from(reference.1));
        let event = NewEvent {
            event_type: event_type.parse::<EventType>().map_err(|error| StoreError::Bug(error.to_string()))?,
            payload,
            correlation_id: self.correlation_id.clone(),
            causation_id: self.causation_id.clone(),
            depth: self.depth.saturating_add(1),
            references,
            group_id: self.group,
            source: "desk",
        };
        self.publisher.publish_in(tx, event).await?;
        Ok(())
    }
}
