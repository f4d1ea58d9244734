//! What senders ask a URL before they use it. Each is answered where the webhook's preset has it
//! and nowhere else, and after the signature where the sender signs; nothing is logged or run.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::secret::Secret;
use crate::signature::hmac_sha256;

/// Longer tokens are not echoed: those of senders have a few hundred characters.
const TOKEN_CHARS_MAX: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    /// A body of the type `url_verification` is answered with its `challenge`.
    SlackChallenge,
    /// `?validationToken=` is echoed. Nobody signs it.
    GraphValidationToken,
    /// A signed body without events: 200 without a body. A badly signed one is a 401 like any other.
    XeroProbe,
    /// A body of type 0 (webhook events): 204; of type 1 (interactions): the same type.
    DiscordPing,
    /// A token, to be returned with its HMAC under the secret.
    ZoomValidation,
    /// The first request of a new webhook: `X-GitHub-Event: ping`.
    GithubPing,
}

/// What the sender wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// None where there is no body.
    pub media: Option<&'static str>,
    pub body: String,
}

impl Answer {
    fn empty(status: u16) -> Self {
        Self { status, media: None, body: String::new() }
    }

    /// Never HTML: what is echoed must not run anywhere.
    fn text(body: &str) -> Option<Self> {
        let plain = !body.is_empty() && body.chars().count() <= TOKEN_CHARS_MAX && !body.chars().any(char::is_control);
        plain.then(|| Self { status: 200, media: Some("text/plain; charset=utf-8"), body: body.to_owned() })
    }

    fn json(body: &Value) -> Self {
        Self { status: 200, media: Some("application/json"), body: body.to_string() }
    }
}

impl Handshake {
    /// The answer to what nobody signs.
    pub fn unsigned(self, query: &str) -> Option<Answer> {
        if self != Self::GraphValidationToken {
            return None;
        }
        let mut tokens = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "validationToken");
        match (tokens.next(), tokens.next()) {
            (Some((_, token)), None) => Answer::text(&token),
            _ => None,
        }
    }

    /// The answer to a request that has proven its sender. The secret is the current one.
    pub fn verified(self, headers: &[(String, Vec<u8>)], body: &[u8], secret: &Secret) -> Option<Answer> {
        if self == Self::GithubPing {
            let ping = headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("x-github-event") && value == b"ping");
            return ping.then(|| Answer::empty(200));
        }
        let body: Value = serde_json::from_slice(body).ok()?;
        match self {
            Self::SlackChallenge if body["type"] == "url_verification" => Answer::text(body["challenge"].as_str()?),
            Self::XeroProbe if body["events"].as_array()?.is_empty() => Some(Answer::empty(200)),
            Self::DiscordPing if body["type"] == 0 => Some(Answer::empty(204)),
            Self::DiscordPing if body["type"] == 1 && body.get("event").is_none() => Some(Answer::json(&json!({ "type": 1 }))),
            Self::ZoomValidation if body["event"] == "endpoint.url_validation" => {
                let token = body["payload"]["plainToken"].as_str()?;
                let code = HEXLOWER.encode(&hmac_sha256(secret.expose(), [token.as_bytes()]));
                (token.len() <= TOKEN_CHARS_MAX).then(|| Answer::json(&json!({ "plainToken": token, "encryptedToken": code })))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(handshake: Handshake, body: &str) -> Option<Answer> {
        handshake.verified(&[], body.as_bytes(), &"the secret of the webhook".into())
    }

    #[test]
    fn each_sender_hears_what_it_wants_to_hear() {
        let slack =
            verified(Handshake::SlackChallenge, r#"{"token":"x","challenge":"3eZbrw1aB","type":"url_verification"}"#).unwrap();
        assert_eq!((slack.status, slack.media, &*slack.body), (200, Some("text/plain; charset=utf-8"), "3eZbrw1aB"));
        let graph = Handshake::GraphValidationToken.unsigned("a=b&validationToken=Validation%3A+Testing+%3Cb%3E").unwrap();
        assert_eq!((graph.media, &*graph.body), (Some("text/plain; charset=utf-8"), "Validation: Testing <b>"));
        let xero = verified(Handshake::XeroProbe, r#"{"events":[],"firstEventSequence":0,"entropy":"x"}"#).unwrap();
        assert_eq!((xero.status, xero.media, &*xero.body), (200, None, ""));
        assert_eq!(verified(Handshake::DiscordPing, r#"{"version":1,"application_id":"1","type":0}"#).unwrap().status, 204);
        assert_eq!(verified(Handshake::DiscordPing, r#"{"type":1,"id":"1"}"#).unwrap().body, r#"{"type":1}"#);
        let zoom = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#;
        let zoom: Value = serde_json::from_str(&verified(Handshake::ZoomValidation, zoom).unwrap().body).unwrap();
        let code = HEXLOWER.encode(&hmac_sha256(b"the secret of the webhook", [&b"qgg8vlvZRS6UYooatFL8Aw"[..]]));
        assert_eq!(zoom, json!({"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": code}));
        let ping = [("X-GitHub-Event".to_owned(), b"ping".to_vec())];
        assert_eq!(Handshake::GithubPing.verified(&ping, b"{}", &"x".into()), Some(Answer::empty(200)));
    }

    #[test]
    fn what_is_no_handshake_goes_its_way() {
        for (handshake, body) in [
            (Handshake::SlackChallenge, r#"{"type":"event_callback","challenge":"x"}"#),
            (Handshake::SlackChallenge, r#"{"type":"url_verification"}"#),
            (Handshake::XeroProbe, r#"{"events":[{}]}"#),
            (Handshake::XeroProbe, "[]"),
            (Handshake::DiscordPing, r#"{"type":1,"event":{"type":"ENTITLEMENT_CREATE"}}"#),
            (Handshake::ZoomValidation, r#"{"event":"meeting.ended"}"#),
            (Handshake::GithubPing, "{}"),
            (Handshake::SlackChallenge, "no json"),
        ] {
            assert_eq!(verified(handshake, body), None, "{body}");
        }
        for query in
            ["", "validationtoken=x", "validationToken=", "validationToken=a&validationToken=b", "validationToken=a%0d%0ab"]
        {
            assert_eq!(Handshake::GraphValidationToken.unsigned(query), None, "{query}");
        }
        let long = format!("validationToken={}", "x".repeat(1_025));
        assert_eq!(Handshake::GraphValidationToken.unsigned(&long), None);
        assert_eq!(Handshake::SlackChallenge.unsigned("validationToken=x"), None);
    }
}
