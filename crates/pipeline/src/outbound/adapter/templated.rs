//! The adapter for ticketing systems: method, path, headers and body as templates. What a system
//! wants is data: a file in `templated/`, and a line in `SYSTEMS`. A destination names one and
//! overrides what its own installation has otherwise, or brings all of it.
//!
//! Most systems make a record anew each time they are asked to. Where one can find a record by the
//! message id, its template says how (`lookup`), and whatever may have been sent before is looked for
//! first. The record's id in their answer becomes the delivery's external reference.

use std::sync::LazyLock;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::destination::check_headers;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::exchange::{self, Call, Reply, call, header, refused, scope};
use super::settings::fail;
use super::template::{self, Escape, Filler};
use super::{Adapter, Delivered, Dispatch, ExternalRef, SettingsError, external_id};

/// Each system that comes with a template.
static SYSTEMS: LazyLock<Vec<(&str, Value)>> = LazyLock::new(|| {
    let read = |name, text| (name, serde_json::from_str(text).unwrap_or_default());
    vec![
        read("servicenow", include_str!("templated/servicenow.json")),
        read("freshdesk", include_str!("templated/freshdesk.json")),
        read("zendesk", include_str!("templated/zendesk.json")),
        read("halopsa", include_str!("templated/halopsa.json")),
    ]
});

const LATER: Outcome = Outcome::Retryable { retry_after: None };
/// A description's usual size; larger values are cut.
const VALUE_CHARS_MAX: usize = 30_000;

pub struct Templated;

impl Adapter for Templated {
    fn kind(&self) -> &'static str {
        "ticket"
    }

    fn title(&self) -> &'static str {
        "Ticketing system"
    }

    fn description(&self) -> &'static str {
        "Creates one record in ServiceNow, Freshdesk, Zendesk, HaloPSA or another system for each event, by a template."
    }

    fn settings_schema(&self) -> Value {
        let names: Vec<_> = SYSTEMS.iter().map(|(name, _)| *name).collect();
        json!({
            "type": "object",
            "properties": {
                "template": {
                    "type": "string", "enum": names,
                    "title": "System", "description": "Whose template is used. What else is set here replaces that part of it."
                },
                "values": {
                    "type": "object", "maxProperties": 20,
                    "additionalProperties": { "type": ["string", "number", "boolean"], "maxLength": 500 },
                    "title": "Values", "description": "What the template leaves open, as {{values.name}}: for example freshdesk wants {\"email\": \"...\"}."
                },
                "method": {
                    "type": "string", "enum": ["POST", "PUT", "PATCH"], "default": "POST",
                    "title": "Method", "description": "The HTTP method that makes a record."
                },
                "path": {
                    "type": "string", "format": "template", "minLength": 1, "maxLength": 1000,
                    "title": "Path", "description": "Path and query after the destination's URL; values are escaped for it."
                },
                "headers": {
                    "type": "array", "maxItems": 10,
                    "title": "Headers", "description": "Headers for each request. Secrets belong into the credential.",
                    "items": {
                        "type": "object", "required": ["name", "value"], "additionalProperties": false,
                        "properties": {
                            "name": { "type": "string", "maxLength": 100, "title": "Name", "description": "The header's name." },
                            "value": {
                                "type": "string", "format": "template", "maxLength": 1000, "title": "Value",
                                "description": "A template; what is no visible ASCII in a value is percent-encoded."
                            }
                        }
                    }
                },
                "body": {
                    "type": ["object", "array"], "format": "json-template",
                    "title": "Body", "description": "The request's JSON with templates in its texts."
                },
                "id_path": {
                    "type": "string", "minLength": 1, "maxLength": 200,
                    "title": "Path of the id", "description": "Where the answer has the record's id, like result.sys_id; a list's places are numbers. An answer without it is no success."
                },
                "link": {
                    "type": "string", "format": "template", "maxLength": 1000,
                    "title": "Link", "description": "Path at which people see the record, with {{id}}."
                },
                "lookup": {
                    "type": "object", "required": ["path", "id_path"], "additionalProperties": false,
                    "title": "Lookup", "description": "How a record is found that an earlier attempt made; GET.",
                    "properties": {
                        "path": {
                            "type": "string", "format": "template", "minLength": 1, "maxLength": 1000, "title": "Path",
                            "description": "Path and query that find a record by {{message_id}}."
                        },
                        "id_path": {
                            "type": "string", "minLength": 1, "maxLength": 200, "title": "Path of the id",
                            "description": "Where that answer has the record's id; nothing there means that there is none."
                        }
                    }
                }
            },
            "additionalProperties": false
        })
    }

    fn check_settings(&self, settings: &Value) -> Result<(), SettingsError> {
        super::settings::check(&self.settings_schema(), settings)?;
        let plan = Plan::of(settings);
        if plan.text("path").is_none() {
            return fail("settings.path", "is missing: name a template, or say path and body");
        }
        if plan.part("body").is_none() {
            return fail("settings.body", "is missing: name a template, or say path and body");
        }
        let open = plan.values.iter().find(|(_, value)| value.is_null());
        if let Some((name, _)) = open {
            return fail(format!("settings.values.{name}"), format!("is missing: the template {} needs it", plan.system));
        }
        for (place, (name, _)) in plan.headers().enumerate() {
            check_headers([(name, "x")]).or_else(|error| fail(format!("settings.headers[{place}].name"), error.to_string()))?;
        }
        for (field, path) in [("path", plan.text("path")), ("lookup.path", plan.lookup("path")), ("link", plan.text("link"))] {
            if path.is_some_and(|path| !path.starts_with('/')) {
                return fail(format!("settings.{field}"), "must start with a slash");
            }
        }
        Ok(())
    }

    fn deliver<'a>(&'a self, dispatch: &'a Dispatch<'a>) -> BoxFuture<'a, Delivered> {
        Box::pin(async move { deliver(dispatch).await.unwrap_or_else(|done| done) })
    }
}

