//! The recipes of `docs/recipes`, run as they stand: their files are saved, their commands are executed
//! by a shell against a real server, and what they promise is there afterwards.

use std::path::{Path, PathBuf};

use hookswitch_server::app::COMPONENTS;
use serde_json::Value;

use super::House;
use crate::engines::Engine;
use crate::on_both_engines;

/// A fenced block: what stands behind the fence, and what is in it.
struct Block {
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => found.push(block),
            (Some(info), None) => open = Some(Block { info: info.to_owned(), text: String::new() }),
            (None, Some(block)) => open = Some(Block { text: block.text + line + "\n", ..block }),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is never closed");
    found
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes")
}

fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    pages.sort();
    pages
}

/// Whether everything that is promised is there; there may be more.
fn holds(promised: &Value, found: &Value) -> bool {
    match (promised, found) {
        (Value::Object(promised), Value::Object(found)) => {
            promised.iter().all(|(name, value)| found.get(name).is_some_and(|found| holds(value, found)))
        }
        _ => promised == found,
    }
}

async fn run(page: &str, script: &str, folder: &Path, house: &House) {
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
    bash.env("HOOKSWITCH_URL", format!("http://{}", house.server.address)).env("HOOKSWITCH_TOKEN", house.admin.token());
    let done = bash.output().await.unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{page}: {said}\n{wrong}");
}

async fn try_page(engine: &Engine, name: &str, text: &str) {
    let house = House::open(engine).await;
    let files = tempfile::tempdir().unwrap();
    let (mut scripts, mut promises) = (String::new(), 0);
    let blocks = blocks(text);
    for block in &blocks {
        match block.info.split_once(' ') {
            Some((_, path)) if !path.contains(' ') => std::fs::write(files.path().join(path), &block.text).unwrap(),
            None if block.info == "sh" => scripts.push_str(&block.text),
            _ => {}
        }
    }
    run(name, &scripts, files.path(), &house).await;
    for block in &blocks {
        let Some(path) = block.info.strip_prefix("json GET ") else { continue };
        let mut found = house.admin.get(path).await.expect(200).json()["data"].as_array().unwrap().clone();
        // Lists begin with the newest, and recipes with what comes first; parts of a batch are done side by side.
        found.sort_by_key(|each| each["title"].to_string());
        let mut promised: Vec<Value> = serde_json::from_str::<Vec<Value>>(&block.text).unwrap();
        promised.sort_by_key(|each| each["title"].to_string());
        assert_eq!(found.len(), promised.len(), "{name}: {found:?}");
        for (promised, found) in promised.iter().zip(&found) {
            assert!(holds(promised, found), "{name}: {promised} is not in {found}");
        }
        promises += 1;
    }
    assert!(promises > 0, "{name} promises nothing");
    for row in house.admin.get("/api/v1/events?limit=100").await.expect(200).json()["data"].as_array().unwrap() {
        assert!(!row["event_type"].as_str().unwrap().starts_with("integration."), "{name}: {row}");
    }
}

async fn every_recipe_does_what_it_says(engine: &Engine) {
    let (pages, index) = (pages(), std::fs::read_to_string(folder().join("README.md")).unwrap());
    for sender in ["ninjaone", "datto-rmm", "uptime-kuma", "alertmanager", "github", "stripe"] {
        assert!(pages.iter().any(|(name, _)| *name == format!("{sender}.md")), "{sender}");
    }
    for (name, text) in &pages {
        assert!(index.contains(&format!("({name})")), "{name} is not in the list of recipes");
        try_page_anew(engine, name, text).await;
    }
}

/// Each page has a database of its own.
async fn try_page_anew(engine: &Engine, name: &str, text: &str) {
    let engine = match engine.name {
        "sqlite" => Engine::sqlite(COMPONENTS).await,
        _ => Engine::postgres(COMPONENTS).await,
    };
    try_page(&engine, name, text).await;
}

on_both_engines!(every_recipe_does_what_it_says);
