//! Whatever body comes: what looks into it before a sender is known, or before anything is mapped,
//! ends, and what it makes of a document is one.
#![no_main]

use bytes::Bytes;
use futures_executor::block_on;
use hookswitch_domain::mapping::wrap_body;
use hookswitch_domain::preset::Handshake;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{BodyPath, Descriptor, SignedRequest};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::document::Format;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const HANDSHAKES: [Handshake; 6] = [
    Handshake::SlackChallenge,
    Handshake::GraphValidationToken,
    Handshake::XeroProbe,
    Handshake::DiscordPing,
    Handshake::ZoomValidation,
    Handshake::GithubPing,
];

const MEDIA: [&str; 5] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/xml",
    "text/plain; charset=utf-8",
];

fuzz_target!(|data: &[u8]| {
    let whole = Bytes::copy_from_slice(data);
    for media in MEDIA {
        let format = Format::of(media).expect("a media type that is taken");
        if let Ok(document) = block_on(format.read(&whole)) {
            assert!(serde_json::from_slice::<&serde_json::value::RawValue>(&document).is_ok(), "{media}: no JSON came of it");
        }
    }
    if let Ok(media) = std::str::from_utf8(data) {
        let _ = Format::of(media);
    }
    let secret = Secret::from("a secret of enough characters");
    let parsed = serde_json::from_slice::<Value>(data).ok();
    if let Some(wrapped) = wrap_body(data) {
        let wrapped = serde_json::from_slice::<Value>(&wrapped).ok();
        assert!(parsed.is_none() || wrapped.is_some_and(|value| value.is_object()), "expressions see an object");
    } else {
        assert!(parsed.is_none(), "a document was refused");
    }
    for handshake in HANDSHAKES {
        let answers = [handshake.verified(&[], data, &secret), handshake.unsigned(&String::from_utf8_lossy(data))];
        for answer in answers.into_iter().flatten() {
            assert!(!answer.body.contains(['\r', '\n', '\0']), "what is echoed stays on its line");
            assert!(answer.media.is_none_or(|media| !media.contains("html")));
        }
    }
    let path: BodyPath = "value[].clientState".parse().unwrap();
    if let Some(value) = &parsed
        && let Some(found) = path.find(value)
    {
        assert!(!found.is_empty(), "a path that leads somewhere leads to a value");
    }
    // A form, as Twilio signs it.
    let by: Descriptor = serde_json::from_str(
        r#"{"signature_header": "x", "template": "{url}{sorted_form}", "algorithm": "hmac_sha1"}"#,
    )
    .unwrap();
    let headers: [(&str, &[u8]); 1] = [("x", &[b'0'; 40])];
    let request = SignedRequest { method: "POST", url: "https://in.example/", headers: &headers, body: data };
    assert!(by.verify(&[secret], &request, Timestamp::default(), by.tolerance()).is_err());
});
