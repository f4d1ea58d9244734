//! How a webhook's sender proves itself, as it is configured over the API. Each type has settings
//! of its own, and what is wrong with one is told by its field.

use hookswitch_domain::inbound::Auth;
use hookswitch_domain::preset::PresetRef;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{BodyPath, Descriptor};
use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::body::within;
use crate::api::problem::Problem;

/// How a sender proves itself; `type` repeats `auth_type`.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InboundWebhookAuthConfig {
    HmacSha256(InboundHmacAuth),
    Bearer(InboundBearerAuth),
    IpAllowlist(InboundIpAllowlistAuth),
    PathToken(InboundPathTokenAuth),
    Signature(InboundSignatureAuth),
    StaticHeader(InboundStaticHeaderAuth),
    Basic(InboundBasicAuth),
    BodyField(InboundBodyFieldAuth),
    Preset(InboundPresetAuth),
}

/// HMAC-SHA256 of the raw body, hex, plain or after `sha256=`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundHmacAuth {
    /// The header that carries it.
    #[serde(default = "signature_header")]
    #[schema(default = "X-Alga-Signature")]
    signature_header: String,
    /// 16 characters or more; generated where absent. Never shown again.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// `Authorization: Bearer <secret>`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundBearerAuth {
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// The sender's address is in one of these networks.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundIpAllowlistAuth {
    #[schema(value_type = Vec<String>, example = json!(["192.0.2.0/24"]))]
    ip_cidrs: Vec<IpNet>,
}

/// The secret in a query parameter.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundPathTokenAuth {
    #[serde(default = "param")]
    #[schema(default = "token")]
    param: String,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// A signature, as the descriptor says.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundSignatureAuth {
    #[schema(value_type = InboundSignatureDescriptor)]
    descriptor: Box<Descriptor>,
    /// The shared secret (generated where absent), or the sender's public key, which has to be given: as a PEM block,
    /// the base64 of its DER, or its bytes as hex or base64.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// The secret alone in a header.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundStaticHeaderAuth {
    #[schema(example = "X-Webhook-Secret")]
    header: String,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// `Authorization: Basic`, with the secret as the password.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundBasicAuth {
    #[schema(example = "alerts")]
    username: String,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// The secret in the JSON body.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundBodyFieldAuth {
    /// Names between dots; `[]` goes into each element of a list, and the secret must stand in each.
    #[schema(value_type = String, example = "value[].clientState")]
    path: BodyPath,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// As a known sender does it. Where `idempotency_source` or `ack` is left away, the preset's is taken.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundPresetAuth {
    /// One of /api/v1/inbound-webhooks/presets.
    #[schema(value_type = String, example = "github")]
    preset: PresetRef,
    /// The secret that both know, or the sender's public key, as the preset says.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// How a sender signs. Only `signature_header` and `template` are needed: the others say where it differs from the hex
/// HMAC-SHA256 of the template's text.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the words of the API document; what is read is the domain's Descriptor, and a test compares")]
pub struct InboundSignatureDescriptor {
    #[schema(example = "X-Signature")]
    signature_header: String,
    /// What is signed: `{body}` or `{sorted_form}` (names and values of a form, sorted), and around it `{id}`,
    /// `{timestamp}`, `{method}`, `{url}` (as the sender calls it, with its query) and text.
    #[schema(example = "{timestamp}.{body}")]
    template: String,
    /// `hmac_sha256`, `hmac_sha512`, `hmac_sha1`, `ed25519` or `ecdsa_p256`.
    #[schema(required = false, default = "hmac_sha256")]
    algorithm: String,
    /// `hex`, `base64` or `base64url`.
    #[schema(required = false, default = "hex")]
    encoding: String,
    /// Stands before each signature: `sha256=`, `v1=`.
    #[schema(required = false, default = "")]
    prefix: String,
    /// Whether a signature without the prefix is taken too.
    #[schema(required = false, default = false)]
    prefix_optional: bool,
    /// Where the header is a list, what stands between its entries: `none`, `space`, `comma` or `semicolon`. One good
    /// signature is enough; entries with other prefixes are passed over.
    #[schema(required = false, default = "none")]
    separator: String,
    /// How the key is made of the secret: `text` (its characters), `base64`, `hex` (what they encode) or `sha256` (their
    /// digest).
    #[schema(required = false, default = "text")]
    key: String,
    /// The header with the time of signing. A time that the template holds is needed in one place.
    #[schema(example = "X-Timestamp")]
    timestamp_header: Option<String>,
    /// Or its entry in the signature's header: `t=`.
    timestamp_prefix: Option<String>,
    /// Or a field of the JSON body, which is signed with it: `event.sent_at`.
    timestamp_path: Option<String>,
    /// `seconds` (ten digits), `milliseconds` (thirteen) or `rfc3339` (in UTC).
    #[schema(required = false, default = "seconds")]
    timestamp_unit: String,
    /// How far the time may be off; 300 where absent.
    #[schema(minimum = 1, maximum = 86400)]
    tolerance_seconds: Option<u32>,
    /// The header with the `{id}` of the template.
    id_header: Option<String>,
    /// For sending alone: always empty here.
    #[schema(required = false)]
    facts: Vec<Value>,
}

