//! The rules of signing and verifying, together: golden vectors first, then properties.

mod properties;

use std::time::Duration;

use data_encoding::HEXLOWER;
use uuid::Uuid;

use super::*;
use crate::id::DeliveryId;
use crate::secret::Secret;
use crate::time::Timestamp;

const BODY: &[u8] = br#"{"a":1}"#;
const KEY: &str = "test-secret-0123456789";
const NOW: i64 = 1_700_000_000;

fn message(body: &[u8]) -> Message<'_> {
    Message {
        id: "msg_1",
        event_id: EventId(Uuid::from_u128(1)),
        event_type: "ticket.created",
        delivery_id: DeliveryId(Uuid::from_u128(2)),
        destination_id: DestinationId(Uuid::from_u128(3)),
        attempt: 4,
        timestamp: Timestamp::from_seconds(NOW),
        body,
    }
}

fn lines<'a>(headers: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a [u8])> {
    headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
}

fn check(profile: &Profile, secrets: &[Secret], headers: &[(&str, String)], body: &[u8]) -> Result<Verified, Rejection> {
    verify(profile, secrets, &lines(headers), body, Timestamp::from_seconds(NOW), TOLERANCE)
}

fn with<'a>(mut headers: Vec<(&'a str, String)>, name: &str, value: &str) -> Vec<(&'a str, String)> {
    headers.iter_mut().filter(|(given, _)| *given == name).for_each(|(_, old)| *old = value.to_owned());
    headers
}

fn whsec(seed: u8) -> Secret {
    new_secret([seed; 32]).into()
}

fn custom(json: &str) -> Profile {
    serde_json::from_str(json).unwrap()
}

fn signed() -> Vec<(&'static str, String)> {
    sign(&Profile::Standard, &[whsec(7)], &message(BODY)).unwrap()
}

