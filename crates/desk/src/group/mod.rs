//! Groups: teams of a tenant's users that share tasks. A group has **members**: its owners and admins
//! say what is to be done and by whom, all of them do it and gather points. A destination may be a
//! group's, and then hears of that group alone; other systems bring a group tasks through its
//! **inbound** door.

pub mod inbound;
pub mod member;

use futures_util::future::BoxFuture;
use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::change::Change;
use crate::input::{NAME_CHARS_MAX, check_name};
use crate::record::{self, Entity, Events, Filter, IN_USE, Record, RecordId, Settling, events};
use crate::words::columns;
use member::GroupRole;

impl RecordId for GroupId {
    const PREFIX: &'static str = Self::PREFIX;
}

/// Names of groups and tasks are at most this long.
pub const TITLE_CHARS_MAX: usize = 200;

/// A team with tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    #[schema(example = "Front office", min_length = 1, max_length = 200)]
    pub name: String,
    pub description: Option<String>,
}

impl Entity for Group {
    type Id = GroupId;
    const KIND: &'static str = "group";
    const TITLE: &'static str = "GroupRecord";
    const TABLE: &'static str = "task_group";
    const EVENTS: Events = events!("group");
    const FILTERS: &'static [Filter] = &[MEMBER];
    const PRIVATE: &'static [&'static str] = &["description"];
    const USED_BY: &'static [(&'static str, &'static str)] = &[];
    const OWNS: &'static [(&'static str, &'static str)] = &[("group_member", "group_id"), ("task_swap", "group_id")];

    columns!(name, description);

    fn title(&self) -> (&'static str, &str) {
        ("name", &self.name)
    }

    fn settle<'a>(&'a mut self, _: &'a mut Tx, _: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move { check_name("name", &self.name, TITLE_CHARS_MAX) })
    }
}

/// The groups that somebody is in.
pub const MEMBER: Filter =
    Filter::within("member_id", UserId::PREFIX, "SELECT group_id FROM group_member WHERE tenant = $1 AND user_id = {}");

/// Makes a group with its first owner.
pub async fn create(
    tx: &mut Tx,
    change: &Change<'_>,
    given: &Map<String, Value>,
    owner: UserId,
) -> Result<Record<Group>, ActionError> {
    let fields = record::merged::<Group>(&record::blank(), given)?;
    let id: GroupId = change.ambient.fresh();
    let change = change.within(id);
    let group = record::insert(tx, &change, id, fields, Vec::new()).await?;
    renew_code(tx, &change, id).await?;
    member::add(tx, &change, id, owner, GroupRole::Owner).await?;
    Ok(group)
}

/// Changes the given fields of a group.
pub async fn change(
    tx: &mut Tx,
    change: &Change<'_>,
    id: GroupId,
    given: &Map<String, Value>,
    expected: Option<i64>,
) -> Result<Option<record::Changed<Group>>, ActionError> {
    record::change::<Group>(tx, &change.within(id), id, given, expected).await
}

/// Removes a group with its members and tasks. What is told of each task would be told to nobody: the
/// group's destinations have to be gone before, which whoever calls this has looked at.
pub async fn remove(tx: &mut Tx, change: &Change<'_>, id: GroupId, expected: Option<i64>) -> Result<bool, ActionError> {
    let change = change.within(id);
    let Some(group) = record::held::<Group>(tx, id).await? else { return Ok(false) };
    record::check_version(group.version, expected)?;
    record::store::delete_where(tx, "task", "group_id", id.uuid()).await?;
    inbound::forget(tx, id).await?;
    record::remove::<Group>(tx, &change, id, None).await
}

/// Why a group with destinations stays.
pub fn in_use() -> ActionError {
    ActionError::Rule { code: IN_USE, detail: "the group has webhooks; remove them first".to_owned() }
}

/// Without what is read as something else: `O` and `0`, `I` and `1`.
const CODE_LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Gives the group another invitation code; the old one lets nobody in any more.
pub async fn renew_code(tx: &mut Tx, change: &Change<'_>, id: GroupId) -> Result<String, StoreError> {
    let random: [u8; 12] = change.ambient.random();
    let code: String = random.iter().map(|byte| char::from(CODE_LETTERS[usize::from(byte % 32)])).collect();
    let sql = "UPDATE task_group SET invitation_code = $3 WHERE id = $1 AND tenant = $2";
    tx.execute(sql, params![id, tx.tenant(), code.as_str()]).await?;
    Ok(code)
}

pub async fn code_of(tx: &mut Tx, id: GroupId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT invitation_code FROM task_group WHERE id = $1 AND tenant = $2";
    let row = tx.query_opt(sql, params![id, tx.tenant()]).await?;
    row.map_or(Ok(None), |mut row| row.get(0))
}

/// Lets a user in who knows the code. Whoever is in already stays as they are.
pub async fn join(tx: &mut Tx, change: &Change<'_>, code: &str, user: UserId) -> Result<GroupId, ActionError> {
    check_name("invitation_code", code, NAME_CHARS_MAX)?;
    let sql = "SELECT id FROM task_group WHERE tenant = $1 AND invitation_code = $2";
    let found = tx.query_opt(sql, params![tx.tenant(), code.trim().to_ascii_uppercase()]).await?;
    let unknown =
        || ActionError::Rule { code: "unknown_code", detail: "no group has this invitation code; ask for a new one".to_owned() };
    let id: GroupId = found.ok_or_else(unknown)?.get(0)?;
    record::held::<Group>(tx, id).await?.ok_or_else(unknown)?;
    if member::role_of(tx, id, user).await?.is_none() {
        member::add(tx, &change.within(id), id, user, GroupRole::Member).await?;
    }
    Ok(id)
}
