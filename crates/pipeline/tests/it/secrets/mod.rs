//! Secrets: sealed values and the key file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use hookswitch_domain::id::{SecretId, TenantId};
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::secrets::{CREDENTIAL, KeyFileError, MasterKey, SecretError, Secrets, StartError, forms};
use hookswitch_store::secret::{self, Sealed};
use hookswitch_store::{Component, STORE, StoreError, TenantStore, tenant};

use crate::engines::{Engine, ambient};

mod references;
mod rotation;

const COMPONENTS: &[Component] = &[STORE];

crate::on_both_engines!(a_sealed_value_opens_where_it_was_sealed_and_nowhere_else, a_database_takes_its_first_key_and_no_other);

/// A tenant with a key file in a folder of its own.
pub struct Fixture<'a> {
    engine: &'a Engine,
    folder: tempfile::TempDir,
    store: TenantStore,
    secrets: Secrets,
}

impl<'a> Fixture<'a> {
    async fn new(engine: &'a Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::load_or_create(&folder.path().join("master.key"), true, &*ambient()).unwrap();
        let store = make_tenant(engine, "acme").await;
        Self { engine, folder, store, secrets: Secrets::new(Arc::new(master), true) }
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    /// As another process sees it: nothing in memory.
    fn another_process(&self) -> Secrets {
        Secrets::new(Arc::new(MasterKey::load(&self.key_file()).unwrap()), true)
    }

    async fn seal(&self, secrets: &Secrets, purpose: &'static str, value: &str) -> SecretId {
        let (secrets, value) = (secrets.clone(), Secret::from(value));
        let job = self.store.write(move |tx| Box::pin(async move { secrets.seal(tx, &*ambient(), purpose, &value).await }));
        job.await.unwrap()
    }

    async fn row(&self, id: SecretId) -> Sealed {
        row(&self.store, id).await
    }
}

async fn row(store: &TenantStore, id: SecretId) -> Sealed {
    store.read::<_, StoreError, _>(move |tx| Box::pin(secret::get(tx, id))).await.unwrap().unwrap()
}

async fn make_tenant(engine: &Engine, slug: &'static str) -> TenantStore {
    let ambient = ambient();
    let id: TenantId = ambient.fresh();
    let store = engine.db.for_tenant(id);
    let made = store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move { tenant::create(tx, &slug.parse().unwrap(), slug, ambient.now()).await })
    });
    made.await.unwrap();
    store
}

fn open(secrets: &Secrets, row: &Sealed, purpose: &str) -> Result<Secret, SecretError> {
    secrets.open(row.tenant, row.id, &row.key_id, &row.sealed, purpose)
}

fn text(secret: Result<Secret, SecretError>) -> String {
    secret.unwrap().expose_text().unwrap().to_owned()
}

async fn a_sealed_value_opens_where_it_was_sealed_and_nowhere_else(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    let secrets = &fixture.secrets;
    let id = fixture.seal(secrets, "signing", "marker-secret-1").await;
    let good = fixture.row(id).await;
    assert_eq!(text(open(secrets, &good, "signing")), "marker-secret-1");
    assert_eq!(text(open(&fixture.another_process(), &good, "signing")), "marker-secret-1");

    for form in forms(&Secret::from("marker-secret-1")) {
        assert!(!good.sealed.windows(form.len()).any(|window| window == form));
    }
    let elsewhere = Sealed { tenant: ambient().fresh(), ..good.clone() };
    let other_row = Sealed { id: ambient().fresh(), ..good.clone() };
    assert_eq!(open(secrets, &elsewhere, "signing").unwrap_err().code(), "secret_damaged");
    assert_eq!(open(secrets, &other_row, "signing").unwrap_err().code(), "secret_damaged");
    assert_eq!(open(secrets, &good, CREDENTIAL).unwrap_err().code(), "secret_damaged");
    for place in 0..good.sealed.len() {
        let mut flipped = good.clone();
        flipped.sealed[place] ^= 1;
        assert!(open(secrets, &flipped, "signing").is_err(), "byte {place}");
    }
    for length in 0..good.sealed.len() {
        let cut = Sealed { sealed: good.sealed[..length].to_vec(), ..good.clone() };
        assert!(open(secrets, &cut, "signing").is_err(), "{length} bytes");
    }
    secrets.check(&engine.db).await.unwrap();
}

async fn a_database_takes_its_first_key_and_no_other(engine: &Engine) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/master.key");
    let start = async || Secrets::start(&engine.db, &path, false, ambient()).await;
    let newest = start().await.unwrap().master().newest();
    assert_eq!(start().await.unwrap().master().newest(), newest);
    let key = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(start().await, Err(StartError::File(KeyFileError::Missing(_)))), "though nothing was sealed yet");
    assert!(!path.exists());
    MasterKey::load_or_create(&path, true, &*ambient()).unwrap();
    assert!(matches!(start().await, Err(StartError::Secret(_))), "another installation's key");
    fs::write(&path, key).unwrap();
    start().await.unwrap();
}

#[test]
fn a_key_file_is_private_and_never_made_anew_for_an_old_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/master.key");
    let missing = MasterKey::load_or_create(&path, false, &*ambient());
    assert!(matches!(missing, Err(KeyFileError::Missing(_))));
    assert!(!path.exists(), "nothing is made for an old database");

    let made = MasterKey::load_or_create(&path, true, &*ambient()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = MasterKey::load_or_create(&path, true, &*ambient()).unwrap();
    assert_eq!(made.newest(), again.newest(), "an existing file is never replaced");

    for mode in [0o644, 0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let message = MasterKey::load(&path).err().unwrap().to_string();
        assert!(message.contains("chmod 600"), "{message}");
    }
}

#[test]
fn a_key_file_that_is_damaged_names_its_line_and_never_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let key = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";
    for bad in ["", "\n", "one", "one not-base64", "one c2hvcnQ=", &format!("a/b {key}"), &format!("a {key}\na {key}\n")] {
        fs::write(&path, bad).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let message = MasterKey::load(&path).err().unwrap().to_string();
        assert!(!message.contains(key) && !message.contains("c2hvcnQ"), "{message}");
    }
    fs::write(&path, format!("new {key}\nold MDIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\n")).unwrap();
    let keys = MasterKey::load(&path).unwrap();
    assert_eq!(keys.newest(), "new");
    assert!(keys.holds("old") && !keys.holds("other"));
}
