//! The beginning of an answer, as text that is safe to store and show: bounded, without control
//! or direction characters, and without our own secrets, should a receiver echo them.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::decoded_key;
use http::HeaderValue;

/// A stored summary is at most this long.
const SUMMARY_BYTES_MAX: usize = 1024;
/// No secret is shorter, and masking shorter texts would only mangle answers.
pub(super) const SECRET_BYTES_MIN: usize = 8;
/// The shortest signature of any profile: 32 bytes, in base64 without its padding.
pub(super) const SIGNATURE_BYTES_MIN: usize = 43;
const MASK: &[u8] = b"[secret]";

/// `None` for an empty body.
pub fn summarise<'a>(body: &[u8], secrets: impl IntoIterator<Item = &'a Secret>) -> Option<String> {
    summarise_without(body, secrets, &[])
}

/// The same, with texts that are masked as they are: signatures, which opened the receiver's door a
/// moment ago and would do so again.
pub(super) fn summarise_without<'a>(
    body: &[u8],
    secrets: impl IntoIterator<Item = &'a Secret>,
    verbatim: &[HeaderValue],
) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let mut needles: Vec<_> =
        if body.len() < SECRET_BYTES_MIN { Vec::new() } else { secrets.into_iter().flat_map(spellings).collect() };
    if body.len() >= SIGNATURE_BYTES_MIN {
        needles.extend(verbatim.iter().flat_map(signatures));
    }
    let longest = needles.iter().map(Vec::len).max().unwrap_or(0);
    // Enough to see the whole of a secret that begins inside of what is kept.
    let seen = &body[..body.len().min(SUMMARY_BYTES_MAX + longest)];
    Some(escaped(&masked(seen, &needles)))
}

/// A secret as bytes, base64 and hex, and the key inside of it likewise; the longest first, so that
/// no part of one is left standing.
fn spellings(secret: &Secret) -> Vec<Vec<u8>> {
    let raw = secret.expose().to_vec();
    let bare = raw.strip_prefix(b"whsec_").map(<[u8]>::to_vec);
    let mut all = Vec::new();
    for bytes in [Some(raw), bare, decoded_key(secret)].into_iter().flatten().filter(|bytes| bytes.len() >= SECRET_BYTES_MIN) {
        for encoding in [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER] {
            all.push(encoding.encode(&bytes).into_bytes());
        }
        all.push(bytes);
    }
    // JSON writers may put a backslash before each slash.
    let slashed: Vec<_> = all.iter().filter(|text| text.contains(&b'/')).map(|text| with_slashes_escaped(text)).collect();
    all.extend(slashed);
    all.sort_by_key(|text| std::cmp::Reverse(text.len()));
    all.dedup();
    all
}

/// The signatures in a header like `v1,... v1a,...` or `t=...,v1=...`, bare, as JSON writers spell them.
fn signatures(value: &HeaderValue) -> Vec<Vec<u8>> {
    let parts = value.as_bytes().split(|byte| b" ,".contains(byte));
    let bare = parts.map(|part| match part.iter().take(4).position(|byte| *byte == b'=') {
        Some(name) => &part[name + 1..],
        None => part,
    });
    let padless = bare.map(|part| &part[..part.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1)]);
    let long = padless.filter(|part| part.len() >= SIGNATURE_BYTES_MIN);
    long.flat_map(|part| [part.to_vec(), with_slashes_escaped(part)]).collect()
}

fn with_slashes_escaped(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| if *byte == b'/' { &b"\\/"[..] } else { std::slice::from_ref(byte) }).copied().collect()
}

fn masked(body: &[u8], needles: &[Vec<u8>]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(body.len());
    let mut rest = body;
    let mut begins = [false; 256];
    needles.iter().filter_map(|needle| needle.first()).for_each(|first| begins[usize::from(*first)] = true);
    while let Some(first) = rest.first() {
        if !begins[usize::from(*first)] {
            clean.push(*first);
            rest = &rest[1..];
            continue;
        }
        // The longest that begins here, whichever secret it belongs to.
        let found = needles.iter().filter(|needle| rest.starts_with(needle)).map(Vec::len).max();
        match found {
            Some(length) => {
                clean.extend_from_slice(MASK);
                rest = &rest[length..];
            }
            None => {
                clean.push(*first);
                rest = &rest[1..];
            }
        }
    }
    clean
}

