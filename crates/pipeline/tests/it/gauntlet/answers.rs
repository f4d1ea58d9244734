//! What a receiver can answer over plain HTTP.

use std::time::Duration;

use hookswitch_domain::delivery::Outcome;

use super::{Case, POISON, again, ends, hangs};
use crate::receiver::{Step, answer, say};

const CLOSED: &str = "connection closed before an answer";
const RESET_OR_CLOSED: &str = "connection reset before an answer|connection closed before an answer";
const LOST: &str = "connection lost in the middle of the answer";
const MALFORMED: &str = "the answer is no valid HTTP/1.1";
const LARGE: &str = "the answer has more than 100 headers or 64 KiB of them";
const ENDLESS: &str = "more than 512 KiB came, and no answer among them";
const NO_ANSWER: &str = "no answer within ";
const NO_END: &str = "the answer did not end within ";

fn flood(text: &str) -> Step {
    Step::Flood(text.repeat(1 + 16 * 1024 / text.len()).into_bytes())
}

/// Takes the request, says this, and hangs up.
fn says(text: impl Into<Vec<u8>>) -> [Step; 3] {
    [Step::Take, Step::Say(text.into()), Step::Close]
}

fn head(lines: &str) -> Step {
    say(format!("HTTP/1.1 200 OK\r\n{lines}\r\n"))
}

pub fn all(canary: &str) -> Vec<Case> {
    [endless(), slow(), broken(), lengths(), heads(), statuses(canary), wishes(), connections()].into_iter().flatten().collect()
}

fn endless() -> Vec<Case> {
    let accepted = |name, script: Vec<Step>| ends(name, script, Outcome::Accepted, "answered 200");
    vec![
        accepted("endless body in chunks", vec![Step::Take, head("transfer-encoding: chunked\r\n"), flood("5\r\nPOISO\r\n")]),
        accepted(
            "endless body of an announced length",
            vec![Step::Take, head("content-length: 9999999999999\r\n"), flood(POISON)],
        ),
        accepted("endless body until the close", vec![Step::Take, head(""), flood(POISON)]),
        accepted("chunks of one byte", vec![Step::Take, head("transfer-encoding: chunked\r\n"), flood("1\r\nP\r\n")]),
        accepted(
            "a gzip bomb",
            vec![
                Step::Take,
                head("content-encoding: gzip\r\ntransfer-encoding: chunked\r\n"),
                Step::Say(
                    [&b"a\r\n\x1f\x8b\x08\0\0\0\0\0\x02\xff\r\n"[..], &b"8\r\n\xec\xd9\x31\x01\0\0\0\xc2\r\n".repeat(2000)]
                        .concat(),
                ),
                flood("5\r\nPOISO\r\n"),
            ],
        ),
        ends("10 MB of one header", [Step::Take, say("HTTP/1.1 200 OK\r\nx: "), flood("y")], again(), LARGE),
        ends("thousands of headers", [Step::Take, say("HTTP/1.1 200 OK\r\n"), flood("a: b\r\n")], again(), LARGE),
        ends("an endless status line", [Step::Take, say("HTTP/1.1 200 "), flood("O")], again(), LARGE),
        ends("a flood of 100", [Step::Take, flood("HTTP/1.1 100 Continue\r\n\r\n")], again(), ENDLESS),
        ends(
            "a flood of 103",
            [Step::Take, flood("HTTP/1.1 103 Early Hints\r\nlink: </POISON>; rel=preload\r\n\r\n")],
            again(),
            ENDLESS,
        ),
        ends(
            "endless empty lines",
            [Step::Take, flood("\r\n")],
            again(),
            "the answer has more than 100 headers or 64 KiB of them|the answer is no valid HTTP/1.1|more than 512 KiB came, and no answer among them",
        ),
        ends(
            "a bomb of chunk extensions",
            [Step::Take, head("transfer-encoding: chunked\r\n"), say("1;"), flood("x=y;")],
            again(),
            LOST,
        ),
        ends(
            "a bomb of trailers",
            [Step::Take, head("transfer-encoding: chunked\r\n"), say("1\r\nP\r\n0\r\n"), flood("x: POISON\r\n")],
            again(),
            LOST,
        ),
    ]
}

