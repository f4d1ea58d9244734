//! Secrets at the moment of use. Everything secret lies in one of two ways: **sealed** in the
//! database under the master key, or outside, named by a **reference** that a provider resolves.
//! Nothing here keeps a value: each use opens or resolves it again, so that a rotation or a
//! revoked grant counts at once.
//!
//! A provider is one file and one line in `PROVIDERS`.

mod file;
mod fingerprint;
mod local;
mod master_key;
mod reseal;
mod sealed;

use std::path::Path;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use futures_util::future::BoxFuture;
use hookswitch_domain::id::{SecretId, TenantId};
use hookswitch_domain::reference::{Prefix, Reference, ReferenceError};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_domain::time::Ambient;
use hookswitch_store::secret::{self, MARKER, Sealed};
use hookswitch_store::{Db, StoreError, TenantStore, Tx};

pub use fingerprint::Fingerprints;
pub use master_key::{KeyFileError, MasterKey, Place};
pub use reseal::{Rotated, Rotation, RotationError};

/// The purpose of values that a `sealed://` reference may name. Everything else that is sealed
/// has a purpose of its own, so that no reference reaches it.
pub const CREDENTIAL: &str = "credential";
/// The purpose of the marker row, which says under which key values are sealed now.
const MASTER_KEY: &str = "master_key";
/// What the marker row seals: a wrong key with the right name can't open it.
const MARKER_TEXT: &str = "hookswitch";

/// No secret is larger, wherever it lies.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;

/// Every kind of reference that can be resolved.
pub const PROVIDERS: &[&dyn SecretProvider] = &[&sealed::Sealed, &local::Local, &file::File];

/// Where a provider looks, and for whom.
pub struct Lookup<'a> {
    pub store: &'a TenantStore,
    pub master: &'a MasterKey,
    pub reference: &'a Reference,
}

/// One way to keep secrets.
pub trait SecretProvider: Send + Sync {
    fn scheme(&self) -> &'static str;

    /// Refused outside local, dev and test.
    fn development_only(&self) -> bool {
        false
    }

    /// Whether the installation says by prefixes what a tenant may name.
    fn takes_grants(&self) -> bool {
        true
    }

    /// Whether the reference has this scheme's form and the tenant may name it.
    fn permit<'a>(&'a self, lookup: &'a Lookup<'a>) -> BoxFuture<'a, Result<(), SecretError>>;

    /// The value. Called only after `permit`.
    fn resolve<'a>(&'a self, lookup: &'a Lookup<'a>) -> BoxFuture<'a, Result<Secret, SecretError>>;
}

/// Why there is no secret. Neither the message nor the code holds any part of a value or of a whole reference.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error("{0}")]
    Form(&'static str),
    #[error("no secret provider has the scheme {0}://")]
    Scheme(String),
    #[error("{0}:// references are refused outside the environments local, dev and test")]
    DevelopmentOnly(&'static str),
    #[error(
        "is not under a prefix that the installation grants to this tenant (hookswitch admin grant-secrets); \
         it must also stay there once links are followed"
    )]
    NotGranted,
    #[error("there is no such secret")]
    NotFound,
    #[error("the secret is empty")]
    Empty,
    #[error("the secret is larger than 65536 bytes")]
    TooLarge,
    #[error("the secret can't be read: {0}")]
    Unreadable(std::io::ErrorKind),
    #[error("the sealed value is damaged, or was moved from another place")]
    Damaged,
    #[error("the master key file has no key {0}: put the newest file on this machine")]
    KeyUnknown(String),
    #[error("the master key file can't be read any more")]
    KeyFile,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SecretError {
    /// Stable, for attempts, logs and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reference(_) | Self::Form(_) => "secret_reference_invalid",
            Self::Scheme(_) => "secret_scheme_unknown",
            Self::DevelopmentOnly(_) => "secret_scheme_refused",
            Self::NotGranted => "secret_not_granted",
            Self::NotFound => "secret_not_found",
            Self::Empty => "secret_empty",
            Self::TooLarge => "secret_too_large",
            Self::Unreadable(_) => "secret_unreadable",
            Self::Damaged => "secret_damaged",
            Self::KeyUnknown(_) => "secret_key_unknown",
            Self::KeyFile => "secret_key_file",
            Self::Store(_) => "secret_store",
        }
    }
}

/// Why a process can't start with this key file and this database.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error("the master key file does not belong to this database: {0}")]
    Secret(#[from] SecretError),
}

/// The one thing that others use.
#[derive(Clone)]
pub struct Secrets {
    master: Arc<MasterKey>,
    development: bool,
}

impl Secrets {
    /// `development`: whether the environment is local, dev or test.
    pub fn new(master: Arc<MasterKey>, development: bool) -> Self {
        Self { master, development }
    }

    /// The secrets of an opened, migrated database. Its key file is made if nothing was ever sealed
    /// in it; from then on the database names its key and takes no other one.
    pub async fn start(db: &Db, key_file: &Path, development: bool, ambient: Arc<dyn Ambient>) -> Result<Self, StartError> {
        let marker = db.system().read::<_, StoreError, _>(|tx| Box::pin(secret::get(tx, MARKER))).await;
        let is_new = marker.map_err(SecretError::from)?.is_none();
        let secrets = Self::new(Arc::new(MasterKey::load_or_create(key_file, is_new, &*ambient)?), development);
        if is_new {
            let theirs = secrets.clone();
            let system = db.system();
            let job = system.write(|tx| Box::pin(async move { theirs.sealing_key(tx, &*ambient).await }));
            job.await.map_err(SecretError::from)?;
        }
        secrets.check(db).await?;
        Ok(secrets)
    }

