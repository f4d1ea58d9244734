//! `admin grant-secrets` and `revoke-secrets`: which secret references a tenant may
//! name. Only whoever runs the installation says this; no role in a tenant can.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::reference::Prefix;
use hookswitch_domain::tenant::Slug;
use hookswitch_pipeline::secrets::PROVIDERS;
use hookswitch_store::{Db, StoreError, Tx, secret, tenant};
use serde_json::json;

use super::files::sqlite_path;
use super::{Global, ambient};
use crate::config::Config;
use crate::identity;

#[derive(Args)]
pub struct Arguments {
    /// The tenant's slug.
    #[arg(long, value_name = "SLUG")]
    tenant: Slug,
    /// What its references may begin with, like file:///run/secrets/acme/
    #[arg(long)]
    prefix: Prefix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Grant,
    Revoke,
}

pub async fn run(global: &Global, config: &Config, db: &Db, arguments: Arguments, change: Change) -> anyhow::Result<()> {
    let Arguments { tenant, prefix } = arguments;
    let changed = apply(config, db, &tenant, &prefix, change).await?;
    let text = prefix.as_str();
    if global.json {
        println!("{}", json!({ "tenant": tenant, "prefix": text, "granted": change == Change::Grant, "changed": changed }));
        return Ok(());
    }
    match (change, changed) {
        (Change::Grant, true) => println!("{tenant} may name secrets under {text} from now on."),
        (Change::Grant, false) => println!("{tenant} could name secrets under {text} already."),
        (Change::Revoke, true) => println!("{tenant} may no longer name secrets under {text}."),
        (Change::Revoke, false) => println!("{tenant} was never granted {text}; nothing was changed."),
    }
    Ok(())
}

/// Whether anything changed.
pub(super) async fn apply(config: &Config, db: &Db, slug: &Slug, prefix: &Prefix, change: Change) -> anyhow::Result<bool> {
    if change == Change::Grant {
        refuse_needless(prefix)?;
        refuse_own_files(config, prefix)?;
    }
    let (lookup, prefix) = (slug.clone(), prefix.clone());
    let found = db.system().read(move |tx| Box::pin(async move { tenant::by_slug(tx, lookup.as_str()).await })).await?;
    let tenant = found.with_context(|| format!("there is no tenant {slug}"))?;
    Ok(db.for_tenant(tenant.id).write(move |tx| Box::pin(write(tx, prefix, change))).await?)
}

async fn write(tx: &mut Tx, prefix: Prefix, change: Change) -> Result<bool, StoreError> {
    let ambient = ambient();
    let (changed, action) = match change {
        Change::Grant => (secret::grant(tx, ambient.now(), &prefix).await?, "secret_prefix.granted"),
        Change::Revoke => (secret::revoke(tx, &prefix).await?, "secret_prefix.revoked"),
    };
    if changed {
        let target = prefix.as_str().to_owned();
        identity::note(tx, &*ambient, &Actor::Operator, action, target, json!({})).await?;
    }
    Ok(changed)
}

fn refuse_needless(prefix: &Prefix) -> anyhow::Result<()> {
    let root = prefix.root()?;
    match PROVIDERS.iter().find(|provider| provider.scheme() == root.scheme()) {
        Some(provider) if provider.takes_grants() => {}
        Some(_) => bail!("{}:// needs no grant: a tenant names its own values there and no others", root.scheme()),
        None => bail!("no secret provider has the scheme {}://", root.scheme()),
    }
    if root.scheme() == "file" && !root.path().starts_with('/') {
        bail!("must look like file:///absolute/path/");
    }
    Ok(())
}

/// A prefix that covers the master key or the database would hand over every tenant.
fn refuse_own_files(config: &Config, prefix: &Prefix) -> anyhow::Result<()> {
    let root = prefix.root()?;
    let own = [Some(config.master_key_file.clone()), sqlite_path(config)];
    let folder = fs::canonicalize(root.path()).unwrap_or_else(|_| root.path().into());
    let covered = |file: &Path| fs::canonicalize(file).is_ok_and(|file| file.starts_with(&folder));
    if root.scheme() == "file" && own.iter().flatten().any(|file| covered(file)) {
        bail!("{} holds the master key or the database; keep tenants' secrets in a folder of their own", prefix.as_str());
    }
    Ok(())
}
