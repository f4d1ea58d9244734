//! The envelope key: a file that only its owner may read, one key per line (`key_id base64`), the
//! newest first. It seals every secret in the database and never lies in it, nor in a backup.
//!
//! The file is made together with a new database and never for an old one: a fresh key would hide
//! that the secrets can't be read any more. A rotation (`reseal`) puts a key in front and takes
//! the old ones away when no row needs them; other processes notice by an unknown key id.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, HEXLOWER};
use hookswitch_domain::id::{SecretId, TenantId};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::time::Ambient;
use zeroize::Zeroizing;

use super::SecretError;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The first byte of everything sealed: which layout follows (nonce, then ciphertext and tag).
const LAYOUT: u8 = 1;
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why a key file can't be used; said to whoever runs the installation.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error(
        "{0} is missing, but the database is not new: its secrets were sealed with a key that was in this file. \
         Put the file back; a new one can't open them"
    )]
    Missing(PathBuf),
    #[error("{path} may be read by others than its owner (mode {mode:04o}): run chmod 600 {path}")]
    Mode { path: PathBuf, mode: u32 },
    #[error("{path}, line {line}: must be a key id and 32 bytes in base64, with a space between them")]
    Line { path: PathBuf, line: usize },
    #[error("{0} holds no key")]
    Empty(PathBuf),
    #[error("{0} is no file of at most 64 KiB")]
    NoFile(PathBuf),
    #[error("the keys in {0} are being changed by another process; try again when it is done")]
    Busy(PathBuf),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// What a sealed value is bound to: moved to another row, tenant or use, it doesn't open.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub tenant: TenantId,
    pub id: SecretId,
    pub purpose: &'a str,
}

impl Place<'_> {
    /// Two ids of fixed length, then the purpose: no two places share bytes.
    fn bytes(self) -> Vec<u8> {
        [self.tenant.uuid().as_bytes(), self.id.uuid().as_bytes(), self.purpose.as_bytes()].concat()
    }
}

#[derive(Clone)]
struct Key {
    id: String,
    bytes: Secret,
}

impl Key {
    fn fresh(ambient: &dyn Ambient) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        ambient.fill(&mut bytes[..]);
        Self { id: format!("mk_{}", HEXLOWER.encode(&ambient.random::<8>())), bytes: Secret::new(bytes.to_vec()) }
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, SecretError> {
        XChaCha20Poly1305::new_from_slice(self.bytes.expose()).map_err(|_| SecretError::Damaged)
    }
}

/// The keys as they were last read.
pub struct MasterKey {
    path: PathBuf,
    keys: RwLock<Arc<Vec<Key>>>,
}

impl MasterKey {
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let keys = read(path)?.ok_or_else(|| KeyFileError::Missing(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), keys: RwLock::new(Arc::new(keys)) })
    }

    /// Loads the file, or makes it where the database is new as well.
    pub fn load_or_create(path: &Path, database_is_new: bool, ambient: &dyn Ambient) -> Result<Self, KeyFileError> {
        if !database_is_new || path.exists() {
            return Self::load(path);
        }
        let folder = folder(path);
        fs::create_dir_all(folder).map_err(io_at(folder))?;
        // Two processes that start together must end up with one key.
        let alone = File::open(folder).map_err(io_at(folder))?;
        alone.lock().map_err(io_at(folder))?;
        if !path.exists() {
            write(path, &[Key::fresh(ambient)])?;
        }
        Self::load(path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first key of the file: what a rotation seals with.
    pub fn newest(&self) -> String {
        self.keys().first().map(|key| key.id.clone()).unwrap_or_default()
    }

    /// Whether the key is in the file, after a second look.
    pub fn holds(&self, key_id: &str) -> bool {
        self.find(key_id).is_ok()
    }

    pub(super) fn seal(
        &self,
        key_id: &str,
        place: Place<'_>,
        secret: &Secret,
        ambient: &dyn Ambient,
    ) -> Result<Vec<u8>, SecretError> {
        let nonce: [u8; NONCE_BYTES] = ambient.random();
        let message = Payload { msg: secret.expose(), aad: &place.bytes() };
        let sealed = self.find(key_id)?.cipher()?.encrypt(&XNonce::from(nonce), message);
        let sealed = sealed.map_err(|_| SecretError::Damaged)?;
        Ok([&[LAYOUT], &nonce[..], &sealed].concat())
    }

    pub(super) fn open(&self, key_id: &str, place: Place<'_>, sealed: &[u8]) -> Result<Secret, SecretError> {
        let (layout, rest) = sealed.split_first().ok_or(SecretError::Damaged)?;
        let (nonce, message) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SecretError::Damaged)?;
        if *layout != LAYOUT {
            return Err(SecretError::Damaged);
        }
        let message = Payload { msg: message, aad: &place.bytes() };
        let opened = self.find(key_id)?.cipher()?.decrypt(&XNonce::from(*nonce), message);
        opened.map(Secret::new).map_err(|_| SecretError::Damaged)
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A key by its id. One that isn't known may have come with a rotation by another process.
    fn find(&self, key_id: &str) -> Result<Key, SecretError> {
        let known = |keys: &[Key]| keys.iter().find(|key| key.id == key_id).cloned();
        if let Some(key) = known(&self.keys()) {
            return Ok(key);
        }
        let keys = read(&self.path).map_err(|_| SecretError::KeyFile)?.ok_or(SecretError::KeyFile)?;
        let found = known(&keys);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        found.ok_or_else(|| SecretError::KeyUnknown(key_id.to_owned()))
    }

    /// Takes the right to change the file, and reads it again.
    pub(super) fn lock(&self) -> Result<Changing<'_>, KeyFileError> {
        let folder = folder(&self.path);
        let lock = File::open(folder).map_err(io_at(folder))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => KeyFileError::Busy(self.path.clone()),
            TryLockError::Error(error) => io_at(folder)(error),
        })?;
        let keys = read(&self.path)?.ok_or_else(|| KeyFileError::Missing(self.path.clone()))?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(Changing { master: self, _lock: lock })
    }
}

