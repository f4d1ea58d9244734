//! Rotation of the master key, in steps that may each be the last: killed at any point, everything
//! stays readable, and the next run goes on from there.
//!
//! 1. `begin`: a new key stands first in the file, on disk. Nothing is sealed with it yet.
//! 2. `move_marker`: from this commit on every process seals with it.
//! 3. `batch`, until nothing is left: what was sealed with other keys is sealed anew.
//! 4. `finish`: keys that no row uses leave the file. No row can come to use them again, because
//!    whoever seals holds the marker until its commit.

use std::sync::Arc;

use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::id::SecretId;
use hookswitch_domain::time::Ambient;
use hookswitch_store::secret::{self, MARKER, Sealed};
use hookswitch_store::{Db, StoreError, Tx, audit};
use serde_json::json;

use super::master_key::Changing;
use super::{KeyFileError, MasterKey, Place, SecretError, marker_row, open_row};

const BATCH: u32 = 200;

#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another rotation, with another key file, was faster; put the newest key file on this machine and run again")]
    Overtaken,
}

/// A rotation under way; holds the right to change the key file.
pub struct Rotation<'a> {
    db: &'a Db,
    master: &'a Arc<MasterKey>,
    ambient: Arc<dyn Ambient>,
    file: Changing<'a>,
    /// What the marker named at the beginning; `None` where nothing was ever sealed.
    from_key: Option<String>,
    to_key: String,
    resumed: bool,
    after: SecretId,
    resealed: u64,
    unreadable: Vec<SecretId>,
}

/// What a rotation came to.
#[derive(Debug, serde::Serialize)]
pub struct Rotated {
    /// Whether this run went on with an earlier one that hadn't ended.
    pub resumed: bool,
    pub key_id: String,
    pub resealed: u64,
    pub dropped_keys: usize,
    /// Values that were damaged before; the keys that they name stay in the file.
    pub unreadable: Vec<SecretId>,
}

impl<'a> Rotation<'a> {
    /// Makes a new key, unless an earlier rotation has to be ended first.
    pub async fn begin(db: &'a Db, master: &'a Arc<MasterKey>, ambient: Arc<dyn Ambient>) -> Result<Self, RotationError> {
        let file = master.lock()?;
        let marker = db.system().read::<_, StoreError, _>(|tx| Box::pin(secret::get(tx, MARKER))).await?;
        if let Some(marker) = &marker {
            // A file that lacks the marker's key is older than the database, and must not be built upon.
            open_row(master, marker)?;
        }
        let newest = master.newest();
        let from_key = marker.map(|marker| marker.key_id);
        let moved_half = from_key.as_ref().is_some_and(|key| *key != newest);
        let resumed = moved_half || work_is_left(db, master, &newest).await?;
        if !resumed {
            file.add(&*ambient)?;
        }
        let to_key = master.newest();
        let (after, resealed, unreadable) = (MARKER, 0, Vec::new());
        Ok(Self { db, master, ambient, file, from_key, to_key, resumed, after, resealed, unreadable })
    }

    pub async fn move_marker(&mut self) -> Result<(), RotationError> {
        if self.from_key.as_ref() == Some(&self.to_key) {
            return Ok(());
        }
        let marker = marker_row(self.master, &self.to_key, &*self.ambient)?;
        let (from_key, ambient) = (self.from_key.clone(), self.ambient.clone());
        let moved = self.db.system().write(|tx| Box::pin(move_to(tx, marker, from_key, ambient))).await?;
        if moved { Ok(()) } else { Err(RotationError::Overtaken) }
    }

    /// Seals up to 200 values anew, in one transaction. False when none is left.
    pub async fn batch(&mut self) -> Result<bool, RotationError> {
        let (master, ambient, to_key, after) = (self.master.clone(), self.ambient.clone(), self.to_key.clone(), self.after);
        let system = self.db.system();
        let job = system.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let page = secret::page_under_other_keys(tx, &to_key, after, BATCH).await?;
                let (last, mut resealed, mut unreadable) = (page.last().map(|row| row.id), 0, Vec::new());
                for row in page {
                    match anew(&master, &to_key, &row, &*ambient) {
                        Ok(sealed) => resealed += u64::from(secret::reseal(tx, &sealed, &row.key_id).await?),
                        Err(_) => unreadable.push(row.id),
                    }
                }
                Ok((last, resealed, unreadable))
            })
        });
        let (last, resealed, unreadable) = job.await?;
        self.resealed += resealed;
        self.unreadable.extend(unreadable);
        self.after = last.unwrap_or(self.after);
        Ok(last.is_some())
    }

    /// Takes the old keys out of the file; with `keep_old`, leaves them for the sake of old backups.
    pub async fn finish(self, keep_old: bool) -> Result<Rotated, RotationError> {
        let mut wanted = self.db.system().read::<_, StoreError, _>(|tx| Box::pin(secret::keys_in_use(tx))).await?;
        wanted.push(self.to_key.clone());
        let dropped_keys = if keep_old { 0 } else { self.file.keep(&wanted)? };
        Ok(Rotated {
            resumed: self.resumed,
            key_id: self.to_key,
            resealed: self.resealed,
            dropped_keys,
            unreadable: self.unreadable,
        })
    }

    /// All steps.
    pub async fn run(mut self, keep_old: bool) -> Result<Rotated, RotationError> {
        self.move_marker().await?;
        while self.batch().await? {}
        self.finish(keep_old).await
    }
}

async fn move_to(tx: &mut Tx, marker: Sealed, from_key: Option<String>, ambient: Arc<dyn Ambient>) -> Result<bool, StoreError> {
    let Some(from_key) = from_key else {
        secret::make_marker(tx, ambient.now(), &marker).await?;
        return Ok(secret::hold_marker(tx).await?.is_some_and(|there| there.key_id == marker.key_id));
    };
    if !secret::move_marker(tx, &marker, &from_key).await? {
        return Ok(false);
    }
    let detail = json!({ "from_key": from_key, "to_key": marker.key_id });
    let entry = Entry { action: "master_key.rotated", target: marker.key_id, correlation_id: None, detail };
    audit::append(tx, &*ambient, &Actor::Operator, entry).await?;
    Ok(true)
}

async fn page(tx: &mut Tx, not_under: String, after: SecretId) -> Result<Vec<Sealed>, StoreError> {
    secret::page_under_other_keys(tx, &not_under, after, BATCH).await
}

/// Whether some value that can be opened is sealed under another key. Damaged ones can't be sealed
/// anew, and must not make every later rotation look like the end of an earlier one.
async fn work_is_left(db: &Db, master: &MasterKey, newest: &str) -> Result<bool, StoreError> {
    let mut after = MARKER;
    loop {
        let newest = newest.to_owned();
        let page = db.system().read(move |tx| Box::pin(page(tx, newest, after))).await?;
        let Some(last) = page.last() else { return Ok(false) };
        after = last.id;
        if page.iter().any(|row| open_row(master, row).is_ok()) {
            return Ok(true);
        }
    }
}

fn anew(master: &MasterKey, to_key: &str, row: &Sealed, ambient: &dyn Ambient) -> Result<Sealed, SecretError> {
    let value = open_row(master, row)?;
    let place = Place { tenant: row.tenant, id: row.id, purpose: &row.purpose };
    let sealed = master.seal(to_key, place, &value, ambient)?;
    Ok(Sealed { key_id: to_key.to_owned(), sealed, ..row.clone() })
}
