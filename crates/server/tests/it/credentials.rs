//! Credentials over the API: what goes in as a secret never comes out, and references stay where
//! the installation says.

use std::sync::Arc;

use axum::body::Body;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::TenantId;
use hookswitch_domain::permission::Permissions;
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::sandbox::SandboxConfig;
use hookswitch_pipeline::secrets::forms;
use hookswitch_server::api::{Surface, router};
use hookswitch_server::app::{App, COMPONENTS};
use hookswitch_server::config::{Config, Source};
use hookswitch_server::identity::{self, Grant};
use hookswitch_store::{Value as Param, params, secret};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::engines::{Engine, ambient, sql};

crate::on_both_engines!(
    a_value_goes_in_and_never_comes_out,
    a_reference_is_refused_unless_it_is_granted,
    a_credential_in_use_is_kept_and_a_forgotten_value_is_gone,
    bad_input_names_its_field_and_stores_nothing,
    other_tenants_and_lesser_roles_get_nowhere,
);

const PATH: &str = "/api/v1/integrations/credentials";
const MARKER: &str = "Bearer marker-7f3a91c2-secret";

struct Server<'a> {
    engine: &'a Engine,
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

/// A caller's token and tenant.
struct Caller {
    token: String,
    tenant: TenantId,
}

impl<'a> Server<'a> {
    async fn new(engine: &'a Engine, environment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut source = Source::default();
        source.set("environment", environment);
        source.set("secrets.master_key_file", folder.path().join("master.key").to_str().unwrap());
        let config = Arc::new(Config::from_source(source).unwrap());
        let sandbox = SandboxConfig::this_binary().unwrap();
        let app = App::start(engine.db.clone(), ambient(), config, sandbox, false).await.unwrap();
        Self { engine, app: Arc::new(app), _folder: folder }
    }

    async fn tenant(&self, slug: &str) -> Caller {
        let (slug, name) = (slug.parse().unwrap(), slug.to_owned());
        let made = identity::new_tenant(&self.engine.db, ambient(), Actor::Operator, slug, name).await.unwrap();
        self.caller(made.id, "tenant_admin").await
    }

    async fn caller(&self, tenant: TenantId, role: &str) -> Caller {
        let grant = Grant { name: "test".to_owned(), role: role.to_owned(), scopes: None, expires_at: None };
        let store = self.engine.db.for_tenant(tenant);
        let job = store.write(move |tx| {
            Box::pin(async move { identity::create_token(tx, &*ambient(), &Actor::Operator, Permissions::all(), grant).await })
        });
        Caller { token: job.await.unwrap().1, tenant }
    }

    async fn ask(&self, caller: &Caller, method: &str, path: &str, body: &Value) -> (u16, Value, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {}", caller.token));
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        };
        let router = router(&self.app, Surface::ALL).unwrap();
        let answer = router.oneshot(request.unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default(), text)
    }

    async fn made(&self, caller: &Caller, body: Value) -> Value {
        let (status, made, text) = self.ask(caller, "POST", PATH, &body).await;
        assert_eq!(status, 201, "{text}");
        made
    }

    async fn count(&self, table: &str) -> i64 {
        let rows = sql(&self.engine.db, TenantId(uuid::Uuid::nil()), &format!("SELECT count(*) FROM {table}"), &[]).await;
        rows.into_iter().next().unwrap().get(0).unwrap()
    }

    async fn resolved(&self, caller: &Caller, id: &Value) -> String {
        let id = Param::from(id.as_str().unwrap().parse::<hookswitch_domain::id::CredentialId>().unwrap());
        let query = "SELECT ref FROM integration_credentials WHERE id = $1";
        let mut rows = sql(&self.engine.db, caller.tenant, query, &[id]).await;
        let reference: String = rows[0].get(0).unwrap();
        let store = self.engine.db.for_tenant(caller.tenant);
        let value = self.app.engine.secrets.resolve(&store, &reference).await.unwrap();
        value.expose_text().unwrap().to_owned()
    }
}

