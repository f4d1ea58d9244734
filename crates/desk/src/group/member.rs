//! Members of groups. An owner may everything, an admin everything but make owners and end the group, a
//! member does tasks and asks for swaps. A group has an owner at all times and at most 20 members.

use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Row, StoreError, Tx, Value, params};
use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;

use super::Group;
use crate::change::Change;
use crate::record::{self, Entity};
use crate::task;
use crate::words::words;
use crate::{history, record::store};

/// A group has at most so many members.
pub const MEMBERS_MAX: usize = 20;

words! {
    /// What somebody may do in a group.
    GroupRole { Member "member", Admin "admin", Owner "owner" }
}

impl GroupRole {
    /// Whether it says what is to be done.
    pub const fn leads(self) -> bool {
        matches!(self, Self::Admin | Self::Owner)
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = GroupMember)]
pub struct Member {
    #[schema(value_type = String, example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub role: GroupRole,
    /// For finished tasks: ten times the difficulty of each, and a tenth more for those done in time.
    pub points: i64,
    #[schema(value_type = String, format = DateTime)]
    pub joined_at: Timestamp,
}

pub async fn role_of(tx: &mut Tx, group: GroupId, user: UserId) -> Result<Option<GroupRole>, StoreError> {
    let sql = "SELECT role FROM group_member WHERE group_id = $1 AND tenant = $2 AND user_id = $3";
    tx.query_opt(sql, params![group, tx.tenant(), user]).await?.map(|mut row| row.get(0)).transpose()
}

/// Those whose account is there still, the first one first.
pub async fn list(tx: &mut Tx, group: GroupId) -> Result<Vec<Member>, StoreError> {
    let sql = "SELECT m.user_id, u.name, u.email, m.role, m.points, m.joined_at FROM group_member m
        JOIN user_account u ON u.id = m.user_id AND u.tenant = m.tenant
        WHERE m.group_id = $1 AND m.tenant = $2 ORDER BY m.joined_at, m.user_id";
    tx.query(sql, params![group, tx.tenant()]).await?.into_iter().map(member).collect()
}

fn member(mut row: Row) -> Result<Member, StoreError> {
    Ok(Member {
        user_id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        role: row.get(3)?,
        points: row.get(4)?,
        joined_at: row.get(5)?,
    })
}

/// What a list of groups shows of each: how many members it has, and what `user` is there.
pub async fn seats(
    tx: &mut Tx,
    groups: &[GroupId],
    user: Option<UserId>,
) -> Result<Vec<(GroupId, usize, Option<GroupRole>)>, StoreError> {
    let mut seats: Vec<_> = groups.iter().map(|group| (*group, 0, None)).collect();
    if groups.is_empty() {
        return Ok(seats);
    }
    let places: Vec<String> = (2..=groups.len() + 1).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT m.group_id, m.user_id, m.role FROM group_member m
            JOIN user_account u ON u.id = m.user_id AND u.tenant = m.tenant
            WHERE m.tenant = $1 AND m.group_id IN ({})",
        places.join(", ")
    );
    let params: Vec<Value> = [Value::from(tx.tenant())].into_iter().chain(groups.iter().map(|id| Value::from(*id))).collect();
    for mut row in tx.query(&sql, &params).await? {
        let (group, who, role): (GroupId, UserId, GroupRole) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if let Some(seat) = seats.iter_mut().find(|(known, ..)| *known == group) {
            seat.1 += 1;
            if Some(who) == user {
                seat.2 = Some(role);
            }
        }
    }
    Ok(seats)
}

/// The groups that somebody is in, with what they are there.
pub async fn groups_of(tx: &mut Tx, user: UserId) -> Result<Vec<(GroupId, GroupRole)>, StoreError> {
    let sql = "SELECT group_id, role FROM group_member WHERE user_id = $1 AND tenant = $2 ORDER BY group_id LIMIT 100";
    let rows = tx.query(sql, params![user, tx.tenant()]).await?;
    rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?))).collect()
}

fn rule(code: &'static str, detail: &str) -> ActionError {
    ActionError::Rule { code, detail: detail.to_owned() }
}

/// Already in the group.
pub const ALREADY: &str = "already_member";
/// A group keeps an owner.
pub const LAST_OWNER: &str = "last_owner";

