//! `sealed://sec_...`: a value in our own database, sealed with the master key. The default.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hookswitch_domain::id::SecretId;
use hookswitch_domain::secret::Secret;
use hookswitch_store::secret::{self, Sealed as Row};

use super::{CREDENTIAL, Lookup, Place, SecretError, SecretProvider};

pub(super) struct Sealed;

impl SecretProvider for Sealed {
    fn scheme(&self) -> &'static str {
        "sealed"
    }

    fn takes_grants(&self) -> bool {
        false
    }

    /// A tenant may name the values that it entered as credentials, and no other sealed row.
    fn permit<'a>(&'a self, lookup: &'a Lookup<'a>) -> BoxFuture<'a, Result<(), SecretError>> {
        row(lookup).map(|found| found.map(drop)).boxed()
    }

    fn resolve<'a>(&'a self, lookup: &'a Lookup<'a>) -> BoxFuture<'a, Result<Secret, SecretError>> {
        let open = |row: Row| {
            let place = Place { tenant: lookup.store.tenant(), id: row.id, purpose: CREDENTIAL };
            lookup.master.open(&row.key_id, place, &row.sealed)
        };
        row(lookup).map(move |found| found.and_then(open)).boxed()
    }
}

async fn row(lookup: &Lookup<'_>) -> Result<Row, SecretError> {
    let form = SecretError::Form("must look like sealed://sec_...");
    let id: SecretId = lookup.reference.path().parse().map_err(|_| form)?;
    let found = lookup.store.read(move |tx| Box::pin(secret::get(tx, id))).await?;
    found.filter(|row| row.purpose == CREDENTIAL).ok_or(SecretError::NotFound)
}
