//! The rules of signing and verifying, together: golden vectors first, then properties.

mod properties;
mod receiving;

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

fn malformed() -> Rejection {
    Rejection::TimestampMalformed("ten digits of Unix seconds, without sign, spaces or milliseconds")
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
    assert_eq!(verify_hmac(&["It's a Secret to Everybody".into()], github.as_bytes(), b"Hello, World!"), Ok(0));

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
        assert_eq!(verify_hmac(&[weak.into()], "0".repeat(64).as_bytes(), BODY), Err(Rejection::Secret(error)));
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
        assert_eq!(check(&Profile::Standard, &[whsec(7)], &headers, BODY), Err(malformed()), "{odd}");
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
        assert_eq!(check(&Profile::Alga, &[whsec(7)], &headers, BODY), Err(malformed()));
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
    let secret = [Secret::from("another secret of enough letters"), KEY.into()];
    let hex = "dae479cd8895994a0302280bbbd1b9022edb55ed1e85cf78aac1d111acc1dbca";
    for good in [hex.to_owned(), format!("sha256={hex}"), hex.to_uppercase()] {
        assert_eq!(verify_hmac(&secret, good.as_bytes(), BODY), Ok(1), "{good}");
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

fn pair(seed: u8) -> (Secret, Secret) {
    let (private, public) = new_key_pair([seed; 32]);
    (private, public.as_str().into())
}

#[test]
fn agrees_with_the_ed25519_vector_of_rfc_8032() {
    let bytes = |hex: &str| HEXLOWER.decode(hex.as_bytes()).unwrap();
    let seed = bytes("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    let (private, public) = new_key_pair(seed.try_into().unwrap());
    let known = bytes("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    assert_eq!(public_key_bytes(&public).unwrap().as_slice(), known);
    // Test 3 signs two bytes: a template of the body alone does the same.
    let raw = custom(r#"{"custom": {"signature_header": "X-Sig", "algorithm": "ed25519", "template": "{body}"}}"#);
    let signature = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
        18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";
    let headers = sign(&raw, std::slice::from_ref(&private), &message(&[0xaf, 0x82])).unwrap();
    assert_eq!(headers, [("X-Sig", signature.to_owned())]);
    assert!(check(&raw, &[public.as_str().into()], &headers, &[0xaf, 0x82]).is_ok());
    assert_eq!(format!("{private:?}"), "[secret]");
}

#[test]
fn v1_and_v1a_stand_side_by_side_and_each_key_finds_its_own() {
    let (private, public) = pair(1);
    let headers = sign(&Profile::Standard, &[whsec(7), private.clone()], &message(BODY)).unwrap();
    let line = &headers[0].1;
    assert!(line.starts_with("v1,") && line.contains(" v1a,"), "{line}");
    for good in [&whsec(7), &public, &private] {
        assert!(check(&Profile::Standard, std::slice::from_ref(good), &headers, BODY).is_ok(), "{good:?}");
    }
    let stranger = pair(2).1;
    assert_eq!(check(&Profile::Standard, std::slice::from_ref(&stranger), &headers, BODY), Err(Rejection::Mismatch));
    assert_eq!(check(&Profile::Standard, &[stranger, public.clone()], &headers, BODY).unwrap().secret, 1);
    let hmac_alone = signed();
    assert_eq!(check(&Profile::Standard, &[public], &hmac_alone, BODY), Err(Rejection::NoSignature("v1a,".to_owned())));
}

#[test]
fn during_a_rotation_both_key_pairs_sign() {
    let ((new, new_public), (old, old_public)) = (pair(1), pair(2));
    let headers = sign(&Profile::Standard, &[new, old], &message(BODY)).unwrap();
    for public in [new_public, old_public] {
        assert!(check(&Profile::Standard, &[public], &headers, BODY).is_ok());
    }
}

/// What everybody knows must never count as a shared secret.
#[test]
fn a_public_key_is_never_a_shared_secret() {
    let (_, public) = pair(1);
    let raw = public_key_bytes(public.expose_text().unwrap()).unwrap();
    for key in [raw.as_slice(), public.expose()] {
        let forged = hmac_sha256(key, [&b"msg_1.1700000000."[..], BODY]);
        let headers = with(signed(), "webhook-signature", &format!("v1,{}", data_encoding::BASE64.encode(&forged)));
        assert!(check(&Profile::Standard, std::slice::from_ref(&public), &headers, BODY).is_err());
    }
    let headers = sign(&Profile::Fr022, &[whsec(1)], &message(BODY)).unwrap();
    assert_eq!(
        check(&Profile::Fr022, std::slice::from_ref(&public), &headers, BODY),
        Err(Rejection::Secret(KeyError::Asymmetric))
    );
    assert_eq!(sign(&Profile::Standard, &[public], &message(BODY)), Err(SignError::Key(KeyError::PublicOnly)));
    assert_eq!(sign(&Profile::Fr022, &[pair(1).0], &message(BODY)), Err(SignError::Key(KeyError::Missing)), "not for fr022");
}

#[test]
fn keys_that_prove_nothing_are_refused() {
    let text = |bytes: &[u8]| Secret::from(format!("whpk_{}", data_encoding::BASE64.encode(bytes)));
    let headers = sign(&Profile::Standard, &[pair(1).0], &message(BODY)).unwrap();
    // The neutral point, of which everything is a valid signature, and what is no key at all.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for bad in [text(&neutral), text(&[0; 31]), "whpk_".into(), "whpk_!".into(), "whsk_AAAA".into()] {
        let refused = check(&Profile::Standard, std::slice::from_ref(&bad), &headers, BODY);
        assert_eq!(refused, Err(Rejection::Secret(KeyError::NotEd25519)));
    }
}

#[test]
fn a_destination_s_own_descriptor_chooses_its_algorithm() {
    let own = |algorithm: &str| {
        custom(&format!(
            r#"{{"custom": {{"signature_header": "X-Sig", "algorithm": "{algorithm}", "template": "{{timestamp}}{{body}}",
                "timestamp_header": "X-Time"}}}}"#
        ))
    };
    let (wide, narrow, asymmetric) = (own("hmac_sha512"), own("hmac_sha256"), own("ed25519"));
    let headers = sign(&wide, &[whsec(1)], &message(BODY)).unwrap();
    assert_eq!(headers[0].1.len(), 128);
    assert!(check(&wide, &[whsec(1)], &headers, BODY).is_ok());
    assert!(check(&narrow, &[whsec(1)], &headers, BODY).is_err());
    let (private, public) = pair(1);
    let headers = sign(&asymmetric, &[whsec(1), private], &message(BODY)).unwrap();
    assert!(check(&asymmetric, &[public], &headers, BODY).is_ok());
    assert_eq!(check(&asymmetric, &[whsec(1)], &headers, BODY), Err(Rejection::Secret(KeyError::Shared)));
    assert!(asymmetric.takes_key_pair() && !asymmetric.takes_secret());
    assert!(!wide.takes_key_pair() && wide.takes_secret());
}