#[test]
fn agrees_with_the_published_standard_webhooks_vector() {
    let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
    let body = br#"{"test": 2432232314}"#;
    let sent = Message { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: Timestamp::from_seconds(1_614_265_330), ..message(body) };
    let headers = sign(&Profile::Standard, std::slice::from_ref(&secret), &sent).unwrap();
    assert!(headers.contains(&("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned())));
    assert!(headers.contains(&("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned())));
    assert!(headers.contains(&("webhook-timestamp", "1614265330".to_owned())));
}

#[test]
fn agrees_with_the_golden_vectors_of_the_requirements() {
    let alga = hmac_sha256(b"shh", [&b"1700000000."[..], BODY]);
    assert_eq!(HEXLOWER.encode(&alga), "be310eac0f84daf469d630347a950258de768b365563ab68f29f2f783473d547");
    let github = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(verify_hmac(&"It's a Secret to Everybody".into(), github.as_bytes(), b"Hello, World!"), Ok(()));

    let secrets = [Secret::from(KEY)];
    let timed = "6e873f59dc6002f6de5f578e9bf3f90a7906473a2924651d6f4cc33d61aff598";
    let slack = r#"{"custom": {"signature_header": "X-Sig", "prefix": "v0=", "template": "v0:{timestamp}:{body}", "timestamp_header": "X-T"}}"#;
    let zendesk = r#"{"custom": {"signature_header": "X-Sig", "encoding": "base64", "template": "{timestamp}{body}", "timestamp_header": "X-T"}}"#;
    for (profile, name, value) in [
        (Profile::Fr022, "X-Signature", timed.to_owned()),
        (Profile::Oneprotect, "X-OneProtect-Signature", timed.to_owned()),
        (Profile::Alga, "X-Alga-Signature", format!("t=1700000000,v1={timed}")),
        (custom(slack), "X-Sig", "v0=506ceaf65ed46802b9d6291dc1f4611a698b5d0964a584d72d3de56df9d8c1b7".to_owned()),
        (custom(zendesk), "X-Sig", "mbXEzoH8pXF18bCBl6a5b78/OGIx+rvWJwKq1eipCLo=".to_owned()),
    ] {
        let headers = sign(&profile, &secrets, &message(BODY)).unwrap();
        assert!(headers.contains(&(name, value)), "{profile:?}: {headers:?}");
        assert!(check(&profile, &secrets, &headers, BODY).is_ok());
    }
}

#[test]
fn each_profile_carries_the_headers_of_the_contract() {
    let secrets = [whsec(1)];
    let names = |profile: &Profile| -> Vec<String> {
        sign(profile, &secrets, &message(BODY)).unwrap().into_iter().map(|(name, _)| name.to_owned()).collect()
    };
    assert_eq!(names(&Profile::Standard), ["webhook-signature", "webhook-id", "webhook-timestamp"]);
    assert_eq!(names(&Profile::Fr022), ["X-Signature", "X-Timestamp"]);
    let oneprotect = ["Signature", "Timestamp", "Delivery-Id", "Idempotency-Key"].map(|end| format!("X-OneProtect-{end}"));
    assert_eq!(names(&Profile::Oneprotect), oneprotect);
    let alga = ["Signature", "Event-Id", "Event-Type", "Delivery-Id", "Delivery-Attempt", "Webhook-Id"];
    assert_eq!(names(&Profile::Alga), alga.map(|end| format!("X-Alga-{end}")));
    assert!(names(&Profile::None).is_empty());
}

#[test]
fn a_message_id_is_one_for_tenant_event_and_destination_and_holds_no_dot() {
    let id = |a, b, c| message_id(TenantId(Uuid::from_u128(a)), EventId(Uuid::from_u128(b)), DestinationId(Uuid::from_u128(c)));
    assert_eq!(id(1, 2, 3), id(1, 2, 3));
    assert_eq!(id(1, 2, 3).len(), 30);
    assert!(id(1, 2, 3).starts_with("msg_") && !id(1, 2, 3).contains('.'));
    for other in [id(2, 2, 3), id(1, 3, 3), id(1, 2, 4), id(3, 2, 1)] {
        assert_ne!(id(1, 2, 3), other);
    }
}

#[test]
fn during_a_rotation_both_secrets_sign_where_the_profile_carries_a_list() {
    let (new, old) = (whsec(1), whsec(2));
    for profile in [Profile::Standard, Profile::Alga] {
        let headers = sign(&profile, &[new.clone(), old.clone()], &message(BODY)).unwrap();
        assert!(profile.carries_two());
        for secret in [&new, &old] {
            assert!(check(&profile, std::slice::from_ref(secret), &headers, BODY).is_ok());
        }
        assert_eq!(check(&profile, &[whsec(3), old.clone()], &headers, BODY).unwrap().secret, 1);
    }
    let headers = sign(&Profile::Fr022, &[new.clone(), old.clone()], &message(BODY)).unwrap();
    assert!(check(&Profile::Fr022, &[new], &headers, BODY).is_ok());
    assert_eq!(check(&Profile::Fr022, &[old], &headers, BODY), Err(Rejection::Mismatch));
}

#[test]
fn empty_and_short_secrets_are_refused_on_both_sides() {
    for (weak, error) in [("", KeyError::Missing), ("shh", KeyError::Short(3)), ("fifteen-bytes-x", KeyError::Short(15))] {
        assert_eq!(sign(&Profile::Fr022, &[weak.into()], &message(BODY)), Err(SignError::Key(error)));
        assert_eq!(verify_hmac(&weak.into(), "0".repeat(64).as_bytes(), BODY), Err(Rejection::Secret(error)));
    }
    assert_eq!(sign(&Profile::Standard, &[], &message(BODY)), Err(SignError::Key(KeyError::Missing)));
    assert_eq!(sign(&Profile::Standard, &["whsec_!".into()], &message(BODY)), Err(SignError::Key(KeyError::NotBase64)));
    assert_eq!(check(&Profile::Standard, &[], &signed(), BODY), Err(Rejection::Secret(KeyError::Missing)));
}

#[test]
fn an_empty_or_cut_signature_never_passes() {
    for cut in ["v1,", "v1", "", "v1,AAAA", "v1,==", "v2,abc", "v1a,abc", " "] {
        let headers = with(signed(), "webhook-signature", cut);
        let code = check(&Profile::Standard, &[whsec(7)], &headers, BODY).unwrap_err().code();
        assert!(["signature_malformed", "no_signature"].contains(&code), "{cut}: {code}");
    }
}

#[test]
fn each_header_stands_there_exactly_once() {
    for (name, value) in signed() {
        let mut twice = signed();
        twice.push((name, value));
        assert_eq!(check(&Profile::Standard, &[whsec(7)], &twice, BODY), Err(Rejection::HeaderRepeated(name.to_owned())));
        let without: Vec<_> = signed().into_iter().filter(|(given, _)| *given != name).collect();
        assert_eq!(check(&Profile::Standard, &[whsec(7)], &without, BODY), Err(Rejection::HeaderMissing(name.to_owned())));
    }
}

#[test]
fn lists_and_lines_are_bounded() {
    let eleven = [signed()[0].1.as_str(); 11].join(" ");
    let headers = with(signed(), "webhook-signature", &eleven);
    assert_eq!(check(&Profile::Standard, &[whsec(7)], &headers, BODY), Err(Rejection::TooManySignatures));
    let headers = with(signed(), "webhook-signature", &"v1,".repeat(1400));
    assert_eq!(check(&Profile::Standard, &[whsec(7)], &headers, BODY).unwrap_err().code(), "header_malformed");
}

#[test]
fn times_are_strict_and_bounded() {
    for odd in
        ["01700000000", "1700000000.0", "+1700000000", " 1700000000 0", "1700000000000", "170000000", "0700000000", "", "1e9"]
    {
        let headers = with(signed(), "webhook-timestamp", odd);
        assert_eq!(check(&Profile::Standard, &[whsec(7)], &headers, BODY), Err(Rejection::TimestampMalformed), "{odd}");
    }
    let at = |offset: i64| {
        let now = Timestamp::from_seconds(NOW + offset);
        verify(&Profile::Standard, &[whsec(7)], &lines(&signed()), BODY, now, TOLERANCE)
    };
    assert!(at(300).is_ok() && at(-300).is_ok());
    assert_eq!(at(301), Err(Rejection::TimestampStale(301, 300)));
    assert_eq!(at(-301), Err(Rejection::TimestampAhead(301, 300)));
    let endless =
        verify(&Profile::Standard, &[whsec(7)], &lines(&signed()), BODY, Timestamp::from_seconds(NOW + 9_999_999), Duration::MAX);
    assert!(endless.is_ok());
    for twice in ["t=1700000000,t=1700000000,v1=00", "v1=00"] {
        let headers = with(sign(&Profile::Alga, &[whsec(7)], &message(BODY)).unwrap(), "X-Alga-Signature", twice);
        assert_eq!(check(&Profile::Alga, &[whsec(7)], &headers, BODY), Err(Rejection::TimestampMalformed));
    }
}

/// `msg.1` + `1700000000.x` and `msg` + `1.1700000000.x` would be the same signed text.
#[test]
fn an_id_with_a_dot_is_refused_because_fields_could_shift() {
    let dotted = Message { id: "msg.1", ..message(BODY) };
    assert_eq!(sign(&Profile::Standard, &[whsec(7)], &dotted), Err(SignError::Id('.')));
    let headers = with(signed(), "webhook-id", "msg_1.1700000000");
    assert_eq!(check(&Profile::Standard, &[whsec(7)], &headers, BODY), Err(Rejection::IdAmbiguous('.')));
}

#[test]
fn the_inbound_scheme_takes_plain_hex_and_the_sha256_prefix_and_nothing_else() {
    let secret: Secret = KEY.into();
    let hex = "dae479cd8895994a0302280bbbd1b9022edb55ed1e85cf78aac1d111acc1dbca";
    for good in [hex.to_owned(), format!("sha256={hex}"), hex.to_uppercase()] {
        assert_eq!(verify_hmac(&secret, good.as_bytes(), BODY), Ok(()), "{good}");
    }
    let base64 = "2uR5zYiVmUoDAigLu9G5Ai7bVe0ehc94qsHREazB28o=";
    for bad in ["", "sha256=", &hex[..63], &format!("{hex}00"), &format!("sha1={hex}"), &format!("sha256=sha256={hex}"), base64] {
        assert_eq!(verify_hmac(&secret, bad.as_bytes(), BODY).unwrap_err().code(), "signature_malformed", "{bad}");
    }
    assert_eq!(verify_hmac(&secret, hex.as_bytes(), b"{}"), Err(Rejection::Mismatch));
    assert!(
        constant_time_eq(b"token", b"token") && !constant_time_eq(b"token", b"tokem") && !constant_time_eq(b"token", b"toke")
    );
}

#[test]
fn the_usual_mistakes_are_named() {
    let why = |profile: &Profile, headers: &[(&str, String)], secret: Secret, body: &[u8]| {
        assert_eq!(check(profile, std::slice::from_ref(&secret), headers, body), Err(Rejection::Mismatch));
        explain(profile, &[secret], &lines(headers), body).unwrap_or("unknown")
    };
    assert!(why(&Profile::Standard, &signed(), whsec(7), b"{\"a\":1}\n").contains("line break at its end"));
    assert!(why(&Profile::Standard, &signed(), whsec(7), b"{ \"a\": 1 }").contains("parsed and written again"));
    assert_eq!(why(&Profile::Standard, &signed(), whsec(8), BODY), "unknown");
    let as_text = hmac_sha256(whsec(7).expose(), [&b"msg_1.1700000000."[..], BODY]);
    let headers = with(signed(), "webhook-signature", &format!("v1,{}", data_encoding::BASE64.encode(&as_text)));
    assert!(why(&Profile::Standard, &headers, whsec(7), BODY).contains("decode the base64"));
}

#[test]
fn profiles_have_stable_names_in_json() {
    for (name, profile) in Profile::NAMED {
        assert_eq!(serde_json::to_value(&profile).unwrap(), name);
        assert_eq!(Profile::named(name).map(|found| found.name()), Some(name));
        assert!(profile.check().is_ok());
    }
    assert!(
        serde_json::from_str::<Profile>(r#"{"custom": {"signature_header": "X", "template": "{body}", "algorithm": "md5"}}"#)
            .is_err()
    );
}

#[test]
fn a_descriptor_that_proves_nothing_or_forges_headers_is_refused() {
    let refused = |fields: &str| {
        let profile = custom(&format!(r#"{{"custom": {{"template": "{{body}}", {fields}}}}}"#));
        profile.check().unwrap_err().field
    };
    assert_eq!(refused(r#""signature_header": "Host""#), "signature_header");
    assert_eq!(refused(r#""signature_header": "X A""#), "signature_header");
    assert_eq!(refused(r#""signature_header": "X-A", "timestamp_header": "X-T""#), "timestamp_header");
    assert_eq!(refused(r#""signature_header": "X-A", "timestamp_prefix": "t=""#), "timestamp_header");
    assert_eq!(refused(r#""signature_header": "X-A", "id_header": "X-Id""#), "id_header");
    assert_eq!(refused(r#""signature_header": "X-A", "prefix": "a\r\n""#), "prefix");
    assert_eq!(refused(r#""signature_header": "X-A", "prefix": "v1,", "separator": "comma""#), "prefix");
    assert_eq!(refused(r#""signature_header": "X-A", "facts": [{"header": "x-a", "value": "event_id"}]"#), "facts");
}