fn slow() -> Vec<Case> {
    let second = Duration::from_secs(1);
    let drip = |text: &str| Step::Drip(text.as_bytes().to_vec(), second);
    let fast_drip = |text: &str| Step::Drip(text.repeat(100).into_bytes(), Duration::from_millis(5));
    vec![
        hangs("silence", [Step::Take], NO_ANSWER),
        hangs("a status line of one byte a second", [Step::Take, drip("HTTP/1.1 200 OK\r\n")], NO_ANSWER),
        hangs("headers of one byte a second", [Step::Take, say("HTTP/1.1 200 OK\r\n"), drip("x: POISON\r\n")], NO_ANSWER),
        hangs("headers that keep coming", [Step::Take, say("HTTP/1.1 200 OK\r\n"), fast_drip("x: y\r\n")], NO_ANSWER),
        hangs("a 100 and nothing more", [Step::Take, say("HTTP/1.1 100 Continue\r\n\r\n")], NO_ANSWER),
        hangs("a body of one byte a second", [Step::Take, head("content-length: 9\r\n"), drip("POISONOUS")], NO_END),
        hangs("chunks that keep coming", [Step::Take, head("transfer-encoding: chunked\r\n"), fast_drip("1\r\nP\r\n")], NO_END),
        hangs("a last chunk that never comes", [Step::Take, head("transfer-encoding: chunked\r\n"), say("1\r\nP\r\n")], NO_END),
        hangs("a body shorter than announced", [Step::Take, head("content-length: 9\r\n"), say("POISON")], NO_END),
    ]
}

fn broken() -> Vec<Case> {
    let arrived = || Step::Wait(Duration::from_millis(50));
    let broken = |name, script: Vec<Step>, reasons| ends(name, script, again(), reasons);
    vec![
        // Closing with unread bytes resets.
        broken("a reset before an answer", vec![arrived(), Step::Close], RESET_OR_CLOSED),
        broken("a reset in the head", vec![arrived(), say("HTTP/1.1 200 OK\r\nx: POI"), Step::Close], RESET_OR_CLOSED),
        broken("a close before an answer", vec![Step::Take, Step::Close], CLOSED),
        broken("a close in the head", says("HTTP/1.1 200 OK\r\nx: POI").to_vec(), CLOSED),
        broken("a close in the body", vec![Step::Take, head("content-length: 10\r\n"), say("POI"), Step::Close], LOST),
        broken(
            "a close between chunks",
            vec![Step::Take, head("transfer-encoding: chunked\r\n"), say("3\r\nPOI\r\n"), Step::Close],
            LOST,
        ),
        broken("writing ended without an answer", vec![Step::Take, Step::HalfClose], CLOSED),
        ends(
            "an early end of writing after the answer",
            [answer("200 OK", "", "x").to_vec(), vec![Step::HalfClose]].concat(),
            Outcome::Accepted,
            "answered 200",
        ),
        ends(
            "an answer before the request was read",
            [answer("200 OK", "", "x")[1].clone(), Step::Close],
            again(),
            "answered 200|connection reset before an answer|connection closed before an answer|connection lost in the middle of the answer",
        )
        .or_accepted(),
    ]
}

impl Case {
    fn or_accepted(self) -> Self {
        Self { or_accepted: true, ..self }
    }

    fn then_pause(self) -> Self {
        Self { pause: Duration::from_millis(100), ..self }
    }
}

