//! The guard against every spelling that is known to have fooled one.

use proptest::prelude::*;

use super::*;

fn strict() -> Rules {
    Rules::default()
}

fn open(entries: &[&str]) -> Rules {
    Rules { allow: entries.iter().map(|entry| entry.parse().unwrap()).collect(), require_https: true }
}

/// Ranges; the same in decimal, hex, octal, short, with trailing dots, percent signs and wide digits;
/// IPv6, and IPv4 inside of it; names that mean inside.
const INSIDE: &str = "
    http://127.0.0.1 https://127.0.0.1:9000/x http://169.254.169.254/latest/meta-data/ http://10.0.0.5
    https://172.16.0.1 https://172.31.255.255 https://192.168.1.1 https://100.64.0.1 https://100.127.255.255
    https://0.0.0.0 https://0/ https://192.0.0.8 https://192.0.2.1 https://192.88.99.1 https://198.18.0.1
    https://198.19.255.255 https://198.51.100.7 https://203.0.113.7 https://224.0.0.1 https://239.255.255.255
    https://240.0.0.1 https://255.255.255.255

    https://2130706433/ https://0x7f000001/ https://0x7f.1/ https://017700000001/ https://0177.0.0.1/
    https://127.1/ https://127.0.1/ https://127.0.0.1./ https://0x7F.0x0.0x0.0x1/ https://127%2e0.0.1/
    https://%31%32%37.0.0.1/ https://１２７.０.０.１/ https://①②⑦.⓪.⓪.①/ https://127。0。0。1/ https://0xa9fea9fe/
    https://169.254.43518/

    https://[::1]/ https://[::]/ https://[0:0:0:0:0:0:0:1]/ https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/
    https://[::ffff:8.8.8.8]/ https://[::127.0.0.1]/ https://[::ffff:0:127.0.0.1]/ https://[64:ff9b::7f00:1]/
    https://[64:ff9b:1::7f00:1]/ https://[2002:7f00:1::]/ https://[2001::1]/ https://[2001:1ff::1]/
    https://[2001:db8::1]/ https://[3fff:fff::1]/ https://[fe80::1]/ https://[fec0::1]/ https://[fc00::1]/
    https://[fd12:3456::1]/ https://[ff02::1]/ https://[100::1]/ https://[5f00::1]/

    https://localhost/ https://LOCALHOST./ https://x.localhost:8443/ https://intranet/
    https://metadata.google.internal/ https://printer.local./
";

#[test]
fn what_leads_inside_gets_the_address_message_whatever_else_is_wrong() {
    assert_eq!(INSIDE.split_whitespace().count(), 66);
    for text in INSIDE.split_whitespace() {
        assert_eq!(parse_target(text, &strict()), Err(EgressError::Forbidden), "{text}");
    }
    for also in [
        "http://user:pass@127.0.0.1/#x",
        "http://127.0.0.1\\@example.com/",
        "http://127.0.0.1\t/",
        "https:/127.0.0.1",
        "https:127.0.0.1",
        "https:///127.0.0.1",
        "ftp://10.0.0.1/",
        "https://router.home.arpa/",
    ] {
        assert_eq!(parse_target(also, &strict()), Err(EgressError::Forbidden), "{also}");
    }
    assert_eq!(EgressError::Forbidden.to_string(), "endpoint_url must not target a private or reserved address");
}

