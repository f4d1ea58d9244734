//! Presets: how real senders prove themselves, name a request, want to be answered, and ask a URL
//! before they use it. Data alone, a file of `preset/` each: they fill the auth, the idempotency
//! source and the acknowledgement of an inbound webhook, and never its mapping.

mod handshake;

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::inbound::{Ack, Auth, IdempotencySource};

pub use handshake::{Answer, Handshake};

/// What is known of one sender.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub name: String,
    pub title: String,
    /// Where the sender says so.
    pub documentation: String,
    pub secret: SecretOrigin,
    /// What to do at the sender.
    pub setup: String,
    pub auth: Auth,
    #[serde(default)]
    pub idempotency_source: Option<IdempotencySource>,
    #[serde(default)]
    pub ack: Option<Ack>,
    #[serde(default)]
    pub handshake: Option<Handshake>,
}

/// Whose the secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretOrigin {
    /// Ours, entered at the sender; or anything that both know.
    Either,
    /// The sender makes it, and shows it.
    Sender,
    /// The sender's public key.
    PublicKey,
}

static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    // A test sees that each of them can be read.
    FILES.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
});

/// All presets, by name.
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

/// A preset by reference: there are no names but of those that exist.
#[derive(Debug, Clone, Copy)]
pub struct PresetRef(&'static Preset);

impl PresetRef {
    pub fn named(name: &str) -> Option<Self> {
        presets().iter().find(|preset| preset.name == name).map(Self)
    }

    pub fn get(self) -> &'static Preset {
        self.0
    }
}

impl PartialEq for PresetRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for PresetRef {}

impl Serialize for PresetRef {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.name)
    }
}

impl<'de> Deserialize<'de> for PresetRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::named(&name)
            .ok_or_else(|| de::Error::custom("must be the name of a preset: /api/v1/inbound-webhooks/presets lists them"))
    }
}

const FILES: [&str; 49] = [
    include_str!("preset/alertmanager.json"),
    include_str!("preset/alga.json"),
    include_str!("preset/auvik.json"),
    include_str!("preset/bitbucket.json"),
    include_str!("preset/calendly.json"),
    include_str!("preset/chargebee.json"),
    include_str!("preset/circleci.json"),
    include_str!("preset/clerk.json"),
    include_str!("preset/connectwise.json"),
    include_str!("preset/datto_rmm.json"),
    include_str!("preset/discord.json"),
    include_str!("preset/github.json"),
    include_str!("preset/gitlab.json"),
    include_str!("preset/grafana.json"),
    include_str!("preset/heroku.json"),
    include_str!("preset/hubspot.json"),
    include_str!("preset/jira.json"),
    include_str!("preset/linear.json"),
    include_str!("preset/make.json"),
    include_str!("preset/microsoft_graph.json"),
    include_str!("preset/n8n.json"),
    include_str!("preset/n_central.json"),
    include_str!("preset/ninjaone.json"),
    include_str!("preset/openai.json"),
    include_str!("preset/paddle.json"),
    include_str!("preset/pagerduty.json"),
    include_str!("preset/postmark.json"),
    include_str!("preset/quickbooks.json"),
    include_str!("preset/replicate.json"),
    include_str!("preset/resend.json"),
    include_str!("preset/sendgrid.json"),
    include_str!("preset/sentry.json"),
    include_str!("preset/shopify.json"),
    include_str!("preset/slack.json"),
    include_str!("preset/square.json"),
    include_str!("preset/standard_webhooks.json"),
    include_str!("preset/stripe.json"),
    include_str!("preset/svix.json"),
    include_str!("preset/tactical_rmm.json"),
    include_str!("preset/twilio.json"),
    include_str!("preset/typeform.json"),
    include_str!("preset/uptime_kuma.json"),
    include_str!("preset/vercel.json"),
    include_str!("preset/webflow.json"),
    include_str!("preset/woocommerce.json"),
    include_str!("preset/xero.json"),
    include_str!("preset/zapier.json"),
    include_str!("preset/zendesk.json"),
    include_str!("preset/zoom.json"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_file_is_a_preset_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/preset");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files: BTreeSet<String> = files
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let listed: Vec<String> = presets().iter().map(|preset| preset.name.clone()).collect();
        assert_eq!(listed, files.into_iter().collect::<Vec<_>>(), "named like its file, and sorted");
        for text in FILES {
            serde_json::from_str::<Preset>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        }
    }

    #[test]
    fn a_preset_is_a_scheme_that_can_prove_something() {
        assert!(presets().len() >= 30);
        for preset in presets() {
            assert_eq!(preset.auth.check(), Ok(()), "{}", preset.name);
            assert!(preset.auth.has_secret() && !matches!(preset.auth, Auth::Preset { .. }), "{}", preset.name);
            assert_eq!(preset.auth.public_key().is_some(), preset.secret == SecretOrigin::PublicKey, "{}", preset.name);
            assert!(preset.documentation.starts_with("https://") && !preset.setup.is_empty(), "{}", preset.name);
        }
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        assert!(serde_json::from_str::<PresetRef>("\"telepathy\"").is_err());
        assert_eq!(serde_json::to_string(&PresetRef::named("github").unwrap()).unwrap(), "\"github\"");
    }
}