async fn a_value_goes_in_and_never_comes_out(engine: &Engine) {
    let server = Server::new(engine, "production").await;
    let acme = server.tenant("acme").await;
    let made = server
        .made(&acme, json!({"name": "billing", "type": "header", "value": MARKER, "settings": {"header": "x-api-key"}}))
        .await;
    let one = format!("{PATH}/{}", made["id"].as_str().unwrap());
    assert_eq!((&made["provider"], &made["version"], &made["type"]), (&json!("sealed"), &json!(1), &json!("header")));
    assert_eq!(server.resolved(&acme, &made["id"]).await, MARKER);

    let another = format!("{MARKER}-2");
    let (status, changed, _) = server.ask(&acme, "PATCH", &one, &json!({"value": another})).await;
    assert_eq!((status, &changed["version"], &changed["settings"]), (200, &json!(2), &json!({"header": "x-api-key"})));
    assert_eq!(server.resolved(&acme, &made["id"]).await, another);
    assert_eq!(server.count("secret").await, 3, "the marker, the key of fingerprints and one value: the old one is gone");

    let auditor = server.caller(acme.tenant, "auditor").await;
    for path in [PATH, &one, "/api/v1/audit"] {
        for caller in [&acme, &auditor] {
            let (status, _, text) = server.ask(caller, "GET", path, &Value::Null).await;
            assert_eq!(status, 200, "{path}");
            for form in forms(&Secret::from(MARKER)) {
                assert!(!text.contains(std::str::from_utf8(&form).unwrap()), "{path} tells the secret");
            }
            assert!(!text.contains("sealed://sec_0"), "{path} tells the reference");
        }
    }
    let (_, audit, _) = server.ask(&acme, "GET", "/api/v1/audit", &Value::Null).await;
    let actions = audit["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap());
    let actions: Vec<_> = actions.filter(|action| action.starts_with("credential")).collect();
    assert_eq!(actions, ["credential.updated", "credential.created"]);
}

async fn a_reference_is_refused_unless_it_is_granted(engine: &Engine) {
    let server = Server::new(engine, "production").await;
    let acme = server.tenant("acme").await;
    let create = |reference: &str| json!({"name": "pg", "type": "secret", "ref": reference});
    let granted = "file:///run/secrets/acme/pg_password";
    for (reference, code) in [
        (granted, "secret_not_granted"),
        ("local://acme/smtp/password/1", "secret_scheme_refused"),
        ("vault://acme/x", "secret_scheme_unknown"),
        ("sealed://sec_01h455vb4pex5vsknk084sn02q", "secret_not_found"),
        ("file:///run/secrets/acme/../globex/pg", "invalid"),
        ("plain text", "invalid"),
    ] {
        let (status, problem, text) = server.ask(&acme, "POST", PATH, &create(reference)).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("ref")), "{reference}: {text}");
        assert_eq!(problem["errors"][0]["code"], code, "{reference}");
    }
    assert_eq!(server.count("integration_credentials").await, 0);

    let store = engine.db.for_tenant(acme.tenant);
    let prefix = "file:///run/secrets/acme/".parse().unwrap();
    let grant = store.write(move |tx| Box::pin(async move { secret::grant(tx, ambient().now(), &prefix).await }));
    grant.await.map_err(|error: hookswitch_store::StoreError| error).unwrap();
    let made = server.made(&acme, create(granted)).await;
    assert_eq!((&made["provider"], &made["ref_redacted"]), (&json!("file"), &json!("file://…/pg_***")));
    let globex = server.tenant("globex").await;
    assert_eq!(server.ask(&globex, "POST", PATH, &create(granted)).await.0, 400, "a grant is one tenant's");
}