#[test]
fn odd_spellings_are_refused_even_for_public_hosts() {
    use EgressError::*;
    for (text, error) in [
        ("", Malformed),
        ("example.com/hooks", Malformed),
        ("/hooks", Malformed),
        ("//example.com", Malformed),
        ("https://", Malformed),
        ("http://example.com/", Scheme),
        ("ftp://example.com/", Scheme),
        ("file:///etc/passwd", Scheme),
        ("gopher://example.com/", Scheme),
        ("javascript:alert(1)", Scheme),
        ("https:example.com", Scheme),
        ("https:/example.com", Scheme),
        ("https:///example.com", Malformed),
        ("https://user@example.com/", UserInfo),
        ("https://user:pw@example.com/", UserInfo),
        ("https://@example.com/", UserInfo),
        ("https://:@example.com/", UserInfo),
        ("https://example.com/#top", Fragment),
        ("https://example.com/a b", Characters),
        (" https://example.com/", Characters),
        ("https://example.com/\r\nX-Evil: 1", Characters),
        ("https://exa\tmple.com/", Characters),
        ("https://example.com\\@evil.com/", Characters),
        ("https://example.com/\u{a0}", Characters),
        ("https://example.com./", HostName),
        ("https://ex%61mple.com/", HostName),
        ("https://example..com/", HostName),
        ("https://exa!mple.com/", HostName),
        ("https://example.com:0/", Port),
        ("https://example.com:65536/", Malformed),
        ("https://1.2.3.4.5/", Malformed),
        ("https://256.256.256.256/", Malformed),
        ("https://[::1%25eth0]/", Malformed),
        ("https://[::1/", Malformed),
    ] {
        assert_eq!(parse_target(text, &strict()), Err(error), "{text:?}");
    }
    assert_eq!(parse_target(&format!("https://example.com/{}", "a".repeat(2048)), &strict()), Err(TooLong));
    let label = "a".repeat(64);
    assert!(parse_target(&format!("https://{label}.com/"), &strict()).is_err());
}

#[test]
fn public_targets_pass_and_show_no_path() {
    for (text, endpoint, path) in [
        ("https://example.com", "https://example.com", "/"),
        ("HTTPS://Example.COM:443/a?b=c", "https://example.com", "/a?b=c"),
        ("https://example.com:8443?x", "https://example.com:8443", "/?x"),
        ("https://münchen.example/ü", "https://xn--mnchen-3ya.example", "/%C3%BC"),
        ("https://8.8.8.8/", "https://8.8.8.8", "/"),
        ("https://[2606:4700::1111]:444/", "https://[2606:4700::1111]:444", "/"),
        ("https://localhost.example.com/", "https://localhost.example.com", "/"),
    ] {
        let target = parse_target(text, &strict()).unwrap();
        assert_eq!((target.endpoint().as_str(), target.path_and_query()), (endpoint, path), "{text}");
    }
    let hidden = parse_target("https://example.com/T0KEN?key=S3CRET", &strict()).unwrap();
    assert_eq!(format!("{hidden:?}"), "https://example.com");
    let plain = Rules { require_https: false, ..strict() };
    assert!(!parse_target("http://example.com/", &plain).unwrap().is_https());
}

#[test]
fn an_allow_entry_opens_exactly_its_network_and_port() {
    let demo = open(&["127.0.0.1/32:9099"]);
    assert!(parse_target("http://127.0.0.1:9099/hook", &demo).is_ok());
    for closed in [
        "http://127.0.0.1:9000/",
        "http://10.0.0.5/",
        "http://127.0.0.2:9099/",
        "http://localhost:9099/",
        "http://[::1]:9099/",
        "http://[::ffff:127.0.0.1]:9099/",
    ] {
        assert_eq!(parse_target(closed, &demo), Err(EgressError::Forbidden), "{closed}");
    }
    assert_eq!(parse_target("http://8.8.8.8/", &demo), Err(EgressError::Scheme));
    let everything = open(&["0.0.0.0/0"]);
    assert_eq!(parse_target("http://8.8.8.8/", &everything), Err(EgressError::Scheme));
    assert!(parse_target("https://10.0.0.5/", &everything).is_ok());
}

