//! `local://tenant/purpose/key/version`: an environment variable of the server, for development.
//! `local://acme/smtp/password/1` is `HOOKSWITCH_SECRET_ACME_SMTP_PASSWORD_1`.
//!
//! A tenant names its own slug, and others where the installation grants the prefix. Different slugs may spell the same variable (`a-b/c` and
//! `a/b-c`), one reason more why production refuses this scheme.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hookswitch_domain::reference::Reference;
use hookswitch_domain::secret::Secret;
use hookswitch_store::{StoreError, tenant};

use super::{Lookup, SECRET_BYTES_MAX, SecretError, SecretProvider, covering};

pub(super) struct Local;

impl SecretProvider for Local {
    fn scheme(&self) -> &'static str {
        "local"
    }

    fn development_only(&self) -> bool {
        true
    }

    fn permit<'a>(&'a self, lookup: &'a Lookup<'a>) -> BoxFuture<'a, Result<(), SecretError>> {
        async move {
            let named = named_tenant(lookup.reference)?;
            let own = lookup.store.read::<_, StoreError, _>(|tx| Box::pin(tenant::own(tx))).await?;
            let permitted = own.is_some_and(|own| own.slug == named) || !covering(lookup).await?.is_empty();
            if permitted { Ok(()) } else { Err(SecretError::NotGranted) }
        }
        .boxed()
    }

    fn resolve<'a>(&'a self, lookup: &'a Lookup<'a>) -> BoxFuture<'a, Result<Secret, SecretError>> {
        std::future::ready(read(&variable(lookup.reference))).boxed()
    }
}

fn named_tenant(reference: &Reference) -> Result<&str, SecretError> {
    let parts: Vec<&str> = reference.segments().collect();
    match parts[..] {
        [tenant, _purpose, _key, _version] if !reference.path().starts_with('/') => Ok(tenant),
        _ => Err(SecretError::Form("must look like local://tenant/purpose/key/version")),
    }
}

fn variable(reference: &Reference) -> String {
    let upper = reference.path().to_ascii_uppercase();
    format!("HOOKSWITCH_SECRET_{}", upper.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_"))
}

fn read(variable: &str) -> Result<Secret, SecretError> {
    let value = std::env::var(variable).map_err(|_| SecretError::NotFound)?;
    if value.len() > SECRET_BYTES_MAX { Err(SecretError::TooLarge) } else { Ok(Secret::from(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_one_variable_and_its_tenant() {
        let reference: Reference = "local://acme-2/smtp/pass.word/1".parse().unwrap();
        assert_eq!(variable(&reference), "HOOKSWITCH_SECRET_ACME_2_SMTP_PASS_WORD_1");
        assert_eq!(named_tenant(&reference).ok(), Some("acme-2"));
        for short in ["local://acme/smtp/password", "local://acme/smtp/password/1/2", "local:///acme/smtp/1"] {
            assert!(named_tenant(&short.parse().unwrap()).is_err(), "{short}");
        }
    }
}
