//! Each preset against a request that its sender would send: made apart from our own code, or taken
//! from the sender's documentation. It passes; with another secret, one byte altered or too late it
//! doesn't; and it passes while a rotation overlaps.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64;
use hookswitch_domain::inbound::{Auth, AuthStatus};
use hookswitch_domain::preset::{Preset, PresetRef, presets};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::auth::{Knock, check};
use serde::Deserialize;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    /// Who published it.
    source: Option<String>,
    now: i64,
    secret: String,
    other: String,
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: String,
}

fn vectors(preset: &Preset) -> Vec<Vector> {
    let path = format!("{}/tests/presets/{}.json", env!("CARGO_MANIFEST_DIR"), preset.name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Vector {
    /// The request under the preset's scheme, with these secrets as people would enter them.
    fn judge(&self, preset: &Preset, secrets: &[&str]) -> Result<(), (AuthStatus, String)> {
        let auth = Auth::Preset { preset: PresetRef::named(&preset.name).unwrap() };
        let read =
            |text: &&str| auth.read_secret(&Secret::from(*text)).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        let secrets: Vec<Secret> = secrets.iter().map(read).collect();
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
        let knock = Knock {
            method: &self.method,
            url: &self.url,
            headers: &headers,
            query: self.url.split_once('?').map_or("", |(_, query)| query),
            body: self.body.as_bytes(),
            source: None,
            now: Timestamp::from_seconds(self.now),
        };
        check(&auth, &[], &secrets, &knock).map_err(|refused| (refused.status, refused.reason))
    }

    /// The same request with one byte altered, of what its scheme covers.
    fn altered(&self, auth: &Auth) -> Self {
        let mut vector = self.clone();
        let (kept, last) = self.secret.split_at(self.secret.len() - 1);
        let wrong = format!("{kept}{}", if last == "x" { "y" } else { "x" });
        match auth {
            Auth::Signature { .. } => {
                let place = self.body.find(|c: char| c.is_ascii_lowercase()).unwrap();
                let letter = if &self.body[place..=place] == "q" { "r" } else { "q" };
                vector.body.replace_range(place..=place, letter);
            }
            Auth::Basic { username } => {
                let pair = BASE64.encode(format!("{username}:{wrong}").as_bytes());
                vector.headers.insert("authorization".to_owned(), format!("Basic {pair}"));
            }
            _ => {
                vector.headers.values_mut().for_each(|value| *value = value.replace(&self.secret, &wrong));
                vector.url = self.url.replace(&self.secret, &wrong);
                vector.body = self.body.replacen(&self.secret, &wrong, 1);
            }
        }
        vector
    }
}

#[test]
fn every_preset_takes_its_senders_requests_and_no_others() {
    for preset in presets() {
        let name = &preset.name;
        let vectors = vectors(preset);
        assert!(vectors[0].source.is_none(), "{name}: the first is ours");
        for vector in &vectors {
            assert_eq!(vector.judge(preset, &[&vector.secret]), Ok(()), "{name}");
            assert_eq!(vector.judge(preset, &[&vector.other, &vector.secret]), Ok(()), "{name} while a rotation overlaps");
            assert!(vector.judge(preset, &[&vector.other]).is_err(), "{name} with another secret");
            assert!(vector.judge(preset, &[]).is_err(), "{name} without a secret");
            let refused = vector.altered(&preset.auth).judge(preset, &[&vector.secret]).expect_err(name);
            assert!(matches!(refused.0, AuthStatus::RejectedSignature | AuthStatus::RejectedBearer), "{name}: {refused:?}");
            let bare = Vector { headers: BTreeMap::new(), url: "https://hooks.example.com/".to_owned(), ..vector.clone() };
            let needs_body = matches!(preset.auth, Auth::BodyField { .. });
            assert_eq!(bare.judge(preset, &[&vector.secret]).is_ok(), needs_body, "{name} without its headers");
        }
    }
}

#[test]
fn a_preset_with_a_signed_time_takes_nothing_old_and_nothing_from_the_future() {
    let mut timed = 0;
    for preset in presets() {
        let Auth::Signature { descriptor } = &preset.auth else { continue };
        for vector in vectors(preset) {
            let tolerance = i64::try_from(descriptor.tolerance().as_secs()).unwrap();
            let at = |offset: i64| Vector { now: vector.now + offset, ..vector.clone() }.judge(preset, &[&vector.secret]);
            assert_eq!(at(tolerance), Ok(()), "{}", preset.name);
            match descriptor.has_time() {
                true => {
                    assert!(at(tolerance + 1).unwrap_err().1.contains("s old"), "{}", preset.name);
                    assert!(at(-tolerance - 1).unwrap_err().1.contains("s ahead"), "{}", preset.name);
                    timed += 1;
                }
                // Such a sender says nothing of the time: its ids have to keep repetitions away.
                false => assert_eq!(at(Duration::from_hours(48).as_secs() as i64), Ok(()), "{}", preset.name),
            }
        }
    }
    assert!(timed >= 15, "{timed}");
}

#[test]
fn the_published_examples_are_among_the_vectors() {
    let published =
        |name: &str| vectors(PresetRef::named(name).unwrap().get()).into_iter().filter_map(|vector| vector.source).count();
    for name in ["github", "slack", "standard_webhooks", "svix", "sendgrid"] {
        assert_eq!(published(name), 1, "{name}");
    }
}
