//! The types of credentials: what their values must look like, and what is told beside the value.

use std::fmt;

use hookswitch_domain::destination::check_header_name;
use hookswitch_domain::egress::{Rules, parse_target};
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::secrets::SECRET_BYTES_MAX;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::problem::{Checks, Problem};

/// A value that goes into a header.
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// How a credential is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CredentialType)]
pub enum Kind {
    /// A header whose value is the secret.
    Header,
    /// HTTP Basic; the secret is `user:password`.
    Basic,
    /// OAuth 2 client credentials; the secret is the client's.
    Oauth2ClientCredentials,
    /// Not sent: for whatever else needs a secret.
    Secret,
}

/// What isn't secret about a credential.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialSettings {
    /// `header`: the header's name; Authorization without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "x-api-key")]
    header: Option<String>,
    /// `oauth2_client_credentials`: where tokens are had. HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://login.example.com/oauth2/token")]
    token_url: Option<String>,
    /// `oauth2_client_credentials`: the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// `oauth2_client_credentials`: scopes, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// `oauth2_client_credentials`: whom the token is for, where the endpoint asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    /// `oauth2_client_credentials`: whether id and secret go in the form or as HTTP Basic; `body` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_authentication: Option<ClientAuthentication>,
}

/// How a client shows itself to the token endpoint (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    Body,
    Basic,
}

/// What is wrong with a value, without the value.
pub struct ValueError(&'static str);

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Basic => "basic",
            Self::Oauth2ClientCredentials => "oauth2_client_credentials",
            Self::Secret => "secret",
        }
    }

    /// The type of a stored row.
    pub fn stored(text: &str) -> Result<Self, Problem> {
        let all = [Self::Header, Self::Basic, Self::Oauth2ClientCredentials, Self::Secret];
        let found = all.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Problem::internal("a credential of an unknown type"))
    }

    /// Refuses what could never be sent; the message never repeats the value.
    pub fn check(self, value: &Secret) -> Result<(), ValueError> {
        let bytes = value.expose();
        let visible = bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) && bytes.trim_ascii() == bytes;
        let sent = matches!(self, Self::Header | Self::Basic);
        match self {
            _ if bytes.is_empty() => Err(ValueError("must not be empty")),
            _ if bytes.len() > SECRET_BYTES_MAX => Err(ValueError("may have 65536 bytes at most")),
            _ if sent && bytes.len() > HEADER_BYTES_MAX => {
                Err(ValueError("may have 8192 bytes at most, as it goes into a header"))
            }
            Self::Header if !visible => Err(ValueError("must be visible ASCII without line breaks")),
            Self::Basic if !bytes.contains(&b':') || bytes.iter().any(u8::is_ascii_control) => {
                Err(ValueError("must be user:password without control characters"))
            }
            _ => Ok(()),
        }
    }

    /// Checks the settings against the type and gives them as they are stored.
    pub fn settings(self, checks: &mut Checks, settings: Option<CredentialSettings>, rules: &Rules) -> Value {
        let settings = settings.unwrap_or_default();
        let CredentialSettings { header, token_url, client_id, scope, audience, client_authentication } = &settings;
        let oauth = self == Self::Oauth2ClientCredentials;
        for (field, there, allowed) in [
            ("settings.header", header.is_some(), self == Self::Header),
            ("settings.token_url", token_url.is_some(), oauth),
            ("settings.client_id", client_id.is_some(), oauth),
            ("settings.scope", scope.is_some(), oauth),
            ("settings.audience", audience.is_some(), oauth),
            ("settings.client_authentication", client_authentication.is_some(), oauth),
        ] {
            if there && !allowed {
                checks.fail(field, "unknown_field", format!("is no setting of the type {}", self.as_str()));
            }
        }
        if let Some(name) = header.as_deref() {
            checks.take("settings.header", check_header_name(name));
        }
        if oauth {
            check_oauth(checks, &settings, rules);
        }
        serde_json::to_value(settings).unwrap_or_default()
    }
}

/// The client's secret goes to the token endpoint: never in the clear, but to an address literal
/// that the installation itself has opened.
fn check_oauth(checks: &mut Checks, settings: &CredentialSettings, rules: &Rules) {
    let rules = Rules { require_https: true, ..rules.clone() };
    match settings.token_url.as_deref().map(|url| parse_target(url, &rules)) {
        None => checks.fail("settings.token_url", "required", "is missing"),
        Some(Ok(_)) => {}
        Some(Err(error)) => {
            checks.fail("settings.token_url", error.code(), error.to_string().replace("endpoint_url", "token_url"))
        }
    }
    match &settings.client_id {
        None => checks.fail("settings.client_id", "required", "is missing"),
        Some(id) => checks.name("settings.client_id", id),
    }
    for (field, text) in [("settings.scope", &settings.scope), ("settings.audience", &settings.audience)] {
        if let Some(text) = text {
            checks.name(field, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_would_split_a_header_is_refused() {
        for (kind, bad) in [
            (Kind::Header, "a\r\nX-Evil: 1"),
            (Kind::Header, " padded"),
            (Kind::Header, "ä"),
            (Kind::Basic, "no-colon"),
            (Kind::Basic, "a:b\n"),
            (Kind::Secret, ""),
            (Kind::Oauth2ClientCredentials, ""),
        ] {
            assert!(kind.check(&Secret::from(bad)).is_err(), "{kind:?} {bad:?}");
        }
        assert!(Kind::Header.check(&Secret::from("Bearer abc")).is_ok());
        assert!(Kind::Basic.check(&Secret::from("ann:pässword")).is_ok());
        assert!(Kind::Header.check(&Secret::from("x".repeat(8193))).is_err());
        assert!(Kind::Secret.check(&Secret::from("x".repeat(SECRET_BYTES_MAX + 1))).is_err());
    }

    #[test]
    fn settings_belong_to_their_type() {
        let problem = |kind: Kind, settings: Value| {
            let mut checks = Checks::default();
            kind.settings(
                &mut checks,
                serde_json::from_value(settings).ok(),
                &Rules { require_https: false, ..Rules::default() },
            );
            checks.finish().err().map(|problem| problem.errors[0].field.clone())
        };
        let json = serde_json::json!({"header": "x-api-key"});
        assert_eq!(problem(Kind::Header, json.clone()), None);
        assert_eq!(problem(Kind::Basic, json).as_deref(), Some("settings.header"));
        let own = serde_json::json!({"header": "webhook-signature"});
        assert_eq!(problem(Kind::Header, own).as_deref(), Some("settings.header"));
        assert_eq!(problem(Kind::Oauth2ClientCredentials, serde_json::json!({})).as_deref(), Some("settings.token_url"));
        let oauth = serde_json::json!({"token_url": "https://id.example/t", "client_id": "c", "scope": "a b"});
        assert_eq!(problem(Kind::Oauth2ClientCredentials, oauth), None);
        for url in ["http://id.example/t", "https://127.0.0.1/t", "https://a:b@id.example/t", "https://localhost/t"] {
            let bad = serde_json::json!({"token_url": url, "client_id": "c"});
            assert_eq!(problem(Kind::Oauth2ClientCredentials, bad).as_deref(), Some("settings.token_url"), "{url}");
        }
        let audience = serde_json::json!({"audience": "x"});
        assert_eq!(problem(Kind::Header, audience).as_deref(), Some("settings.audience"));
    }
}
