//! What a name server can answer. 127.0.0.1 is open here, and everything else inside is closed.

use std::net::Ipv4Addr;
use std::time::Duration;

use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::egress::{Rules, parse_target};
use hookswitch_pipeline::http::{Client, Options};

use super::{Canary, PATIENT, SHORT, again, check, timed};
use crate::http::{open_rules, options};
use crate::names::{self, Says};
use crate::receiver::{Receiver, answer};
use crate::webhook::Try;

const OPEN: Ipv4Addr = Ipv4Addr::LOCALHOST;
const CLOSED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Returns how many answers it played.
pub async fn all() -> usize {
    let receiver = Receiver::plain(answer("200 OK", "connection: close\r\n", "x")).await;
    let port = receiver.addr.port();
    let canary = Canary::at(&format!("127.0.0.2:{port}")).await;
    let mut count = 0;
    for (name, says, reason) in closed() {
        let attempt = to_name(move |_, _| Some(says.clone()), port).await;
        let (delivered, _) = timed(&attempt).await;
        check(name, &Outcome::Forbidden, reason, &delivered);
        assert!(delivered.timings.dns_us.is_some() && delivered.timings.connect_us.is_none(), "{name}");
        count += 1;
    }
    canary.assert_untouched("a closed address").await;
    assert_eq!(receiver.saw(|ledger| ledger.connections), 0, "one closed address closes all");
    rebinding(port).await;
    canary.assert_untouched("rebinding").await;
    of_dozens_a_few_are_tried(port).await;
    nothing_useful(port).await;
    count + 7
}

/// An attempt at x.example, whose addresses this script tells.
async fn to_name(script: impl Fn(&str, usize) -> Option<Says> + Send + 'static, port: u16) -> Try {
    let dns = names::scripted(script).await;
    let url = format!("http://x.example:{port}/");
    let mut attempt = Try::at(&url);
    attempt.client = Client::new(Options { dns_servers: vec![dns], ..options() }).unwrap();
    attempt.within = PATIENT;
    attempt
}

fn closed() -> Vec<(&'static str, Says, &'static str)> {
    let dozens: Vec<Ipv4Addr> = (0..60).map(|_| OPEN).chain([CLOSED]).collect();
    vec![
        ("loopback", Says::v4(&[CLOSED]), "forbidden address 127.0.0.2"),
        ("a private network", Says::v4(&[Ipv4Addr::new(10, 0, 0, 1)]), "forbidden address 10.0.0.1"),
        ("the metadata service", Says::v4(&[Ipv4Addr::new(169, 254, 169, 254)]), "forbidden address 169.254.169.254"),
        ("this network", Says::v4(&[Ipv4Addr::UNSPECIFIED]), "forbidden address 0.0.0.0"),
        ("carrier-grade NAT", Says::v4(&[Ipv4Addr::new(100, 64, 0, 1)]), "forbidden address 100.64.0.1"),
        ("everybody", Says::v4(&[Ipv4Addr::BROADCAST]), "forbidden address 255.255.255.255"),
        ("open and closed", Says::v4(&[OPEN, CLOSED]), "forbidden address 127.0.0.2"),
        ("public and closed", Says::v4(&[Ipv4Addr::new(8, 8, 8, 8), CLOSED]), "forbidden address 127.0.0.2"),
        ("open in one family, closed in the other", Says { v4: vec![OPEN], ..Says::v6("fd00::1") }, "forbidden address fd00::1"),
        (
            "an alias of something inside",
            Says { alias: Some("db.internal"), ..Says::v4(&[CLOSED]) },
            "forbidden address 127.0.0.2",
        ),
        ("one closed among dozens", Says::v4(&dozens), "forbidden address 127.0.0.2"),
        ("IPv6 loopback", Says::v6("::1"), "forbidden address ::1"),
        ("IPv4 mapped", Says::v6("::ffff:127.0.0.1"), "forbidden address ::ffff:127.0.0.1"),
        ("IPv4 compatible", Says::v6("::7f00:1"), "forbidden address ::7f00:1|forbidden address ::127.0.0.1"),
        ("NAT64", Says::v6("64:ff9b::7f00:2"), "forbidden address 64:ff9b::7f00:2"),
        ("local NAT64", Says::v6("64:ff9b:1::7f00:2"), "forbidden address 64:ff9b:1::7f00:2"),
        ("6to4", Says::v6("2002:7f00:2::1"), "forbidden address 2002:7f00:2::1"),
        ("Teredo", Says::v6("2001:0:4136:e378:8000:63bf:80ff:fffd"), "forbidden address 2001:0:4136:e378:8000:63bf:80ff:fffd"),
        ("site-local", Says::v6("fec0::1"), "forbidden address fec0::1"),
        ("unique local", Says::v6("fd00:ec2::254"), "forbidden address fd00:ec2::254"),
        ("link-local", Says::v6("fe80::1"), "forbidden address fe80::1"),
        ("multicast", Says::v6("ff02::1"), "forbidden address ff02::1"),
    ]
}

/// Each connection is judged by the answer that it is made with, and by no other.
async fn rebinding(port: u16) {
    let turn = |_: &str, asked: usize| Some(Says::v4(&[if asked.is_multiple_of(2) { OPEN } else { CLOSED }]));
    let attempt = to_name(turn, port).await;
    let mut reasons = Vec::new();
    for _ in 0..4 {
        reasons.push(attempt.go().await.reason);
    }
    assert_eq!(reasons[..2], ["answered 200", "forbidden address 127.0.0.2"]);
    assert_eq!(reasons[2..], reasons[..2]);
}

async fn of_dozens_a_few_are_tried(port: u16) {
    let many: Vec<Ipv4Addr> = (1..=60).map(|last| Ipv4Addr::new(127, 0, 1, last)).collect();
    let fifth = Canary::at(&format!("127.0.1.5:{port}")).await;
    let mut attempt = to_name(|_, _| None, port).await;
    let says = Says::v4(&many);
    let dns = names::scripted(move |_, _| Some(says.clone())).await;
    let rules = Rules { allow: vec!["127.0.0.0/8".parse().unwrap()], require_https: false };
    attempt.client = Client::new(Options { dns_servers: vec![dns], rules, ..Options::default() }).unwrap();
    check("dozens that refuse", &again(), "connection refused", &attempt.go().await);
    fifth.assert_untouched("dozens of addresses").await;
}

async fn nothing_useful(port: u16) {
    const ABSENT: &str = "name does not resolve: x.example";
    let late = Says { after: Duration::from_secs(2), ..Says::v4(&[OPEN]) };
    let never = Says { after: Duration::from_secs(3600), ..Says::v4(&[OPEN]) };
    let circle = Says { alias: Some("x.example"), ..Says::default() };
    let cut = "name not resolved within ";
    let circular = "name does not resolve: x.example|name x.example could not be resolved: the resolver does not answer|name not resolved within ";
    for (name, says, reasons) in [
        ("no such name", None, ABSENT),
        ("no address", Some(Says::default()), ABSENT),
        ("an answer that comes late", Some(late), cut),
        ("an answer that never comes", Some(never), cut),
        ("an alias of itself", Some(circle), circular),
    ] {
        let mut attempt = to_name(move |_, _| says.clone(), port).await;
        attempt.within = SHORT;
        attempt.target = parse_target(&format!("http://x.example:{port}/"), &open_rules()).unwrap();
        let (delivered, _) = timed(&attempt).await;
        check(name, &again(), reasons, &delivered);
    }
}