/// A system's template with what the destination's settings replace in it.
struct Plan<'s> {
    /// Whose record it is: the template's name, or `custom`.
    system: &'s str,
    base: Option<&'static Value>,
    settings: &'s Value,
    values: Map<String, Value>,
}

impl<'s> Plan<'s> {
    fn of(settings: &'s Value) -> Self {
        let named = settings["template"].as_str();
        let base = SYSTEMS.iter().find(|(name, _)| Some(*name) == named).map(|(_, base)| base);
        let mut values = base.and_then(|base| base["values"].as_object().cloned()).unwrap_or_default();
        values.extend(settings["values"].as_object().cloned().unwrap_or_default());
        Self { system: named.unwrap_or("custom"), base, settings, values }
    }

    fn part(&self, name: &str) -> Option<&'s Value> {
        self.settings.get(name).or_else(|| self.base.and_then(|base| base.get(name)))
    }

    fn text(&self, name: &str) -> Option<&'s str> {
        self.part(name).and_then(Value::as_str)
    }

    fn lookup(&self, name: &str) -> Option<&'s str> {
        self.part("lookup").and_then(|lookup| lookup[name].as_str())
    }

    fn headers(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        let all = self.part("headers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter_map(|header| Some((header["name"].as_str()?, header["value"].as_str()?)))
    }

    fn method(&self) -> Method {
        match self.text("method") {
            Some("PUT") => Method::PUT,
            Some("PATCH") => Method::PATCH,
            _ => Method::POST,
        }
    }
}

