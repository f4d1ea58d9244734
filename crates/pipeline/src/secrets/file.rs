//! `file:///run/secrets/acme/pg_password`: a file that somebody else keeps up to date, such as a CSI
//! secret store, a mounted Kubernetes secret or Vault Agent. It is read at every use.
//!
//! A tenant reaches the prefixes that the installation grants to it and nothing else. Mounted
//! secrets are symbolic links inside their mount, so links are followed, and where they end must
//! still be under where the granted prefix ends.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hookswitch_domain::reference::Prefix;
use hookswitch_domain::secret::Secret;

use super::{Lookup, SECRET_BYTES_MAX, SecretError, SecretProvider, covering};

/// A mount swaps a link and deletes what it pointed at: a read between the two is tried again.
const TRIES: usize = 3;

pub(super) struct File;

impl SecretProvider for File {
    fn scheme(&self) -> &'static str {
        "file"
    }

    /// Looks at text alone: whether a file is there is nobody's business before the moment of use.
    fn permit<'a>(&'a self, lookup: &'a Lookup<'a>) -> BoxFuture<'a, Result<(), SecretError>> {
        granted(lookup).map(|prefix| prefix.map(drop)).boxed()
    }

    fn resolve<'a>(&'a self, lookup: &'a Lookup<'a>) -> BoxFuture<'a, Result<Secret, SecretError>> {
        async move {
            let prefixes = granted(lookup).await?;
            let path = PathBuf::from(lookup.reference.path());
            let work = tokio::task::spawn_blocking(move || read(&path, &prefixes));
            work.await.unwrap_or(Err(SecretError::Unreadable(io::ErrorKind::Other)))
        }
        .boxed()
    }
}

/// The folders of the granted prefixes that the reference is under: at least one.
async fn granted(lookup: &Lookup<'_>) -> Result<Vec<PathBuf>, SecretError> {
    if !lookup.reference.path().starts_with('/') {
        return Err(SecretError::Form("must look like file:///absolute/path"));
    }
    let folder = |prefix: &Prefix| prefix.root().map(|root| PathBuf::from(root.path()));
    let folders = covering(lookup).await?.iter().map(folder).collect::<Result<Vec<_>, _>>()?;
    if folders.is_empty() { Err(SecretError::NotGranted) } else { Ok(folders) }
}

fn read(path: &Path, folders: &[PathBuf]) -> Result<Secret, SecretError> {
    let mut result = read_once(path, folders);
    for _ in 1..TRIES {
        match result {
            Err(SecretError::NotFound) => result = read_once(path, folders),
            _ => break,
        }
    }
    result
}

fn read_once(path: &Path, folders: &[PathBuf]) -> Result<Secret, SecretError> {
    let real = fs::canonicalize(path).map_err(refused)?;
    let inside = |folder: &PathBuf| fs::canonicalize(folder).is_ok_and(|folder| real.starts_with(folder));
    if !folders.iter().any(inside) {
        return Err(SecretError::NotGranted);
    }
    // Opening a pipe would wait for a writer.
    if !fs::metadata(&real).map_err(refused)?.is_file() {
        return Err(SecretError::Unreadable(io::ErrorKind::InvalidInput));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(&real).map_err(refused)?;
    file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(refused)?;
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(SecretError::TooLarge);
    }
    // Editors and `echo` end a file with a line break that is no part of the secret.
    let value = bytes.strip_suffix(b"\r\n").or_else(|| bytes.strip_suffix(b"\n")).map_or(bytes.len(), <[u8]>::len);
    bytes.truncate(value);
    Ok(Secret::new(bytes))
}

fn refused(error: io::Error) -> SecretError {
    match error.kind() {
        io::ErrorKind::NotFound => SecretError::NotFound,
        kind => SecretError::Unreadable(kind),
    }
}
