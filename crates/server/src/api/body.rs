//! Bodies: read with a limit and a deadline, then parsed once. What is wrong with one is said with
//! the place or the field, and never with the value, which may be a secret.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::problem::Problem;
use crate::app::App;

/// Most that a management request may bring.
pub const LIMIT: usize = 256 << 10;
/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);

/// A JSON body of a management request.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Problem> {
        let bytes = read(request, LIMIT).await?;
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be left away altogether.
pub struct OrDefault<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<App>> for OrDefault<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Problem> {
        if !request.headers().contains_key(CONTENT_TYPE) && request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let bytes = read(request, LIMIT).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads a JSON body's bytes: right media type, no content coding, `limit` bytes at most.
pub async fn read(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    take(&parts.headers, body, limit).await
}

async fn take(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let json = |media: &str| is_json(media).then_some(()).ok_or("send content-type: application/json");
    take_as(headers, body, limit, json).await.map(|(bytes, ())| bytes)
}

/// The same for a body that came off its request already, and that may be more than JSON. `media` says
/// what a media type announces, or which ones are taken.
pub async fn take_as<M>(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    media: impl FnOnce(&str) -> Result<M, &'static str>,
) -> Result<(Bytes, M), Problem> {
    let announced = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let checked = media(announced).map_err(Problem::media_type).and_then(|media| check_headers(headers, limit).map(|()| media));
    let taken = match checked {
        Ok(media) => collect(&mut body, limit).await.map(|bytes| (bytes, media)),
        Err(refused) => Err(refused),
    };
    // Who waits to be asked for the body needn't send it.
    if taken.is_err() && !headers.contains_key(EXPECT) {
        discard(body).await;
    }
    taken
}

async fn collect(body: &mut Body, limit: usize) -> Result<Bytes, Problem> {
    match tokio::time::timeout(DEADLINE, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(limit)),
        Ok(Err(_)) => Err(Problem::bad_request("body_incomplete", "the body broke off")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body took longer than 30 s")),
    }
}

/// Most of a refused body that is read and thrown away, and for how long.
const DISCARD_BYTES: usize = 16 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// A client that is still writing when its connection is closed sees a broken pipe and never the
/// answer that says why.
async fn discard(mut body: Body) {
    let reading = async {
        let mut left = DISCARD_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

fn check_headers(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Problem::media_type("send the body without content-encoding"));
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Problem::too_large(limit));
    }
    Ok(())
}

/// `application/json` and `application/...+json`, in UTF-8.
pub fn is_json(media: &str) -> bool {
    let mut parts = media.split(';').map(|part| part.trim().to_ascii_lowercase());
    let kind = parts.next().unwrap_or_default();
    let json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    let utf8 = |part: String| !part.starts_with("charset=") || part.trim_start_matches("charset=").trim_matches('"') == "utf-8";
    json && parts.all(utf8)
}

/// Parses a body. Unknown fields are refused by name where `T` says `deny_unknown_fields`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        // serde would take a list for the fields of a struct, in their order.
        serde_json::from_slice::<serde_json::Value>(bytes).map_err(|error| invalid_json(&error))?;
        return Err(Problem::invalid("body", "wrong_type", "must be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| explain(&error, bytes))?;
    json.end().map_err(|error| invalid_json(&error))?;
    Ok(parsed)
}

/// Reads a part of a body that is looked at on its own, because something else in it says what it is.
pub fn within<T: DeserializeOwned>(part: &str, value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (field, code, detail) = describe(&error.path().to_string(), &error.inner().to_string());
        let field = if field == "body" { part.to_owned() } else { format!("{part}.{field}") };
        Problem::invalid(field, code, detail)
    })
}

/// Tells a null from a field that isn't there.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

fn invalid_json(error: &serde_json::Error) -> Problem {
    let place = format!("the body is no valid JSON: line {}, column {}", error.line(), error.column());
    Problem::bad_request("invalid_json", place)
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>, bytes: &[u8]) -> Problem {
    let inner = error.inner();
    if inner.classify() != serde_json::error::Category::Data {
        // The parser calls a list a syntax error where one of several names has to stand.
        return match serde_json::from_slice::<serde_json::Value>(bytes) {
            Ok(_) => Problem::invalid(error.path().to_string(), "wrong_type", "is of the wrong type"),
            Err(error) => invalid_json(&error),
        };
    }
    let text = inner.to_string();
    let text = text.rsplit_once(" at line ").map_or(&*text, |(message, _)| message);
    let path = error.path().to_string();
    let (field, code, detail) = describe(&path, text);
    Problem::invalid(field, code, detail)
}

