//! Browser sessions and one-time sign-in links. Only the SHA-256 of their token is kept. A session
//! is looked up without naming a tenant, for that is what the look-up learns.

use hookswitch_domain::id::{TenantId, UserId};
use hookswitch_domain::permission::Permissions;
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;
use crate::role;

/// What a row is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Session,
    /// Exchanged once for a session.
    Link,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Link => "link",
        }
    }
}

pub struct NewSession<'a> {
    pub hash: &'a [u8],
    pub user: UserId,
    pub kind: Kind,
    pub at: Timestamp,
    pub expires_at: Timestamp,
}

/// Writes a session of the transaction's tenant, and clears the account's expired ones away.
pub async fn create(tx: &mut Tx, new: &NewSession<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let expired = "DELETE FROM session WHERE user_id = $1 AND tenant = $2 AND expires_at <= $3";
    tx.execute(expired, params![new.user, tenant, new.at]).await?;
    let sql = "INSERT INTO session (hash, tenant, user_id, kind, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![new.hash, tenant, new.user, new.kind.as_str(), new.at, new.expires_at]).await?;
    Ok(())
}

/// Who sits behind a session, as of now on the primary.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user: UserId,
    pub tenant: TenantId,
    /// `None` for a platform account.
    pub slug: Option<String>,
    pub epoch: i64,
    pub role: String,
    pub permissions: Permissions,
}

/// The live session with this hash; an expired one, or one of a disabled account, is not found.
pub async fn find(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<SignedIn>, StoreError> {
    let sql = "SELECT account.id, account.tenant, tenant.slug, COALESCE(tenant.epoch, 0), account.role, role.permissions
         FROM session
         JOIN user_account account ON account.id = session.user_id AND account.tenant = session.tenant
         LEFT JOIN tenant ON tenant.id = account.tenant
         LEFT JOIN role ON role.tenant = account.tenant AND role.name = account.role
         WHERE session.hash = $1 AND session.kind = 'session' AND session.expires_at > $2 AND account.disabled = FALSE";
    let Some(mut row) = tx.query_opt(sql, params![hash, now]).await? else { return Ok(None) };
    let role: String = row.get(4)?;
    Ok(Some(SignedIn {
        user: row.get(0)?,
        tenant: row.get(1)?,
        slug: row.get(2)?,
        epoch: row.get(3)?,
        permissions: role::resolve(&role, row.get(5)?),
        role,
    }))
}

/// Uses a sign-in link up and says whose it was.
pub async fn take_link(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<(TenantId, UserId)>, StoreError> {
    let sql = "DELETE FROM session WHERE hash = $1 AND kind = 'link' RETURNING tenant, user_id, expires_at";
    let Some(mut row) = tx.query_opt(sql, params![hash]).await? else { return Ok(None) };
    let found = (row.get(0)?, row.get(1)?);
    Ok((row.get::<Timestamp>(2)? > now).then_some(found))
}

/// Ends one session.
pub async fn delete(tx: &mut Tx, hash: &[u8]) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(tx.execute("DELETE FROM session WHERE hash = $1 AND tenant = $2", params![hash, tenant]).await? > 0)
}

/// Ends all sessions of an account: its password, role or state has changed.
pub async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    tx.execute("DELETE FROM session WHERE user_id = $1 AND tenant = $2", params![user, tenant]).await
}
