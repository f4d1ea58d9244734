//! Lists: `?limit=&cursor=&from=&to=` and the noun's own filters; `{data, next_cursor}`. A
//! parameter that nobody knows is refused, because a mistyped filter would silently show everything.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
pub use hookswitch_domain::cursor::seal;
use hookswitch_domain::cursor::unseal;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::Page;
use hookswitch_store::delivery::Listing;
use http::Uri;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::problem::Problem;
use crate::app::App;

const LIMIT_DEFAULT: u32 = 25;
const LIMIT_MAX: u32 = 100;

/// For lists without filters of their own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

/// The parameters of every list, for the OpenAPI document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what List reads")]
pub struct PageParams {
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 25, required = false)]
    limit: u32,
    /// Where the page before ended: its `next_cursor`.
    #[param(required = false)]
    cursor: String,
    /// From this moment on (RFC 3339).
    #[param(required = false, format = DateTime)]
    from: String,
    /// Before this moment (RFC 3339).
    #[param(required = false, format = DateTime)]
    to: String,
}

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    pub data: Vec<T>,
    /// Send it as `cursor` to go on; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// From the rows of a statement that asked for `page.fetch()` of them.
    pub fn of<R>(page: &Page, mut rows: Vec<R>, id: impl Fn(&R) -> Uuid, view: impl Fn(R) -> T) -> Self {
        let more = rows.len() > page.limit as usize;
        rows.truncate(page.limit as usize);
        let next_cursor = rows.last().filter(|_| more).map(|row| encode(id(row)));
        Self { data: rows.into_iter().map(view).collect(), next_cursor }
    }

    /// From a walk, which knows itself where to go on: a page may be short although there is more.
    pub fn walked<R>(listing: Listing<R>, view: impl Fn(R) -> T) -> Self {
        Self { data: listing.rows.into_iter().map(view).collect(), next_cursor: listing.next.map(encode) }
    }
}

fn encode(id: Uuid) -> String {
    seal(id.as_bytes())
}

fn decode(text: &str) -> Option<Uuid> {
    Uuid::from_slice(&unseal(text)?).ok()
}

/// What a list request asks for.
pub struct List<F = NoFilter> {
    pub page: Page,
    pub filter: F,
}

impl<F: DeserializeOwned> FromRequestParts<Arc<App>> for List<F> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default())
    }
}

/// A list whose place is more than an id reads its own cursor.
pub struct Cursored<F> {
    pub list: List<F>,
    pub cursor: Option<Vec<u8>>,
}

impl<F: DeserializeOwned> FromRequestParts<Arc<App>> for Cursored<F> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let mut rest = form_urlencoded::Serializer::new(String::new());
        let mut cursor = None;
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "cursor" if cursor.is_some() => return Err(Problem::invalid("cursor", "duplicate", "is there twice")),
                "cursor" => cursor = Some(unseal(&value).ok_or_else(bad_cursor)?),
                _ => drop(rest.append_pair(&name, &value)),
            }
        }
        Ok(Self { list: parse(&rest.finish())?, cursor })
    }
}

/// The filters of what is no list: known parameters, each once.
pub struct Filtered<F>(pub F);

impl<F: DeserializeOwned> FromRequestParts<Arc<App>> for Filtered<F> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let paged = |name: &str| ["limit", "cursor", "from", "to"].contains(&name);
        if let Some((name, _)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| paged(name)) {
            return Err(Problem::invalid(name.into_owned(), "unknown_parameter", "is no parameter here"));
        }
        parse(query).map(|List { filter, .. }| Self(filter))
    }
}

fn parse<F: DeserializeOwned>(query: &str) -> Result<List<F>, Problem> {
    let mut page = Page::first(LIMIT_DEFAULT);
    let mut rest = form_urlencoded::Serializer::new(String::new());
    let mut seen = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if seen.contains(&name) {
            return Err(Problem::invalid(name.into_owned(), "duplicate", "is there twice"));
        }
        // PostgreSQL knows no such text, so that nothing is found by it.
        if value.contains('\0') {
            return Err(Problem::invalid(name.into_owned(), "invalid", "must not hold the character U+0000"));
        }
        match &*name {
            "limit" => page.limit = limit(&value)?,
            "cursor" => page.after = Some(decode(&value).ok_or_else(bad_cursor)?),
            "from" => page.from = Some(moment("from", &value)?),
            "to" => page.to = Some(moment("to", &value)?),
            _ => drop(rest.append_pair(&name, &value)),
        }
        seen.push(name);
    }
    Ok(List { page, filter: filter(&rest.finish())? })
}

fn limit(text: &str) -> Result<u32, Problem> {
    let number = text.parse().ok().filter(|number| (1..=LIMIT_MAX).contains(number));
    number.ok_or_else(|| Problem::invalid("limit", "invalid", "must be 1 to 100"))
}

fn moment(field: &str, text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|error: hookswitch_domain::time::NotAMoment| Problem::invalid(field, "invalid", error.to_string()))
}

pub fn bad_cursor() -> Problem {
    Problem::invalid("cursor", "invalid", "must be the next_cursor of the page before")
}

fn filter<F: DeserializeOwned>(query: &str) -> Result<F, Problem> {
    let uri: Uri = format!("/?{query}").parse().map_err(|_| Problem::bad_request("invalid_query", "the query can't be read"))?;
    let parsed = Query::<F>::try_from_uri(&uri);
    parsed.map(|Query(filter)| filter).map_err(|rejection| {
        let text = std::error::Error::source(&rejection).map(ToString::to_string).unwrap_or_default();
        // "status: unknown variant ..." or "unknown field `x`, expected ...": the name stands in front or in backticks.
        let name = match text.split_once(": ") {
            Some((name, _)) if !name.contains(' ') => name.to_owned(),
            _ => text.split('`').nth(1).unwrap_or("query").to_owned(),
        };
        let unknown = text.contains("unknown field");
        let known =
            text.split_once("expected ").map_or(String::new(), |(_, known)| format!("; known: {}", known.replace('`', "")));
        match unknown {
            true => Problem::invalid(name, "unknown_parameter", format!("is no parameter here{known}")),
            false => Problem::invalid(name, "invalid", format!("can't be read{known}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        state: Option<State>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum State {
        Open,
    }

    #[test]
    fn a_cursor_is_taken_back_and_nothing_else_is() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        assert_eq!(decode(&encode(id)), Some(id));
        for bad in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAA", &encode(id)[1..], &format!("{}A", encode(id))] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn good_parameters_are_read_and_bad_ones_named() {
        let list: List<Filter> = parse("limit=5&from=2026-01-01T00%3A00%3A00Z&state=open").ok().unwrap();
        assert_eq!((list.page.limit, list.filter.state), (5, Some(State::Open)));
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=ten", "limit"),
            ("cursor=garbage", "cursor"),
            ("from=yesterday", "from"),
            ("stat=open", "stat"),
            ("state=half", "state"),
            ("limit=1&limit=2", "limit"),
        ] {
            let problem = parse::<Filter>(query).err().unwrap_or_else(|| panic!("{query} was taken"));
            assert_eq!(problem.errors[0].field, field, "{query}: {}", problem.detail);
        }
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let page = Page::first(2);
        let ids: Vec<Uuid> = (1..=3).map(Uuid::from_u128).collect();
        assert!(Listed::of(&page, ids.clone(), |id| *id, |id| id).next_cursor.is_some());
        assert_eq!(Listed::of(&page, ids[..2].to_vec(), |id| *id, |id| id).next_cursor, None);
    }
}