fn signature_header() -> String {
    "X-Alga-Signature".to_owned()
}

fn param() -> String {
    "token".to_owned()
}

const FIELD: &str = "auth_config";

/// Reads `auth_config` as it came. The secret apart, if one is given.
pub(super) fn read(mut given: Map<String, Value>) -> Result<(Auth, Option<Secret>), Problem> {
    let kind = match given.remove("type") {
        Some(Value::String(kind)) => kind,
        Some(_) => return Err(Problem::invalid("auth_config.type", "wrong_type", "must be a string")),
        None => return Err(Problem::invalid("auth_config.type", "required", "is missing")),
    };
    fn settings<T: DeserializeOwned>(given: Map<String, Value>) -> Result<T, Problem> {
        within(FIELD, Value::Object(given))
    }
    Ok(match kind.as_str() {
        "hmac_sha256" => settings::<InboundHmacAuth>(given)?.split(),
        "bearer" => settings::<InboundBearerAuth>(given)?.split(),
        "ip_allowlist" => settings::<InboundIpAllowlistAuth>(given)?.split(),
        "path_token" => settings::<InboundPathTokenAuth>(given)?.split(),
        "signature" => settings::<InboundSignatureAuth>(given)?.split(),
        "static_header" => settings::<InboundStaticHeaderAuth>(given)?.split(),
        "basic" => settings::<InboundBasicAuth>(given)?.split(),
        "body_field" => settings::<InboundBodyFieldAuth>(given)?.split(),
        "preset" => settings::<InboundPresetAuth>(given)?.split(),
        _ => {
            let known = format!("must be one of: {}", Auth::TYPES.join(", "));
            return Err(Problem::invalid("auth_config.type", "invalid", known));
        }
    })
}

impl InboundHmacAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::HmacSha256 { signature_header: self.signature_header }, self.secret)
    }
}

impl InboundBearerAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::Bearer {}, self.secret)
    }
}

impl InboundIpAllowlistAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::IpAllowlist { ip_cidrs: self.ip_cidrs }, None)
    }
}

impl InboundPathTokenAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::PathToken { param: self.param }, self.secret)
    }
}

impl InboundSignatureAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::Signature { descriptor: self.descriptor }, self.secret)
    }
}

impl InboundStaticHeaderAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::StaticHeader { header: self.header }, self.secret)
    }
}

impl InboundBasicAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::Basic { username: self.username }, self.secret)
    }
}

impl InboundBodyFieldAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::BodyField { path: self.path }, self.secret)
    }
}

impl InboundPresetAuth {
    fn split(self) -> (Auth, Option<Secret>) {
        (Auth::Preset { preset: self.preset }, self.secret)
    }
}

impl From<Auth> for InboundWebhookAuthConfig {
    fn from(auth: Auth) -> Self {
        let secret = None;
        match auth {
            Auth::HmacSha256 { signature_header } => Self::HmacSha256(InboundHmacAuth { signature_header, secret }),
            Auth::Bearer {} => Self::Bearer(InboundBearerAuth { secret }),
            Auth::IpAllowlist { ip_cidrs } => Self::IpAllowlist(InboundIpAllowlistAuth { ip_cidrs }),
            Auth::PathToken { param } => Self::PathToken(InboundPathTokenAuth { param, secret }),
            Auth::Signature { descriptor } => Self::Signature(InboundSignatureAuth { descriptor, secret }),
            Auth::StaticHeader { header } => Self::StaticHeader(InboundStaticHeaderAuth { header, secret }),
            Auth::Basic { username } => Self::Basic(InboundBasicAuth { username, secret }),
            Auth::BodyField { path } => Self::BodyField(InboundBodyFieldAuth { path, secret }),
            Auth::Preset { preset } => Self::Preset(InboundPresetAuth { preset, secret }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn document() -> Value {
        serde_json::to_value(crate::api::document()).unwrap()
    }

    #[test]
    fn the_api_document_names_every_field_of_a_descriptor() {
        let written = serde_json::to_value(Descriptor::body_hmac("X-Signature")).unwrap();
        let read: BTreeSet<String> = written.as_object().unwrap().keys().cloned().collect();
        let schema = &document()["components"]["schemas"]["InboundSignatureDescriptor"];
        let told: BTreeSet<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(told, read);
        assert_eq!(schema["required"], serde_json::json!(["signature_header", "template"]));
    }

    #[test]
    fn the_api_document_names_every_type() {
        let document = document();
        let variants = document["components"]["schemas"]["InboundWebhookAuthConfig"]["oneOf"].as_array().unwrap();
        let text = serde_json::to_string(variants).unwrap();
        assert_eq!(variants.len(), Auth::TYPES.len());
        for name in Auth::TYPES {
            assert!(text.contains(&format!("\"{name}\"")), "{name}: {text}");
        }
    }
}