/// `Err` is where an exchange failed, or nothing was sent; both are what came of the try.
async fn deliver(dispatch: &Dispatch<'_>) -> Result<Delivered, Delivered> {
    let plan = Plan::of(dispatch.settings);
    let mut scope = scope(dispatch);
    scope["values"] = Value::Object(plan.values.clone());
    let mut filler = Filler::new(&scope, VALUE_CHARS_MAX);
    let path = filler.path(plan.text("path").unwrap_or("/")).map_err(|error| refused(&error))?;
    let body = filler.json(plan.part("body").unwrap_or(&Value::Null), &|_| Escape::Json).map_err(|error| refused(&error))?;
    let headers = headers(&plan, &mut filler)?;
    if dispatch.repeat
        && let Some(done) = look_up(dispatch, &plan, &mut filler, &headers).await?
    {
        return Ok(done);
    }
    let reply = send(dispatch, &path, plan.method(), Bytes::from(body.to_string()), headers).await?;
    let (outcome, reason) = weigh(&reply, dispatch);
    if outcome != Outcome::Accepted {
        return Ok(reply.becomes(outcome, reason));
    }
    // Whoever doesn't say where the id is takes every 2xx for a success.
    let Some(id_path) = plan.text("id_path") else { return Ok(reply.becomes(outcome, reason)) };
    let Some(external) = reference(dispatch, &plan, found(&reply.json(), id_path)) else {
        // A login page answers 200, too. Where the system can tell what it has, another try looks first.
        let outcome = if plan.lookup("path").is_some() { LATER } else { Outcome::Terminal };
        return Ok(reply.becomes(outcome, format!("{reason} without an id at {id_path}: is this the system's API?")));
    };
    let reason = format!("{reason}: created {}", external.id);
    Ok(Delivered { external: Some(external), ..reply.becomes(outcome, reason) })
}

fn headers(plan: &Plan<'_>, filler: &mut Filler<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, Delivered> {
    let filled = plan.headers().map(|(name, value)| {
        let value = filler.text(value, Escape::Header).map_err(|error| refused(&error))?;
        header(name, value.trim()).map_err(|(outcome, reason)| Delivered::unsent(outcome, reason))
    });
    filled.collect()
}

async fn send(
    dispatch: &Dispatch<'_>,
    path: &str,
    method: Method,
    body: Bytes,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> Result<Reply, Delivered> {
    let path = format!("{}{path}", dispatch.target.base_path());
    let target = dispatch.target.at(&path).map_err(|error| Delivered::unsent(Outcome::Forbidden, error.to_string()))?;
    let makes = method != Method::GET;
    call(dispatch, Call { target: &target, method, body, headers, makes }).await
}

/// The record that an earlier try made, if it made one and the system can tell.
async fn look_up(
    dispatch: &Dispatch<'_>,
    plan: &Plan<'_>,
    filler: &mut Filler<'_>,
    headers: &[(HeaderName, HeaderValue)],
) -> Result<Option<Delivered>, Delivered> {
    let Some((path, id_path)) = plan.lookup("path").zip(plan.lookup("id_path")) else { return Ok(None) };
    let path = filler.path(path).map_err(|error| refused(&error))?;
    let reply = send(dispatch, &path, Method::GET, Bytes::new(), headers.to_vec()).await?;
    let (outcome, reason) = weigh(&reply, dispatch);
    let answer = reply.json();
    if outcome == Outcome::Accepted && answer.is_null() {
        return Err(reply.becomes(LATER, "looking for a record made before: the answer is no JSON"));
    }
    if outcome != Outcome::Accepted {
        return Err(reply.becomes(outcome, format!("looking for a record made before: {reason}")));
    }
    let Some(external) = reference(dispatch, plan, found(&answer, id_path)) else { return Ok(None) };
    let reason = format!("an earlier attempt created {}", external.id);
    Ok(Some(Delivered { external: Some(external), ..reply.becomes(Outcome::Accepted, reason) }))
}

/// The id at this path; of an answer that is a list, the first one's.
fn found(answer: &Value, path: &str) -> Option<String> {
    let own = template::at(answer, path).and_then(external_id);
    own.or_else(|| template::at(answer.get(0)?, path).and_then(external_id))
}

fn reference(dispatch: &Dispatch<'_>, plan: &Plan<'_>, id: Option<String>) -> Option<ExternalRef> {
    let id = id?;
    let scope = json!({ "id": id, "values": plan.values, "message_id": dispatch.message_id });
    let link = plan.text("link").and_then(|link| Filler::new(&scope, VALUE_CHARS_MAX).path(link).ok());
    let url = link.map(|link| format!("{}{link}", dispatch.target.endpoint()));
    Some(ExternalRef { system: plan.system.to_owned(), id, url })
}

fn weigh(reply: &Reply, dispatch: &Dispatch<'_>) -> (Outcome, String) {
    exchange::weigh(reply, dispatch, "the system")
}