#[test]
fn a_secret_that_is_brought_along_must_be_a_good_one() {
    let random = "bJ8aVZyPq0tWcR3kXyGmN5dLhE7sTuFo";
    let base64 = |bytes: &[u8]| format!("whsec_{}", data_encoding::BASE64.encode(bytes));
    let brought = |profile: &Profile, text: &str| profile.check_secret(&text.into());
    for good in &[base64(random.as_bytes()), data_encoding::BASE64.encode(random.as_bytes())] {
        assert_eq!(brought(&Profile::Standard, good), Ok(()), "{good}");
        assert_eq!(brought(&Profile::Fr022, good), Ok(()), "{good}");
    }
    assert_eq!(brought(&Profile::Standard, random), Ok(()), "32 letters are the base64 of 24 bytes");
    assert_eq!(brought(&Profile::Standard, &base64(&random.as_bytes()[..23])), Err(KeyError::KeyLength(23)));
    assert_eq!(brought(&Profile::Standard, &base64(&random.repeat(3).as_bytes()[..65])), Err(KeyError::KeyLength(65)));
    assert_eq!(brought(&Profile::Standard, "whsec_not base64"), Err(KeyError::NotBase64));
    assert_eq!(brought(&Profile::Standard, &base64(&[0; 32])), Err(KeyError::Weak));
    assert_eq!(brought(&Profile::Alga, "fifteen-bytes-x"), Err(KeyError::NotText));
    assert_eq!(brought(&Profile::Alga, "with a space in the middle"), Err(KeyError::NotText));
    assert_eq!(brought(&Profile::Alga, "abababababababababab"), Err(KeyError::Weak));
    let (private, _) = pair(1);
    assert_eq!(Profile::Standard.check_secret(&private), Err(KeyError::Asymmetric));
    assert_eq!(brought(&Profile::None, random), Err(KeyError::Asymmetric));
}

#[test]
fn the_usual_mistakes_with_key_pairs_are_named() {
    let ((private, public), stranger) = (pair(1), pair(2).1);
    let asymmetric = sign(&Profile::Standard, &[private], &message(BODY)).unwrap();
    let why = |headers: &[(&str, String)], key: &Secret, body: &[u8]| {
        assert!(check(&Profile::Standard, std::slice::from_ref(key), headers, body).is_err());
        explain(&Profile::Standard, std::slice::from_ref(key), &lines(headers), body).unwrap_or("unknown")
    };
    assert!(why(&asymmetric, &whsec(7), BODY).contains("whpk_"), "a secret where only v1a is");
    assert!(why(&signed(), &public, BODY).contains("switch ed25519 on"), "a public key where only v1 is");
    assert!(why(&asymmetric, &stranger, BODY).contains("each destination has its own"));
    assert!(why(&asymmetric, &public, b"{ \"a\": 1 }").contains("parsed and written again"));
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
    assert_eq!(refused(r#""signature_header": "X-A", "timestamp_prefix": "t=""#), "timestamp_prefix");
    assert_eq!(refused(r#""signature_header": "X-A", "id_header": "X-Id""#), "id_header");
    assert_eq!(refused(r#""signature_header": "X-A", "prefix": "a\r\n""#), "prefix");
    assert_eq!(refused(r#""signature_header": "X-A", "prefix": "v1,", "separator": "comma""#), "prefix");
    assert_eq!(refused(r#""signature_header": "X-A", "facts": [{"header": "x-a", "value": "event_id"}]"#), "facts");
}