#[test]
fn allow_entries_read_every_documented_form_and_nothing_loose() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("127.0.0.1/32:9099", "127.0.0.1/32:9099"),
        ("127.0.0.1:9099", "127.0.0.1/32:9099"),
        ("127.0.0.1", "127.0.0.1/32"),
        ("::1/128", "::1/128"),
        ("::1", "::1/128"),
        ("fd00::/8", "fd00::/8"),
        ("[::1]/128:80", "[::1]/128:80"),
        ("[::1]:80", "[::1]/128:80"),
        ("[::1]", "::1/128"),
    ] {
        let entry: AllowEntry = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(entry.to_string(), shown);
        assert_eq!(shown.parse(), Ok(entry));
    }
    for bad in [
        "",
        "10.0.0.5/8",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "localhost",
        "10.0.0.0/8:",
        "10.0.0.0/8:0",
        "10.0.0.0/8:65536",
        "10.0.0.0/8/8",
        "[::1",
        "[::1]128",
        "10.0.0.0/",
        "::1/129",
    ] {
        assert!(bad.parse::<AllowEntry>().is_err(), "{bad}");
    }
}

#[test]
fn the_edges_of_every_range_are_exact() {
    let public = |text: &str| allowed(text.parse().unwrap(), 443, &strict());
    for inside in [
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "1.0.0.0",
        "2000::",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2003::",
        "3ffe:ffff::",
        "3fff:1000::",
    ] {
        assert!(public(inside), "{inside}");
    }
    for outside in [
        "0.255.255.255",
        "10.255.255.255",
        "100.127.255.255",
        "127.255.255.255",
        "169.254.255.255",
        "192.0.0.255",
        "198.19.255.255",
        "1fff:ffff::",
        "4000::",
        "2001:1ff:ffff::",
        "2001:db8:ffff::",
        "2002:ffff::",
        "3fff:fff:ffff::",
    ] {
        assert!(!public(outside), "{outside}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_accepted_names_a_closed_address(
        text in "https?:/{1,3}([a-z@:%\\.]{0,3})(\\[[0-9a-f:\\.]{2,20}\\]|[0-9a-fx\\.。１７]{1,16}|local(host)?)(:[0-9]{0,5})?(/[ -~]{0,8})?",
    ) {
        if let Ok(target) = parse_target(&text, &strict()) {
            match target.host() {
                Host::Addr(addr) => prop_assert!(allowed(*addr, target.port(), &strict())),
                Host::Name(name) => {
                    prop_assert!(name.parse::<IpAddr>().is_err());
                    prop_assert!(name.contains('.') && !name.ends_with('.'));
                }
            }
            // What was judged is what any later parse of the stored text means.
            prop_assert_eq!(parse_target(target.expose(), &strict()), Ok(target));
        }
    }

    #[test]
    fn every_ipv4_inside_an_ipv6_is_closed(bits: u32) {
        let [a, b, c, d] = bits.to_be_bytes();
        let (high, low) = ((bits >> 16) as u16, bits as u16);
        for text in [
            format!("https://[::ffff:{a}.{b}.{c}.{d}]/"),
            format!("https://[::{a}.{b}.{c}.{d}]/"),
            format!("https://[64:ff9b::{high:x}:{low:x}]/"),
            format!("https://[2002:{high:x}:{low:x}::1]/"),
        ] {
            prop_assert_eq!(parse_target(&text, &strict()), Err(EgressError::Forbidden), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_the_parser_fall_over(text in "\\PC{0,80}") {
        let _judged = parse_target(&text, &strict());
        let _entry = text.parse::<AllowEntry>();
    }
}

#[test]
fn another_path_stays_at_the_host_that_was_judged() {
    let base = parse_target("https://desk.example.com:8443/tenant/a/?key=1", &Rules::default()).unwrap();
    assert_eq!(base.base_path(), "/tenant/a");
    for path in ["/x/y?z=1", "//evil.example/x", "/@evil.example", "/\\evil.example", "https://evil.example/", "/a#b"] {
        let other = base.at(path).unwrap();
        assert_eq!((other.host(), other.port(), other.authority()), (base.host(), 8443, "desk.example.com:8443"), "{path}");
        assert!(
            other.expose().starts_with("https://desk.example.com:8443/") && other.path_and_query().starts_with('/'),
            "{path}"
        );
    }
    assert_eq!(base.at("/x/y?z=1").unwrap().path_and_query(), "/x/y?z=1");
    assert_eq!(base.at(&"/x".repeat(2000)), Err(EgressError::TooLong));
}
