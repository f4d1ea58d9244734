//! What the demo made up and people need: passwords, tokens, secrets. Kept in one file that only
//! its owner may read, because nothing shows them again.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Its name in the data folder.
pub const FILE: &str = "demo-passwords.json";

#[derive(Serialize, Deserialize)]
pub struct Account {
    pub email: String,
    pub password: String,
}

#[derive(Serialize, Deserialize)]
pub struct TenantKeepsake {
    pub tenant_admin: Account,
    pub operator: Account,
    pub auditor: Account,
    /// An API token of a tenant admin.
    pub token: String,
    /// Signs what the test endpoint gets, by destination id.
    pub destination_secrets: BTreeMap<String, String>,
    /// Signs what the sample inbound webhook receives.
    pub inbound_secret: String,
}

/// By tenant slug.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keepsake(pub BTreeMap<String, TenantKeepsake>);

impl Keepsake {
    /// `None` if there is no file: the demo starts from nothing.
    pub fn load(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(FILE);
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| path.display().to_string())?,
        };
        Ok(Some(serde_json::from_slice(&text).with_context(|| path.display().to_string())?))
    }

    /// Written whole or not at all, readable by its owner alone.
    pub fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let (path, fresh) = (folder.join(FILE), folder.join(format!("{FILE}.new")));
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path).with_context(|| path.display().to_string())
    }
}
