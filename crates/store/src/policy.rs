//! A tenant's delivery policy. Without a row, the defaults of `domain::retry` hold.

use hookswitch_domain::retry::Policy;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;

/// The policy, and the signing profile of destinations that name none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeliveryPolicy {
    pub policy: Policy,
    pub default_signing_profile: Option<String>,
}

pub async fn get(tx: &mut Tx) -> Result<DeliveryPolicy, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT policy, default_signing_profile FROM integration_delivery_policy WHERE tenant = $1";
    let Some(mut row) = tx.query_opt(sql, params![tenant]).await? else {
        return Ok(DeliveryPolicy::default());
    };
    let text: String = row.get(0)?;
    let policy = serde_json::from_str(&text).map_err(|error| StoreError::Corrupt(format!("delivery policy: {error}")))?;
    Ok(DeliveryPolicy { policy, default_signing_profile: row.get(1)? })
}

pub async fn put(tx: &mut Tx, policy: &DeliveryPolicy) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let text = serde_json::to_value(&policy.policy).map_err(|error| StoreError::Bug(error.to_string()))?;
    let sql = "INSERT INTO integration_delivery_policy (tenant, policy, default_signing_profile, updated_at)
        VALUES ($1, $2, $3, now_ms()) ON CONFLICT (tenant) DO UPDATE
        SET policy = excluded.policy, default_signing_profile = excluded.default_signing_profile, updated_at = excluded.updated_at";
    tx.execute(sql, params![tenant, text, policy.default_signing_profile.as_deref()]).await?;
    Ok(())
}
