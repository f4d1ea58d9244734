//! What the demo starts with.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use data_encoding::BASE64URL_NOPAD;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::{TenantId, UserId};
use hookswitch_domain::permission::Permissions;
use hookswitch_domain::secret::Secret;
use serde_json::{Value, json};

use super::{Account, Inside, Keepsake, SIGNATURE_HEADER, TENANTS, TenantKeepsake, WEBHOOK, groups, week};
use crate::api::problem::Problem;
use crate::app::App;
use crate::identity::{self, Grant};
use crate::password;

/// The tenant whose desk has been at work for a week.
const WITH_A_PAST: &str = "acme";

/// Makes both tenants with everything in them.
pub async fn seed(app: &Arc<App>, router: &Router, endpoint: SocketAddr) -> anyhow::Result<Keepsake> {
    let mut keepsake = Keepsake::default();
    for (slug, name) in TENANTS {
        let made = tenant(app, router, slug, name, endpoint).await;
        keepsake.0.insert(slug.to_owned(), made.with_context(|| format!("making the tenant {slug}"))?);
    }
    Ok(keepsake)
}

fn explain(problem: Problem) -> anyhow::Error {
    anyhow::anyhow!("{} ({})", problem.detail, problem.cause.unwrap_or_default())
}

async fn tenant(app: &Arc<App>, router: &Router, slug: &str, name: &str, endpoint: SocketAddr) -> anyhow::Result<TenantKeepsake> {
    let made = identity::new_tenant(&app.db, app.ambient.clone(), Actor::Operator, slug.parse()?, name.to_owned()).await;
    let id = made.map_err(explain)?.id;
    let token = token(app, id).await.map_err(explain)?;
    let inside = Inside { router: router.clone(), token: token.clone() };
    let (mut accounts, mut users) = (Vec::new(), Vec::new());
    for (role, who) in [("tenant_admin", "admin"), ("operator", "operator"), ("auditor", "auditor")] {
        let (made, user) = account(app, id, role, &format!("{who}@{slug}.example"), &format!("{who} of {name}")).await?;
        accounts.push(made);
        users.push(user);
    }
    // Before there are destinations: what happened last week is no news.
    if let (WITH_A_PAST, &[admin, operator, auditor]) = (slug, &users[..]) {
        week::fill(app, id, operator).await.map_err(explain)?;
        groups::fill(app, id, [admin, operator, auditor]).await.map_err(explain)?;
    }
    inside.put("/api/v1/features", &json!({ "inbound_webhooks_enabled": true })).await?;
    let mut destination_secrets = std::collections::BTreeMap::new();
    for (label, path) in [("Test endpoint", "hook"), ("Endpoint that stumbles", "stumble")] {
        let url = format!("http://{endpoint}/{slug}/{path}");
        let types = if path == "hook" { json!(["*"]) } else { json!(["order.*", "invoice.*"]) };
        let body = json!({ "name": label, "endpoint_url": url, "event_types": types });
        let made = inside.post("/api/v1/integrations/destinations", &body).await?;
        destination_secrets.insert(text(&made, "id")?, text(&made, "signing_secret")?);
    }
    let webhook = inside.post("/api/v1/inbound-webhooks", &webhook()).await?;
    let mut accounts = accounts.into_iter();
    let mut next = || accounts.next().context("an account");
    Ok(TenantKeepsake {
        tenant_admin: next()?,
        operator: next()?,
        auditor: next()?,
        token,
        destination_secrets,
        inbound_secret: text(&webhook, "secret")?,
    })
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    value.get(field).and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no {field} in the answer"))
}

/// A remote monitoring alert becomes a ticket.
fn webhook() -> Value {
    json!({
        "name": "RMM alerts",
        "slug": WEBHOOK,
        "description": "Alerts of the remote monitoring system become tickets",
        "auth_type": "hmac_sha256",
        "auth_config": { "type": "hmac_sha256", "signature_header": SIGNATURE_HEADER },
        "idempotency_source": { "type": "jsonata", "value": "alert.id" },
        "handler_type": "direct_action",
        "handler_config": {
            "type": "direct_action",
            "action": "createTicket",
            "field_mapping": {
                "title": "alert.device.name & ': ' & alert.message",
                "description": "'Severity ' & alert.severity & ', seen ' & alert.seen_at",
                "external_id": "alert.id",
                "attributes": "{ 'device': alert.device.name, 'site': alert.device.site, 'severity': alert.severity }"
            }
        }
    })
}

async fn account(app: &Arc<App>, tenant: TenantId, role: &str, email: &str, name: &str) -> anyhow::Result<(Account, UserId)> {
    let secret = BASE64URL_NOPAD.encode(&app.ambient.random::<15>());
    let hash = password::hash(Secret::from(secret.as_str())).await.map_err(explain)?;
    let account =
        identity::Account { email: email.to_owned(), name: name.to_owned(), role: role.to_owned(), password_hash: Some(hash) };
    let (ambient, store) = (app.ambient.clone(), app.db.for_tenant(tenant));
    let made = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move { identity::create_user(tx, &*ambient, &Actor::Operator, Permissions::all(), &account).await })
    });
    let user = made.await.map_err(explain)?.id;
    Ok((Account { email: email.to_owned(), password: secret }, user))
}

async fn token(app: &Arc<App>, tenant: TenantId) -> Result<String, Problem> {
    let grant = Grant { name: "demo".to_owned(), role: "tenant_admin".to_owned(), scopes: None, expires_at: None };
    let (ambient, store) = (app.ambient.clone(), app.db.for_tenant(tenant));
    let made = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move { identity::create_token(tx, &*ambient, &Actor::Operator, Permissions::all(), grant).await })
    });
    made.await.map(|(_, text)| text)
}
