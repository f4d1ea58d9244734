//! Tags: words on clients, contacts, tickets, projects and their tasks. A tag is one text of one kind of
//! record; putting it on a record that has it changes nothing.

pub mod actions;
pub mod uses;

use futures_util::future::BoxFuture;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::change::Change;
use crate::id::TagId;
use crate::input::invalid;
use crate::record::{self, Entity, Events, Filter, Record, Settling, events, store};
use crate::words::{columns, words};

words! {
    TaggedType { Ticket "ticket", Client "client", Contact "contact", Project "project", ProjectTask "project_task" }
}

const TEXT_CHARS_MAX: usize = 50;

/// A word for records of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Without spaces around it.
    #[schema(example = "vip", min_length = 1, max_length = 50)]
    pub tag_text: String,
    pub tagged_type: TaggedType,
    #[schema(example = "#1864ab")]
    pub background_color: Option<String>,
    #[schema(example = "#ffffff")]
    pub text_color: Option<String>,
}

impl Entity for Tag {
    type Id = TagId;
    const KIND: &'static str = "tag";
    const TITLE: &'static str = "Tag";
    const TABLE: &'static str = "tag_definition";
    const EVENTS: Events = events!("tag");
    const FILTERS: &'static [Filter] = &[Filter::text("tagged_type"), Filter::text("tag_text")];
    const OWNS: &'static [(&'static str, &'static str)] = &[("tag_mapping", "tag_id")];

    columns!(tag_text, tagged_type, background_color, text_color);

    fn title(&self) -> (&'static str, &str) {
        ("tag_text", &self.tag_text)
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            self.tag_text = self.tag_text.trim().to_owned();
            if self.tag_text.chars().count() > TEXT_CHARS_MAX {
                return Err(invalid("tag_text", format!("must be at most {TEXT_CHARS_MAX} characters long")));
            }
            for (field, color) in [("background_color", &self.background_color), ("text_color", &self.text_color)] {
                check_color(field, color.as_deref())?;
            }
            if at.before.is_some_and(|before| before.tagged_type != self.tagged_type) {
                return Err(invalid("tagged_type", "can't be changed"));
            }
            match find(tx, self.tagged_type, &self.tag_text).await? {
                Some(other) if other.id != at.id => Err(invalid("tag_text", "is a tag of this kind already")),
                _ => Ok(()),
            }
        })
    }
}

fn check_color(field: &str, color: Option<&str>) -> Result<(), ActionError> {
    let good =
        |color: &str| color.len() == 7 && color.starts_with('#') && color.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit());
    if color.is_none_or(good) { Ok(()) } else { Err(invalid(field, "must be a color like #1864ab")) }
}

async fn find(tx: &mut Tx, tagged_type: TaggedType, text: &str) -> Result<Option<Record<Tag>>, StoreError> {
    store::first(tx, "tagged_type = $2 AND tag_text = $3", "id", &[tagged_type.into(), text.into()]).await
}

/// Puts a tag on a record, which is known to be there. The tag is made if there is none of its text; its
/// colors are only given to a new one. False if the record has it already.
pub async fn put_on(tx: &mut Tx, change: &Change<'_>, tag: Tag, record: Uuid) -> Result<(uses::TagUse, bool), ActionError> {
    let text = tag.tag_text.trim().to_owned();
    let tag = match find(tx, tag.tagged_type, &text).await? {
        Some(known) => known,
        None => record::insert(tx, change, change.ambient.fresh(), Tag { tag_text: text, ..tag }, Vec::new()).await?,
    };
    uses::put(tx, change, &tag, record).await
}