/// Lossy UTF-8; what would move a cursor or turn a line around stands there as its escape.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().min(SUMMARY_BYTES_MAX));
    for c in String::from_utf8_lossy(bytes).chars() {
        let before = text.len();
        if is_harmless(c) {
            text.push(c)
        } else {
            text.extend(c.escape_default())
        }
        if text.len() > SUMMARY_BYTES_MAX {
            text.truncate(before);
            break;
        }
    }
    text
}

fn is_harmless(c: char) -> bool {
    let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}');
    !c.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn summary(body: &[u8], secrets: &[Secret]) -> String {
        summarise(body, secrets).unwrap_or_default()
    }

    #[test]
    fn control_and_direction_characters_are_shown_and_do_nothing() {
        assert_eq!(summary(b"a\r\n\x1b[31mred\0", &[]), "a\\r\\n\\u{1b}[31mred\\u{0}");
        assert_eq!(summary("x\u{202e}cod.exe".as_bytes(), &[]), "x\\u{202e}cod.exe");
        assert_eq!(summary(b"\xff\xfeok", &[]), "\u{fffd}\u{fffd}ok");
        assert_eq!(summarise(b"", &[]), None);
    }

    #[test]
    fn an_echoed_secret_is_masked_in_every_spelling() {
        let secret: Secret = "whsec_/+8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0=".into();
        let key = decoded_key(&secret).unwrap();
        for spelling in [
            secret.expose().to_vec(),
            secret.expose()[6..].to_vec(),
            key.clone(),
            HEXLOWER.encode(&key).into_bytes(),
            HEXUPPER.encode(secret.expose()).into_bytes(),
            BASE64.encode(secret.expose()).into_bytes(),
            BASE64URL_NOPAD.encode(&key).into_bytes(),
            b"\\/+8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0=".to_vec(),
        ] {
            let body = [b"you sent ".as_slice(), &spelling, b"!"].concat();
            assert_eq!(summary(&body, std::slice::from_ref(&secret)), "you sent [secret]!");
        }
    }

    #[test]
    fn an_echoed_signature_is_masked_however_its_header_is_built() {
        let (hex, base64) = ("ab".repeat(32), "q/8".repeat(14) + "q8=");
        let headers = [format!("v1,{base64} v1a,{base64}"), format!("t=1700000000,v1={hex}"), hex.clone()];
        let headers = headers.map(|text| HeaderValue::from_str(&text).unwrap());
        let body = format!("got {base64} and {} and {hex}", base64.replace('/', "\\/"));
        let text = summarise_without(body.as_bytes(), [], &headers).unwrap();
        assert_eq!(text, "got [secret]= and [secret]= and [secret]");
    }

    #[test]
    fn a_secret_across_the_cut_is_masked_too() {
        let secret: Secret = "correct-horse-battery-staple".into();
        let body = [vec![b'x'; SUMMARY_BYTES_MAX - 10], secret.expose().to_vec(), vec![b'y'; 5000]].concat();
        let text = summary(&body, std::slice::from_ref(&secret));
        assert!(text.ends_with("[secret]yy") && text.len() <= SUMMARY_BYTES_MAX, "{text}");
    }

    proptest! {
        #[test]
        fn a_summary_is_bounded_and_never_holds_the_secret(body: Vec<u8>, place: prop::sample::Index, key in "[a-zA-Z0-9]{16,40}") {
            let secret = Secret::from(key.as_str());
            let mut body = body;
            let at = place.index(body.len() + 1);
            body.splice(at..at, key.bytes());
            let text = summary(&body, &[secret]);
            prop_assert!(text.len() <= SUMMARY_BYTES_MAX);
            prop_assert!(!text.contains(&key));
        }
    }
}
