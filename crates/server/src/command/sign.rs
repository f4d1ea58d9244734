//! `sign`: makes the headers of any profile for a body, offline, to try a receiver out.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Descriptor, Message, Profile, sign};
use hookswitch_domain::time::Timestamp;
use serde_json::{Map, Value};

use super::{Global, ambient, input};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    scheme: Scheme,
    /// The body; standard input without it, or with `-`.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The message id that is signed (default: a fresh one).
    #[arg(long)]
    id: Option<String>,
    /// Unix seconds (default: now).
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<i64>,
    /// For profiles that tell it.
    #[arg(long, default_value = "example.event")]
    event_type: String,
}

/// A profile and its secrets, as `sign` and `verify` take them.
#[derive(Args)]
pub struct Scheme {
    /// standard, oneprotect, fr022, alga, or the path of a JSON file with a descriptor of your own.
    #[arg(long, default_value = "standard")]
    profile: String,
    /// A file with the secret, or half of an Ed25519 pair (whsk_ signs, whpk_ verifies); may be repeated during a rotation,
    /// the newest first.
    #[arg(long, value_name = "FILE")]
    secret_file: Vec<PathBuf>,
    /// The secret itself. Other users of this machine can see it while the command runs.
    #[arg(long, env = "HOOKSWITCH_SIGNING_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

impl Scheme {
    pub fn profile(&self) -> anyhow::Result<Profile> {
        if let Some(profile) = Profile::named(&self.profile) {
            return Ok(profile);
        }
        let known = Profile::NAMED.map(|(name, _)| name).join(", ");
        let text = std::fs::read_to_string(&self.profile);
        let text = text.with_context(|| format!("--profile must be {known}, or a file with a descriptor"))?;
        let descriptor: Descriptor = serde_json::from_str(&text).with_context(|| self.profile.clone())?;
        let profile = Profile::Custom(Box::new(descriptor));
        profile.check().map_err(|error| anyhow::anyhow!("{}: {error}", self.profile))?;
        Ok(profile)
    }

    pub fn secrets(&self) -> anyhow::Result<Vec<Secret>> {
        let mut secrets = Vec::new();
        for path in &self.secret_file {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            secrets.push(Secret::from(text.trim_end_matches(['\r', '\n'])));
        }
        secrets.extend(self.secret.as_deref().map(Secret::from));
        if secrets.is_empty() {
            anyhow::bail!("say which secret: --secret-file FILE, --secret TEXT or HOOKSWITCH_SIGNING_SECRET");
        }
        Ok(secrets)
    }
}

pub fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (profile, secrets) = (arguments.scheme.profile()?, arguments.scheme.secrets()?);
    let body = input(arguments.body.as_deref())?;
    let ambient = ambient();
    let (event_id, delivery_id): (EventId, DeliveryId) = (ambient.fresh(), ambient.fresh());
    let id = arguments.id.unwrap_or_else(|| hookswitch_domain::id::to_text("msg", event_id.uuid()));
    let message = Message {
        id: &id,
        event_id,
        event_type: &arguments.event_type,
        delivery_id,
        destination_id: ambient.fresh::<DestinationId>(),
        attempt: 1,
        timestamp: arguments.timestamp.map_or_else(|| ambient.now(), Timestamp::from_seconds),
        body: &body,
    };
    let headers = sign(&profile, &secrets, &message)?;
    if global.json {
        let map: Map<String, Value> = headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        println!("{}", Value::from(map));
    } else {
        headers.iter().for_each(|(name, value)| println!("{name}: {value}"));
    }
    Ok(ExitCode::SUCCESS)
}
