//! The description of the API for people (Swagger UI, its files are in the binary) and programs.
//! Open to everybody: it tells nothing that the source doesn't.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;

/// Swagger UI brings its own scripts and sets styles inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn routes(document: &OpenApi) -> Router<Arc<App>> {
    let json: bytes::Bytes = serde_json::to_string_pretty(&written(document)).unwrap_or_default().into();
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")];
    let config = Config::from("/api/openapi.json").try_it_out_enabled(true).persist_authorization(false).use_base_layout();
    let ui = Router::from(SwaggerUi::new("/api/docs").config(config));
    Router::new()
        .merge(ui.layer(map_response(with_policy)))
        .route("/api/openapi.json", get(move || async move { (headers, json).into_response() }))
}

/// The document as it is shown and committed: an operation's extensions, which the library keeps in no
/// order, come last and by name.
pub fn written(document: &OpenApi) -> Value {
    let mut written = serde_json::to_value(document).unwrap_or_default();
    let paths = written["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in
        paths.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut()).filter_map(Value::as_object_mut)
    {
        let mut extensions: Vec<String> = operation.keys().filter(|key| key.starts_with("x-")).cloned().collect();
        extensions.sort();
        for key in extensions {
            // Taken out and put in again it stands last.
            if let Some(value) = operation.shift_remove(&key) {
                operation.insert(key, value);
            }
        }
    }
    written
}

async fn with_policy(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    if response.headers().get(CONTENT_TYPE).is_some_and(|media| media == "text/html") {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    response
}
