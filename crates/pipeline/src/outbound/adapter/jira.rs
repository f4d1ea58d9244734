//! The Jira Cloud adapter: the event as one issue (REST v3). The destination's URL is the site,
//! `https://acme.atlassian.net`; the credential is `basic` with `e-mail:API token`, or OAuth.
//!
//! Jira makes an issue anew each time it is asked to. So each issue carries a label made of the
//! message id, and whatever may have been sent before is looked for by that label first: a lost
//! answer, a crash or a replay makes no second issue. Jira's search is a little behind what was just
//! made; the first retry comes seconds later, and that is why.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::egress::Target;
use http::Method;
use serde_json::{Map, Value, json};

use super::exchange::{self, Call, Reply, call, refused, scope};
use super::template::{Escape, Filler, Refused, clipped};
use super::{Adapter, Delivered, Dispatch, ExternalRef, external_id};

const SUMMARY: &str = "{{event.payload.title|event.payload.ticket.title|event.payload.summary|event.event_type}}";
const DESCRIPTION: &str = "{{event.payload.description|event.payload.ticket.description|event.payload}}";
const LATER: Outcome = Outcome::Retryable { retry_after: None };
/// Jira's own limits.
const SUMMARY_CHARS_MAX: usize = 255;
const TEXT_CHARS_MAX: usize = 32_767;

pub struct Jira;

impl Adapter for Jira {
    fn kind(&self) -> &'static str {
        "jira"
    }

    fn title(&self) -> &'static str {
        "Jira Cloud"
    }

    fn description(&self) -> &'static str {
        "Creates one Jira issue for each event. The URL is the site's; the credential is basic (e-mail and API token) or OAuth 2."
    }

    fn settings_schema(&self) -> Value {
        json!({
            "type": "object",
            "required": ["project"],
            "properties": {
                "project": {
                    "type": "string", "minLength": 2, "maxLength": 40, "examples": ["OPS"],
                    "title": "Project", "description": "The project's key, as it stands before an issue's number."
                },
                "issue_type": {
                    "type": "string", "minLength": 1, "maxLength": 100, "default": "Task",
                    "title": "Issue type", "description": "The name of the issue type, as the project has it."
                },
                "summary": {
                    "type": "string", "format": "template", "minLength": 1, "maxLength": 1000, "default": SUMMARY,
                    "title": "Summary", "description": "The issue's title, with {{event.payload.title}} and the like filled in; cut at 255 characters."
                },
                "description": {
                    "type": "string", "format": "template", "maxLength": 8000, "default": DESCRIPTION,
                    "title": "Description", "description": "The issue's text; each line becomes a paragraph."
                },
                "labels": {
                    "type": "array", "maxItems": 20, "items": { "type": "string", "minLength": 1, "maxLength": 255 },
                    "title": "Labels", "description": "Labels for each issue, without spaces. One that names the event is added."
                },
                "fields": {
                    "type": "object", "format": "json-template", "maxProperties": 100,
                    "title": "More fields", "description": "Other fields as Jira's API takes them, like {\"priority\": {\"name\": \"High\"}}."
                }
            },
            "additionalProperties": false
        })
    }

    fn check_settings(&self, settings: &Value) -> Result<(), super::SettingsError> {
        super::settings::check(&self.settings_schema(), settings)?;
        let key = settings["project"].as_str().unwrap_or_default();
        if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return super::settings::fail("settings.project", "must be a project's key: letters, digits and underscores");
        }
        let labels = settings["labels"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for (place, label) in labels.enumerate() {
            if label.contains(char::is_whitespace) {
                return super::settings::fail(format!("settings.labels[{place}]"), "must not hold spaces");
            }
        }
        Ok(())
    }

    fn deliver<'a>(&'a self, dispatch: &'a Dispatch<'a>) -> BoxFuture<'a, Delivered> {
        Box::pin(async move { deliver(dispatch).await.unwrap_or_else(|done| done) })
    }
}

/// `Err` is where an exchange failed, or nothing was sent; both are what came of the try.
async fn deliver(dispatch: &Dispatch<'_>) -> Result<Delivered, Delivered> {
    let label = format!("hookswitch-{}", dispatch.message_id);
    let issue = issue(dispatch, &label).map_err(|error| refused(&error))?;
    if dispatch.repeat
        && let Some(done) = look_up(dispatch, &label).await?
    {
        return Ok(done);
    }
    let reply = post(dispatch, "/rest/api/3/issue", &issue, true).await?;
    let made = reply.json();
    let (outcome, reason) = weigh(&reply, &made, dispatch);
    if outcome != Outcome::Accepted {
        return Ok(reply.becomes(outcome, reason));
    }
    let Some(external) = reference(dispatch.target, &made) else {
        // A login page answers 200, too. Another try looks first whether there is an issue.
        return Ok(reply.becomes(LATER, format!("{reason} without an issue's key: is this Jira?")));
    };
    let reason = format!("created {}", external.id);
    Ok(Delivered { external: Some(external), ..reply.becomes(outcome, reason) })
}

