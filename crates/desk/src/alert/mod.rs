//! Alerts: something that a person should look at. Operators acknowledge them and take them on; a
//! ticket made from one is made once and linked.

use futures_util::future::BoxFuture;
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::ToSchema;

use crate::asset::Asset;
use crate::change::Change;
use crate::client::Client;
use crate::id::{AlertId, AssetId, ClientId, TicketId};
use crate::record::{self, Changed, Entity, Events, Filter, Record, Reference, Settling, events};
use crate::ticket::{self, NewTicket, Ticket};
use crate::words::{Free, columns, words};

words! { Severity { Medium "medium", Info "info", Low "low", High "high", Critical "critical" } }
words! { AlertStatus { Open "open", Acknowledged "acknowledged", Resolved "resolved" } }

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    #[schema(example = "Sign-in from an unknown place", min_length = 1, max_length = 255)]
    pub title: String,
    pub description: Option<String>,
    /// Who noticed: a product, a sensor, a person.
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub severity: Severity,
    /// Security alerts are published as `security.alert.created` too.
    #[serde(default)]
    pub is_security: bool,
    #[schema(value_type = Option<String>)]
    pub client_id: Option<ClientId>,
    #[schema(value_type = Option<String>)]
    pub asset_id: Option<AssetId>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Free,
    /// Changed by acknowledging and resolving.
    #[serde(default)]
    pub status: AlertStatus,
    /// Changed by assigning.
    #[schema(value_type = Option<String>)]
    pub assigned_to: Option<UserId>,
    /// The ticket that was made from it.
    #[schema(value_type = Option<String>)]
    pub ticket_id: Option<TicketId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub acknowledged_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub resolved_at: Option<Timestamp>,
}

impl Entity for Alert {
    type Id = AlertId;
    const KIND: &'static str = "alert";
    const TITLE: &'static str = "Alert";
    const TABLE: &'static str = "alert";
    const EVENTS: Events = events!("alert");
    const FILTERS: &'static [Filter] = &[
        Filter::text("status"),
        Filter::text("severity"),
        Filter::id("assigned_to", "usr"),
        Filter::id("client_id", "cli"),
        Filter::id("asset_id", "ast"),
        Filter::id("ticket_id", "tkt"),
    ];
    const MANAGED: &'static [&'static str] = &["status", "assigned_to", "ticket_id", "acknowledged_at", "resolved_at"];
    const PRIVATE: &'static [&'static str] = &["description", "attributes"];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("evidence", "alert_id")];

    columns!(
        title,
        description,
        source,
        severity,
        is_security,
        client_id,
        asset_id,
        attributes,
        status,
        assigned_to,
        ticket_id,
        acknowledged_at,
        resolved_at
    );

    fn title(&self) -> (&'static str, &str) {
        ("title", &self.title)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Client>("client_id", self.client_id), Reference::to::<Asset>("asset_id", self.asset_id)]
    }

    fn settle<'a>(&'a mut self, _: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let now = at.change.ambient.now();
            match self.status {
                AlertStatus::Open => (self.acknowledged_at, self.resolved_at) = (None, None),
                AlertStatus::Acknowledged => {
                    self.acknowledged_at.get_or_insert(now);
                    self.resolved_at = None;
                }
                AlertStatus::Resolved => drop(self.resolved_at.get_or_insert(now)),
            }
            Ok(())
        })
    }

    fn made<'a>(tx: &'a mut Tx, change: &'a Change<'a>, alert: &'a Record<Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if !alert.fields.is_security {
                return Ok(());
            }
            record::publish(tx, change, "security.alert.created", alert, serde_json::json!({ Self::KIND: alert })).await
        })
    }

    fn news(before: &Self, after: &Self) -> Vec<&'static str> {
        let status = match after.status {
            status if status == before.status => None,
            AlertStatus::Open => Some("alert.reopened"),
            AlertStatus::Acknowledged => Some("alert.acknowledged"),
            AlertStatus::Resolved => Some("alert.resolved"),
        };
        let assigned = (after.assigned_to.is_some() && after.assigned_to != before.assigned_to).then_some("alert.assigned");
        status.into_iter().chain(assigned).collect()
    }
}

/// What a person does with an alert.
#[derive(Debug, Clone, Copy)]
pub enum Handling {
    Acknowledge,
    AssignTo(UserId),
    Resolve,
    Reopen,
}

/// Does it; doing it again changes nothing. None if there is no such alert.
pub async fn handle(
    tx: &mut Tx,
    change: &Change<'_>,
    id: AlertId,
    what: Handling,
) -> Result<Option<Changed<Alert>>, ActionError> {
    let Some(alert) = record::held::<Alert>(tx, id).await? else { return Ok(None) };
    let mut after = alert.fields.clone();
    match what {
        Handling::Acknowledge if after.status == AlertStatus::Open => after.status = AlertStatus::Acknowledged,
        Handling::Acknowledge => {}
        Handling::AssignTo(user) => {
            record::check_reference(tx, Reference::to_user("assigned_to", user)).await?;
            after.assigned_to = Some(user);
        }
        Handling::Resolve => after.status = AlertStatus::Resolved,
        Handling::Reopen => after.status = AlertStatus::Open,
    }
    record::apply(tx, change, alert, after).await.map(Some)
}

/// The alert's ticket: made if it has none, and linked. True if it was made now.
pub async fn to_ticket(tx: &mut Tx, change: &Change<'_>, id: AlertId) -> Result<Option<(Ticket, bool)>, ActionError> {
    let Some(alert) = record::held::<Alert>(tx, id).await? else { return Ok(None) };
    if let Some(known) = alert.fields.ticket_id
        && let Some(ticket) = ticket::get(tx, known).await?
    {
        return Ok(Some((ticket, false)));
    }
    let attributes = Map::from_iter([
        ("alert_id".to_owned(), alert.id.to_string().into()),
        ("severity".to_owned(), alert.fields.severity.as_str().into()),
        ("source".to_owned(), alert.fields.source.as_str().into()),
    ]);
    let asked = NewTicket {
        title: alert.fields.title.clone(),
        description: alert.fields.description.clone(),
        client_id: alert.fields.client_id,
        asset_id: alert.fields.asset_id,
        assigned_to: alert.fields.assigned_to,
        attributes,
        ..NewTicket::default()
    };
    let about = change.about([("alert_id".to_owned(), alert.id.to_string().into())]);
    let ticket = ticket::create(tx, &about, asked).await?;
    let linked = Alert { ticket_id: Some(ticket.id), ..alert.fields.clone() };
    record::apply(tx, change, alert, linked).await?;
    Ok(Some((ticket, true)))
}