/// Takes a user of the tenant into the group, which the transaction holds.
pub async fn add(tx: &mut Tx, change: &Change<'_>, group: GroupId, user: UserId, role: GroupRole) -> Result<Member, ActionError> {
    if !store::exists(tx, "user_account", user.uuid()).await? {
        return Err(rule("unknown_user", "user_id: names no active user of this tenant"));
    }
    let known = list(tx, group).await?;
    if known.iter().any(|member| member.user_id == user) {
        return Err(rule(ALREADY, "this user is in the group already; PATCH changes the role"));
    }
    if known.len() >= MEMBERS_MAX {
        return Err(rule("group_full", "a group has at most 20 members"));
    }
    let sql = "INSERT INTO group_member (group_id, tenant, user_id, role, points, joined_at) VALUES ($1, $2, $3, $4, 0, $5)";
    tx.execute(sql, params![group, tx.tenant(), user, role, change.ambient.now()]).await?;
    let member = found(tx, group, user).await?;
    tell(tx, change, group, "group.member_added", &member, Map::new()).await?;
    Ok(member)
}

async fn found(tx: &mut Tx, group: GroupId, user: UserId) -> Result<Member, StoreError> {
    let member = list(tx, group).await?.into_iter().find(|member| member.user_id == user);
    member.ok_or_else(|| StoreError::Corrupt(format!("{user} is no member of {group}")))
}

/// None if the user is no member.
pub async fn change_role(
    tx: &mut Tx,
    change: &Change<'_>,
    group: GroupId,
    user: UserId,
    role: GroupRole,
) -> Result<Option<Member>, ActionError> {
    let known = list(tx, group).await?;
    let Some(before) = known.iter().find(|member| member.user_id == user) else { return Ok(None) };
    if before.role == role {
        return Ok(Some(before.clone()));
    }
    keep_an_owner(&known, before)?;
    let sql = "UPDATE group_member SET role = $4 WHERE group_id = $1 AND tenant = $2 AND user_id = $3";
    tx.execute(sql, params![group, tx.tenant(), user, role]).await?;
    let after = Member { role, ..before.clone() };
    let changes = Map::from_iter([("role".to_owned(), json!({ "previous": before.role, "new": role }))]);
    tell(tx, change, group, "group.member_changed", &after, changes).await?;
    Ok(Some(after))
}

/// Takes somebody out of the group: their open tasks are nobody's, and their requests are over. False
/// if the user is no member.
pub async fn remove(tx: &mut Tx, change: &Change<'_>, group: GroupId, user: UserId) -> Result<bool, ActionError> {
    let known = list(tx, group).await?;
    let Some(before) = known.iter().find(|member| member.user_id == user) else { return Ok(false) };
    keep_an_owner(&known, before)?;
    task::swap::withdraw_of(tx, change, group, user).await?;
    task::lifecycle::unassign_all(tx, change, group, user).await?;
    let sql = "DELETE FROM group_member WHERE group_id = $1 AND tenant = $2 AND user_id = $3";
    tx.execute(sql, params![group, tx.tenant(), user]).await?;
    tell(tx, change, group, "group.member_removed", before, Map::new()).await?;
    Ok(true)
}

fn keep_an_owner(known: &[Member], before: &Member) -> Result<(), ActionError> {
    let others = known.iter().any(|member| member.role == GroupRole::Owner && member.user_id != before.user_id);
    match before.role == GroupRole::Owner && !others {
        true => Err(rule(LAST_OWNER, "this is the group's last owner; make another one first")),
        false => Ok(()),
    }
}

/// Adds points for a finished task. Who left the group meanwhile gets none.
pub(crate) async fn award(tx: &mut Tx, group: GroupId, user: UserId, points: i64) -> Result<(), StoreError> {
    let sql = "UPDATE group_member SET points = points + $4 WHERE group_id = $1 AND tenant = $2 AND user_id = $3";
    tx.execute(sql, params![group, tx.tenant(), user, points]).await?;
    Ok(())
}

async fn tell(
    tx: &mut Tx,
    change: &Change<'_>,
    group: GroupId,
    event: &str,
    member: &Member,
    changes: Map<String, serde_json::Value>,
) -> Result<(), ActionError> {
    history::note(tx, change, Group::KIND, group.uuid(), event.trim_start_matches("group."), &changes).await?;
    let about = json!({ "group_id": group, "member": { "user_id": member.user_id, "role": member.role }, "changes": changes });
    change.within(group).publish(tx, event, ("group_id", group.to_string()), about).await
}

/// The group, held so that its members and inbound tasks are changed by one transaction at a time.
pub async fn hold(tx: &mut Tx, group: GroupId) -> Result<bool, StoreError> {
    Ok(record::held::<Group>(tx, group).await?.is_some())
}
