//! Services as their contracts describe them, as far as an adapter meets them: what they take, what
//! they refuse and in which words. The server's suite includes this file by path.

use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::door::{Say, Taken};

/// What a service answers to a request.
pub type Service = Arc<dyn Fn(&Taken) -> Say + Send + Sync>;

/// Settings with which an adapter's requests please its service, and the service.
pub struct Fake {
    pub settings: Value,
    pub service: Service,
}

/// `user:password` of every service that wants a credential.
pub const USER: &str = "ann@example.com:marker-api-token-5d41402abc4b2a76";

/// The fake of each adapter, by its kind.
pub fn of(kind: &str) -> Fake {
    let fake = |settings: Value, service: Service| Fake { settings, service };
    match kind {
        "webhook" => fake(json!({}), Arc::new(|_| 204.into())),
        "slack" => fake(json!({}), Arc::new(slack)),
        "teams" => fake(json!({}), Arc::new(teams)),
        "jira" => fake(json!({"project": "OPS"}), Jira::default().service()),
        "ticket" => fake(json!({"template": "servicenow"}), Desk::servicenow().service()),
        "mock" => fake(json!({}), Arc::new(|_| 500.into())),
        other => panic!("the adapter {other} has no fake: describe its service here"),
    }
}

pub fn say(status: u16, body: impl ToString) -> Say {
    Say { body: body.to_string(), ..status.into() }
}

/// An incoming webhook.
pub fn slack(taken: &Taken) -> Say {
    let Ok(message) = serde_json::from_slice::<Value>(&taken.body) else { return say(400, "invalid_payload") };
    let text = message["text"].as_str().unwrap_or_default();
    match () {
        () if taken.header("content-type") != "application/json" => say(400, "invalid_payload"),
        () if text.is_empty() && message["blocks"].is_null() => say(400, "no_text"),
        () if text.len() > 40_000 || message["blocks"].as_array().is_some_and(|blocks| blocks.len() > 50) => {
            say(400, "invalid_blocks")
        }
        () => say(200, "ok"),
    }
}

/// A workflow that waits for an Adaptive Card.
pub fn teams(taken: &Taken) -> Say {
    let message: Value = serde_json::from_slice(&taken.body).unwrap_or_default();
    let card = &message["attachments"][0];
    let is_card = message["type"] == "message"
        && card["contentType"] == "application/vnd.microsoft.card.adaptive"
        && card["content"]["type"] == "AdaptiveCard";
    match () {
        () if taken.body.len() > 28 * 1024 => say(413, "RequestEntityTooLarge"),
        () if !is_card => say(400, json!({"error": {"code": "TriggerInputSchemaMismatch", "message": "no card"}})),
        () => 202.into(),
    }
}

fn knows(taken: &Taken) -> bool {
    taken.header("authorization") == format!("Basic {}", BASE64.encode(USER.as_bytes()))
}

/// A Jira site with the project OPS: makes an issue each time it is asked to, and finds by label.
#[derive(Default, Clone)]
pub struct Jira {
    issues: Arc<Mutex<Vec<Value>>>,
}

impl Jira {
    pub fn service(&self) -> Service {
        let site = self.clone();
        Arc::new(move |taken| site.answer(taken))
    }

    pub fn issues(&self) -> Vec<Value> {
        self.issues.lock().unwrap().clone()
    }

    fn answer(&self, taken: &Taken) -> Say {
        if !knows(taken) {
            return say(401, "Client must be authenticated to access this resource.");
        }
        let body: Value = serde_json::from_slice(&taken.body).unwrap_or_default();
        match (taken.method.as_str(), taken.path.as_str()) {
            ("POST", "/rest/api/3/issue") => self.create(&body["fields"]),
            ("POST", "/rest/api/3/search/jql") => self.search(body["jql"].as_str().unwrap_or_default()),
            ("POST" | "GET", "/rest/api/3/search") => say(410, json!({"errorMessages": ["The requested API has been removed."]})),
            _ => say(404, json!({"errorMessages": ["no such thing"]})),
        }
    }

    fn create(&self, fields: &Value) -> Say {
        let wrong = |field: &str, why: &str| say(400, json!({"errorMessages": [], "errors": {field: why}}));
        let summary = fields["summary"].as_str().unwrap_or_default();
        let labels = fields["labels"].as_array().map(Vec::as_slice).unwrap_or_default();
        if fields["project"]["key"] != "OPS" {
            return wrong("project", "valid project is required");
        }
        if fields["issuetype"]["name"] != "Task" {
            return wrong("issuetype", "Specify a valid issue type");
        }
        if summary.is_empty() || summary.contains('\n') || summary.chars().count() > 255 {
            return wrong("summary", "The summary is invalid because it contains newline characters, or is too long.");
        }
        if fields["description"]["type"] != "doc" || fields["description"]["version"] != 1 {
            return wrong("description", "Operation value must be an Atlassian Document (see the Atlassian Document Format)");
        }
        if labels.iter().any(|label| label.as_str().is_none_or(|label| label.contains(' '))) {
            return wrong("labels", "The label contains spaces which is invalid.");
        }
        let mut issues = self.issues.lock().unwrap();
        issues.push(fields.clone());
        let (id, key) = (10_000 + issues.len(), format!("OPS-{}", issues.len()));
        say(201, json!({"id": id.to_string(), "key": key, "self": format!("https://evil.example/{id}")}))
    }

