//! The task side (SEED-4): groups, their tasks and webhooks, story by story. People sign in with a role
//! that opens nothing of the tenant, so that what they may is what they are in the group.

mod people;
mod swaps;
mod tasks;
mod us_1701;
mod us_1702;
mod us_1703;
mod us_1704;
mod us_1705;
mod us_1706;
mod us_1707;
mod us_1708;
mod us_1709;
mod us_1710;

use data_encoding::HEXLOWER;
use hookswitch_domain::signature::hmac_sha256;
use http::Method;
use serde_json::{Value, json};

use crate::engines::{Engine, ambient};
use crate::harness::{Answer, Client, PASSWORD, Server};
use crate::outbound::{Line, merged};
use crate::receiver::{Say, Taken};

pub const WEBHOOKS: &str = "/api/integrations/webhooks";

/// Somebody who is signed in.
pub struct Person {
    pub id: String,
    pub client: Client,
}

/// Signs somebody in who may nothing in the tenant but publish.
pub async fn person(server: &Server, slug: &str, name: &str) -> Person {
    let email = format!("{name}@{slug}.example");
    let id = server.user(slug, &email, "publisher").await;
    Person { id, client: signed_in(server, &email).await }
}

pub async fn signed_in(server: &Server, email: &str) -> Client {
    let answer = server.stranger().post("/api/v1/session", json!({"email": email, "password": PASSWORD})).await.expect(204);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    server.stranger().with("cookie", cookie).with("x-requested-with", "hookswitch")
}

/// A group with an admin and two members, and the only receiver that its webhooks may reach.
pub struct Team {
    pub line: Line,
    pub id: String,
    pub admin: Person,
    pub ann: Person,
    pub ben: Person,
}

/// A webhook, and the secret that was shown once.
pub struct Webhook {
    pub id: String,
    pub secret: String,
}

impl Webhook {
    pub fn path(&self, more: &str) -> String {
        format!("{WEBHOOKS}/{}{more}", self.id)
    }

    /// The signature as SEED-4 has it, made here from nothing but the shown secret.
    pub fn signed(&self, taken: &Taken) -> bool {
        taken.header("x-signature") == signature(&self.secret, taken.header("x-timestamp"), &taken.body)
    }
}

pub fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    HEXLOWER.encode(&hmac_sha256(secret.as_bytes(), [timestamp.as_bytes(), b".", body]))
}

impl Team {
    pub async fn start(engine: &Engine, script: impl Fn(usize, &Taken) -> Say + Send + Sync + 'static) -> Self {
        let line = Line::start(engine, script).await;
        let admin = person(&line.server, "acme", "admin").await;
        let (ann, ben) = (person(&line.server, "acme", "ann").await, person(&line.server, "acme", "ben").await);
        let group = json!({"name": "Front office", "owner_id": admin.id});
        let id = line.admin.post("/api/v1/groups", group).await.expect(201).id();
        for somebody in [&ann, &ben] {
            admin.client.post(&format!("/api/v1/groups/{id}/members"), json!({"user_id": somebody.id})).await.expect(201);
        }
        Self { line, id, admin, ann, ben }
    }

    /// With a receiver that takes everything.
    pub async fn open(engine: &Engine) -> Self {
        Self::start(engine, |_, _| 200.into()).await
    }

    pub fn path(&self, more: &str) -> String {
        format!("/api/v1/groups/{}{more}", self.id)
    }

    /// A task of Ann's.
    pub async fn task(&self, more: Value) -> Value {
        let body = merged(json!({"name": "Water the plants", "assigned_user_id": self.ann.id}), more);
        self.admin.client.post(&self.path("/tasks"), body).await.expect(201).json()
    }

    /// What somebody does to a task.
    pub async fn act(&self, who: &Person, task: &Value, what: &str, body: Option<Value>) -> Answer {
        who.client.send(Method::POST, &format!("/api/v1/tasks/{}/{what}", id_of(task)), body).await
    }

    pub async fn look(&self, task: &Value) -> Value {
        self.ann.client.get(&format!("/api/v1/tasks/{}", id_of(task))).await.expect(200).json()
    }

    /// A webhook of the group at the receiver's `path`.
    pub async fn webhook(&self, path: &str, more: Value) -> Webhook {
        let body = merged(json!({"url": self.line.receiver.url(path)}), more);
        let made = self.admin.client.post(WEBHOOKS, body).await.expect(201);
        Webhook { secret: made.json()["secret"].as_str().unwrap().to_owned(), id: made.id() }
    }

    /// A webhook's log, newest first.
    pub async fn log(&self, webhook: &Webhook) -> Vec<Value> {
        let log = self.admin.client.get(&webhook.path("/deliveries?limit=100")).await.expect(200).json();
        log["data"].as_array().unwrap().clone()
    }

    /// The inbound door's secret.
    pub async fn key(&self) -> String {
        let made = self.admin.client.send(Method::POST, &self.path("/inbound/rotate-secret"), None).await.expect(200).json();
        made["secret"].as_str().unwrap().to_owned()
    }

    /// Brings the group a task, signed so many seconds from now.
    pub async fn bring_at(&self, key: &str, seconds: i64, body: &Value) -> Answer {
        let (at, body) = ((ambient().now().seconds() + seconds).to_string(), body.to_string());
        let signed = signature(key, &at, body.as_bytes());
        knock(&self.line.server.stranger(), &self.id, &at, &signed, body).await
    }

    pub async fn bring(&self, key: &str, body: &Value) -> Answer {
        self.bring_at(key, 0, body).await
    }
}

pub async fn knock(sender: &Client, group: &str, at: &str, signature: &str, body: String) -> Answer {
    let sender = sender.with("content-type", "application/json").with("x-timestamp", at).with("x-signature", signature);
    sender.raw(Method::POST, &format!("/api/integrations/inbound/{group}/tasks"), body).await
}

pub fn id_of(record: &Value) -> &str {
    record["id"].as_str().unwrap_or_else(|| panic!("no id: {record}"))
}

/// The events of these bodies, in their order.
pub fn told(taken: &[Taken]) -> Vec<String> {
    taken.iter().map(|taken| taken.json()["event"].as_str().unwrap_or("none").to_owned()).collect()
}

/// The field that a problem names.
#[track_caller]
pub fn field(answer: &Answer) -> String {
    answer.json()["errors"][0]["field"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

/// So many hours from now.
pub fn hours(count: i64) -> String {
    hookswitch_domain::time::Timestamp::from_seconds(ambient().now().seconds() + count * 3_600).to_string()
}
