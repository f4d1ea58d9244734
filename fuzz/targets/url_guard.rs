//! Whatever somebody wants to have called: what passes is http or https, has no credentials, and
//! no address in it that is closed, also after the path was changed.
#![no_main]

use hookswitch_domain::egress::{Host, Rules, allowed, parse_target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let rules = Rules { allow: Vec::new(), require_https: choice % 2 == 0 };
    let Ok(target) = parse_target(text, &rules) else { return };
    assert!(target.is_https() || !rules.require_https);
    match target.host() {
        Host::Addr(address) => assert!(allowed(*address, target.port(), &rules), "{address}"),
        Host::Name(name) => {
            assert!(name.parse::<std::net::IpAddr>().is_err(), "{name} is an address");
            assert!(!name.eq_ignore_ascii_case("localhost"), "{name}");
        }
    }
    assert!(!target.authority().contains(['@', '/', '\\', '\r', '\n', ' ']), "{}", target.authority());
    assert!(target.expose().bytes().all(|byte| byte.is_ascii_graphic()), "{}", target.expose());
    // What was written out is read as the same place.
    let again = parse_target(target.expose(), &rules).expect("what passed passes again");
    assert_eq!((again.host(), again.port()), (target.host(), target.port()));
    if let Ok(other) = target.at(text) {
        assert_eq!((other.host(), other.port(), other.authority()), (target.host(), target.port(), target.authority()));
        assert!(other.path_and_query().starts_with('/'), "{}", other.path_and_query());
    }
});