async fn a_credential_in_use_is_kept_and_a_forgotten_value_is_gone(engine: &Engine) {
    let server = Server::new(engine, "test").await;
    let acme = server.tenant("acme").await;
    let made = server.made(&acme, json!({"name": "a", "type": "basic", "value": "ann:pass"})).await;
    let destination = json!({"name": "d", "endpoint_url": "https://hooks.example.com/x", "credential_id": made["id"]});
    let (status, destination, text) = server.ask(&acme, "POST", "/api/v1/integrations/destinations", &destination).await;
    assert_eq!(status, 201, "{text}");
    let one = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let (status, problem, _) = server.ask(&acme, "DELETE", &one, &Value::Null).await;
    assert_eq!((status, &problem["code"]), (409, &json!("credential_in_use")));
    let path = format!("/api/v1/integrations/destinations/{}", destination["id"].as_str().unwrap());
    assert_eq!(server.ask(&acme, "DELETE", &path, &Value::Null).await.0, 204);
    let before = server.count("secret").await;
    assert_eq!(server.ask(&acme, "DELETE", &one, &Value::Null).await.0, 204);
    assert_eq!(server.count("secret").await, before - 1);
    assert_eq!(server.ask(&acme, "GET", &one, &Value::Null).await.0, 404);
}

async fn bad_input_names_its_field_and_stores_nothing(engine: &Engine) {
    let server = Server::new(engine, "production").await;
    let acme = server.tenant("acme").await;
    for (body, field) in [
        (json!({"type": "secret", "value": MARKER}), "name"),
        (json!({"name": "", "type": "secret", "value": MARKER}), "name"),
        (json!({"name": "a", "value": MARKER}), "type"),
        (json!({"name": "a", "type": "magic", "value": MARKER}), "type"),
        (json!({"name": "a", "type": "secret"}), "value"),
        (json!({"name": "a", "type": "secret", "value": ""}), "value"),
        (json!({"name": "a", "type": "secret", "value": 12345}), "value"),
        (json!({"name": "a", "type": "secret", "value": MARKER, "ref": "file:///a/b"}), "ref"),
        (json!({"name": "a", "type": "header", "value": format!("{MARKER}\r\nX-Evil: 1")}), "value"),
        (json!({"name": "a", "type": "basic", "value": "marker-7f3a91c2"}), "value"),
        (json!({"name": "a", "type": "secret", "value": MARKER, "settings": {"header": "x"}}), "settings.header"),
        (json!({"name": "a", "type": "header", "value": MARKER, "settings": {"heder": "x"}}), "settings.heder"),
        (json!({"name": "a", "type": "oauth2_client_credentials", "value": MARKER}), "settings.token_url"),
        (json!({"name": "a", "type": "secret", "value": MARKER, "id": "x"}), "id"),
    ] {
        let (status, problem, text) = server.ask(&acme, "POST", PATH, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{body}: {text}");
        assert!(!text.contains("marker-7f3a91c2"), "{text}");
    }
    let rows =
        sql(&engine.db, acme.tenant, "SELECT id FROM integration_credentials WHERE tenant = $1", params![acme.tenant]).await;
    assert_eq!((rows.len(), server.count("secret").await), (0, 2), "nothing but the marker and the key of fingerprints");
}

async fn other_tenants_and_lesser_roles_get_nowhere(engine: &Engine) {
    let server = Server::new(engine, "production").await;
    let (acme, globex) = (server.tenant("acme").await, server.tenant("globex").await);
    let made = server.made(&acme, json!({"name": "a", "type": "secret", "value": MARKER})).await;
    let one = format!("{PATH}/{}", made["id"].as_str().unwrap());
    for method in ["GET", "PATCH", "DELETE"] {
        let body = if method == "PATCH" { json!({"name": "mine"}) } else { Value::Null };
        assert_eq!(server.ask(&globex, method, &one, &body).await.0, 404, "{method}");
    }
    assert_eq!(server.ask(&globex, "GET", PATH, &Value::Null).await.1["data"], json!([]));
    let operator = server.caller(acme.tenant, "operator").await;
    assert_eq!(server.ask(&operator, "GET", &one, &Value::Null).await.0, 200);
    assert_eq!(server.ask(&operator, "PATCH", &one, &json!({"name": "mine"})).await.0, 403);
    assert_eq!(server.ask(&operator, "DELETE", &one, &Value::Null).await.0, 403);
    assert_eq!(server.ask(&operator, "POST", PATH, &json!({})).await.0, 403);
}
