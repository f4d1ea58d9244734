//! References and their providers: what a tenant may name, and what it gets.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use hookswitch_pipeline::secrets::{CREDENTIAL, Secrets};
use hookswitch_store::secret::{self, MARKER};
use hookswitch_store::{StoreError, TenantStore};

use super::{COMPONENTS, Fixture, make_tenant, text};
use crate::engines::{Engine, ambient};

crate::on_both_engines!(
    a_sealed_reference_reaches_credentials_of_its_tenant_only,
    a_file_reference_stays_under_its_granted_prefix,
    local_references_are_for_development_and_the_own_tenant,
);

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
    let test = "secrets::references::sqlite::local_references_are_for_development_and_the_own_tenant";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test]).env("HOOKSWITCH_SECRET_ACME_SMTP_PASSWORD_1", "from the environment");
    let output = child.output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
}
