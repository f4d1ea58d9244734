//! Verification fixtures: requests that a receiver must take, and requests that it must refuse,
//! made by the code that signs deliveries. `hookswitch fixtures` prints them, so that receivers in
//! any language can be tested offline, and our own documentation is.
//!
//! Everything is fixed: the same program prints the same bytes. The secrets are test material and
//! protect nothing.

use data_encoding::BASE64;
use serde::Serialize;
use uuid::Uuid;

use super::{Message, Profile, SignError, TOLERANCE, hmac_sha256, message_id, new_key_pair, new_secret, sign};
use crate::id::{DeliveryId, DestinationId, EventId, TenantId};
use crate::secret::Secret;
use crate::time::Timestamp;

/// The moment at which every request arrives: 2026-01-01T00:00:00Z.
pub const NOW: i64 = 1_767_225_600;
const BODY: &str =
    r#"{"event_id":"evt_00000000000000000000000001","event_type":"ticket.created","payload":{"title":"Grüße 😀","n":1.0}}"#;
const DESCRIPTOR: &str = r#"{"custom": {"signature_header": "X-Example-Signature", "prefix": "v0=", "separator": "comma",
    "template": "v0:{timestamp}:{body}", "timestamp_header": "X-Example-Time"}}"#;

const EVENT: EventId = EventId(Uuid::from_u128(1));

type Headers = Vec<(String, String)>;

/// All of them.
#[derive(Debug, Serialize)]
pub struct Fixtures {
    pub format: &'static str,
    pub version: u32,
    pub note: &'static str,
    pub tolerance_seconds: u64,
    pub cases: Vec<Case>,
}

/// What a receiver should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    Accept,
    /// The signature is right, and the id was handled before: do nothing again.
    Duplicate,
    Refuse,
}

/// One request, and what its receiver knows.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// `profile.what`; unique.
    pub name: String,
    pub why: &'static str,
    pub profile: Profile,
    /// What the receiver has configured: `whsec_...` or `whpk_...`.
    pub keys: Vec<String>,
    /// The receiver's clock, in Unix seconds.
    pub now: i64,
    pub headers: Headers,
    /// UTF-8, without a line break at its end.
    pub body: String,
    /// What to dedupe by.
    pub id: String,
    /// Ids that the receiver has handled.
    pub seen: Vec<String>,
    pub expect: Expect,
}

/// What signs: a shared secret or a key pair, with what its receiver is given.
struct Signer {
    private: Secret,
    given: String,
}

impl Signer {
    fn shared(seed: u8) -> Self {
        let text = new_secret(bytes(seed));
        Self { private: Secret::from(text.as_str()), given: text }
    }

    fn pair(seed: u8) -> Self {
        let (private, given) = new_key_pair(bytes(seed));
        Self { private, given }
    }
}

fn bytes(seed: u8) -> [u8; 32] {
    std::array::from_fn(|place| seed.wrapping_mul(31).wrapping_add(place as u8).wrapping_mul(7))
}

/// The cases of one profile and one kind of key.
struct Set<'a> {
    name: &'static str,
    profile: Profile,
    signers: [&'a Signer; 3],
    cases: Vec<Case>,
}

pub fn fixtures() -> Result<Fixtures, SignError> {
    let shared = [Signer::shared(1), Signer::shared(2), Signer::shared(3)];
    let pairs = [Signer::pair(4), Signer::pair(5), Signer::pair(6)];
    let custom = serde_json::from_str(DESCRIPTOR).unwrap_or_default();
    let mut cases = Vec::new();
    for (name, profile, signers) in [
        ("standard", Profile::Standard, &shared),
        ("standard_v1a", Profile::Standard, &pairs),
        ("oneprotect", Profile::Oneprotect, &shared),
        ("fr022", Profile::Fr022, &shared),
        ("alga", Profile::Alga, &shared),
        ("custom", custom, &shared),
    ] {
        let [current, previous, other] = signers;
        let mut set = Set { name, profile, signers: [current, previous, other], cases: Vec::new() };
        set.times()?;
        set.bodies_and_keys()?;
        set.rotation()?;
        set.field_shift()?;
        cases.append(&mut set.cases);
    }
    cases.extend(both_kinds(&shared, &pairs)?);
    Ok(Fixtures {
        format: "hookswitch-verification-fixtures",
        version: 1,
        note: "Test material: these secrets and keys are published and protect nothing.",
        tolerance_seconds: TOLERANCE.as_secs(),
        cases,
    })
}

