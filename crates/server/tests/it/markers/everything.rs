//! One of everything that handles a secret, good and bad requests alike.

use data_encoding::HEXLOWER;
use hookswitch_domain::signature::hmac_sha256;
use http::Method;
use serde_json::{Value, json};

use super::{
    ALERT_TEXT, BASIC_PASSWORD, CLIENT_SECRET, EVENT_TEXT, HEADER_VALUE, INBOUND, Installation, PASSWORD, PATH_TOKEN, REFUSED,
    URL_QUERY, URL_TOKEN, Watch,
};
use crate::harness::Client;
use crate::receiver::{Receiver, until};
use crate::surface::operations;

const DESTINATIONS: &str = "/api/v1/integrations/destinations";
const CREDENTIALS: &str = "/api/v1/integrations/credentials";
const WEBHOOKS: &str = "/api/v1/inbound-webhooks";

/// By the command line: a tenant, an account and a token, which is returned.
pub fn accounts(place: &Installation, watch: &Watch) -> String {
    place.done(watch, &["admin", "create-tenant", "acme", "--name", "Acme"], "");
    let account =
        ["admin", "create-user", "--tenant", "acme", "--email", "ann@example.com", "--role", "tenant_admin", "--password-stdin"];
    place.done(watch, &account, PASSWORD);
    let token = place.done(watch, &["admin", "create-token", "--tenant", "acme", "--role", "tenant_admin", "--name", "t"], "");
    watch.guard("a token", &token);
    token
}

pub async fn happens(watch: &Watch, stranger: &Client, token: &str, receiver: &Receiver) {
    let admin = stranger.with("authorization", format!("Bearer {token}"));
    sessions(watch, stranger, &admin).await;
    outbound(watch, &admin, receiver).await;
    inbound(watch, stranger, &admin).await;
    refusals(watch, stranger, &admin).await;
    for operation in operations().iter().filter(|operation| operation.method == Method::GET && operation.parameters().is_empty())
    {
        watch.ask(&admin, Method::GET, &operation.path, None).await;
    }
    for path in [DESTINATIONS, CREDENTIALS, WEBHOOKS, "/api/v1/integrations/deliveries", "/api/v1/events", "/api/v1/tokens"] {
        details(watch, &admin, path).await;
    }
}

/// Each record of a list, and what hangs below it.
async fn details(watch: &Watch, admin: &Client, path: &str) {
    let list = watch.ask(admin, Method::GET, &format!("{path}?limit=100"), None).await.expect(200).json();
    for record in list["data"].as_array().unwrap() {
        let own = format!("{path}/{}", record["id"].as_str().unwrap());
        watch.ask(admin, Method::GET, &own, None).await.expect(200);
        for below in ["attempts", "deliveries"] {
            watch.ask(admin, Method::GET, &format!("{own}/{below}"), None).await;
        }
    }
}

async fn sessions(watch: &Watch, stranger: &Client, admin: &Client) {
    let sign_in = json!({"email": "ann@example.com", "password": PASSWORD});
    let answer = stranger.post("/api/v1/session", sign_in).await.expect(204);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    watch.guard("a session", cookie.split_once('=').unwrap().1);
    let browser = stranger.with("cookie", cookie).with("x-requested-with", "hookswitch");
    watch.ask(&browser, Method::GET, "/api/v1/session", None).await.expect(200);
    let made = browser.post("/api/v1/tokens", json!({"name": "second", "role": "publisher"})).await.expect(201);
    watch.shown("a second token", "token", &made);
    let user = json!({"email": "bob@example.com", "name": "Bob", "role": "operator", "password": format!("{PASSWORD}-bob")});
    watch.post(admin, "/api/v1/users", user).await;
    watch.ask(&browser, Method::DELETE, "/api/v1/session", None).await.expect(204);
    watch.ask(&browser, Method::GET, "/api/v1/session", None).await.expect(401);
}

