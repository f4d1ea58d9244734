//! `migrate`: brings the database up to date, one transaction per step.

use std::process::ExitCode;

use anyhow::Context;
use hookswitch_store::Db;
use hookswitch_store::migrate::Schema;

use super::{Global, ambient, settings};
use crate::app::COMPONENTS;

pub async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let config = global.config()?;
    let mut settings = settings(&config);
    // A pooler in transaction mode can't hold the lock that migrations take.
    if let Some(direct) = settings.direct_url.take() {
        settings.url = direct;
    }
    let db = Db::open(&settings, ambient()).await.context("opening the database")?;
    if let Schema::Ahead(unknown) = db.schema(COMPONENTS).await? {
        return Err(super::serve::is_ahead(&unknown));
    }
    let done = db.migrate(COMPONENTS).await?;
    db.close().await;
    match global.json {
        true => println!("{}", serde_json::json!({"applied": done})),
        false if done.is_empty() => println!("nothing to do"),
        false => done.iter().for_each(|name| println!("applied {name}")),
    }
    Ok(ExitCode::SUCCESS)
}
