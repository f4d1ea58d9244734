//! The description of the API for people (Swagger UI, its files are in the binary) and programs.
//! Open to everybody: it tells nothing that the source doesn't.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;

/// Swagger UI brings its own scripts and sets styles inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn routes(document: &OpenApi) -> Router<Arc<App>> {
    let json: bytes::Bytes = document.to_pretty_json().unwrap_or_default().into();
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")];
    let config = Config::from("/api/openapi.json").try_it_out_enabled(true).persist_authorization(false).use_base_layout();
    let ui = Router::from(SwaggerUi::new("/api/docs").config(config));
    Router::new()
        .merge(ui.layer(map_response(with_policy)))
        .route("/api/openapi.json", get(move || async move { (headers, json).into_response() }))
}

async fn with_policy(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    if response.headers().get(CONTENT_TYPE).is_some_and(|media| media == "text/html") {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    }
    response
}