    fn search(&self, jql: &str) -> Say {
        let Some(label) = jql.strip_prefix("project = \"OPS\" AND labels = \"").and_then(|rest| rest.strip_suffix('"')) else {
            return say(400, json!({"errorMessages": ["Unbounded JQL queries are not allowed here."]}));
        };
        let issues = self.issues();
        let has = |fields: &Value| fields["labels"].as_array().is_some_and(|labels| labels.iter().any(|each| each == label));
        let found = issues.iter().enumerate().filter(|(_, fields)| has(fields));
        let found: Vec<_> =
            found.map(|(place, _)| json!({"id": (10_001 + place).to_string(), "key": format!("OPS-{}", place + 1)})).collect();
        say(200, json!({"issues": found, "isLast": true}))
    }
}

/// A ticketing system: where records are made and found, what they must have, and how they come back.
#[derive(Clone)]
pub struct Desk {
    create: &'static str,
    find: &'static str,
    /// Where a record has the text by which it is found.
    mark: &'static str,
    check: fn(&Taken, &Value) -> Result<(), Say>,
    made: fn(usize) -> Value,
    list: fn(Vec<usize>) -> Value,
    records: Arc<Mutex<Vec<Value>>>,
}

impl Desk {
    pub fn service(&self) -> Service {
        let desk = self.clone();
        Arc::new(move |taken| desk.answer(taken))
    }

    pub fn records(&self) -> Vec<Value> {
        self.records.lock().unwrap().clone()
    }

    fn answer(&self, taken: &Taken) -> Say {
        if !knows(taken) {
            return say(401, json!({"error": "no such user"}));
        }
        let body: Value = serde_json::from_slice(&taken.body).unwrap_or_default();
        let mut records = self.records.lock().unwrap();
        match taken.method.as_str() {
            "POST" if taken.path == self.create => match (self.check)(taken, &body) {
                Ok(()) => {
                    records.push(body);
                    say(201, (self.made)(records.len()))
                }
                Err(refused) => refused,
            },
            "GET" if taken.path.starts_with(self.find) => {
                let has = |record: &&Value| {
                    record.pointer(self.mark).and_then(Value::as_str).is_some_and(|mark| taken.path.contains(mark))
                };
                let found = records.iter().enumerate().filter(|(_, record)| has(record)).map(|(place, _)| place + 1).collect();
                say(200, (self.list)(found))
            }
            _ => say(404, json!({"error": "no such path"})),
        }
    }

    pub fn servicenow() -> Self {
        Self {
            create: "/api/now/table/incident?sysparm_fields=sys_id,number",
            find: "/api/now/table/incident?sysparm_query=correlation_id%3D",
            mark: "/correlation_id",
            check: |_, body| match body["short_description"].is_string() && body["urgency"].is_string() {
                true => Ok(()),
                false => Err(say(400, json!({"error": {"message": "Invalid"}, "status": "failure"}))),
            },
            made: |place| json!({"result": {"sys_id": format!("{place:032x}"), "number": format!("INC{place:07}")}}),
            list: |found| json!({"result": found.into_iter().map(|place| json!({"sys_id": format!("{place:032x}")})).collect::<Vec<_>>()}),
            records: Arc::default(),
        }
    }

    pub fn freshdesk() -> Self {
        Self {
            create: "/api/v2/tickets",
            find: "/api/v2/search/tickets?query=%22tag%3A%27",
            mark: "/tags/0",
            check: |_, body| {
                let numbers = ["priority", "status", "source"].iter().all(|name| body[*name].is_u64());
                let tag = body["tags"][0].as_str().is_some_and(|tag| tag.len() <= 32);
                let html = body["description"].as_str().is_some_and(|text| !text.contains("<script"));
                match body["email"].is_string() && body["subject"].is_string() && numbers && tag && html {
                    true => Ok(()),
                    false => {
                        let errors =
                            json!([{"field": "email", "message": "It should be a valid email", "code": "invalid_value"}]);
                        Err(say(400, json!({"description": "Validation failed", "errors": errors})))
                    }
                }
            },
            made: |place| json!({"id": place, "subject": "x"}),
            list: |found| json!({"total": found.len(), "results": found.into_iter().map(|id| json!({"id": id})).collect::<Vec<_>>()}),
            records: Arc::default(),
        }
    }

    pub fn zendesk() -> Self {
        Self {
            create: "/api/v2/tickets",
            find: "/api/v2/tickets?external_id=",
            mark: "/ticket/external_id",
            check: |taken, body| {
                let whole = body["ticket"]["comment"]["body"].is_string() && body["ticket"]["subject"].is_string();
                match whole && body["ticket"]["external_id"] == taken.header("idempotency-key") {
                    true => Ok(()),
                    false => Err(say(422, json!({"error": "RecordInvalid", "description": "Record validation errors"}))),
                }
            },
            made: |place| json!({"ticket": {"id": place, "url": "https://evil.example/1.json"}}),
            list: |found| json!({"tickets": found.into_iter().map(|id| json!({"id": id})).collect::<Vec<_>>(), "count": 1}),
            records: Arc::default(),
        }
    }

    /// HaloPSA takes a list of one, and answers with the record itself.
    pub fn halopsa() -> Self {
        Self {
            create: "/api/Tickets",
            find: "/nowhere",
            mark: "/none",
            check: |_, body| match body[0]["summary"].is_string() && body[0]["tickettype_id"].is_u64() {
                true => Ok(()),
                false => Err(say(400, "\"summary is required\"")),
            },
            made: |place| json!({"id": 2000 + place, "summary": "x"}),
            list: |_| json!([]),
            records: Arc::default(),
        }
    }
}