async fn post(dispatch: &Dispatch<'_>, path: &str, body: &Value, makes: bool) -> Result<Reply, Delivered> {
    let path = format!("{}{path}", dispatch.target.base_path());
    let target = dispatch.target.at(&path).map_err(|error| Delivered::unsent(Outcome::Forbidden, error.to_string()))?;
    let body = Bytes::from(body.to_string());
    call(dispatch, Call { target: &target, method: Method::POST, body, headers: Vec::new(), makes }).await
}

/// The issue that an earlier try made, if it made one.
async fn look_up(dispatch: &Dispatch<'_>, label: &str) -> Result<Option<Delivered>, Delivered> {
    let project = dispatch.settings["project"].as_str().unwrap_or_default();
    let query =
        json!({ "jql": format!("project = \"{project}\" AND labels = \"{label}\""), "maxResults": 1, "fields": ["summary"] });
    let reply = post(dispatch, "/rest/api/3/search/jql", &query, false).await?;
    let answer = reply.json();
    let Some(issues) = answer["issues"].as_array().filter(|_| reply.answer.status == 200) else {
        // Making one all the same might make a second one.
        let (outcome, reason) = match weigh(&reply, &answer, dispatch) {
            (Outcome::Accepted, _) => (LATER, "its answer is no search result".to_owned()),
            weighed => weighed,
        };
        return Err(reply.becomes(outcome, format!("looking for an issue made before: {reason}")));
    };
    let Some(external) = issues.first().and_then(|issue| reference(dispatch.target, issue)) else { return Ok(None) };
    let reason = format!("an earlier attempt created {}", external.id);
    Ok(Some(Delivered { external: Some(external), ..reply.becomes(Outcome::Accepted, reason) }))
}

fn issue(dispatch: &Dispatch<'_>, label: &str) -> Result<Value, Refused> {
    let (scope, settings) = (scope(dispatch), dispatch.settings);
    let mut filler = Filler::new(&scope, TEXT_CHARS_MAX);
    let summary = filler.text(settings["summary"].as_str().unwrap_or(SUMMARY), Escape::Json)?;
    let summary = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    let description = filler.text(settings["description"].as_str().unwrap_or(DESCRIPTION), Escape::Json)?;
    let own = settings.get("fields").map(|fields| filler.json(fields, &|_| Escape::Json)).transpose()?;
    let mut fields = own.and_then(|own| own.as_object().cloned()).unwrap_or_else(Map::new);
    let mut labels = settings["labels"].as_array().cloned().unwrap_or_default();
    labels.push(label.into());
    let issue_type = settings["issue_type"].as_str().unwrap_or("Task");
    // An issue without a summary is refused; so is a longer one.
    let summary = if summary.is_empty() { dispatch.event_type.to_owned() } else { clipped(&summary, SUMMARY_CHARS_MAX) };
    fields.insert("project".to_owned(), json!({ "key": settings["project"] }));
    fields.insert("issuetype".to_owned(), json!({ "name": issue_type }));
    fields.insert("summary".to_owned(), summary.into());
    fields.insert("description".to_owned(), document(&clipped(&description, TEXT_CHARS_MAX)));
    fields.insert("labels".to_owned(), labels.into());
    Ok(json!({ "fields": fields }))
}

/// Plain text as an Atlassian document: a paragraph for each line. Text in it is text, whatever it
/// looks like.
fn document(text: &str) -> Value {
    let paragraph = |line: &str| match line.is_empty() {
        true => json!({ "type": "paragraph", "content": [] }),
        false => json!({ "type": "paragraph", "content": [{ "type": "text", "text": line }] }),
    };
    let content: Vec<_> = text.lines().map(paragraph).collect();
    json!({ "type": "doc", "version": 1, "content": content })
}

fn reference(target: &Target, issue: &Value) -> Option<ExternalRef> {
    let id = external_id(&issue["key"])?;
    // Behind the API's gateway the site's own address isn't known.
    let url = target.base_path().is_empty().then(|| format!("{}/browse/{id}", target.endpoint()));
    Some(ExternalRef { system: "jira".to_owned(), id, url })
}

fn weigh(reply: &Reply, answer: &Value, dispatch: &Dispatch<'_>) -> (Outcome, String) {
    let status = reply.answer.status;
    let terminal = |why: String| (Outcome::Terminal, format!("answered {status}: {why}"));
    match status {
        400 => terminal(refused_fields(answer)),
        401 => terminal("Jira does not take the credential: basic wants e-mail:API token".to_owned()),
        403 => terminal("the credential may not create issues in this project".to_owned()),
        404 => terminal("there is no Jira at this URL, or the credential can't see the project".to_owned()),
        410 => terminal("Jira no longer has this API at this URL".to_owned()),
        _ => exchange::weigh(reply, dispatch, "Jira"),
    }
}

/// Field names are Jira's own identifiers; its sentences are in the summary of the answer.
fn refused_fields(answer: &Value) -> String {
    let plain =
        |name: &&String| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let names = answer["errors"].as_object().into_iter().flatten().map(|(name, _)| name).filter(plain);
    let names: Vec<_> = names.take(10).map(String::as_str).collect();
    if names.is_empty() { "Jira refuses the issue".to_owned() } else { format!("Jira refuses {}", names.join(", ")) }
}
