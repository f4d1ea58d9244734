//! Boards, and what sorts a ticket on them: statuses (each belongs to one board), priorities (the
//! tenant's), categories (one board's, or every board's). At most one board and one priority of a
//! tenant, and one status of a board, is the default: an index says so.

pub mod store;

use serde::Serialize;
use utoipa::ToSchema;

use crate::id::{BoardId, CategoryId, PriorityId, StatusId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Board {
    #[schema(value_type = String, example = "brd_01h455vb4pex5vsknk084sn02q")]
    pub id: BoardId,
    pub board_name: String,
    pub description: String,
    pub is_default: bool,
    pub display_order: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Status {
    #[schema(value_type = String, example = "sts_01h455vb4pex5vsknk084sn02q")]
    pub id: StatusId,
    #[schema(value_type = String, example = "brd_01h455vb4pex5vsknk084sn02q")]
    pub board_id: BoardId,
    pub name: String,
    /// A ticket with this status is finished.
    pub is_closed: bool,
    /// New tickets of the board get it.
    pub is_default: bool,
    pub order_number: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Priority {
    #[schema(value_type = String, example = "pri_01h455vb4pex5vsknk084sn02q")]
    pub id: PriorityId,
    pub priority_name: String,
    /// New tickets get it.
    pub is_default: bool,
    pub order_number: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Category {
    #[schema(value_type = String, example = "cat_01h455vb4pex5vsknk084sn02q")]
    pub id: CategoryId,
    /// Null: for every board.
    #[schema(value_type = Option<String>)]
    pub board_id: Option<BoardId>,
    pub category_name: String,
}
