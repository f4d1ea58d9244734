//! Whatever somebody enters as a template, a path or a descriptor: it is refused, or it survives
//! its own text and can be verified by.
#![no_main]

use hookswitch_domain::inbound::Auth;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{BodyPath, Descriptor, SignedRequest, Template, read_public_key};
use hookswitch_domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(template) = text.parse::<Template>() {
        assert_eq!(template.to_string(), text);
    }
    if let Ok(path) = text.parse::<BodyPath>() {
        assert_eq!(path.to_string(), text);
    }
    if let Ok(auth) = serde_json::from_str::<Auth>(text) {
        let again: Auth = serde_json::from_str(&serde_json::to_string(&auth).unwrap()).unwrap();
        assert_eq!(again, auth);
        if auth.check().is_ok() {
            let _ = auth.read_secret(&Secret::from(text));
        }
    }
    let Ok(by) = serde_json::from_str::<Descriptor>(text) else { return };
    let again: Descriptor = serde_json::from_str(&serde_json::to_string(&by).unwrap()).unwrap();
    assert_eq!(again, by);
    let _ = by.check_sending();
    if by.check_receiving().is_err() {
        return;
    }
    let _ = read_public_key(by.algorithm, text);
    let line = format!("{}{}", by.prefix, "0".repeat(64));
    let mut headers: Vec<(&str, &[u8])> = vec![(&by.signature_header, line.as_bytes())];
    headers.extend(by.timestamp_header.as_deref().map(|name| (name, &b"1700000000"[..])));
    headers.extend(by.id_header.as_deref().map(|name| (name, &b"id"[..])));
    let request = SignedRequest { method: "POST", url: "https://in.example/", headers: &headers, body: data };
    let secret = Secret::from("a secret of enough characters");
    assert!(by.verify(&[secret], &request, Timestamp::from_seconds(1_700_000_000), by.tolerance()).is_err());
});
