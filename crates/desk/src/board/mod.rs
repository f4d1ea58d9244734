//! Boards, and what sorts a ticket on them: statuses (each belongs to one board), priorities (the
//! tenant's), categories (one board's, or every board's). At most one board and one priority of a
//! tenant, and one status of a board, is the default: whoever becomes it takes the place of the one
//! before, and an index says so too.

use futures_util::future::BoxFuture;
use hookswitch_domain::id::UserId;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::change::Change;
use crate::id::{BoardId, CategoryId, PriorityId, StatusId, TeamId};
use crate::input::invalid;
use crate::record::{self, Entity, Events, Filter, Record, Reference, Settling, events, store};
use crate::team::Team;
use crate::words::columns;

/// Where tickets lie.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Board {
    #[schema(example = "Second level", min_length = 1, max_length = 255)]
    pub board_name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub is_default: bool,
    #[serde(default)]
    pub is_inactive: bool,
    #[serde(default)]
    pub display_order: i64,
    /// What a ticket of this board has unless it says otherwise.
    #[schema(value_type = Option<String>)]
    pub default_priority_id: Option<PriorityId>,
    #[schema(value_type = Option<String>)]
    pub default_assigned_to: Option<UserId>,
    #[schema(value_type = Option<String>)]
    pub default_assigned_team_id: Option<TeamId>,
}

/// (name, is_closed); the first is the default.
const STATUSES: [(&str, bool); 4] = [("New", false), ("In progress", false), ("Waiting", false), ("Closed", true)];

impl Entity for Board {
    type Id = BoardId;
    const KIND: &'static str = "board";
    const TITLE: &'static str = "Board";
    const TABLE: &'static str = "board";
    const EVENTS: Events = events!("board");
    const FILTERS: &'static [Filter] = &[Filter::flag("is_inactive")];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("ticket", "board_id")];
    const OWNS: &'static [(&'static str, &'static str)] = &[("status", "board_id"), ("category", "board_id")];

    columns!(
        board_name,
        description,
        is_default,
        is_inactive,
        display_order,
        default_priority_id,
        default_assigned_to,
        default_assigned_team_id
    );

    fn title(&self) -> (&'static str, &str) {
        ("board_name", &self.board_name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![
            Reference::to::<Priority>("default_priority_id", self.default_priority_id),
            Reference::to_user("default_assigned_to", self.default_assigned_to),
            Reference::to::<Team>("default_assigned_team_id", self.default_assigned_team_id),
        ]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if self.is_default && !at.before.is_some_and(|before| before.is_default) {
                store::no_default(tx, Self::TABLE, None, at.change.ambient.now()).await?;
            }
            Ok(())
        })
    }

    /// A board without a status could take no ticket.
    fn made<'a>(tx: &'a mut Tx, change: &'a Change<'a>, board: &'a Record<Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move { Ok(plant_statuses(tx, change.ambient, board.id).await?) })
    }
}

pub(crate) async fn plant_statuses(
    tx: &mut Tx,
    ambient: &dyn hookswitch_domain::time::Ambient,
    board_id: BoardId,
) -> Result<(), StoreError> {
    for (order_number, (name, is_closed)) in (1..).zip(STATUSES) {
        let is_default = order_number == 1;
        let status = Status { board_id, name: name.to_owned(), is_closed, is_default, order_number, color: None };
        record::plant(tx, ambient, status).await?;
    }
    Ok(())
}

/// How far a ticket is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    #[schema(value_type = String, example = "brd_01h455vb4pex5vsknk084sn02q")]
    pub board_id: BoardId,
    #[schema(example = "Waiting for parts", min_length = 1, max_length = 255)]
    pub name: String,
    /// A ticket with this status is finished.
    #[serde(default)]
    pub is_closed: bool,
    /// New tickets of the board get it.
    #[serde(default)]
    pub is_default: bool,
    #[serde(default)]
    pub order_number: i64,
    pub color: Option<String>,
}