async fn outbound(watch: &Watch, admin: &Client, receiver: &Receiver) {
    let credential = json!({"name": "header", "type": "header", "value": format!("Bearer {HEADER_VALUE}")});
    let header = watch.post(admin, CREDENTIALS, credential).await.expect(201).id();
    let credential = json!({"name": "basic", "type": "basic", "value": format!("user:{BASIC_PASSWORD}")});
    let basic = watch.post(admin, CREDENTIALS, credential).await.expect(201).id();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let policy = json!({"schedule_seconds": [0], "max_attempts": 1});
    watch.ask(admin, Method::PUT, "/api/v1/integrations/delivery-policy", Some(policy)).await.expect(200);
    let mut ids = Vec::new();
    for (url, credential) in [
        (receiver.url(&format!("/in/{URL_TOKEN}?key={URL_QUERY}")), &header),
        (receiver.url(&format!("/fail/{URL_TOKEN}?key={URL_QUERY}")), &basic),
        (format!("http://{closed}/in/{URL_TOKEN}?key={URL_QUERY}"), &header),
    ] {
        let body = json!({"name": "x", "endpoint_url": url, "credential_id": credential});
        let keyed = admin.with("idempotency-key", format!("key-{}", ids.len()));
        let made = keyed.post(DESTINATIONS, body.clone()).await.expect(201);
        watch.shown("a signing secret", "signing_secret", &made);
        watch.post(&keyed, DESTINATIONS, body).await.expect(201);
        ids.push(made.id());
    }
    let settings = json!({"token_url": receiver.url("/token"), "client_id": "client"});
    let credential = json!({"name": "oauth", "type": "oauth2_client_credentials", "value": CLIENT_SECRET, "settings": settings});
    let oauth = watch.post(admin, CREDENTIALS, credential).await.expect(201).id();
    let url = receiver.url(&format!("/in/{URL_TOKEN}"));
    let settings = json!({"project": "OPS"});
    let body = json!({"name": "j", "endpoint_url": url, "adapter_type": "jira", "settings": settings, "credential_id": oauth});
    watch.post(admin, DESTINATIONS, body).await.expect(201);
    let own = format!("{DESTINATIONS}/{}", ids[0]);
    let rotated = admin.post(&format!("{own}/rotate-secret"), json!({"overlap_seconds": 60})).await.expect(200);
    watch.shown("a rotated signing secret", "signing_secret", &rotated);
    admin.send(Method::POST, &format!("{own}/reveal"), None).await.expect(200);
    let changed = json!({"name": "y", "endpoint_url": receiver.url(&format!("/in/{URL_TOKEN}"))});
    watch.ask(admin, Method::PATCH, &own, Some(changed)).await.expect(200);
    let replaced = json!({"value": format!("Bearer {HEADER_VALUE}")});
    watch.ask(admin, Method::PATCH, &format!("{CREDENTIALS}/{header}"), Some(replaced)).await.expect(200);
    watch.post(admin, "/api/v1/events", json!({"event_type": "a.b", "payload": {"text": EVENT_TEXT}})).await.expect(202);
    watch.ask(admin, Method::POST, &format!("{own}/test"), None).await.expect(202);
    until("all deliveries to be finished", || async {
        let list = admin.get("/api/v1/integrations/deliveries").await.expect(200).json();
        let done = |delivery: &&Value| ["delivered", "dead_lettered"].contains(&delivery["state"].as_str().unwrap());
        (list["data"].as_array().unwrap().iter().filter(done).count() == 5).then_some(())
    })
    .await;
    let dead = admin.get("/api/v1/integrations/deliveries?state=dead_lettered").await.expect(200).json();
    let replay = format!("/api/v1/integrations/deliveries/{}/replay", dead["data"][0]["id"].as_str().unwrap());
    watch.ask(admin, Method::POST, &replay, None).await.expect(202);
}

fn webhook(slug: &str, auth: Value) -> Value {
    json!({
        "name": slug, "slug": slug, "auth_type": auth["type"], "auth_config": auth, "handler_type": "direct_action",
        "handler_config": {"type": "direct_action", "action": "createTicket", "field_mapping": {"title": "alert.message"}},
    })
}

