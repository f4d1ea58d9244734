//! Comments: what is said on a ticket, by a user, by a contact, or by a machine.

use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Ticket, publish, store};
use crate::change::Change;
use crate::contact::Contact;
use crate::id::{CommentId, ContactId, TicketId};
use crate::input::{check_text, invalid};
use crate::record::{Reference, check_reference};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Comment {
    #[schema(value_type = String, example = "cmt_01h455vb4pex5vsknk084sn02q")]
    pub id: CommentId,
    #[schema(value_type = String)]
    pub ticket_id: TicketId,
    /// `internal` (a user), `contact` or `system`.
    pub author_type: String,
    /// `user:usr_...`, `contact:con_...`, `webhook:slug`.
    pub author: String,
    pub note: String,
    /// Not for the client's eyes.
    pub is_internal: bool,
    /// Says how the ticket was solved.
    pub is_resolution: bool,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Author {
    /// Whoever makes the change.
    #[default]
    Caller,
    User(UserId),
    Contact(ContactId),
}

/// What a comment is made from.
#[derive(Debug, Clone)]
pub struct NewComment {
    pub note: String,
    pub author: Author,
    pub is_internal: bool,
    pub is_resolution: bool,
}

impl NewComment {
    /// Seen by the desk's people only.
    pub fn internal(note: &str) -> Self {
        Self { note: note.to_owned(), author: Author::Caller, is_internal: true, is_resolution: false }
    }
}

/// Adds a comment and publishes `ticket.comment.added`. `field` is where its text came from.
pub async fn comment(
    tx: &mut Tx,
    change: &Change<'_>,
    ticket: &Ticket,
    field: &str,
    asked: NewComment,
) -> Result<Comment, ActionError> {
    check_text(field, &asked.note)?;
    if asked.note.trim().is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    let (author_type, author) = author(tx, change, asked.author).await?;
    let comment = Comment {
        id: change.ambient.fresh(),
        ticket_id: ticket.id,
        author_type: author_type.to_owned(),
        author,
        note: asked.note,
        is_internal: asked.is_internal,
        is_resolution: asked.is_resolution,
        created_at: change.ambient.now(),
    };
    store::insert_comment(tx, &comment).await?;
    publish(tx, change, "ticket.comment.added", ticket, json!({ "ticket": ticket, "comment": comment })).await?;
    Ok(comment)
}

async fn author(tx: &mut Tx, change: &Change<'_>, author: Author) -> Result<(&'static str, String), ActionError> {
    Ok(match author {
        Author::User(id) => {
            check_reference(tx, Reference::to_user("author_id", id)).await?;
            ("internal", format!("user:{id}"))
        }
        Author::Contact(id) => {
            check_reference(tx, Reference::to::<Contact>("contact_id", id)).await?;
            ("contact", format!("contact:{id}"))
        }
        Author::Caller if matches!(change.actor, Actor::User(_)) => ("internal", change.actor.to_string()),
        Author::Caller => ("system", change.actor.to_string()),
    })
}
