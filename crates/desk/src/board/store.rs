//! The SQL of boards, statuses, priorities and categories.

use hookswitch_store::{Page, Row, StoreError, Tx, params};

use super::{Board, Category, Priority, Status};
use crate::id::{BoardId, CategoryId, PriorityId, StatusId};
use crate::list::Conditions;

const BOARD: &str = "SELECT id, board_name, description, is_default, display_order FROM board";
const STATUS: &str = "SELECT id, board_id, name, is_closed, is_default, order_number FROM status";
const PRIORITY: &str = "SELECT id, priority_name, is_default, order_number FROM priority";
const CATEGORY: &str = "SELECT id, board_id, category_name FROM category";

fn board_of(mut row: Row) -> Result<Board, StoreError> {
    Ok(Board {
        id: row.get(0)?,
        board_name: row.get(1)?,
        description: row.get(2)?,
        is_default: row.get(3)?,
        display_order: row.get(4)?,
    })
}

fn status_of(mut row: Row) -> Result<Status, StoreError> {
    Ok(Status {
        id: row.get(0)?,
        board_id: row.get(1)?,
        name: row.get(2)?,
        is_closed: row.get(3)?,
        is_default: row.get(4)?,
        order_number: row.get(5)?,
    })
}

fn priority_of(mut row: Row) -> Result<Priority, StoreError> {
    Ok(Priority { id: row.get(0)?, priority_name: row.get(1)?, is_default: row.get(2)?, order_number: row.get(3)? })
}

fn category_of(mut row: Row) -> Result<Category, StoreError> {
    Ok(Category { id: row.get(0)?, board_id: row.get(1)?, category_name: row.get(2)? })
}

pub async fn insert_board(tx: &mut Tx, board: &Board) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO board (id, tenant, board_name, description, is_default, display_order) VALUES ($1, $2, $3, $4, $5, $6)";
    let tenant = tx.tenant();
    let params = params![board.id, tenant, &board.board_name, &board.description, board.is_default, board.display_order];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn insert_status(tx: &mut Tx, status: &Status) -> Result<(), StoreError> {
    let sql = "INSERT INTO status (id, tenant, board_id, name, is_closed, is_default, order_number)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let tenant = tx.tenant();
    let (closed, default) = (status.is_closed, status.is_default);
    tx.execute(sql, params![status.id, tenant, status.board_id, &status.name, closed, default, status.order_number]).await?;
    Ok(())
}

pub async fn insert_priority(tx: &mut Tx, priority: &Priority) -> Result<(), StoreError> {
    let sql = "INSERT INTO priority (id, tenant, priority_name, is_default, order_number) VALUES ($1, $2, $3, $4, $5)";
    let tenant = tx.tenant();
    let params = params![priority.id, tenant, &priority.priority_name, priority.is_default, priority.order_number];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn insert_category(tx: &mut Tx, category: &Category) -> Result<(), StoreError> {
    let sql = "INSERT INTO category (id, tenant, board_id, category_name) VALUES ($1, $2, $3, $4)";
    let tenant = tx.tenant();
    tx.execute(sql, params![category.id, tenant, category.board_id, &category.category_name]).await?;
    Ok(())
}

pub async fn board(tx: &mut Tx, id: BoardId) -> Result<Option<Board>, StoreError> {
    let tenant = tx.tenant();
    tx.query_opt(&format!("{BOARD} WHERE id = $1 AND tenant = $2"), params![id, tenant]).await?.map(board_of).transpose()
}

pub async fn default_board(tx: &mut Tx) -> Result<Option<Board>, StoreError> {
    let tenant = tx.tenant();
    tx.query_opt(&format!("{BOARD} WHERE tenant = $1 AND is_default"), params![tenant]).await?.map(board_of).transpose()
}

pub async fn boards(tx: &mut Tx, page: &Page) -> Result<Vec<Board>, StoreError> {
    let (sql, params) = Conditions::of_tenant(tx, "board").page("id", page).after(BOARD);
    tx.query(&sql, &params).await?.into_iter().map(board_of).collect()
}

pub async fn status(tx: &mut Tx, id: StatusId) -> Result<Option<Status>, StoreError> {
    let tenant = tx.tenant();
    tx.query_opt(&format!("{STATUS} WHERE id = $1 AND tenant = $2"), params![id, tenant]).await?.map(status_of).transpose()
}

pub async fn default_status(tx: &mut Tx, board: BoardId) -> Result<Option<Status>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("{STATUS} WHERE board_id = $1 AND tenant = $2 AND is_default");
    tx.query_opt(&sql, params![board, tenant]).await?.map(status_of).transpose()
}

pub async fn statuses(tx: &mut Tx, board: Option<BoardId>, page: &Page) -> Result<Vec<Status>, StoreError> {
    let conditions = Conditions::of_tenant(tx, "status").equal("board_id", board);
    let (sql, params) = conditions.page("id", page).after(STATUS);
    tx.query(&sql, &params).await?.into_iter().map(status_of).collect()
}

pub async fn priority(tx: &mut Tx, id: PriorityId) -> Result<Option<Priority>, StoreError> {
    let tenant = tx.tenant();
    tx.query_opt(&format!("{PRIORITY} WHERE id = $1 AND tenant = $2"), params![id, tenant]).await?.map(priority_of).transpose()
}

pub async fn default_priority(tx: &mut Tx) -> Result<Option<Priority>, StoreError> {
    let tenant = tx.tenant();
    tx.query_opt(&format!("{PRIORITY} WHERE tenant = $1 AND is_default"), params![tenant]).await?.map(priority_of).transpose()
}

pub async fn priorities(tx: &mut Tx, page: &Page) -> Result<Vec<Priority>, StoreError> {
    let (sql, params) = Conditions::of_tenant(tx, "priority").page("id", page).after(PRIORITY);
    tx.query(&sql, &params).await?.into_iter().map(priority_of).collect()
}

pub async fn category(tx: &mut Tx, id: CategoryId) -> Result<Option<Category>, StoreError> {
    let tenant = tx.tenant();
    tx.query_opt(&format!("{CATEGORY} WHERE id = $1 AND tenant = $2"), params![id, tenant]).await?.map(category_of).transpose()
}

pub async fn categories(tx: &mut Tx, board: Option<BoardId>, page: &Page) -> Result<Vec<Category>, StoreError> {
    let conditions = Conditions::of_tenant(tx, "category").equal("board_id", board);
    let (sql, params) = conditions.page("id", page).after(CATEGORY);
    tx.query(&sql, &params).await?.into_iter().map(category_of).collect()
}