async fn inbound(watch: &Watch, stranger: &Client, admin: &Client) {
    watch.ask(admin, Method::PUT, "/api/v1/features", Some(json!({"inbound_webhooks_enabled": true}))).await.expect(200);
    let made = admin.post(WEBHOOKS, webhook("hmac", json!({"type": "hmac_sha256", "signature_header": "X-Signature"}))).await;
    let secret = watch.shown("a generated inbound secret", "secret", &made.expect(201));
    let given = [json!({"type": "bearer", "secret": INBOUND}), json!({"type": "path_token", "secret": PATH_TOKEN})];
    for (slug, auth) in ["bearer", "token"].into_iter().zip(given) {
        let made = admin.post(WEBHOOKS, webhook(slug, auth)).await.expect(201);
        watch.shown("a given inbound secret", "secret", &made);
    }
    let sender = stranger.with("content-type", "application/json");
    for body in
        [json!({"alert": {"message": "a title"}, "more": ALERT_TEXT}).to_string(), format!("{{\"{ALERT_TEXT}\""), "{}".to_owned()]
    {
        let signature = HEXLOWER.encode(&hmac_sha256(secret.as_bytes(), [body.as_bytes()]));
        let senders = [
            (sender.with("x-signature", signature), "hmac".to_owned()),
            (sender.with("authorization", format!("Bearer {INBOUND}")), "bearer".to_owned()),
            (sender.clone(), format!("token?token={PATH_TOKEN}")),
            // The right secrets at doors that they don't open.
            (sender.with("authorization", format!("Bearer {INBOUND}")), "nowhere".to_owned()),
            (sender.with("authorization", format!("Bearer {INBOUND}x")), "bearer".to_owned()),
            (sender.clone(), format!("nowhere?token={PATH_TOKEN}")),
            (sender.clone(), format!("token?token={PATH_TOKEN}x")),
        ];
        for (client, path) in senders {
            watch.hear(client.raw(Method::POST, &format!("/api/inbound/acme/{path}"), body.clone()).await);
        }
    }
    let list = admin.get(WEBHOOKS).await.expect(200).json();
    let id = list["data"][0]["id"].as_str().unwrap().to_owned();
    let rotated = admin.send(Method::POST, &format!("{WEBHOOKS}/{id}/rotate-secret"), None).await.expect(200);
    watch.shown("a rotated inbound secret", "secret", &rotated);
}

/// What is wrong with a request is said without what it brought.
async fn refusals(watch: &Watch, stranger: &Client, admin: &Client) {
    for (path, body) in [
        (DESTINATIONS, json!({"name": "x", "endpoint_url": format!("http://user:{REFUSED}@example.com/")})),
        (DESTINATIONS, json!({"name": "x", "endpoint_url": format!("http://10.0.0.5/{REFUSED}")})),
        (DESTINATIONS, json!({"name": "x", "endpoint_url": format!("no url {REFUSED}")})),
        (DESTINATIONS, json!({"name": "x", "endpoint_url": {"secret": REFUSED}})),
        (CREDENTIALS, json!({"name": "x", "type": "basic", "value": REFUSED})),
        (CREDENTIALS, json!({"name": "x", "type": "header", "value": format!("{REFUSED}\r\nX-Evil: 1")})),
        (CREDENTIALS, json!({"name": "x", "type": REFUSED, "value": REFUSED})),
        (CREDENTIALS, json!({"name": "x", "type": "header", "value": [REFUSED]})),
        (CREDENTIALS, json!({"name": "x", "type": "header", "ref": format!("file:///run/{REFUSED}")})),
        (CREDENTIALS, json!({"name": "x", "type": "header", "ref": format!("vault://{REFUSED}")})),
        (WEBHOOKS, webhook("y", json!({"type": "bearer", "secret": &REFUSED[..15]}))),
        (WEBHOOKS, webhook("y", json!({"type": "bearer", "secret": [REFUSED]}))),
        (WEBHOOKS, webhook("not a slug", json!({"type": "bearer", "secret": REFUSED}))),
        ("/api/v1/users", json!({"email": "x", "name": "x", "role": "operator", "password": REFUSED})),
        ("/api/v1/session", json!({"email": "ann@example.com", "password": REFUSED})),
        ("/api/v1/session", json!({"email": "ann@example.com", "password": {"is": REFUSED}})),
    ] {
        let answer = watch.post(admin, path, body.clone()).await;
        assert!(answer.status.is_client_error(), "{path} {body}: {}", answer.text());
    }
    for value in [format!("Bearer hsk_{REFUSED}"), format!("Basic {REFUSED}"), REFUSED.to_owned()] {
        watch.ask(&stranger.with("authorization", value), Method::GET, "/api/v1/session", None).await.expect(401);
    }
    let cookie = stranger.with("cookie", format!("__Host-hookswitch={REFUSED}"));
    watch.ask(&cookie, Method::GET, "/api/v1/session", None).await.expect(401);
    watch.ask(stranger, Method::GET, &format!("/signin?token={REFUSED}"), None).await.expect(401);
    watch.ask(admin, Method::GET, &format!("/api/v1/session?token={REFUSED}"), None).await;
}
