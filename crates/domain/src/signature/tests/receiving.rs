//! What only receiving needs: the ways in which senders of other products sign.

use super::*;

fn descriptor(fields: &str) -> Descriptor {
    let descriptor: Descriptor = serde_json::from_str(&format!(r#"{{"signature_header": "X-Sig", {fields}}}"#)).unwrap();
    descriptor.check_receiving().unwrap();
    descriptor
}

fn read(by: &Descriptor, secret: &str, headers: &[(&str, &str)], url: &str, body: &str) -> Result<Verified, Rejection> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let request = SignedRequest { method: "POST", url, headers: &headers, body: body.as_bytes() };
    by.verify(&[secret.into()], &request, Timestamp::from_seconds(NOW), by.tolerance())
}

/// requirements.md 4.3.
#[test]
fn agrees_with_the_golden_vectors_of_other_products() {
    let body = std::str::from_utf8(BODY).unwrap();
    let now = "1700000000";
    for (fields, signature) in [
        (r#""template": "{body}", "encoding": "base64""#, "2uR5zYiVmUoDAigLu9G5Ai7bVe0ehc94qsHREazB28o="),
        (r#""template": "{body}", "encoding": "base64url""#, "2uR5zYiVmUoDAigLu9G5Ai7bVe0ehc94qsHREazB28o"),
        (r#""template": "{body}", "algorithm": "hmac_sha1""#, "822871c4c0233dcd9b989ef453a98364d4530caf"),
        (
            r#""template": "{timestamp}:{body}", "timestamp_header": "X-Time""#,
            "4e03021ebc046425a19e78f2afcfcc6b70fd83dca687d0c7bb136a8523833bd5",
        ),
        (
            r#""template": "v0:{timestamp}:{body}", "timestamp_header": "X-Time", "prefix": "v0=""#,
            "v0=506ceaf65ed46802b9d6291dc1f4611a698b5d0964a584d72d3de56df9d8c1b7",
        ),
        (
            r#""template": "{timestamp}{body}", "timestamp_header": "X-Time", "encoding": "base64""#,
            "mbXEzoH8pXF18bCBl6a5b78/OGIx+rvWJwKq1eipCLo=",
        ),
        (r#""template": "{body}", "encoding": "base64", "key": "sha256""#, "rvB2RzFfK2wbdcIyLDu+/4O0Cs5ZF4FoBdGAm0wlk/c="),
    ] {
        let by = descriptor(fields);
        assert!(read(&by, KEY, &[("x-sig", signature), ("x-time", now)], "", body).is_ok(), "{fields}");
        let altered = format!("{}{}", &signature[..10], signature[10..].replacen(['5', '3', '8'], "4", 1));
        assert!(read(&by, KEY, &[("x-sig", &altered), ("x-time", now)], "", body).is_err(), "{fields}");
        assert!(read(&by, "another secret of enough letters", &[("x-sig", signature), ("x-time", now)], "", body).is_err());
    }
}

/// The example of Twilio's documentation; its token is shorter than a key that we would take.
#[test]
fn a_form_is_signed_sorted_and_behind_the_url() {
    let body = "To=%2B18005551212&CallSid=CA1234567890ABCDE&Digits=1234&From=%2B12349013030&Caller=%2B12349013030";
    let by = descriptor(r#""template": "{url}{sorted_form}", "algorithm": "hmac_sha1", "encoding": "base64""#);
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let short = read(&by, "12345", &[("x-sig", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")], url, body);
    assert_eq!(short, Err(Rejection::Secret(KeyError::Short(5))));
    let form = verify::sorted_form(body.as_bytes());
    let values = template::Values { url, sorted_form: &form, ..template::Values::default() };
    let mac = key::hmac_sha1(b"12345", by.template.fill(values));
    assert_eq!(data_encoding::BASE64.encode(&mac), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
    assert_eq!(verify::sorted_form(b"b=2&a=1&b=1&b=2"), b"a1b1b2", "a pair that stands there twice is signed once");
}

/// The example of SendGrid's helper library.
#[test]
fn ecdsa_is_checked_with_the_public_key() {
    let by = descriptor(
        r#""template": "{timestamp}{body}", "timestamp_header": "X-Time", "algorithm": "ecdsa_p256", "encoding": "base64""#,
    );
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
    let signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
    let body = "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced Address\",\"sg_event_id\":\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\"sg_message_id\":\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\",\"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\"timestamp\":1600112492}]\r\n";
    let public = read_public_key(Algorithm::EcdsaP256, key).unwrap();
    let headers: [(&str, &[u8]); 2] = [("x-sig", signature.as_bytes()), ("x-time", b"1600112502")];
    let check = |body: &str| {
        let request = SignedRequest { headers: &headers, body: body.as_bytes(), ..SignedRequest::default() };
        by.verify(std::slice::from_ref(&public), &request, Timestamp::from_seconds(1_600_112_502), TOLERANCE)
    };
    assert!(check(body).is_ok());
    assert_eq!(check(&body.replace("dropped", "Dropped")), Err(Rejection::Mismatch));
    let shared = read(&by, "a shared secret of enough letters", &[("x-sig", signature), ("x-time", "1700000000")], "", body);
    assert_eq!(shared, Err(Rejection::Secret(KeyError::Shared)));
}

#[test]
fn times_are_read_in_their_unit_and_bounded_by_the_tolerance() {
    let hex = |text: &str| HEXLOWER.encode(&hmac_sha256(KEY.as_bytes(), [text.as_bytes()]));
    for (unit, good, bad) in [
        ("seconds", "1700000060", "1700000060000"),
        ("milliseconds", "1700000060999", "1700000060"),
        ("rfc3339", "2023-11-14T22:14:20Z", "2023-11-14T22:14:20+00:00"),
        ("rfc3339", "2023-11-14T22:14:20.123456Z", "2023-11-14T22:14:20"),
    ] {
        let by = descriptor(&format!(
            r#""template": "{{timestamp}}.{{body}}", "timestamp_header": "X-Time", "timestamp_unit": "{unit}", "tolerance_seconds": 60"#
        ));
        let at = |time: &str| read(&by, KEY, &[("x-sig", &hex(&format!("{time}.x"))), ("x-time", time)], "", "x");
        assert!(at(good).is_ok(), "{good}");
        assert_eq!(at(bad).unwrap_err().code(), "timestamp_malformed", "{bad}");
    }
    let by = descriptor(r#""template": "{timestamp}.{body}", "timestamp_header": "X-Time", "tolerance_seconds": 60"#);
    let old = read(&by, KEY, &[("x-sig", &hex("1699999939.x")), ("x-time", "1699999939")], "", "x");
    assert_eq!(old, Err(Rejection::TimestampStale(61, 60)));
}

#[test]
fn a_time_in_the_body_is_read_after_the_signature() {
    let by = descriptor(r#""template": "{body}", "timestamp_path": "sent.at", "timestamp_unit": "milliseconds""#);
    let check = |body: &str| {
        let signature = HEXLOWER.encode(&hmac_sha256(KEY.as_bytes(), [body.as_bytes()]));
        read(&by, KEY, &[("x-sig", &signature)], "", body)
    };
    assert!(check(r#"{"sent":{"at":1700000000000}}"#).is_ok());
    assert!(check(r#"{"sent":{"at":"1700000000000"}}"#).is_ok());
    assert_eq!(check(r#"{"sent":{"at":1600000000000}}"#).unwrap_err().code(), "timestamp_stale");
    for missing in ["{}", "no json", r#"{"sent":{"at":null}}"#, "[]"] {
        assert_eq!(check(missing).unwrap_err().code(), "timestamp_missing", "{missing}");
    }
    let forged = read(&by, KEY, &[("x-sig", &"0".repeat(64))], "", "{}");
    assert_eq!(forged, Err(Rejection::Mismatch), "an unsigned body isn't parsed");
}

#[test]
fn what_is_for_receiving_is_not_sent() {
    for (fields, field) in [
        (r#""template": "{body}", "algorithm": "hmac_sha1""#, "algorithm"),
        (r#""template": "{body}", "algorithm": "ecdsa_p256""#, "algorithm"),
        (r#""template": "{body}", "key": "hex""#, "key"),
        (r#""template": "{url}{body}""#, "template"),
        (r#""template": "{body}", "timestamp_path": "a""#, "timestamp_path"),
    ] {
        assert_eq!(descriptor(fields).check_sending().unwrap_err().field, field, "{fields}");
    }
}
