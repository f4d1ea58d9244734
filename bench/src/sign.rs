//! Standard Webhooks signatures, written here a second time on purpose: the kill test checks what the
//! product sends, and a check that shared the product's code would share its mistakes.

use anyhow::{Context, Result, bail};
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    /// From a secret as the API shows it: `whsec_` and the key in base64.
    pub fn from_secret(shown: &str) -> Result<Self> {
        let Some(text) = shown.strip_prefix("whsec_") else { bail!("a signing secret begins with whsec_") };
        let key = BASE64.decode(text.as_bytes()).context("signing secret")?;
        Self::from_key(&key)
    }

    pub fn from_key(key: &[u8]) -> Result<Self> {
        Ok(Self(Hmac::new_from_slice(key).context("signing key")?))
    }

    /// HMAC-SHA256 of the body in hex, as inbound webhooks of the type `hmac_sha256` take it.
    pub fn hex(&self, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(body);
        HEXLOWER.encode(&mac.finalize().into_bytes())
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn the_specifications_example_is_signed_as_it_says() {
        let signer = Signer::from_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
