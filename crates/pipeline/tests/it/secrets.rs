//! Secrets: sealed values, the key file and its rotation, references and their providers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hookswitch_domain::id::{SecretId, TenantId};
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::secrets::{CREDENTIAL, KeyFileError, MasterKey, Rotation, RotationError, SecretError, Secrets, forms};
use hookswitch_store::secret::{self, MARKER, Sealed};
use hookswitch_store::{Component, STORE, StoreError, TenantStore, params, tenant};

use crate::engines::{Engine, ambient, sql};

const COMPONENTS: &[Component] = &[STORE];

crate::on_both_engines!(
    a_sealed_value_opens_where_it_was_sealed_and_nowhere_else,
    a_rotation_that_is_killed_anywhere_leaves_everything_readable,
    a_process_that_missed_a_rotation_catches_up,
    values_sealed_during_a_rotation_are_never_lost,
    a_rotation_never_builds_on_a_key_file_older_than_the_database,
    a_damaged_value_is_named_and_keeps_its_key,
    a_sealed_reference_reaches_credentials_of_its_tenant_only,
    a_file_reference_stays_under_its_granted_prefix,
    local_references_are_for_development_and_the_own_tenant,
);

/// A tenant with a key file in a folder of its own.
struct Fixture<'a> {
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

/// Kills a rotation after each of its steps (by dropping it), and then once more a resumed one.
async fn a_rotation_that_is_killed_anywhere_leaves_everything_readable(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    let mut ids = Vec::new();
    for number in 0..450 {
        ids.push(fixture.seal(&fixture.secrets, "signing", &format!("value-{number}")).await);
    }
    for steps in 0..6 {
        let first = ids[0];
        let before = fixture.row(first).await.key_id;
        rotate(&fixture, steps).await;
        // A server that knew only the old key goes on, sealing and opening.
        ids.push(fixture.seal(&fixture.secrets, "signing", &format!("value-{}", ids.len())).await);
        for secrets in [&fixture.secrets, &fixture.another_process()] {
            for (number, id) in ids.iter().enumerate() {
                assert_eq!(text(open(secrets, &fixture.row(*id).await, "signing")), format!("value-{number}"), "{steps} steps");
            }
        }
        let process = fixture.another_process();
        let rotation = Rotation::begin(&engine.db, process.master(), ambient()).await.unwrap();
        let done = rotation.run(false).await.unwrap();
        assert!(done.unreadable.is_empty());
        let file = fs::read_to_string(fixture.key_file()).unwrap();
        assert_eq!(file.lines().count(), 1, "old keys are gone after {steps} steps and a second run");
        assert!(file.starts_with(&done.key_id));
        assert_ne!(fixture.row(first).await.key_id, before);
        assert!(!fixture.folder.path().join("master.key.new").exists());
        assert_eq!(fs::metadata(fixture.key_file()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let audited = sql(&engine.db, hookswitch_domain::tenant::PLATFORM, "SELECT action FROM audit", &[]).await;
    assert!(audited.len() >= 6, "each rotation is in the audit trail");
}

async fn rotate(fixture: &Fixture<'_>, steps: usize) {
    let process = fixture.another_process();
    let mut rotation = Rotation::begin(&fixture.engine.db, process.master(), ambient()).await.unwrap();
    // What a kill in the middle of writing the key file would leave behind.
    fs::write(fixture.folder.path().join("master.key.new"), "mk_half").unwrap();
    if steps > 0 {
        rotation.move_marker().await.unwrap();
    }
    for _ in 1..steps {
        rotation.batch().await.unwrap();
    }
}

async fn a_process_that_missed_a_rotation_catches_up(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    let server = &fixture.secrets;
    let id = fixture.seal(server, "signing", "one").await;
    let admin = fixture.another_process();
    let done = Rotation::begin(&engine.db, admin.master(), ambient()).await.unwrap().run(false).await.unwrap();
    assert_eq!((done.resealed, done.dropped_keys, done.resumed), (1, 1, false));
    assert_eq!(text(open(server, &fixture.row(id).await, "signing")), "one");
    let later = fixture.seal(server, "signing", "two").await;
    assert_eq!(fixture.row(later).await.key_id, done.key_id, "nothing is sealed under a key that is gone");

    let held = Rotation::begin(&engine.db, admin.master(), ambient()).await.unwrap();
    let second = fixture.another_process();
    let refused = Rotation::begin(&engine.db, second.master(), ambient()).await;
    assert!(matches!(refused, Err(RotationError::File(KeyFileError::Busy(_)))), "one rotation at a time");
    drop(held);
    let kept = Rotation::begin(&engine.db, second.master(), ambient()).await.unwrap().run(true).await.unwrap();
    assert_eq!(kept.dropped_keys, 0, "old keys stay for old backups where that is asked for");
}

async fn values_sealed_during_a_rotation_are_never_lost(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    let rotations = async {
        for _ in 0..4 {
            let admin = fixture.another_process();
            Rotation::begin(&engine.db, admin.master(), ambient()).await.unwrap().run(false).await.unwrap();
        }
    };
    let sealing = async |_| {
        let server = fixture.another_process();
        let mut ids = Vec::new();
        for _ in 0..60 {
            ids.push(fixture.seal(&server, "signing", "during").await);
        }
        ids
    };
    fixture.seal(&fixture.secrets, "signing", "before").await;
    let ((), one, two, three) = tokio::join!(rotations, sealing(1), sealing(2), sealing(3));
    for id in [one, two, three].concat() {
        assert_eq!(text(open(&fixture.another_process(), &fixture.row(id).await, "signing")), "during");
    }
}

async fn a_rotation_never_builds_on_a_key_file_older_than_the_database(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    fixture.seal(&fixture.secrets, "signing", "one").await;
    let old_file = fs::read(fixture.key_file()).unwrap();
    Rotation::begin(&engine.db, fixture.secrets.master(), ambient()).await.unwrap().run(false).await.unwrap();

    let other = tempfile::tempdir().unwrap();
    let stale = other.path().join("master.key");
    fs::write(&stale, &old_file).unwrap();
    fs::set_permissions(&stale, fs::Permissions::from_mode(0o600)).unwrap();
    let stale = Secrets::new(Arc::new(MasterKey::load(&stale).unwrap()), true);
    assert_eq!(stale.check(&engine.db).await.unwrap_err().code(), "secret_key_unknown");
    assert!(Rotation::begin(&engine.db, stale.master(), ambient()).await.is_err());
    let sealing = stale.clone();
    let refused = fixture
        .store
        .write(move |tx| Box::pin(async move { sealing.seal(tx, &*ambient(), "signing", &Secret::from("x")).await }));
    assert!(matches!(refused.await, Err(StoreError::Unavailable(_))), "nothing is sealed that others can't open");
    assert_eq!(fs::read(other.path().join("master.key")).unwrap(), old_file);
}

async fn a_damaged_value_is_named_and_keeps_its_key(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    let bad = fixture.seal(&fixture.secrets, "signing", "one").await;
    let good = fixture.seal(&fixture.secrets, "signing", "two").await;
    let broken = params![bad, b"\x01broken".as_slice()];
    sql(&engine.db, fixture.store.tenant(), "UPDATE secret SET sealed = $2 WHERE id = $1", broken).await;
    for _ in 0..2 {
        let master = fixture.secrets.master();
        let done = Rotation::begin(&engine.db, master, ambient()).await.unwrap().run(false).await.unwrap();
        assert_eq!((done.unreadable.as_slice(), done.resumed, done.resealed), (&[bad][..], false, 1));
        assert_eq!(text(open(&fixture.secrets, &fixture.row(good).await, "signing")), "two");
        assert_eq!(fs::read_to_string(fixture.key_file()).unwrap().lines().count(), 2, "the damaged row's key stays");
    }
}

async fn a_sealed_reference_reaches_credentials_of_its_tenant_only(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    let other = make_tenant(engine, "globex").await;
    let credential = fixture.seal(&fixture.secrets, CREDENTIAL, "token").await;
    let signing = fixture.seal(&fixture.secrets, "signing", "whsec").await;
    let empty = fixture.seal(&fixture.secrets, CREDENTIAL, "").await;
    let secrets = &fixture.secrets;
    assert_eq!(text(secrets.resolve(&fixture.store, &format!("sealed://{credential}")).await), "token");
    let refused = async |store: &TenantStore, reference: String| match secrets.resolve(store, &reference).await {
        Ok(_) => "resolved",
        Err(error) => error.code(),
    };
    assert_eq!(refused(&other, format!("sealed://{credential}")).await, "secret_not_found");
    assert_eq!(refused(&fixture.store, format!("sealed://{signing}")).await, "secret_not_found");
    assert_eq!(refused(&engine.db.system(), format!("sealed://{MARKER}")).await, "secret_not_found");
    assert_eq!(refused(&fixture.store, format!("sealed://{empty}")).await, "secret_empty");
    assert_eq!(refused(&fixture.store, "sealed://dst_01h455vb4pex5vsknk084sn02q".to_owned()).await, "secret_reference_invalid");
    assert_eq!(refused(&fixture.store, "vault://a/b".to_owned()).await, "secret_scheme_unknown");
    assert_eq!(refused(&fixture.store, "token".to_owned()).await, "secret_reference_invalid");
}

async fn a_file_reference_stays_under_its_granted_prefix(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    let other = make_tenant(engine, "globex").await;
    let root = fixture.folder.path().canonicalize().unwrap();
    let mount = mount(&root);
    let prefix = format!("file://{}/", mount.display());
    let granted: hookswitch_domain::reference::Prefix = prefix.parse().unwrap();
    let again = granted.clone();
    let grant = fixture
        .store
        .write::<_, StoreError, _>(move |tx| Box::pin(async move { secret::grant(tx, ambient().now(), &granted).await }));
    assert!(grant.await.unwrap());

    let secrets = &fixture.secrets;
    let code = async |store: &TenantStore, path: &str| match secrets.resolve(store, &format!("file://{path}")).await {
        Ok(value) => value.expose_text().unwrap().to_owned(),
        Err(error) => error.code().to_owned(),
    };
    let inside = |name: &str| format!("{}/{name}", mount.display());
    assert_eq!(code(&fixture.store, &inside("pg")).await, "s3cret", "links inside the mount are followed");
    assert_eq!(code(&fixture.store, &inside("two_lines")).await, "a\n", "one line break is trimmed");
    assert_eq!(code(&fixture.store, &inside("missing")).await, "secret_not_found");
    assert_eq!(code(&fixture.store, &inside("large")).await, "secret_too_large");
    assert_eq!(code(&fixture.store, &inside("empty")).await, "secret_empty");
    assert_eq!(code(&fixture.store, &inside("..data")).await, "secret_unreadable", "a folder is no secret");
    assert_eq!(code(&fixture.store, &inside("escape")).await, "secret_not_granted", "a link out of the mount");
    assert_eq!(code(&fixture.store, &inside("out/outside")).await, "secret_not_granted", "a linked folder");
    assert_eq!(code(&fixture.store, &inside("../outside")).await, "secret_reference_invalid");
    assert_eq!(code(&fixture.store, &inside("x/%2e%2e/outside")).await, "secret_reference_invalid");
    assert_eq!(code(&fixture.store, &format!("{}/outside", root.display())).await, "secret_not_granted");
    assert_eq!(code(&fixture.store, &format!("{}-2/pg", mount.display())).await, "secret_not_granted");
    assert_eq!(code(&other, &inside("pg")).await, "secret_not_granted", "another tenant");
    assert_eq!(code(&fixture.store, "relative/pg").await, "secret_reference_invalid");

    let revoke = fixture.store.write::<_, StoreError, _>(move |tx| Box::pin(async move { secret::revoke(tx, &again).await }));
    assert!(revoke.await.unwrap());
    assert_eq!(code(&fixture.store, &inside("pg")).await, "secret_not_granted", "a revoked grant counts at once");
}

/// A folder as a CSI driver mounts it: names are links through a link that is swapped as a whole.
fn mount(root: &Path) -> PathBuf {
    let mount = root.join("acme");
    let data = mount.join("..2026_01");
    fs::create_dir_all(&data).unwrap();
    fs::create_dir_all(root.join("acme-2")).unwrap();
    fs::write(root.join("acme-2/pg"), "another").unwrap();
    fs::write(root.join("outside"), "another").unwrap();
    fs::write(data.join("pg"), "s3cret\n").unwrap();
    fs::write(mount.join("two_lines"), "a\n\n").unwrap();
    fs::write(mount.join("large"), "x".repeat(65_537)).unwrap();
    fs::write(mount.join("empty"), "\n").unwrap();
    symlink("..2026_01", mount.join("..data")).unwrap();
    symlink("..data/pg", mount.join("pg")).unwrap();
    symlink("../outside", mount.join("escape")).unwrap();
    symlink(root, mount.join("out")).unwrap();
    mount
}

async fn local_references_are_for_development_and_the_own_tenant(engine: &Engine) {
    let fixture = Fixture::new(engine).await;
    let production = Secrets::new(fixture.secrets.master().clone(), false);
    let reference = "local://acme/smtp/password/1";
    assert_eq!(production.resolve(&fixture.store, reference).await.unwrap_err().code(), "secret_scheme_refused");
    assert_eq!(production.permit(&fixture.store, &reference.parse().unwrap()).await.unwrap_err().code(), "secret_scheme_refused");
    let other = fixture.secrets.resolve(&fixture.store, "local://globex/smtp/password/1").await;
    assert_eq!(other.unwrap_err().code(), "secret_not_granted");
    assert_eq!(
        fixture.secrets.resolve(&fixture.store, "local://acme/smtp").await.unwrap_err().code(),
        "secret_reference_invalid"
    );
    // Set by the test below, which runs this one again as a child.
    match std::env::var("HOOKSWITCH_SECRET_ACME_SMTP_PASSWORD_1") {
        Ok(_) => assert_eq!(text(fixture.secrets.resolve(&fixture.store, reference).await), "from the environment"),
        Err(_) => assert_eq!(fixture.secrets.resolve(&fixture.store, reference).await.unwrap_err().code(), "secret_not_found"),
    }
}

#[test]
fn a_local_reference_is_an_environment_variable() {
    let test = "secrets::sqlite::local_references_are_for_development_and_the_own_tenant";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test]).env("HOOKSWITCH_SECRET_ACME_SMTP_PASSWORD_1", "from the environment");
    let output = child.output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
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
