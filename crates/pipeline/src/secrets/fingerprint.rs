//! Fingerprints of requests, by which a repeat under the same `Idempotency-Key` is told from another
//! request. A body may hold a secret, and a plain hash of it could be guessed from a copy of the
//! database: these are made with a key of the installation's own, which lies sealed like any secret and
//! is sealed anew with them when the master key is rotated.

use hookswitch_domain::id::{SecretId, TenantId};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::hmac_sha256;
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_domain::time::Ambient;
use hookswitch_store::secret::{self, Sealed};
use hookswitch_store::{Db, StoreError};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Place, SecretError, Secrets, open_row, unavailable};

const PURPOSE: &str = "fingerprint";
/// The row's fixed id, so that two processes that start together agree on one key.
const ID: SecretId = SecretId(Uuid::from_u128(1));

/// Makes fingerprints.
#[derive(Clone)]
pub struct Fingerprints(Secret);

impl Fingerprints {
    /// Of what a tenant's caller asked.
    pub fn of(&self, tenant: TenantId, request: &[u8]) -> [u8; 32] {
        hmac_sha256(self.0.expose(), [&tenant.uuid().as_bytes()[..], request])
    }
}

impl Secrets {
    /// The installation's key for fingerprints; the first process makes it.
    pub async fn fingerprints(&self, db: &Db, ambient: std::sync::Arc<dyn Ambient>) -> Result<Fingerprints, SecretError> {
        let (system, theirs) = (db.system(), self.clone());
        let job = system.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                if let Some(row) = secret::get(tx, ID).await? {
                    return Ok(row);
                }
                let mut bytes = Zeroizing::new([0; 32]);
                ambient.fill(&mut bytes[..]);
                let key_id = theirs.sealing_key(tx, &*ambient).await?;
                let place = Place { tenant: PLATFORM, id: ID, purpose: PURPOSE };
                let sealed = theirs.master.seal(&key_id, place, &Secret::new(bytes.to_vec()), &*ambient).map_err(unavailable)?;
                let row = Sealed { id: ID, tenant: PLATFORM, purpose: PURPOSE.to_owned(), key_id, sealed };
                secret::insert_once(tx, ambient.now(), &row).await?;
                // Another process may have been faster.
                secret::get(tx, ID).await?.ok_or_else(|| StoreError::Corrupt("the key for fingerprints vanished".to_owned()))
            })
        });
        Ok(Fingerprints(open_row(&self.master, &job.await?)?))
    }
}