impl Entity for Status {
    type Id = StatusId;
    const KIND: &'static str = "status";
    const TITLE: &'static str = "Status";
    const TABLE: &'static str = "status";
    const EVENTS: Events = events!("status");
    const FILTERS: &'static [Filter] = &[Filter::id("board_id", "brd")];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("ticket", "status_id")];

    columns!(board_id, name, is_closed, is_default, order_number, color);

    fn title(&self) -> (&'static str, &str) {
        ("name", &self.name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Board>("board_id", self.board_id)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if at.before.is_some_and(|before| before.board_id != self.board_id) {
                return Err(invalid("board_id", "can't be changed; make a status of the other board"));
            }
            if self.is_default && !at.before.is_some_and(|before| before.is_default) {
                store::no_default(tx, Self::TABLE, Some(("board_id", self.board_id.uuid())), at.change.ambient.now()).await?;
            }
            Ok(())
        })
    }
}

/// How much a ticket or a task matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Priority {
    #[schema(example = "Whenever", min_length = 1, max_length = 255)]
    pub priority_name: String,
    /// New tickets get it.
    #[serde(default)]
    pub is_default: bool,
    #[serde(default)]
    pub order_number: i64,
    pub color: Option<String>,
}

impl Entity for Priority {
    type Id = PriorityId;
    const KIND: &'static str = "priority";
    const TITLE: &'static str = "Priority";
    const TABLE: &'static str = "priority";
    const EVENTS: Events = events!("priority");
    const USED_BY: &'static [(&'static str, &'static str)] =
        &[("ticket", "priority_id"), ("project_task", "priority_id"), ("board", "default_priority_id")];

    columns!(priority_name, is_default, order_number, color);

    fn title(&self) -> (&'static str, &str) {
        ("priority_name", &self.priority_name)
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if self.is_default && !at.before.is_some_and(|before| before.is_default) {
                store::no_default(tx, Self::TABLE, None, at.change.ambient.now()).await?;
            }
            Ok(())
        })
    }
}

/// What a ticket is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Category {
    #[schema(example = "Network", min_length = 1, max_length = 255)]
    pub category_name: String,
    /// Null: for every board.
    #[schema(value_type = Option<String>)]
    pub board_id: Option<BoardId>,
    /// This one is a subcategory of that.
    #[schema(value_type = Option<String>)]
    pub parent_category: Option<CategoryId>,
}

impl Entity for Category {
    type Id = CategoryId;
    const KIND: &'static str = "category";
    const TITLE: &'static str = "Category";
    const TABLE: &'static str = "category";
    const EVENTS: Events = events!("category");
    const FILTERS: &'static [Filter] = &[Filter::id("board_id", "brd"), Filter::id("parent_category", "cat")];
    const USED_BY: &'static [(&'static str, &'static str)] =
        &[("ticket", "category_id"), ("ticket", "subcategory_id"), ("category", "parent_category")];

    columns!(category_name, board_id, parent_category);

    fn title(&self) -> (&'static str, &str) {
        ("category_name", &self.category_name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Board>("board_id", self.board_id), Reference::to::<Self>("parent_category", self.parent_category)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let Some(parent) = self.parent_category else { return Ok(()) };
            let above = store::get::<Self>(tx, parent, false).await?;
            match above {
                _ if parent == at.id => Err(invalid("parent_category", "is the category itself")),
                Some(above) if above.fields.parent_category.is_some() => {
                    Err(invalid("parent_category", "is a subcategory already"))
                }
                _ => Ok(()),
            }
        })
    }
}

pub async fn default_board(tx: &mut Tx) -> Result<Option<Record<Board>>, StoreError> {
    store::first(tx, "is_default", "id", &[]).await
}

pub async fn default_status(tx: &mut Tx, board: BoardId) -> Result<Option<Record<Status>>, StoreError> {
    store::first(tx, "board_id = $2 AND is_default", "id", &[board.into()]).await
}

pub async fn default_priority(tx: &mut Tx) -> Result<Option<Record<Priority>>, StoreError> {
    store::first(tx, "is_default", "id", &[]).await
}
