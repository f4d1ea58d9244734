//! For commands that talk to a running server: which one, with whose token. They run on a person's
//! own machine and go where that person says, so that neither the guard nor its client is in the way.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use hookswitch_pipeline::http::{explain_tls, tls_connector};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// What an answer of the API may hold.
const ANSWER_BYTES_MAX: usize = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// Which server, and with whose token.
#[derive(Args, Clone)]
pub struct Remote {
    /// The server.
    #[arg(long, env = "HOOKSWITCH_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: Url,
    /// An API token. Other users of this machine can see it on the command line: better in HOOKSWITCH_TOKEN.
    #[arg(long, env = "HOOKSWITCH_TOKEN", hide_env_values = true)]
    token: String,
    /// The tenant's slug, for tokens of the platform.
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// Certificates (PEM) to trust besides the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// The API of a running server.
#[derive(Clone)]
pub struct Api {
    base: Url,
    headers: Vec<(&'static str, String)>,
    pub direct: Direct,
}

/// The server said no.
#[derive(Debug, thiserror::Error)]
#[error("the server answered {status}: {detail}")]
pub struct Refused {
    pub status: StatusCode,
    detail: String,
}

impl Refused {
    /// Another try says the same.
    pub fn is_final(&self) -> bool {
        self.status.is_client_error()
            && self.status != StatusCode::TOO_MANY_REQUESTS
            && self.status != StatusCode::REQUEST_TIMEOUT
    }
}

impl Remote {
    pub fn api(&self) -> anyhow::Result<Api> {
        let mut headers = vec![("authorization", format!("Bearer {}", self.token.trim()))];
        headers.extend(self.tenant.clone().map(|slug| ("x-tenant", slug)));
        Ok(Api { base: self.url.clone(), headers, direct: Direct::new(self.ca_file.as_deref())? })
    }
}

impl Api {
    /// Sends a request to a path like `/api/v1/events` and hands its answer over once it is a 2xx.
    pub async fn open(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> anyhow::Result<Incoming> {
        let url = self.base.join(path).context("--url")?;
        let mut headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let sending = self.direct.send(method, &url, &headers, body.unwrap_or_default().into());
        let answer = timeout(PATIENCE, sending).await.context("the server does not answer")??;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let status = answer.status;
        let document: Value = serde_json::from_slice(&read(answer.body).await?).unwrap_or_default();
        let detail = document["detail"].as_str().unwrap_or("this is not an answer of Hookswitch; is --url right?").to_owned();
        let fields = document["errors"].as_array().into_iter().flatten();
        let fields: String = fields.map(|error| format!("; {} {}", text(&error["field"]), text(&error["detail"]))).collect();
        bail!(Refused { status, detail: detail + &fields })
    }

    pub async fn bytes(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> anyhow::Result<Bytes> {
        read(self.open(method, path, body).await?).await
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.bytes(Method::GET, path, None).await?).context("the answer is no JSON")
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let bytes = self.bytes(Method::POST, path, Some(serde_json::to_vec(body)?)).await?;
        serde_json::from_slice(&bytes).context("the answer is no JSON")
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn read(body: Incoming) -> anyhow::Result<Bytes> {
    let collected = timeout(PATIENCE, Limited::new(body, ANSWER_BYTES_MAX).collect()).await.context("the answer does not end")?;
    Ok(collected.map_err(|error| anyhow::anyhow!("reading the answer: {error}"))?.to_bytes())
}

/// HTTP to wherever a person says, a connection for each request.
#[derive(Clone)]
pub struct Direct {
    tls: TlsConnector,
}

/// An answer's status, and its body to be read.
pub struct Answering {
    pub status: StatusCode,
    pub body: Incoming,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Direct {
    fn new(ca_file: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self { tls: tls_connector(ca_file).context("--ca-file")? })
    }

    pub async fn send(&self, method: Method, url: &Url, headers: &[(&str, &str)], body: Bytes) -> anyhow::Result<Answering> {
        let stream = self.connect(url).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = Request::builder().method(method).uri(&url[url::Position::BeforePath..url::Position::AfterQuery]);
        request = request.header("host", authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = sender.send_request(request.body(Full::new(body))?).await.context("no answer came")?;
        let (parts, body) = answer.into_parts();
        Ok(Answering { status: parts.status, body })
    }

    async fn connect(&self, url: &Url) -> anyhow::Result<Box<dyn Io>> {
        let host = url.host().context("the URL names no host")?;
        let port = url.port_or_known_default().context("the URL names no port")?;
        let (name, server) = match host {
            Host::Domain(name) => (name.to_owned(), ServerName::try_from(name.to_owned())?),
            Host::Ipv4(addr) => (addr.to_string(), ServerName::from(IpAddr::V4(addr))),
            Host::Ipv6(addr) => (addr.to_string(), ServerName::from(IpAddr::V6(addr))),
        };
        let socket = TcpStream::connect((name.as_str(), port)).await.with_context(|| format!("connecting to {name}:{port}"))?;
        if url.scheme() != "https" {
            return Ok(Box::new(socket));
        }
        let secured = self.tls.connect(server, socket).await;
        Ok(Box::new(secured.map_err(|error| anyhow::anyhow!(explain_tls(&error, &name)))?))
    }
}

/// Something that a person calls a URL: `localhost:3000/hook`, `3000`.
pub fn local_url(text: &str) -> Result<Url, String> {
    let written = match text.parse::<u16>() {
        Ok(port) => format!("http://localhost:{port}"),
        Err(_) if text.contains("://") => text.to_owned(),
        Err(_) => format!("http://{text}"),
    };
    let url = Url::parse(&written).map_err(|error| error.to_string())?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) => Ok(url),
        _ => Err("must be a URL like http://localhost:3000/hook".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_or_a_host_is_url_enough() {
        for (text, url) in [
            ("3000", "http://localhost:3000/"),
            ("localhost:3000/hook", "http://localhost:3000/hook"),
            ("https://dev.example/x?y", "https://dev.example/x?y"),
            ("127.0.0.1:1", "http://127.0.0.1:1/"),
        ] {
            assert_eq!(local_url(text).unwrap().as_str(), url);
        }
        for bad in ["", "ftp://x", "http://", "://"] {
            assert!(local_url(bad).is_err(), "{bad}");
        }
    }
}
