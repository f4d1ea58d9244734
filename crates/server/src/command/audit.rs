//! `audit verify`: walks a tenant's chain in the database. A head that is kept in a file outside
//! the database also shows a chain that was rewritten from its beginning.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_store::audit::{self, Head};
use hookswitch_store::{Db, TenantStore, tenant};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Global, open_current};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Walk the chain; exit 1 and say where if it is broken.
    Verify {
        /// The tenant's slug; `platform` for the platform's own trail.
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Compare with the head in this file, then keep the new head in it. Made if it isn't there.
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
    },
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    tenant: String,
    seq: i64,
    hash: String,
}

pub async fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let What::Verify { tenant, head } = arguments.what;
    let db = open_current(&global.config()?).await?;
    let store = store_of(&db, tenant.clone()).await?;
    let saved = head.as_deref().map(|path| read(path, &tenant)).transpose()?.flatten();
    let verdict = audit::verify(&store, saved).await?;
    db.close().await;
    match verdict {
        Ok(intact) => {
            let hash = HEXLOWER.encode(&intact.head.hash);
            if let Some(path) = head {
                let saved = Saved { tenant, seq: intact.head.seq, hash: hash.clone() };
                std::fs::write(&path, serde_json::to_string(&saved)?).with_context(|| path.display().to_string())?;
            }
            let audit::Intact { rows, digests, digests_gone, .. } = intact;
            let data = json!({"intact": true, "rows": rows, "digests": digests, "digests_gone": digests_gone,
                "head": {"seq": intact.head.seq, "hash": hash}});
            let gone =
                if digests_gone > 0 { format!(", of {digests_gone} the rows are gone by retention") } else { String::new() };
            print(global, &data, &format!("intact: {rows} rows, head {hash}; {digests} digests of deliveries{gone}"));
            Ok(ExitCode::SUCCESS)
        }
        Err(broken) => {
            print(global, &json!({"intact": false, "broken": {"seq": broken.seq, "why": broken.why}}), &broken.to_string());
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn store_of(db: &Db, slug: String) -> anyhow::Result<TenantStore> {
    let wanted = slug.clone();
    let found = db.system().read(move |tx| Box::pin(async move { tenant::by_slug(tx, &wanted).await })).await?;
    match found {
        Some(tenant) => Ok(db.for_tenant(tenant.id)),
        None if slug == "platform" => Ok(db.for_tenant(PLATFORM)),
        None => anyhow::bail!("--tenant names no tenant"),
    }
}

fn read(path: &Path, tenant: &str) -> anyhow::Result<Option<Head>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let saved: Saved = serde_json::from_str(&text).with_context(|| format!("{} is no saved head", path.display()))?;
    if saved.tenant != tenant {
        anyhow::bail!("{} holds the head of {}", path.display(), saved.tenant);
    }
    Ok(Some(Head { seq: saved.seq, hash: HEXLOWER.decode(saved.hash.as_bytes()).context("the saved head's hash")? }))
}

fn print(global: &Global, data: &serde_json::Value, plain: &str) {
    match global.json {
        true => println!("{data}"),
        false => println!("{plain}"),
    }
}
