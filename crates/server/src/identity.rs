//! Making tenants, accounts and tokens: the rules that the API and the command line share. Each
//! change writes its audit row in its own transaction.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::id::{TenantId, TokenId, UserId, made_at};
use hookswitch_domain::permission::{Permissions, Role};
use hookswitch_domain::tenant::{PLATFORM, Slug};
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_store::tenant::Tenant;
use hookswitch_store::token::Token;
use hookswitch_store::user::{NewUser, User};
use hookswitch_store::{Db, StoreError, Tx, audit, role, tenant, token, user};
use serde_json::json;

use crate::api::caller::{TOKEN_PREFIX, fresh_token, sha256};
use crate::api::problem::Problem;
use crate::app::SEEDERS;

/// The tenant's row, what the hosts seed it with, and the trail's first entry.
pub async fn create_tenant(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    actor: &Actor,
    slug: &Slug,
    name: &str,
) -> Result<Tenant, Problem> {
    let made = tenant::create(tx, slug, name, ambient.now()).await;
    let made = made.map_err(|error| taken(error, "slug_taken", "another tenant has this slug"))?;
    for seeder in SEEDERS {
        seeder(tx, ambient).await?;
    }
    let detail = json!({"slug": slug, "name": name});
    note(tx, ambient, actor, "tenant.created", made.id.to_string(), detail).await?;
    Ok(made)
}

/// The same in a transaction of its own, for the command line.
pub async fn new_tenant(db: &Db, ambient: Arc<dyn Ambient>, actor: Actor, slug: Slug, name: String) -> Result<Tenant, Problem> {
    let id: TenantId = ambient.fresh();
    let store = db.for_tenant(id);
    let job = store.write(move |tx| -> BoxFuture<'_, Result<Tenant, Problem>> {
        Box::pin(async move { create_tenant(tx, &*ambient, &actor, &slug, &name).await })
    });
    job.await
}

/// An account to be made.
pub struct Account {
    pub email: String,
    pub name: String,
    pub role: String,
    pub password_hash: Option<String>,
}

/// `granting` is what whoever asks holds: a role beyond it is refused.
pub async fn create_user(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    actor: &Actor,
    granting: Permissions,
    account: &Account,
) -> Result<User, Problem> {
    grantable(tx, &account.role, granting).await?;
    let id: UserId = ambient.fresh();
    let new = NewUser {
        id,
        email: &account.email,
        name: &account.name,
        role: &account.role,
        password_hash: account.password_hash.as_deref(),
    };
    let made = user::create(tx, &new, ambient.now()).await;
    let made = made.map_err(|error| taken(error, "email_taken", "an account with this email exists already"))?;
    note(tx, ambient, actor, "user.created", id.to_string(), json!({"email": made.email, "role": made.role})).await?;
    Ok(made)
}

/// A token to be made.
pub struct Grant {
    pub name: String,
    pub role: String,
    pub scopes: Option<Vec<String>>,
    pub expires_at: Option<Timestamp>,
}

/// Returns the row and the token itself, which is shown once and kept nowhere.
pub async fn create_token(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    actor: &Actor,
    granting: Permissions,
    grant: Grant,
) -> Result<(Token, String), Problem> {
    grantable(tx, &grant.role, granting).await?;
    let text = fresh_token(ambient, TOKEN_PREFIX);
    let id: TokenId = ambient.fresh();
    let made = Token {
        id,
        name: grant.name,
        role: grant.role,
        scopes: grant.scopes,
        created_by: actor.to_string(),
        // The id's own moment, which lists are bounded by.
        created_at: made_at(id.uuid()),
        expires_at: grant.expires_at,
        revoked_at: None,
    };
    token::create(tx, &made, &sha256(&text)).await?;
    let detail = json!({"name": made.name, "role": made.role, "scopes": made.scopes, "expires_at": made.expires_at});
    note(tx, ambient, actor, "token.created", made.id.to_string(), detail).await?;
    Ok((made, text))
}

/// Whether the transaction's tenant has the role, and whether it lies within `granting`.
pub async fn grantable(tx: &mut Tx, name: &str, granting: Permissions) -> Result<Permissions, Problem> {
    let unknown = || Problem::invalid("role", "unknown_role", "is no role here; GET /api/v1/roles lists them");
    if name == Role::PlatformAdmin.as_str() && tx.tenant() != PLATFORM {
        return Err(unknown());
    }
    let permissions = role::permissions(tx, name).await?.ok_or_else(unknown)?;
    match permissions.within(granting) {
        true => Ok(permissions),
        false => Err(Problem::forbidden("this role holds more than you do; nobody grants what they don't hold")),
    }
}

/// Counts the change and writes it into the trail: the last thing in a transaction.
pub async fn note(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    actor: &Actor,
    action: &'static str,
    target: String,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    audit::bump_epoch(tx).await?;
    audit::append(tx, ambient, actor, Entry { action, target, correlation_id: None, detail }).await?;
    Ok(())
}

/// Says what is taken where the store only knows that something is.
pub fn taken(error: StoreError, code: &'static str, detail: &str) -> Problem {
    match error {
        StoreError::Conflict(_) => Problem::conflict(code, detail),
        other => other.into(),
    }
}

/// An email in the one spelling that is kept: lower case, without spaces around it.
pub fn email(text: &str) -> Result<String, &'static str> {
    let email = text.trim().to_lowercase();
    let parts = email.split_once('@');
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && !"<>,;:\"()[]\\".contains(letter);
    let good = parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
    if good && email.len() <= 254 && email.chars().all(plain) { Ok(email) } else { Err("must be an email address") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_has_one_spelling() {
        assert_eq!(email(" Ann@Example.COM "), Ok("ann@example.com".to_owned()));
        for bad in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "a@b@c",
            "a b@example.com",
            "<a@example.com>",
            &format!("{}@x.y", "a".repeat(260)),
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
