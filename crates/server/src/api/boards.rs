//! Boards, statuses, priorities and categories: what sorts tickets. Read-only for now; a tenant
//! starts with one board.

use axum::Json as Answer;
use hookswitch_desk::board::{Board, Category, Priority, Status, store};
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::list::{List, Listed, PageParams};
use super::problem::{Checks, Problem};

/// Narrows a list to one board.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfBoard {
    board_id: Option<String>,
}

impl OfBoard {
    fn parse(self) -> Result<Option<hookswitch_desk::id::BoardId>, Problem> {
        let mut checks = Checks::default();
        let board = self.board_id.and_then(|text| checks.take("board_id", text.parse()));
        checks.finish().map(|()| board)
    }
}

/// List boards.
#[utoipa::path(get, path = "/api/v1/boards", operation_id = "listBoards", tag = "desk", params(PageParams),
    responses((status = 200, description = "A page of boards", body = Listed<Board>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn boards(caller: Caller, List { page, .. }: List) -> Result<Answer<Listed<Board>>, Problem> {
    let rows = caller.store.read(move |tx| Box::pin(async move { store::boards(tx, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |board| board.id.uuid(), |board| board)))
}

/// List statuses; each belongs to one board.
#[utoipa::path(get, path = "/api/v1/statuses", operation_id = "listStatuses", tag = "desk", params(PageParams, OfBoard),
    responses((status = 200, description = "A page of statuses", body = Listed<Status>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn statuses(caller: Caller, List { page, filter }: List<OfBoard>) -> Result<Answer<Listed<Status>>, Problem> {
    let board = filter.parse()?;
    let rows = caller.store.read(move |tx| Box::pin(async move { store::statuses(tx, board, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |status| status.id.uuid(), |status| status)))
}

/// List priorities.
#[utoipa::path(get, path = "/api/v1/priorities", operation_id = "listPriorities", tag = "desk", params(PageParams),
    responses((status = 200, description = "A page of priorities", body = Listed<Priority>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn priorities(caller: Caller, List { page, .. }: List) -> Result<Answer<Listed<Priority>>, Problem> {
    let rows = caller.store.read(move |tx| Box::pin(async move { store::priorities(tx, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |priority| priority.id.uuid(), |priority| priority)))
}

/// List categories; one without a board serves every board.
#[utoipa::path(get, path = "/api/v1/categories", operation_id = "listCategories", tag = "desk", params(PageParams, OfBoard),
    responses((status = 200, description = "A page of categories", body = Listed<Category>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn categories(caller: Caller, List { page, filter }: List<OfBoard>) -> Result<Answer<Listed<Category>>, Problem> {
    let board = filter.parse()?;
    let rows = caller.store.read(move |tx| Box::pin(async move { store::categories(tx, board, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |category| category.id.uuid(), |category| category)))
}
