//! What a destination's credential adds to a request. The reference is resolved for each attempt
//! and the value is dropped with it.

use data_encoding::BASE64;
use hookswitch_domain::id::CredentialId;
use hookswitch_domain::secret::Secret;
use hookswitch_store::{StoreError, TenantStore, credential};

use crate::secrets::Secrets;

/// The header's name and value; `None` for a credential that isn't sent (`secret`). The error says
/// what is missing, never a value.
pub async fn header(store: &TenantStore, secrets: &Secrets, id: CredentialId) -> Result<Option<(String, Secret)>, String> {
    let read = store.read::<_, StoreError, _>(move |tx| Box::pin(credential::get(tx, id))).await;
    let found = read.map_err(|error| error.to_string())?.ok_or("the credential is gone")?;
    let value = secrets.resolve(store, &found.reference).await.map_err(|error| error.to_string())?;
    match found.kind.as_str() {
        "header" => {
            let name = found.settings.get("header").and_then(serde_json::Value::as_str).unwrap_or("authorization");
            Ok(Some((name.to_owned(), value)))
        }
        "basic" => {
            let mut text = b"Basic ".to_vec();
            text.extend(BASE64.encode(value.expose()).into_bytes());
            Ok(Some(("authorization".to_owned(), Secret::new(text))))
        }
        "secret" => Ok(None),
        other => Err(format!("credentials of the type {other} can't be sent yet")),
    }
}