fn lengths() -> Vec<Case> {
    let bad = |name, lines: &str, reasons| ends(name, says(format!("HTTP/1.1 200 OK\r\n{lines}\r\n{POISON}")), again(), reasons);
    let chunked = |name, body: &str| {
        let script = says(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}"));
        ends(name, script, again(), LOST)
    };
    let good = |name, text: &str| ends(name, [Step::Take, say(text)], Outcome::Accepted, "answered 200");
    vec![
        bad("two lengths", "content-length: 6\r\ncontent-length: 2\r\n", MALFORMED),
        bad("a list of lengths", "content-length: 6, 2\r\n", MALFORMED),
        bad("a negative length", "content-length: -6\r\n", MALFORMED),
        bad("a signed length", "content-length: +6\r\n", MALFORMED),
        bad("a length beyond all numbers", "content-length: 99999999999999999999999\r\n", MALFORMED),
        bad("a length in words", "content-length: six\r\n", MALFORMED),
        chunked("chunks of garbage", "zz\r\nPOISON\r\n"),
        chunked("a chunk size beyond all numbers", "fffffffffffffffff\r\nPOISON"),
        chunked("a negative chunk", "-1\r\nPOISON"),
        chunked("a chunk longer than announced", "2\r\nPOISON\r\n0\r\n\r\n"),
        good(
            "a length and chunks",
            "HTTP/1.1 200 OK\r\ncontent-length: 60\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nPOISON",
        ),
        good("a body longer than announced", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxPOISON"),
        ends(
            "a 204 with a body",
            [Step::Take, say("HTTP/1.1 204 No Content\r\ncontent-length: 6\r\n\r\nPOISON")],
            Outcome::Accepted,
            "answered 204",
        ),
        ends(
            "a 205 with a body",
            [Step::Take, say("HTTP/1.1 205 Reset\r\ncontent-length: 1\r\n\r\nx")],
            Outcome::Accepted,
            "answered 205",
        ),
    ]
}

fn heads() -> Vec<Case> {
    let bad = |name, bytes: &[u8]| ends(name, says(bytes), again(), MALFORMED);
    let good = |name, bytes: &[u8]| ends(name, [Step::Take, Step::Say(bytes.to_vec())], Outcome::Accepted, "answered 200");
    vec![
        bad("HTTP/0.9", b"<html>POISON</html>"),
        bad("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        bad("HTTP/2 settings", b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\x40\0\0\0\0\x02\0\0\0\0"),
        bad("HTTP/3.7", b"HTTP/3.7 200 OK\r\n\r\n"),
        bad("another protocol's banner", b"SSH-2.0-OpenSSH_9.2\r\n"),
        bad("mail", b"220 mail.example ESMTP\r\n"),
        bad("a TLS alert", b"\x15\x03\x01\0\x02\x02\x28"),
        bad("a status in words", b"HTTP/1.1 abc OK\r\n\r\n"),
        bad("a status of four digits", b"HTTP/1.1 2000 OK\r\n\r\n"),
        bad("status 000", b"HTTP/1.1 000 OK\r\ncontent-length: 0\r\n\r\n"),
        bad("zeros", &[0; 64]),
        bad("a NUL in a header", b"HTTP/1.1 200 OK\r\nx: a\0POISON\r\ncontent-length: 0\r\n\r\n"),
        bad("a bare CR in a header", b"HTTP/1.1 200 OK\r\nx: a\rset-cookie: POISON=1\r\ncontent-length: 0\r\n\r\n"),
        bad("a folded header", b"HTTP/1.1 200 OK\r\nx: a\r\n POISON\r\ncontent-length: 0\r\n\r\n"),
        bad("a header without a name", b"HTTP/1.1 200 OK\r\n: POISON\r\ncontent-length: 0\r\n\r\n"),
        good("a reason that is no text", b"HTTP/1.1 200 \xff\xfe\xc3\x28\r\ncontent-length: 1\r\n\r\nx"),
        good(
            "headers that are no text",
            b"HTTP/1.1 200 OK\r\nx: \xff\xc3\x28\r\nretry-after: \xff\r\ncontent-length: 1\r\n\r\nx",
        ),
        good("cookies", b"HTTP/1.1 200 OK\r\nset-cookie: POISON=1; Path=/\r\nset-cookie2: POISON\r\ncontent-length: 1\r\n\r\nx"),
        good("another way to it", b"HTTP/1.1 200 OK\r\nalt-svc: h2=\"169.254.169.254:80\"\r\ncontent-length: 1\r\n\r\nx"),
    ]
}

fn statuses(canary: &str) -> Vec<Case> {
    const METADATA: &str = "http://169.254.169.254/latest/meta-data/";
    let moved = |name, status: &str, location: &str, reason| {
        ends(name, answer(status, &format!("location: {location}\r\n"), "x"), again(), reason)
    };
    let plain = |name, status: &str, headers: &str, reason| ends(name, answer(status, headers, "x"), again(), reason);
    vec![
        moved("300", "300 Choices", canary, "answered 300: redirects are not followed"),
        moved("301", "301 Moved", canary, "answered 301: redirects are not followed"),
        moved("302 to the metadata service", "302 Found", METADATA, "answered 302: redirects are not followed"),
        moved("303", "303 See Other", canary, "answered 303: redirects are not followed"),
        moved("305 to a proxy", "305 Use Proxy", canary, "answered 305: redirects are not followed"),
        moved("307", "307 Temporary", canary, "answered 307: redirects are not followed"),
        moved("308", "308 Permanent", canary, "answered 308: redirects are not followed"),
        moved("a redirect to a file", "302 Found", "file:///etc/passwd", "answered 302: redirects are not followed"),
        moved("a redirect to nowhere", "302 Found", "\u{202e}//:@", "answered 302: redirects are not followed"),
        ends("304", [Step::Take, say("HTTP/1.1 304 Not Modified\r\n\r\n")], again(), "answered 304: redirects are not followed"),
        ends("a refresh", answer("200 OK", &format!("refresh: 0; url={canary}\r\n"), "x"), Outcome::Accepted, "answered 200"),
        plain("401", "401 Who", "www-authenticate: Basic realm=POISON\r\n", "answered 401"),
        plain("407", "407 Proxy", "proxy-authenticate: Basic realm=POISON\r\n", "answered 407"),
        plain("421", "421 Misdirected", "", "answered 421"),
        plain("425", "425 Early", "", "answered 425"),
        plain("426", "426 Upgrade", "upgrade: h2c\r\nconnection: upgrade\r\n", "answered 426"),
        plain("999", "999 Odd", "", "answered 999"),
        ends(
            "101",
            says("HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nPOISON"),
            again(),
            "answered 101",
        ),
        ends("410", answer("410 Gone", "", "x"), Outcome::Gone, "answered 410: the receiver says that it is gone for good"),
    ]
}

/// `Retry-After` in all its spellings.
fn wishes() -> Vec<Case> {
    let wish = |name, text: &str, seconds: Option<u64>| {
        let outcome = Outcome::Retryable { retry_after: seconds.map(Duration::from_secs) };
        let asked = seconds.map_or(String::new(), |seconds| format!("; the receiver asks to wait {seconds} s"));
        ends(name, answer("503 Busy", &format!("retry-after: {text}\r\n"), "x"), outcome, format!("answered 503{asked}"))
    };
    vec![
        wish("a wish of 120 s", "120", Some(120)),
        wish("a wish of 1e308 s", "1e308", None),
        wish("a negative wish", "-1", None),
        wish("a wish for the past", "Fri, 14 Nov 2003 22:14:20 GMT", Some(0)),
        wish("a wish beyond all numbers", &"9".repeat(400), Some(u64::from(u32::MAX))),
        wish("a wish in words", "soon\u{202e}", None),
        wish("a wish for the year 9000", "Wed, 01 Jan 9000 00:00:00 GMT", Some(220_145_392_000)),
        wish("a wish with a comment bomb", &"(".repeat(4000), None),
    ]
}

fn connections() -> Vec<Case> {
    let good = |name, text: &str| ends(name, [Step::Take, say(text)], Outcome::Accepted, "answered 200");
    vec![
        good(
            "a stray second answer",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nPOISON",
        ),
        ends(
            "a stray answer while idle",
            [answer("200 OK", "", "x").to_vec(), vec![say("HTTP/1.1 408 Timeout\r\ncontent-length: 6\r\n\r\nPOISON")]].concat(),
            Outcome::Accepted,
            "answered 200",
        )
        .then_pause(),
        good("an end that is announced and not kept", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx"),
        good("HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx"),
        good(
            "a few 1xx before the answer",
            "HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 P\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
        ),
    ]
}
