//! The Rust code of docs/verify.md, run against the fixtures that `hookswitch fixtures` prints.
//! (`scripts/outside/verify` does the same for the other languages.)

use hookswitch_domain::signature::Profile;
use hookswitch_domain::signature::fixtures::{Case, Expect, fixtures};

mod receiver;

/// What a receiver that copied the code does.
fn decide(case: &Case) -> Expect {
    let header = |name: &str| case.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| &**value);
    let (keys, body, now) = (case.keys.iter().map(String::as_str).collect::<Vec<_>>(), case.body.as_bytes(), case.now as u64);
    let timed = |time: &str, signature: &str| {
        keys.iter().any(|key| receiver::verify_timed(key, time, signature, body, now)).then_some(&*case.id)
    };
    let id = match case.profile {
        Profile::Oneprotect => {
            timed(header("x-oneprotect-timestamp").unwrap_or_default(), header("x-oneprotect-signature").unwrap_or_default())
        }
        Profile::Fr022 => timed(header("x-timestamp").unwrap_or_default(), header("x-signature").unwrap_or_default()),
        Profile::Alga => {
            let mut entries = header("x-alga-signature").unwrap_or_default().split(',');
            let time = entries.next().and_then(|entry| entry.strip_prefix("t=")).unwrap_or_default();
            entries.filter_map(|entry| entry.strip_prefix("v1=")).find_map(|signature| timed(time, signature))
        }
        _ => receiver::verify(&keys, header, body, now),
    };
    match id {
        None => Expect::Refuse,
        Some(id) if case.seen.iter().any(|seen| seen == id) => Expect::Duplicate,
        Some(_) => Expect::Accept,
    }
}

#[test]
fn the_rust_of_the_documentation_takes_every_good_request_and_refuses_every_bad_one() {
    let all = fixtures().unwrap();
    let named = all.cases.iter().filter(|case| case.profile.name() != "custom");
    let wrong: Vec<_> = named.filter(|case| decide(case) != case.expect).map(|case| &case.name).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_documentation_shows_the_code_that_is_tested() {
    let document = include_str!("../../../../docs/verify.md");
    let block = format!("```rust verify\n{}```\n", include_str!("receiver.rs"));
    assert!(document.contains(&block), "docs/verify.md and crates/domain/tests/it/receiver.rs differ");
}