/// The right to change the file, until dropped.
pub(super) struct Changing<'a> {
    master: &'a MasterKey,
    _lock: File,
}

impl Changing<'_> {
    /// Puts a fresh key in front.
    pub(super) fn add(&self, ambient: &dyn Ambient) -> Result<(), KeyFileError> {
        let keys = [vec![Key::fresh(ambient)], self.master.keys().to_vec()].concat();
        self.replace(keys)
    }

    /// Takes all keys away that are not named; returns how many.
    pub(super) fn keep(&self, wanted: &[String]) -> Result<usize, KeyFileError> {
        let before = self.master.keys();
        let keys: Vec<Key> = before.iter().filter(|key| wanted.contains(&key.id)).cloned().collect();
        let dropped = before.len() - keys.len();
        if dropped > 0 {
            self.replace(keys)?;
        }
        Ok(dropped)
    }

    fn replace(&self, keys: Vec<Key>) -> Result<(), KeyFileError> {
        write(&self.master.path, &keys)?;
        *self.master.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_owned();
    move |error| KeyFileError::Io { path, error }
}

/// `None` where there is no such file.
fn read(path: &Path) -> Result<Option<Vec<Key>>, KeyFileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_at(path)(error)),
    };
    let about = file.metadata().map_err(io_at(path))?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(KeyFileError::NoFile(path.to_owned()));
    }
    if about.mode() & 0o077 != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode: about.mode() & 0o7777 });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(io_at(path))?;
    parse(path, &text).map(Some)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Key>, KeyFileError> {
    let mut keys: Vec<Key> = Vec::new();
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = || KeyFileError::Line { path: path.to_owned(), line: place + 1 };
        let (id, bytes) = line.trim().split_once(' ').ok_or_else(wrong)?;
        let bytes = Secret::new(BASE64.decode(bytes.trim().as_bytes()).map_err(|_| wrong())?);
        let named = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !named || bytes.expose().len() != KEY_BYTES || keys.iter().any(|key| key.id == id) {
            return Err(wrong());
        }
        keys.push(Key { id: id.to_owned(), bytes });
    }
    if keys.is_empty() { Err(KeyFileError::Empty(path.to_owned())) } else { Ok(keys) }
}

/// Replaces the file as a whole: whatever happens meanwhile, it holds either the old keys or the new ones.
fn write(path: &Path, keys: &[Key]) -> Result<(), KeyFileError> {
    let mut text = Zeroizing::new(String::new());
    for key in keys {
        text.push_str(&key.id);
        text.push(' ');
        text.push_str(&Zeroizing::new(BASE64.encode(key.bytes.expose())));
        text.push('\n');
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let half_done = PathBuf::from(name);
    match fs::remove_file(&half_done) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_at(&half_done)(error)),
        _ => {}
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half_done);
    let mut file = made.map_err(io_at(&half_done))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io_at(&half_done))?;
    fs::rename(&half_done, path).map_err(io_at(path))?;
    File::open(folder(path)).and_then(|folder| folder.sync_all()).map_err(io_at(path))
}
