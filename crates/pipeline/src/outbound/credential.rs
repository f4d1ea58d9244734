//! What a destination's credential adds to a request. References are resolved for each attempt and
//! the value is dropped with it; the access tokens of OAuth 2 alone are kept, until shortly before
//! they run out ([`oauth2`]).

pub mod oauth2;

use data_encoding::BASE64;
use hookswitch_domain::id::CredentialId;
use hookswitch_domain::secret::Secret;
use hookswitch_store::credential::Credential;
use hookswitch_store::{StoreError, TenantStore, credential};
use tokio::time::Instant;

use crate::http::Client;
use crate::secrets::Secrets;
use oauth2::Tokens;

/// All that resolving a credential needs.
pub struct Resolver<'a> {
    pub store: &'a TenantStore,
    pub secrets: &'a Secrets,
    pub client: &'a Client,
    pub tokens: &'a Tokens,
}

/// A header that goes with the request.
pub struct Authorization {
    pub name: String,
    pub value: Secret,
    /// Whose token it is, where it is one that was fetched.
    fetched_for: Option<CredentialId>,
}

impl Resolver<'_> {
    /// `None` for a credential that isn't sent (`secret`). The error says what is missing, never a value.
    pub async fn authorization(&self, id: CredentialId, deadline: Instant) -> Result<Option<Authorization>, String> {
        let read = self.store.read::<_, StoreError, _>(move |tx| Box::pin(credential::get(tx, id))).await;
        let found = read.map_err(|error| error.to_string())?.ok_or("the credential is gone")?;
        let own = |name: &str, value: Secret| Authorization { name: name.to_owned(), value, fetched_for: None };
        Ok(match found.kind.as_str() {
            "header" => {
                let name = found.settings["header"].as_str().unwrap_or("authorization");
                Some(own(name, self.value(&found).await?))
            }
            "basic" => Some(own("authorization", prefixed("Basic ", &BASE64.encode(self.value(&found).await?.expose())))),
            "oauth2_client_credentials" => {
                let value = self.tokens.token(self, &found, deadline).await?;
                Some(Authorization { name: "authorization".to_owned(), value, fetched_for: Some(id) })
            }
            "secret" => None,
            other => return Err(format!("credentials of the type {other} can't be sent by this version")),
        })
    }

    /// The receiver answered 401. If what it refused was a fetched token that may have been revoked
    /// since, that one is forgotten, and another is worth a try.
    pub async fn after_refusal(&self, refused: &Authorization, deadline: Instant) -> Option<Authorization> {
        let id = refused.fetched_for?;
        if !self.tokens.refused(self.store.tenant(), id, &refused.value).await {
            return None;
        }
        self.authorization(id, deadline).await.ok().flatten()
    }

    async fn value(&self, found: &Credential) -> Result<Secret, String> {
        self.secrets.resolve(self.store, &found.reference).await.map_err(|error| error.to_string())
    }
}

fn prefixed(scheme: &str, text: &str) -> Secret {
    let mut value = scheme.as_bytes().to_vec();
    value.extend_from_slice(text.as_bytes());
    Secret::new(value)
}
