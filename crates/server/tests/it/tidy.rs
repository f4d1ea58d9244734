//! The tree keeps its own rules. The bounds may only be tightened.

use std::path::{Path, PathBuf};

/// A longer file needs a reason that a reader would accept; this is the longest that has one.
const LINES_MAX: usize = 440;

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("crates"), root.join("bench")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

#[test]
fn every_file_says_what_it_is_for_and_is_short_enough_to_read() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{} begins with no module comment", path.display());
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
    }
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_switched_off() {
    // Spelled apart, so that this file passes itself.
    let words =
        [["TO", "DO"], ["FIX", "ME"], ["#[ig", "nore"], ["todo", "!("], ["unimple", "mented!("]].map(|parts| parts.concat());
    for (path, text) in sources() {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} holds {word}", path.display());
        }
    }
}

/// The desk plugs in through the two seams alone: nothing further down knows one of its words.
#[test]
fn the_gateway_knows_no_record_of_the_desk() {
    for (path, text) in sources() {
        let below = ["/domain/src/", "/store/src/", "/pipeline/src/"].iter().any(|part| path.to_string_lossy().contains(part));
        if !below {
            continue;
        }
        assert!(!text.contains("hookswitch_desk"), "{} imports the desk", path.display());
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).filter(|line| !line.contains('"'));
        for line in code {
            assert!(!line.to_lowercase().contains("ticket"), "{}: {line}", path.display());
            // `tasks` are the runtime's; a desk's task has an id, and is of a group.
            for word in ["TaskId", "task_id", "SwapId", "group_member", "task_group"] {
                assert!(!line.contains(word), "{}: {line}", path.display());
            }
        }
    }
}

/// DESIGN 4: a database driver is named in the store alone.
#[test]
fn only_the_store_names_a_database_driver() {
    for (path, text) in sources() {
        let other = !path.to_string_lossy().contains("/store/") && !path.to_string_lossy().contains("/tests/");
        for driver in ["rusqlite::", "tokio_postgres::", "deadpool_postgres::"] {
            assert!(!(other && text.contains(driver)), "{} names {driver}", path.display());
        }
    }
}
