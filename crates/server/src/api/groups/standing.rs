//! What a caller is in a group. A tenant's `desk:read` sees every group and `desk:write` may everything
//! in each; else one's own role in the group counts. To who is neither, the group isn't there.

use hookswitch_desk::group::Group;
use hookswitch_desk::group::member::{self, GroupRole};
use hookswitch_desk::record;
use hookswitch_desk::task::user_of;
use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_domain::permission::Permission;
use hookswitch_store::Tx;

use crate::api::caller::Caller;
use crate::api::problem::Problem;

pub struct Standing {
    pub user: Option<UserId>,
    role: Option<GroupRole>,
    everywhere: bool,
}

impl Standing {
    /// 404 where the caller sees no such group.
    pub async fn of(tx: &mut Tx, caller: &Caller, group: GroupId) -> Result<Self, Problem> {
        let user = user_of(&caller.actor);
        let role = match user {
            Some(user) => member::role_of(tx, group, user).await?,
            None => None,
        };
        let sees = role.is_some() || caller.permissions.allow(Permission::DeskRead);
        if !sees || record::get::<Group>(tx, group).await?.is_none() {
            return Err(Problem::not_found());
        }
        Ok(Self { user, role, everywhere: caller.permissions.allow(Permission::DeskWrite) })
    }

    pub fn leads(&self) -> bool {
        self.everywhere || self.role.is_some_and(GroupRole::leads)
    }

    pub fn admin(&self) -> Result<(), Problem> {
        match self.leads() {
            true => Ok(()),
            false => Err(Problem::forbidden("this is for the admins of the group")),
        }
    }

    pub fn owner(&self) -> Result<(), Problem> {
        match self.everywhere || self.role == Some(GroupRole::Owner) {
            true => Ok(()),
            false => Err(Problem::forbidden("this is for the owners of the group")),
        }
    }

    /// For what somebody does for themselves, and admins for everybody.
    pub fn is_or_leads(&self, somebody: Option<UserId>) -> Result<(), Problem> {
        let oneself = self.role.is_some() && self.user.is_some() && self.user == somebody;
        match oneself || self.leads() {
            true => Ok(()),
            false => Err(Problem::forbidden("this is for the member whom it is about, and for the admins of the group")),
        }
    }
}
