//! requirements.md 1.7 and 4.4: what each scheme lets in, and what it says of the others.

use super::*;

const SECRET: &str = "a secret of enough characters";
const BODY: &[u8] = br#"{"a": 1}"#;

fn knock<'a>(headers: &'a [(String, Vec<u8>)], query: &'a str, source: Option<&str>) -> Knock<'a> {
    let (url, source) = ("https://in.example/hook", source.map(|text| text.parse().unwrap()));
    Knock { method: "POST", url, headers, query, body: BODY, source, now: Timestamp::from_seconds(1_700_000_000) }
}

fn line(name: &str, value: &str) -> Vec<(String, Vec<u8>)> {
    vec![(name.to_owned(), value.as_bytes().to_vec())]
}

fn status(auth: &Auth, headers: &[(String, Vec<u8>)], query: &str, source: Option<&str>) -> AuthStatus {
    let checked = check(auth, &[], &[Secret::from(SECRET)], &knock(headers, query, source));
    checked.map_or_else(|refused| refused.status, |()| AuthStatus::Verified)
}

#[test]
fn hmac_takes_plain_hex_and_the_sha256_prefix_in_its_header_alone() {
    let auth = Auth::HmacSha256 { signature_header: "X-Sig".to_owned() };
    let hex = data_encoding::HEXLOWER.encode(&hmac_sha256(SECRET.as_bytes(), [BODY]));
    assert_eq!(status(&auth, &line("x-sig", &hex), "", None), AuthStatus::Verified);
    assert_eq!(status(&auth, &line("X-Sig", &format!("sha256={hex}")), "", None), AuthStatus::Verified);
    assert_eq!(status(&auth, &line("X-Other", &hex), "", None), AuthStatus::RejectedNoAuth);
    assert_eq!(status(&auth, &line("X-Sig", &hex.replace('a', "b")), "", None), AuthStatus::RejectedSignature);
    let twice = [line("X-Sig", &hex), line("X-Sig", &hex)].concat();
    assert_ne!(status(&auth, &twice, "", None), AuthStatus::Verified);
    assert!(check(&auth, &[], &[], &knock(&line("X-Sig", &hex), "", None)).is_err(), "no secret, no entry");
}

#[test]
fn bearer_compares_the_scheme_without_case_and_the_token_exactly() {
    let auth = Auth::Bearer {};
    for (value, expected) in [
        (format!("Bearer {SECRET}"), AuthStatus::Verified),
        (format!("bEARER {SECRET}"), AuthStatus::Verified),
        (format!("Basic {SECRET}"), AuthStatus::RejectedNoAuth),
        (format!("Bearer {SECRET}x"), AuthStatus::RejectedBearer),
        ("Bearer ".to_owned(), AuthStatus::RejectedBearer),
    ] {
        assert_eq!(status(&auth, &line("Authorization", &value), "", None), expected, "{value}");
    }
    assert_eq!(status(&auth, &[], "", None), AuthStatus::RejectedNoAuth);
}

#[test]
fn address_lists_fail_closed() {
    let list = |text: &[&str]| Auth::IpAllowlist { ip_cidrs: text.iter().map(|net| net.parse().unwrap()).collect() };
    let ours = list(&["192.0.2.0/24", "2001:db8::/32"]);
    assert_eq!(status(&ours, &[], "", Some("192.0.2.7")), AuthStatus::Verified);
    assert_eq!(status(&ours, &[], "", Some("::ffff:192.0.2.7")), AuthStatus::Verified);
    assert_eq!(status(&ours, &[], "", Some("2001:db8::1")), AuthStatus::Verified);
    assert_eq!(status(&ours, &[], "", Some("198.51.100.1")), AuthStatus::RejectedIp);
    assert_eq!(status(&ours, &[], "", None), AuthStatus::RejectedIp);
    assert_eq!(status(&list(&[]), &[], "", Some("192.0.2.7")), AuthStatus::RejectedIp);
}

