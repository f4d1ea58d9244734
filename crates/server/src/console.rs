//! The console: static files inside the binary, a client of the API and nothing more. Every path
//! under /console that is no file is the single page, which finds its own way.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::api::problem::Problem;
use crate::app::App;

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
struct Files;

/// No inline script, nothing from elsewhere. Styles are set by the component library at run time.
const CSP: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/console/") }))
        .route("/console", get(|| async { Redirect::to("/console/") }))
        .route("/console/", get(|headers: HeaderMap| async move { page(&headers) }))
        .route("/console/{*path}", get(|Path(path): Path<String>, headers: HeaderMap| async move { file(&path, &headers) }))
}

fn page(headers: &HeaderMap) -> Response {
    match Files::get("index.html") {
        Some(index) => send("index.html", &index, headers),
        None => Problem::new(StatusCode::NOT_FOUND, "console_not_built", "this binary was built without its console: make build")
            .into_response(),
    }
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    match Files::get(path) {
        Some(found) => send(path, &found, headers),
        // A missing asset is missing; anything else is a place inside the page.
        None if path.starts_with("assets/") => Problem::not_found().into_response(),
        None => page(headers),
    }
}

fn send(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", HEXLOWER.encode(&file.metadata.sha256_hash()[..16]));
    // The bundler puts a hash into the names of its assets: they never change.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let media = match file.metadata.mimetype() {
        "text/html" => "text/html; charset=utf-8",
        other => other,
    };
    let common = [(ETAG, tag.as_str()), (CACHE_CONTROL, cache), (CONTENT_SECURITY_POLICY, CSP)];
    if headers.get(IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(CONTENT_TYPE, media)], file.data.clone().into_owned()).into_response()
}