/// Turns serde's words into a field, a code and a text that doesn't repeat the value.
fn describe(path: &str, text: &str) -> (String, &'static str, String) {
    let named = || text.split('`').nth(1).unwrap_or_default();
    // serde names an unknown or doubled field itself; the path then ends with it or with its parent.
    let join = |name: &str| match path {
        "." | "" | "?" => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        path => format!("{path}.{name}"),
    };
    let field = if matches!(path, "." | "" | "?") { "body".to_owned() } else { path.to_owned() };
    if text.starts_with("missing field") {
        return (join(named()), "required", "is missing".to_owned());
    }
    if text.starts_with("unknown field") {
        let known = text.split_once(", expected ").map_or("no field", |(_, known)| known).replace('`', "");
        return (join(named()), "unknown_field", format!("is no field here; known: {}", known.trim_start_matches("one of ")));
    }
    if text.starts_with("duplicate field") {
        return (join(named()), "duplicate", "is there twice".to_owned());
    }
    match text.split_once(", expected ") {
        Some((start, known)) if start.starts_with("unknown variant") => {
            let known = known.replace('`', "");
            (field, "invalid", format!("must be {}", known.replacen("one of ", "one of: ", 1)))
        }
        Some((_, expected)) => (field, "wrong_type", format!("must be {expected}")),
        None => (field, "invalid", text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors matter")]
    struct Outer {
        name: String,
        inner: Option<Inner>,
        list: Option<Vec<u32>>,
        kind: Option<Kind>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors matter")]
    struct Inner {
        count: u8,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        One,
        Two,
    }

    #[test]
    fn every_complaint_names_its_field_and_no_value() {
        for (body, field, code) in [
            (r#"{}"#, "name", "required"),
            (r#"{"name": "a", "nmae": 1}"#, "nmae", "unknown_field"),
            (r#"{"name": 987654}"#, "name", "wrong_type"),
            (r#"{"name": "a", "inner": {}}"#, "inner.count", "required"),
            (r#"{"name": "a", "inner": {"count": 1, "x": 2}}"#, "inner.x", "unknown_field"),
            (r#"{"name": "a", "inner": {"count": 987654}}"#, "inner.count", "wrong_type"),
            (r#"{"name": "a", "list": [1, "s3cret"]}"#, "list[1]", "wrong_type"),
            (r#"{"name": "a", "name": "b"}"#, "name", "duplicate"),
            (r#"{"name": "a", "kind": "three"}"#, "kind", "invalid"),
            (r#"{"name": "a", "kind": [[1]]}"#, "kind", "wrong_type"),
            (r#"[]"#, "body", "wrong_type"),
        ] {
            let problem = parse::<Outer>(body.as_bytes()).expect_err(body);
            let error = &problem.errors[0];
            assert_eq!((error.field.as_str(), &*error.code), (field, code), "{body}: {}", problem.detail);
            assert!(!problem.detail.contains("987654") && !problem.detail.contains("s3cret"), "{}", problem.detail);
        }
    }

    #[test]
    fn broken_json_is_told_by_its_place() {
        for body in ["", "{", "{\"name\": \"a\"} x", "{'name': 1}", "\u{feff}{}", "{\"name\": \"\\ud800\"}"] {
            let problem = parse::<Outer>(body.as_bytes()).expect_err(body);
            assert_eq!(problem.code, "invalid_json", "{body}");
        }
        assert_eq!(parse::<Outer>(&[0xff, 0xfe]).unwrap_err().code, "invalid_json");
        let deep = "[".repeat(100_000);
        assert_eq!(parse::<serde_json::Value>(deep.as_bytes()).unwrap_err().code, "invalid_json");
    }

    #[test]
    fn only_json_in_utf_8_is_taken() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/cloudevents+json"] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "text/json"] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
