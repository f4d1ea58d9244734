//! The console and the customer portal: static files inside the binary, clients of the API and nothing
//! more. Every path under /console or /portal that is no file is that single page, which finds its own way.
//! The console is in nobody's frame; the portal is in those of its configured hosts.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::api::problem::Problem;
use crate::app::App;
use crate::config::Portal;
use crate::edge::Framed;

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
struct Files;

/// No inline script, nothing from elsewhere but a portal's logo. Styles are set by the component library at run time.
fn policy(images: &[String], frames: &[String]) -> HeaderValue {
    let images: String = images.iter().map(|origin| format!(" {origin}")).collect();
    let frames = if frames.is_empty() { "'none'".to_owned() } else { frames.join(" ") };
    let text = format!(
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:{images}; \
         font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors {frames}"
    );
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

/// A page and what it is served with.
#[derive(Clone)]
struct Site {
    page: &'static str,
    policy: HeaderValue,
    framed: bool,
}

pub fn routes(portal: &Portal) -> Router<Arc<App>> {
    let console = Site { page: "index.html", policy: policy(&[], &[]), framed: false };
    let portal = Site {
        page: "portal.html",
        policy: policy(&portal.image_origins, &portal.frame_ancestors),
        framed: !portal.frame_ancestors.is_empty(),
    };
    let home = || get(|| async { Redirect::to("/console/") });
    let to_portal = get(|| async { Redirect::to("/portal/") });
    Router::new()
        .route("/", home())
        .route("/console", home())
        .route("/console/", at_once(console.clone()))
        .route(
            "/console/{*path}",
            get(move |Path(path): Path<String>, headers: HeaderMap| async move { console.file(&path, &headers) }),
        )
        .route("/portal", to_portal)
        .route("/portal/", at_once(portal.clone()))
        .route("/portal/{*path}", at_once(portal))
}

fn at_once(site: Site) -> axum::routing::MethodRouter<Arc<App>> {
    get(move |headers: HeaderMap| async move { site.start(&headers) })
}

impl Site {
    fn start(&self, headers: &HeaderMap) -> Response {
        match Files::get(self.page) {
            Some(found) => self.send(self.page, &found, headers),
            None => {
                let detail = "this binary was built without its console: make build";
                self.told(Problem::new(StatusCode::NOT_FOUND, "console_not_built", detail).into_response())
            }
        }
    }

    fn file(&self, path: &str, headers: &HeaderMap) -> Response {
        match Files::get(path) {
            Some(found) => self.send(path, &found, headers),
            // A missing asset is missing; anything else is a place inside the page.
            None if path.starts_with("assets/") => Problem::not_found().into_response(),
            None => self.start(headers),
        }
    }

    fn send(&self, path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
        let tag = format!("\"{}\"", HEXLOWER.encode(&file.metadata.sha256_hash()[..16]));
        // The bundler puts a hash into the names of its assets: they never change.
        let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        let media = match file.metadata.mimetype() {
            "text/html" => "text/html; charset=utf-8",
            other => other,
        };
        // A tag names the file's content; with `Vary`, a cache keeps each encoding for itself.
        let common = [(ETAG, tag.as_str()), (CACHE_CONTROL, cache), (VARY, "accept-encoding")];
        self.told(match headers.get(IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == tag.as_bytes()) {
            true => (StatusCode::NOT_MODIFIED, common).into_response(),
            false => {
                let typed = (common, [(CONTENT_TYPE, media)]);
                match compressed(path, headers) {
                    Some((encoding, small)) => (typed, [(CONTENT_ENCODING, encoding)], small.data.into_owned()).into_response(),
                    None => (typed, file.data.clone().into_owned()).into_response(),
                }
            }
        })
    }

    /// Says what the page may load, and whose frames it may stand in.
    fn told(&self, mut response: Response) -> Response {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        if self.framed {
            response.extensions_mut().insert(Framed);
        }
        response
    }
}

/// The file as the build compressed it, where the browser takes that.
fn compressed(path: &str, headers: &HeaderMap) -> Option<(&'static str, EmbeddedFile)> {
    let accepted = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |name: &str| {
        accepted.split(',').any(|each| {
            let (coding, quality) = each.split_once(';').unwrap_or((each, ""));
            coding.trim().eq_ignore_ascii_case(name) && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        })
    };
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| takes(coding))
        .find_map(|(coding, ending)| Some((coding, Files::get(&format!("{path}.{ending}"))?)))
}
