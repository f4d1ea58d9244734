//! Whatever headers and body come: the verifier ends, and lets nothing in that wasn't signed.
#![no_main]

use hookswitch_domain::inbound::Auth;
use hookswitch_domain::preset::presets;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Descriptor, Profile, SignedRequest, verify_hmac};
use hookswitch_domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;

const NOW: i64 = 1_700_000_000;

fn descriptors() -> Vec<&'static Descriptor> {
    static PROFILES: [Profile; 4] = [Profile::Standard, Profile::Oneprotect, Profile::Fr022, Profile::Alga];
    let signing = presets().iter().filter_map(|preset| match &preset.auth {
        Auth::Signature { descriptor } => Some(&**descriptor),
        _ => None,
    });
    PROFILES.iter().filter_map(Profile::descriptor).chain(signing).collect()
}

fn secret(by: &Descriptor) -> Secret {
    // A key of each kind; nobody here has what could sign with it.
    let text = match serde_json::to_value(by.algorithm).unwrap().as_str().unwrap() {
        "ed25519" => "whpk_GX9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
        "ecdsa_p256" => "whpe_BPN0+Dv5/OIqLSLyFuJnQYEP+3QH0pqaiDPJBfZjdX5aVSktxkanutoMPtnzTUWiDV71aYoJUiPHjRHOsBANxfo=",
        _ => "whsec_bm9ib2R5IHNpZ25zIHdpdGggdGhpcy4u",
    };
    Secret::from(text)
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let all = descriptors();
    let by = all[usize::from(*choice) % all.len()];
    let mut parts = rest.splitn(4, |byte| *byte == 0xff);
    let mut next = || parts.next().unwrap_or_default();
    let (signature, time, id, body) = (next(), next(), next(), next());
    let mut headers: Vec<(&str, &[u8])> = vec![(&by.signature_header, signature)];
    headers.extend(by.timestamp_header.as_deref().map(|name| (name, time)));
    headers.extend(by.id_header.as_deref().map(|name| (name, id)));
    let request = SignedRequest { method: "POST", url: "https://in.example/hook", headers: &headers, body };
    let secret = secret(by);
    let verified = by.verify(std::slice::from_ref(&secret), &request, Timestamp::from_seconds(NOW), by.tolerance());
    assert!(verified.is_err(), "a signature out of nothing");
    assert!(verify_hmac(&[secret], signature, body).is_err(), "a signature out of nothing");
});
