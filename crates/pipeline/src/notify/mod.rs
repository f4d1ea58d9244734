//! Telling people: a short message by mail, Slack or Teams. What is told and when is decided in
//! `domain::notification`; `upkeep/notify` looks and calls this.

mod chat;
mod smtp;

use hookswitch_domain::notification::Channel;
use hookswitch_store::notification::NotificationRule;
use hookswitch_store::{Db, StoreError, secret};

use crate::http::Client;
use crate::secrets::Secrets;

pub use smtp::{Smtp, Tls};

/// What is bound into the seal of a chat service's address.
pub const PURPOSE: &str = "notification_url";

/// A message as people read it.
#[derive(Debug, Clone)]
pub struct Message {
    pub subject: String,
    pub text: String,
}

impl Message {
    /// `console`: where to look.
    pub fn new(tenant: &str, lines: &[String], console: &str) -> Self {
        let first = lines.first().map_or("", String::as_str);
        let subject: String =
            format!("[{tenant}] {first}").chars().map(|sign| if sign.is_control() { ' ' } else { sign }).take(150).collect();
        let text = format!("Hookswitch, tenant {tenant}:\n\n{}\n\n{console}\n", lines.join("\n"));
        Self { subject, text }
    }
}

/// Sends messages.
pub struct Notifier {
    pub db: Db,
    pub secrets: Secrets,
    pub client: Client,
    /// `None`: this installation sends no mail.
    pub smtp: Option<Smtp>,
}

impl Notifier {
    /// Sends by the rule's channel. The error is for the rule's owner: it names no secret.
    pub async fn send(&self, rule: &NotificationRule, message: &Message) -> Result<(), String> {
        match &rule.rule.channel {
            Channel::Smtp { to } => match &self.smtp {
                Some(smtp) => smtp.send(to, message).await,
                None => Err("this installation sends no mail: notifications.smtp.host is not set".to_owned()),
            },
            Channel::Slack { .. } => self.post(rule, chat::slack(message)).await,
            Channel::Teams { .. } => self.post(rule, chat::teams(message)).await,
        }
    }

    async fn post(&self, rule: &NotificationRule, body: serde_json::Value) -> Result<(), String> {
        let Some(id) = rule.url_secret else { return Err("the rule has no address".to_owned()) };
        let store = self.db.for_tenant(rule.tenant);
        let sealed: Result<_, StoreError> = store.read(move |tx| Box::pin(secret::get(tx, id))).await;
        let sealed = sealed.map_err(|_| "the store can't be read just now".to_owned())?;
        let sealed = sealed.ok_or("the rule's address is gone from the store")?;
        let url = self.secrets.open(sealed.tenant, sealed.id, &sealed.key_id, &sealed.sealed, PURPOSE);
        let url = url.map_err(|error| format!("the rule's address can't be opened: {error}"))?;
        chat::post(&self.client, rule.id.uuid(), url.expose_text().unwrap_or_default(), body).await
    }
}
