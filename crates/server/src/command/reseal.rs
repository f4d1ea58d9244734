//! `admin reseal`: rotates the envelope key. Runs beside the servers; killed at any point, it
//! leaves everything readable, and the next run goes on from there.

use std::path::Path;

use anyhow::bail;
use clap::Args;
use hookswitch_pipeline::secrets::{Rotated, Rotation, Secrets};
use hookswitch_store::Db;

use super::{Global, ambient};
use crate::config::Config;

#[derive(Args)]
pub struct Arguments {
    /// Leave the old keys in the file, for the sake of backups made before.
    #[arg(long)]
    keep_old_keys: bool,
}

pub async fn run(global: &Global, config: &Config, db: &Db, arguments: Arguments) -> anyhow::Result<()> {
    let done = reseal(config, db, arguments.keep_old_keys).await?;
    match global.json {
        true => println!("{}", serde_json::to_string(&done)?),
        false => tell(&done, &config.master_key_file),
    }
    match done.unreadable.as_slice() {
        [] => Ok(()),
        some => bail!("{} secrets can't be opened; they were damaged before, and the keys that they name stay", some.len()),
    }
}

pub(super) async fn reseal(config: &Config, db: &Db, keep_old: bool) -> anyhow::Result<Rotated> {
    let secrets = Secrets::start(db, &config.master_key_file, config.environment.lenient(), ambient()).await?;
    Ok(Rotation::begin(db, secrets.master(), ambient()).await?.run(keep_old).await?)
}

fn tell(done: &Rotated, file: &Path) {
    let file = file.display();
    if done.resumed {
        println!("An earlier rotation had not ended; this run ended it and made no other key.");
    }
    println!("{} secrets are sealed anew, with the key {} in {file}.", done.resealed, done.key_id);
    if done.dropped_keys > 0 {
        println!("{} old keys left the file; backups made before open with a copy of the old file only.", done.dropped_keys);
    }
    for id in &done.unreadable {
        println!("{id} can't be opened.");
    }
    println!("Servers on other machines need the new {file} too.");
}