#[test]
fn a_path_token_stands_in_its_parameter_once() {
    let auth = Auth::PathToken { param: "key".to_owned() };
    let encoded = SECRET.replace(' ', "%20");
    assert_eq!(status(&auth, &[], &format!("a=1&key={encoded}"), None), AuthStatus::Verified);
    assert_eq!(status(&auth, &[], &format!("token={encoded}"), None), AuthStatus::RejectedNoAuth);
    assert_eq!(status(&auth, &[], &format!("key={encoded}x"), None), AuthStatus::RejectedBearer);
    assert_eq!(status(&auth, &[], &format!("key={encoded}&key={encoded}"), None), AuthStatus::RejectedNoAuth);
}

#[test]
fn a_network_list_is_demanded_on_top_of_any_scheme() {
    let networks = ["192.0.2.0/24".parse().unwrap()];
    let headers = line("authorization", &format!("Bearer {SECRET}"));
    let secrets = [Secret::from(SECRET)];
    let from = |source| check(&Auth::Bearer {}, &networks, &secrets, &knock(&headers, "", Some(source)));
    assert!(from("192.0.2.1").is_ok());
    assert_eq!(from("198.51.100.1").unwrap_err().status, AuthStatus::RejectedIp);
}

fn auth(json: &str) -> Auth {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_static_header_holds_the_secret_and_nothing_more() {
    let auth = auth(r#"{"type":"static_header","header":"X-Gitlab-Token"}"#);
    assert_eq!(status(&auth, &line("x-gitlab-token", SECRET), "", None), AuthStatus::Verified);
    assert_eq!(status(&auth, &line("x-gitlab-token", "another"), "", None), AuthStatus::RejectedBearer);
    assert_eq!(status(&auth, &line("x-gitlab-token", ""), "", None), AuthStatus::RejectedBearer);
    assert_eq!(status(&auth, &line("x-other", SECRET), "", None), AuthStatus::RejectedNoAuth);
    let twice = [line("x-gitlab-token", SECRET), line("X-Gitlab-Token", SECRET)].concat();
    assert_eq!(status(&auth, &twice, "", None), AuthStatus::RejectedNoAuth);
}

#[test]
fn basic_wants_the_name_and_the_password() {
    let auth = auth(r#"{"type":"basic","username":"alerts"}"#);
    let basic = |text: &str| line("Authorization", &format!("Basic {}", data_encoding::BASE64.encode(text.as_bytes())));
    assert_eq!(status(&auth, &basic(&format!("alerts:{SECRET}")), "", None), AuthStatus::Verified);
    assert_eq!(status(&auth, &basic(&format!("other:{SECRET}")), "", None), AuthStatus::RejectedBearer);
    assert_eq!(status(&auth, &basic("alerts:other"), "", None), AuthStatus::RejectedBearer);
    assert_eq!(status(&auth, &basic("alerts"), "", None), AuthStatus::RejectedNoAuth);
    assert_eq!(status(&auth, &line("authorization", "Basic !!"), "", None), AuthStatus::RejectedNoAuth);
    assert_eq!(status(&auth, &line("authorization", &format!("Bearer {SECRET}")), "", None), AuthStatus::RejectedNoAuth);
}

#[test]
fn a_body_field_holds_the_secret_wherever_its_path_leads() {
    let auth = auth(r#"{"type":"body_field","path":"value[].clientState"}"#);
    let with = |body: &str| {
        let knock = Knock { body: body.as_bytes(), ..knock(&[], "", None) };
        check(&auth, &[], &[Secret::from(SECRET)], &knock).map_or_else(|refused| refused.status, |()| AuthStatus::Verified)
    };
    let state = format!(r#"{{"clientState":"{SECRET}"}}"#);
    assert_eq!(with(&format!(r#"{{"value":[{state},{state}]}}"#)), AuthStatus::Verified);
    assert_eq!(with(&format!(r#"{{"value":[{state},{{"clientState":"x"}}]}}"#)), AuthStatus::RejectedBearer);
    assert_eq!(with(&format!(r#"{{"value":[{state},{{}}]}}"#)), AuthStatus::RejectedNoAuth);
    assert_eq!(with(r#"{"value":[]}"#), AuthStatus::RejectedNoAuth, "an empty list proves nothing");
    assert_eq!(with(r#"{"value":[{"clientState":1}]}"#), AuthStatus::RejectedBearer);
    assert_eq!(with("no json"), AuthStatus::RejectedNoAuth);
}

#[test]
fn a_signature_is_checked_as_its_descriptor_says_and_the_reason_is_told() {
    let auth = auth(
        r#"{"type":"signature","descriptor":{"signature_header":"X-Sig","template":"{method} {url} {timestamp} {body}",
            "timestamp_header":"X-Time","prefix":"v1=","separator":"comma","tolerance_seconds":60}}"#,
    );
    let sign = |secret: &str, time: &str| {
        let text = [b"POST https://in.example/hook ", time.as_bytes(), b" ", BODY].concat();
        format!("v1={}", data_encoding::HEXLOWER.encode(&hmac_sha256(secret.as_bytes(), [&text[..]])))
    };
    let at = |signature: &str, time: &str| {
        let headers = [line("x-sig", signature), line("x-time", time)].concat();
        let secrets = [Secret::from(SECRET), Secret::from("the secret that was rotated out")];
        check(&auth, &[], &secrets, &knock(&headers, "", None)).map_err(|refused| (refused.status, refused.reason))
    };
    let (now, old) = ("1700000000", "1699999939");
    assert_eq!(at(&sign(SECRET, now), now), Ok(()));
    assert_eq!(at(&sign("the secret that was rotated out", now), now), Ok(()), "while a rotation overlaps");
    assert_eq!(at(&format!("{},{}", sign("a stranger's", now), sign(SECRET, now)), now), Ok(()), "one of several");
    let (status, reason) = at(&sign(SECRET, old), old).unwrap_err();
    assert_eq!(status, AuthStatus::RejectedSignature);
    assert!(reason.contains("61 s old and 60 s are allowed"), "{reason}");
    assert!(at(&sign(SECRET, old), now).unwrap_err().1.contains("does not match"));
    assert!(at("v2=00", now).unwrap_err().1.contains("no signature like \"v1=...\""));
}

#[test]
fn every_refusal_reads_the_body_once() {
    // Large enough that reading it is what a refusal's time is made of.
    let body = vec![b'x'; 4 << 20];
    let hmac = Auth::HmacSha256 { signature_header: "X-Sig".to_owned() };
    let bearer = auth(r#"{"type":"bearer"}"#);
    let list = auth(r#"{"type":"ip_allowlist","ip_cidrs":["192.0.2.0/24"]}"#);
    let (wrong, none) = (line("X-Sig", &"0".repeat(64)), Vec::new());
    let timed = |work: &dyn Fn(&Knock<'_>), headers: &[(String, Vec<u8>)]| {
        let knock = Knock { body: &body, ..knock(headers, "", Some("198.51.100.1")) };
        let started = std::time::Instant::now();
        work(&knock);
        started.elapsed()
    };
    for (auth, headers, what) in [
        (&hmac, &wrong, "a wrong signature"),
        (&hmac, &none, "no signature"),
        (&bearer, &none, "no token"),
        (&list, &none, "a strange address"),
    ] {
        let refuse = |knock: &Knock<'_>| assert!(check(auth, &[], &[Secret::from(SECRET)], knock).is_err());
        // The fastest of each, by turns, is what the work costs; a busy machine needs more turns to see it.
        let (mut taken, mut nothing) = (std::time::Duration::MAX, std::time::Duration::MAX);
        let alike = (0..500).any(|turn| {
            taken = taken.min(timed(&refuse, headers));
            nothing = nothing.min(timed(&|knock| check_nothing(knock), &none));
            turn >= 15 && (0.6..1.6).contains(&(taken.as_secs_f64() / nothing.as_secs_f64()))
        });
        assert!(alike, "{what}: {taken:?}, where nothing is there {nothing:?}");
    }
}
