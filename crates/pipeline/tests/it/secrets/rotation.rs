//! Rotation of the master key: killed anywhere, beside busy servers, with the wrong file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::secrets::{KeyFileError, MasterKey, Rotation, RotationError, Secrets};
use hookswitch_store::{StoreError, params};

use super::{COMPONENTS, Fixture, open, text};
use crate::engines::{Engine, ambient, sql};

crate::on_both_engines!(
    a_rotation_that_is_killed_anywhere_leaves_everything_readable,
    a_process_that_missed_a_rotation_catches_up,
    values_sealed_during_a_rotation_are_never_lost,
    a_rotation_never_builds_on_a_key_file_older_than_the_database,
    a_damaged_value_is_named_and_keeps_its_key,
);

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