/// The headers of a message that these sign.
fn signed(profile: &Profile, by: &[&Signer], id: &str, at: i64, body: &str) -> Result<Headers, SignError> {
    let secrets: Vec<Secret> = by.iter().map(|signer| signer.private.clone()).collect();
    let message = Message {
        id,
        event_id: EVENT,
        event_type: "ticket.created",
        delivery_id: DeliveryId(Uuid::from_u128(2)),
        destination_id: DestinationId(Uuid::from_u128(3)),
        attempt: 1,
        timestamp: Timestamp::from_seconds(at),
        body: body.as_bytes(),
    };
    let headers = sign(profile, &secrets, &message)?;
    Ok(headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn id() -> String {
    message_id(TenantId(Uuid::from_u128(4)), EVENT, DestinationId(Uuid::from_u128(3)))
}

impl Set<'_> {
    /// A case that is right in every way; others differ from it in one.
    fn right(&self, what: &str, why: &'static str) -> Result<Case, SignError> {
        let [current, ..] = self.signers;
        Ok(Case {
            name: format!("{}.{what}", self.name),
            why,
            profile: self.profile.clone(),
            keys: vec![current.given.clone()],
            now: NOW,
            headers: signed(&self.profile, &[current], &id(), NOW, BODY)?,
            body: BODY.to_owned(),
            id: self.dedupes_by(),
            seen: Vec::new(),
            expect: Expect::Accept,
        })
    }

    /// The signed id where there is one, else the event's: it stands in the signed body.
    fn dedupes_by(&self) -> String {
        let signs_id = self.profile.descriptor().is_some_and(|descriptor| descriptor.id_header.is_some());
        if signs_id { id() } else { EVENT.to_string() }
    }

    fn add(&mut self, what: &str, why: &'static str, expect: Expect, change: impl FnOnce(&mut Case)) -> Result<(), SignError> {
        let mut case = Case { expect, ..self.right(what, why)? };
        change(&mut case);
        self.cases.push(case);
        Ok(())
    }

    fn times(&mut self) -> Result<(), SignError> {
        use Expect::{Accept, Duplicate, Refuse};
        let tolerance = TOLERANCE.as_secs() as i64;
        self.add("valid", "the request as it is sent", Accept, |_| ())?;
        self.add("valid_oldest", "300 seconds old: just inside the window", Accept, |case| case.now += tolerance)?;
        self.add("valid_ahead", "300 seconds ahead: just inside the window", Accept, |case| case.now -= tolerance)?;
        self.add("stale", "301 seconds old", Refuse, |case| case.now += tolerance + 1)?;
        self.add("future", "301 seconds ahead", Refuse, |case| case.now -= tolerance + 1)?;
        let why = "the same id again, inside the window: the signature is right, and it was handled already";
        self.add("replayed_id", why, Duplicate, |case| case.seen = vec![case.id.clone()])
    }

    fn bodies_and_keys(&mut self) -> Result<(), SignError> {
        use Expect::Refuse;
        let [_, _, other] = self.signers;
        let profile = self.profile.clone();
        let header = profile.descriptor().map_or("", |descriptor| &descriptor.signature_header).to_owned();
        let change = |name: String, change: fn(&mut String)| {
            move |case: &mut Case| {
                case.headers.iter_mut().filter(|(given, _)| *given == name).for_each(|(_, value)| change(value))
            }
        };
        let theirs = other.given.clone();
        self.add("wrong_secret", "another secret's or key's signature", Refuse, |case| case.keys = vec![theirs])?;
        self.add("altered_body", "one letter of the body is another one", Refuse, |case| {
            case.body = case.body.replace("ticket.created", "ticket.deleted");
        })?;
        self.add("reserialised_body", "parsed and written again: the same document in other bytes", Refuse, |case| {
            case.body = case.body.replace("1.0", "1");
        })?;
        self.add(
            "cut_signature",
            "the signature's last eight characters are missing",
            Refuse,
            change(header.clone(), |value| {
                value.truncate(value.len() - 8);
            }),
        )?;
        self.add("empty_signature", "the header is there and empty", Refuse, change(header.clone(), String::clear))?;
        self.add("no_signature", "the header is missing", Refuse, |case| case.headers.retain(|(name, _)| *name != header))
    }

    fn rotation(&mut self) -> Result<(), SignError> {
        let [current, previous, _] = self.signers;
        let headers = signed(&self.profile, &[current, previous], &id(), NOW, BODY)?;
        let (new, both) = (headers.clone(), headers.clone());
        self.add("rotated", "during an overlap, for a receiver that has the new one", Expect::Accept, |case| case.headers = new)?;
        let (old, keys) = (previous.given.clone(), vec![previous.given.clone(), current.given.clone()]);
        self.add("rotated_both", "the same, for one that has both", Expect::Accept, |case| {
            (case.headers, case.keys) = (both, keys);
        })?;
        let (why, expect) = match self.profile.carries_two() {
            true => ("the same, for one that has the old one still", Expect::Accept),
            false => ("this profile carries one signature: after a rotation the old secret is no good", Expect::Refuse),
        };
        self.add("rotated_old", why, expect, |case| (case.headers, case.keys) = (headers, vec![old]))
    }

    /// A signed text that is cut elsewhere: the signature is right, and the fields are not what was signed.
    fn field_shift(&mut self) -> Result<(), SignError> {
        let [current, ..] = self.signers;
        let Some(descriptor) = self.profile.descriptor() else { return Ok(()) };
        let (id_header, time_header) = (descriptor.id_header.clone(), descriptor.timestamp_header.clone());
        let old = NOW - 100_000;
        let (signed_body, at) = match id_header {
            Some(_) => (format!("{NOW}.{BODY}"), old),
            None => (format!("17.{BODY}"), NOW),
        };
        let mut headers = signed(&self.profile, &[current], &id(), at, &signed_body)?;
        for (name, value) in &mut headers {
            if id_header.as_deref() == Some(name) {
                *value = format!("{value}.{old}");
            } else if time_header.as_deref() == Some(name) {
                *value = if id_header.is_some() { NOW.to_string() } else { format!("{value}.17") };
            } else if time_header.is_none() {
                *value = value.replacen(&format!("t={at}"), &format!("t={at}.17"), 1);
            }
        }
        let why = match id_header {
            Some(_) => "an old message made fresh: its time moved into the id, and its body's beginning into the time",
            None => "the beginning of the body moved into the time",
        };
        self.add("field_shift", why, Expect::Refuse, |case| case.headers = headers)
    }
}

/// `v1` and `v1a` in one header, and what must not follow from it.
fn both_kinds(shared: &[Signer; 3], pairs: &[Signer; 3]) -> Result<Vec<Case>, SignError> {
    use Expect::{Accept, Refuse};
    let ([secret, ..], [pair, ..]) = (shared, pairs);
    let set = Set { name: "standard_both", profile: Profile::Standard, signers: [secret, secret, secret], cases: Vec::new() };
    let headers = signed(&Profile::Standard, &[secret, pair], &id(), NOW, BODY)?;
    let case = |what: &str, why, expect, key: &Signer, headers: &Headers| -> Result<Case, SignError> {
        Ok(Case { expect, keys: vec![key.given.clone()], headers: headers.clone(), ..set.right(what, why)? })
    };
    let hmac_alone = signed(&Profile::Standard, &[secret], &id(), NOW, BODY)?;
    let at = NOW.to_string();
    let raw = super::public_key_bytes(&pair.given).unwrap_or_default();
    let forge = |key: &[u8]| hmac_sha256(key, [id().as_bytes(), b".", at.as_bytes(), b".", BODY.as_bytes()]);
    let lines = [&raw[..], pair.given.as_bytes()].map(|key| format!("v1,{}", BASE64.encode(&forge(key))));
    let mut forged = hmac_alone.clone();
    forged.iter_mut().filter(|(name, _)| name == "webhook-signature").for_each(|(_, value)| *value = lines.join(" "));
    Ok(vec![
        case("secret", "a receiver with the secret looks at v1", Accept, secret, &headers)?,
        case("public_key", "a receiver with the public key looks at v1a", Accept, pair, &headers)?,
        case("downgrade", "v1a was cut out: a receiver with a public key alone takes nothing else", Refuse, pair, &hmac_alone)?,
        case("confusion", "v1 made with the public key, which everybody knows", Refuse, pair, &forged)?,
    ])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::verify;
    use super::*;

    /// What we print is what we do: our own verifier, with a set of ids, agrees with every case.
    #[test]
    fn our_own_verifier_agrees_with_every_fixture() {
        let all = fixtures().unwrap();
        for case in &all.cases {
            let keys: Vec<Secret> = case.keys.iter().map(|key| Secret::from(key.as_str())).collect();
            let headers: Vec<_> = case.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            let tolerance = Duration::from_secs(all.tolerance_seconds);
            let now = Timestamp::from_seconds(case.now);
            let verified = verify(&case.profile, &keys, &headers, case.body.as_bytes(), now, tolerance);
            let found = match verified {
                Err(_) => Expect::Refuse,
                Ok(_) if case.seen.contains(&case.id) => Expect::Duplicate,
                Ok(_) => Expect::Accept,
            };
            assert_eq!(found, case.expect, "{}: {verified:?}", case.name);
        }
    }

    #[test]
    fn every_profile_has_every_kind_of_case_and_names_are_unique() {
        let all = fixtures().unwrap();
        let names: std::collections::BTreeSet<&str> = all.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), all.cases.len());
        assert!(all.cases.iter().all(|case| case.name.starts_with("custom.") == (case.profile.name() == "custom")));
        for profile in ["standard", "standard_v1a", "oneprotect", "fr022", "alga", "custom"] {
            for what in ["valid", "wrong_secret", "stale", "future", "altered_body", "replayed_id", "rotated", "field_shift"] {
                assert!(names.contains(format!("{profile}.{what}").as_str()), "{profile}.{what}");
            }
        }
    }

    /// The shifted request is right for whoever only joins the fields with dots: that is why it is there.
    #[test]
    fn a_field_shift_fools_a_verifier_that_only_joins() {
        let all = fixtures().unwrap();
        let case = all.cases.iter().find(|case| case.name == "standard.field_shift").unwrap();
        let header = |name: &str| case.headers.iter().find(|(given, _)| given == name).unwrap().1.as_bytes();
        let key = super::super::decoded_key(&Secret::from(case.keys[0].as_str())).unwrap();
        let parts = [header("webhook-id"), b".", header("webhook-timestamp"), b".", case.body.as_bytes()];
        let naive = format!("v1,{}", BASE64.encode(&hmac_sha256(&key, parts)));
        assert_eq!(naive.as_bytes(), header("webhook-signature"));
    }

    #[test]
    fn the_id_to_dedupe_by_is_signed() {
        assert!(BODY.contains(&EVENT.to_string()));
        for case in fixtures().unwrap().cases {
            let in_header = case.headers.iter().any(|(name, value)| name == "webhook-id" && *value == case.id);
            assert!(in_header || case.body.contains(&case.id) || case.expect == Expect::Refuse, "{}", case.name);
        }
    }

    #[test]
    fn fixtures_are_the_same_each_time() {
        let print = || serde_json::to_string(&fixtures().unwrap()).unwrap();
        assert_eq!(print(), print());
    }
}