    /// Whether the environment is local, dev or test.
    pub fn in_development(&self) -> bool {
        self.development
    }

    pub fn master(&self) -> &Arc<MasterKey> {
        &self.master
    }

    /// Seals a value into a row of the transaction's tenant. The purpose is bound into the seal
    /// and must be said again to open it.
    pub async fn seal(&self, tx: &mut Tx, ambient: &dyn Ambient, purpose: &str, value: &Secret) -> Result<SecretId, StoreError> {
        let (tenant, id) = (tx.tenant(), ambient.fresh());
        let key_id = self.sealing_key(tx, ambient).await?;
        let place = Place { tenant, id, purpose };
        let sealed = self.master.seal(&key_id, place, value, ambient).map_err(unavailable)?;
        let row = Sealed { id, tenant, purpose: purpose.to_owned(), key_id, sealed };
        secret::insert(tx, ambient.now(), &row).await?;
        Ok(id)
    }

    /// Opens a sealed value that the caller has read. Touches nothing but, after a rotation, the key file.
    pub fn open(
        &self,
        tenant: TenantId,
        id: SecretId,
        key_id: &str,
        sealed: &[u8],
        purpose: &str,
    ) -> Result<Secret, SecretError> {
        self.master.open(key_id, Place { tenant, id, purpose }, sealed)
    }

    /// Whether the tenant may name the reference, without resolving it: for saving one.
    pub async fn permit(&self, store: &TenantStore, reference: &Reference) -> Result<(), SecretError> {
        self.provider(reference)?.permit(&Lookup { store, master: &self.master, reference }).await
    }

    /// The value behind a reference, now.
    pub async fn resolve(&self, store: &TenantStore, reference: &str) -> Result<Secret, SecretError> {
        let reference: Reference = reference.parse()?;
        let provider = self.provider(&reference)?;
        let lookup = Lookup { store, master: &self.master, reference: &reference };
        provider.permit(&lookup).await?;
        let value = provider.resolve(&lookup).await?;
        // An empty secret would sign, and sign in, with what everybody knows.
        if value.expose().is_empty() { Err(SecretError::Empty) } else { Ok(value) }
    }

    /// Whether this key file belongs to this database: for `doctor`, and after a restore.
    pub async fn check(&self, db: &Db) -> Result<(), SecretError> {
        let marker = db.system().read::<_, StoreError, _>(|tx| Box::pin(secret::get(tx, MARKER))).await?;
        marker.map_or(Ok(()), |row| open_row(&self.master, &row).map(drop))
    }

    fn provider(&self, reference: &Reference) -> Result<&'static dyn SecretProvider, SecretError> {
        let found = PROVIDERS.iter().find(|provider| provider.scheme() == reference.scheme());
        let provider = *found.ok_or_else(|| SecretError::Scheme(reference.scheme().to_owned()))?;
        if provider.development_only() && !self.development {
            return Err(SecretError::DevelopmentOnly(provider.scheme()));
        }
        Ok(provider)
    }

    /// The key that the marker names, held until the transaction ends. The first value of a
    /// database brings the marker with it.
    async fn sealing_key(&self, tx: &mut Tx, ambient: &dyn Ambient) -> Result<String, StoreError> {
        if let Some(marker) = secret::hold_marker(tx).await? {
            return Ok(marker.key_id);
        }
        let marker = marker_row(&self.master, &self.master.newest(), ambient).map_err(unavailable)?;
        secret::make_marker(tx, ambient.now(), &marker).await?;
        // Another transaction may have been faster, with another key.
        let marker = secret::hold_marker(tx).await?;
        marker.map(|row| row.key_id).ok_or_else(|| StoreError::Corrupt("the marker of the master key vanished".to_owned()))
    }
}

/// The granted prefixes that the reference is under.
async fn covering(lookup: &Lookup<'_>) -> Result<Vec<Prefix>, StoreError> {
    let mut prefixes = lookup.store.read::<_, StoreError, _>(|tx| Box::pin(secret::grants(tx))).await?;
    prefixes.retain(|prefix| lookup.reference.under(prefix));
    Ok(prefixes)
}

fn unavailable(error: SecretError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn open_row(master: &MasterKey, row: &Sealed) -> Result<Secret, SecretError> {
    master.open(&row.key_id, Place { tenant: row.tenant, id: row.id, purpose: &row.purpose }, &row.sealed)
}

fn marker_row(master: &MasterKey, key_id: &str, ambient: &dyn Ambient) -> Result<Sealed, SecretError> {
    let place = Place { tenant: PLATFORM, id: MARKER, purpose: MASTER_KEY };
    let sealed = master.seal(key_id, place, &Secret::from(MARKER_TEXT), ambient)?;
    Ok(Sealed { id: MARKER, tenant: PLATFORM, purpose: MASTER_KEY.to_owned(), key_id: key_id.to_owned(), sealed })
}

/// Every spelling in which a value could show up in an answer, a log or a file.
pub fn forms(secret: &Secret) -> Vec<Vec<u8>> {
    let raw = secret.expose();
    let spelled = [&BASE64, &BASE64_NOPAD, &BASE64URL, &BASE64URL_NOPAD, &HEXLOWER, &HEXUPPER];
    let mut forms = vec![raw.to_vec()];
    forms.extend(spelled.iter().map(|spelling| spelling.encode(raw).into_bytes()));
    forms.sort();
    forms.dedup();
    forms
}
