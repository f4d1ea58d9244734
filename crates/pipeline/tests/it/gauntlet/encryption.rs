//! What can be wrong between us and a receiver that should speak TLS.

use std::net::Ipv4Addr;
use std::time::Duration;

use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::egress::parse_target;
use hookswitch_pipeline::http::{Client, Options};
use rcgen::{CertificateParams, DnType, KeyPair};
use tokio_rustls::TlsAcceptor;

use super::{PATIENT, SHORT, again, check, timed};
use crate::http::{open_rules, options};
use crate::names;
use crate::receiver::{Receiver, Step, answer, say};
use crate::tls::{Authority, moment, serving};
use crate::webhook::Try;

const DAY: i64 = 86_400;
const UNTRUSTED: &str = "certificate is signed by an authority that is not trusted here (whoever runs this installation can add one with egress.ca_file)";
const NO_TLS: &str = "x.example does not speak TLS on this port";
const TOO_OLD: &str = "x.example speaks no TLS that is safe today: 1.2 or newer is needed";
/// Whether its alert or its hanging up is heard first is a race.
const ASKS: &str = "x.example asks for a client certificate, which is not supported|connection closed before an answer|connection reset before an answer";
const GONE: &str = "x.example closed the connection during the TLS handshake";

/// Returns how many receivers it played.
pub async fn all() -> usize {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let dns = names::serve(&[("x.example", &[Ipv4Addr::LOCALHOST])]).await;
    let ca_file = Some(authority.file(folder.path()));
    let client = Client::new(Options { ca_file, dns_servers: vec![dns], ..options() }).unwrap();
    let mut count = 0;
    for (name, acceptor, script, outcome, reason) in certificates(&authority) {
        let receiver = Receiver::tls(acceptor, script).await;
        let delivered = attempt(&client, &receiver, PATIENT, name).await;
        check(name, &outcome, reason, &delivered);
        let sent = delivered.status.is_some() || failed_while_reading(&delivered.reason);
        let seen = receiver.saw(|ledger| !ledger.requests.is_empty());
        assert_eq!(seen, sent, "{name}: nothing is sent over an unproven connection");
        count += 1;
    }
    for (name, script, within, reason) in handshakes() {
        let receiver = Receiver::plain(script).await;
        let delivered = attempt(&client, &receiver, within, name).await;
        check(name, &again(), reason, &delivered);
        count += 1;
    }
    count
}

/// Whether the failure came after the request.
fn failed_while_reading(reason: &str) -> bool {
    reason.ends_with("of the answer")
}

async fn attempt(
    client: &Client,
    receiver: &Receiver,
    within: Duration,
    name: &str,
) -> hookswitch_pipeline::outbound::adapter::Delivered {
    let url = format!("https://x.example:{}/", receiver.addr.port());
    let mut attempt = Try::at(&url);
    (attempt.client, attempt.target, attempt.within) = (client.clone(), parse_target(&url, &open_rules()).unwrap(), within);
    for _ in 0..2 {
        let (delivered, in_time) = timed(&attempt).await;
        if in_time {
            return delivered;
        }
    }
    panic!("{name} took longer than its deadline allows")
}

type Served = (&'static str, TlsAcceptor, Vec<Step>, Outcome, &'static str);

fn certificates(authority: &Authority) -> Vec<Served> {
    let names = |names: &[&str]| CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    let mut tomorrow = names(&["x.example"]);
    tomorrow.not_before = moment(2 * DAY + 3600).into();
    let (mut own, key) = (names(&["x.example"]), KeyPair::generate().unwrap());
    own.distinguished_name.push(DnType::CommonName, "x.example");
    let self_signed = serving(own.self_signed(&key).unwrap().der().clone(), key, &[]);
    let (other, key) = (names(&["x.example"]), KeyPair::generate().unwrap());
    let other_s = serving(other.self_signed(&key).unwrap().der().clone(), key, &[b"h2"]);
    let bad = |name, acceptor, reason| (name, acceptor, answer("200 OK", "", "x").to_vec(), again(), reason);
    vec![
        (
            "a good certificate",
            authority.acceptor("x.example", None),
            answer("200 OK", "", "x").to_vec(),
            Outcome::Accepted,
            "answered 200",
        ),
        bad("expired", authority.acceptor("x.example", Some(3)), "certificate expired 3 days ago"),
        bad("not yet valid", authority.issue(tomorrow), "certificate becomes valid 2 days from now"),
        bad("another name's", authority.acceptor("other.example", None), "certificate is for other.example, not for x.example"),
        bad(
            "many other names'",
            authority.issue(names(&["a.example", "b.example", "c.example", "d.example"])),
            "certificate is for a.example, b.example, c.example and others, not for x.example",
        ),
        bad("self-signed", self_signed, UNTRUSTED),
        bad(
            "another authority of the same name",
            Authority::new().acceptor("x.example", None),
            "certificate is not signed by the authority that it names",
        ),
        bad("asks for our certificate", authority.asking(names(&["x.example"])), ASKS),
        bad("HTTP/2 alone", other_s, "x.example does not speak HTTP/1.1"),
        (
            "cut without a goodbye",
            authority.acceptor("x.example", None),
            vec![Step::Take, say("HTTP/1.1 200 OK\r\n\r\nPOI"), Step::Close],
            again(),
            "connection lost in the middle of the answer",
        ),
    ]
}

fn handshakes() -> Vec<(&'static str, Vec<Step>, Duration, &'static str)> {
    let says = |bytes: &[u8]| vec![Step::Say(bytes.to_vec())];
    let old_hello = [&b"\x16\x03\x01\0\x2a\x02\0\0\x26\x03\x01"[..], &[7; 32], b"\0\0\x2f\0"].concat();
    let slow = "TLS not established within ";
    vec![
        ("TLS 1.0", says(&old_hello), PATIENT, TOO_OLD),
        ("an alert about the version", says(b"\x15\x03\x01\0\x02\x02\x46"), PATIENT, TOO_OLD),
        (
            "no common cipher",
            says(b"\x15\x03\x01\0\x02\x02\x28"),
            PATIENT,
            "x.example and we have no TLS version and cipher in common",
        ),
        ("an unknown name", says(b"\x15\x03\x01\0\x02\x02\x70"), PATIENT, "x.example is no name that this server answers to"),
        ("plain text on a TLS port", says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), PATIENT, NO_TLS),
        ("garbage", says(&[0xff; 64]), PATIENT, NO_TLS),
        ("accepts, then nothing", vec![], SHORT, slow),
        ("a handshake of one byte a second", vec![Step::Drip(old_hello, Duration::from_secs(1))], SHORT, slow),
        ("closed in the handshake", vec![Step::Wait(Duration::from_millis(50)), Step::Close], PATIENT, GONE),
    ]
}
