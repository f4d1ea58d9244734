//! Backup, restore, key rotation and grants, by the command line, on both engines.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hookswitch_store::{Db, Settings};
use serde_json::Value;

use crate::engines::{Engine, ambient};

/// A database that no process of ours has open, and a folder for its files.
struct Place {
    url: String,
    folder: tempfile::TempDir,
    _postgres: Option<Engine>,
}

impl Place {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/data/hookswitch.db", folder.path().display());
        Self { url, folder, _postgres: None }
    }

    async fn postgres() -> Self {
        let engine = Engine::postgres(hookswitch_server::app::COMPONENTS).await;
        engine.db.close().await;
        Self { url: engine.url.clone(), folder: tempfile::tempdir().unwrap(), _postgres: Some(engine) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key_file(&self) -> PathBuf {
        self.file("data/master.key")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookswitch"));
        command.args(arguments).arg("--json").current_dir(self.folder.path());
        command.env("HOOKSWITCH_ENVIRONMENT", "test").env("HOOKSWITCH_DATABASE__URL", &self.url);
        command.env("HOOKSWITCH_SECRETS__MASTER_KEY_FILE", self.key_file()).output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// What the command says when it refuses.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?} should be refused: {said}");
        said
    }

    fn tenants(&self, slugs: &[&str]) {
        slugs.iter().for_each(|slug| drop(self.done(&["admin", "create-tenant", slug, "--name", slug])));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::Place::sqlite()).await; })+ }
        mod postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $name() { super::$name(super::Place::postgres().await).await; })+ }
    };
}

on_both!(
    a_backup_brings_everything_back_and_holds_no_key,
    a_restore_is_refused_where_it_would_do_harm,
    the_envelope_key_is_rotated_and_never_made_anew,
    prefixes_are_granted_and_taken_back,
);

async fn a_backup_brings_everything_back_and_holds_no_key(place: Place) {
    place.done(&["migrate"]);
    place.tenants(&["acme"]);
    place.done(&["admin", "reseal"]);
    let backup = place.file("one.backup");
    place.done(&["backup", text(&backup)]);
    assert_eq!(mode(&backup), 0o600);
    let held = fs::read(&backup).unwrap();
    let key = fs::read_to_string(place.key_file()).unwrap();
    let key = key.split_whitespace().nth(1).unwrap();
    let raw = data_encoding::BASE64.decode(key.as_bytes()).unwrap();
    assert!(!held.windows(key.len()).any(|window| window == key.as_bytes()), "the key as text");
    assert!(!held.windows(raw.len()).any(|window| window == raw), "the key as bytes");
    assert!(place.refused(&["backup", text(&backup)]).contains("there already"));
    place.done(&["backup", text(&backup), "--force"]);

    place.tenants(&["globex"]);
    assert!(place.refused(&["restore", text(&backup)]).contains("--force"));
    let done = place.done(&["restore", text(&backup), "--force"]);
    assert_eq!(done["notes"], serde_json::json!([]), "tables and key fit");
    assert!(place.refused(&["admin", "create-tenant", "acme", "--name", "x"]).contains("slug"), "acme is there");
    place.tenants(&["globex"]);

    fs::rename(place.key_file(), place.file("elsewhere")).unwrap();
    let done = place.done(&["restore", text(&backup), "--force"]);
    assert!(done["notes"][0].as_str().unwrap().contains("key file of that time"), "{done}");
}

async fn a_restore_is_refused_where_it_would_do_harm(place: Place) {
    place.done(&["migrate"]);
    let backup = place.file("one.backup");
    place.done(&["backup", text(&backup)]);
    place.done(&["restore", text(&backup)]);

    let server = Db::open(&Settings::new(place.url.clone()), ambient()).await.unwrap();
    let said = place.refused(&["restore", text(&backup), "--force"]);
    assert!(said.contains("use"), "an idle server has it open: {said}");
    server.close().await;
    drop(server);

    place.tenants(&["acme"]);
    let whole = fs::read(&backup).unwrap();
    let half = &whole[..whole.len() * 2 / 3];
    for bad in [half, b"not a backup, whatever it is", b"SQLite format 3\0 and then nothing", b"PGDMP and then nothing...", b""] {
        fs::write(place.file("bad"), bad).unwrap();
        place.refused(&["restore", text(&place.file("bad")), "--force"]);
    }
    place.refused(&["restore", text(&place.file("missing"))]);
    assert!(place.refused(&["backup", text(&place.file("no/folder/b"))]).contains("no/folder"));
    if place.url.starts_with("sqlite") {
        let own = place.file("data/hookswitch.db");
        assert!(place.refused(&["backup", text(&own), "--force"]).contains("belongs to the installation"));
    }
    let said = place.refused(&["admin", "create-tenant", "acme", "--name", "x"]);
    assert!(said.contains("slug"), "a restore that failed changed nothing: {said}");
}

async fn the_envelope_key_is_rotated_and_never_made_anew(place: Place) {
    place.done(&["migrate"]);
    let first = place.done(&["admin", "reseal"]);
    let second = place.done(&["admin", "reseal"]);
    assert_ne!(first["key_id"], second["key_id"]);
    let file = fs::read_to_string(place.key_file()).unwrap();
    assert!(file.starts_with(second["key_id"].as_str().unwrap()) && file.lines().count() == 1);
    assert_eq!(mode(&place.key_file()), 0o600);
    place.done(&["admin", "reseal", "--keep-old-keys"]);
    assert_eq!(fs::read_to_string(place.key_file()).unwrap().lines().count(), 2);

    fs::set_permissions(place.key_file(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(place.refused(&["admin", "reseal"]).contains("chmod 600"));
    fs::remove_file(place.key_file()).unwrap();
    assert!(place.refused(&["admin", "reseal"]).contains("Put the file back"));
    assert!(!place.key_file().exists());
}

async fn prefixes_are_granted_and_taken_back(place: Place) {
    place.done(&["migrate"]);
    place.tenants(&["acme"]);
    let prefix = "file:///run/secrets/acme/";
    let grant = |prefix: &str| place.done(&["admin", "grant-secrets", "--tenant", "acme", "--prefix", prefix])["changed"].clone();
    let revoke = || place.done(&["admin", "revoke-secrets", "--tenant", "acme", "--prefix", prefix])["changed"].clone();
    assert_eq!((grant(prefix), grant(prefix), revoke(), revoke()), (true.into(), false.into(), true.into(), false.into()));
    let refused = |tenant: &str, prefix: &str| place.refused(&["admin", "grant-secrets", "--tenant", tenant, "--prefix", prefix]);
    assert!(refused("nobody", prefix).contains("no tenant"));
    assert!(refused("acme", "sealed://x/").contains("no grant"));
    assert!(refused("acme", "vault://x/").contains("no secret provider"));
    place.done(&["admin", "reseal"]);
    let own = format!("file://{}/", place.file("data").display());
    assert!(refused("acme", &own).contains("master key"), "a tenant never reaches the master key");
    let usage = place.run(&["admin", "grant-secrets", "--tenant", "acme", "--prefix", "file:///"]);
    assert_eq!(usage.status.code(), Some(2), "a whole file system is no prefix");
}
