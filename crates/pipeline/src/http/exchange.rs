//! One request and its answer on a live connection.
//!
//! hyper wants a connection to be polled while a request is under way. We poll it beside the
//! request, in the sender's own task: no second task has to be woken for each request, and an
//! idle connection costs nothing. Before it is used again it is polled once, which finds out
//! whether the other end closed it or sent something that nobody asked for.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use bytes::{Bytes, BytesMut};
use hookswitch_domain::egress::{Host, Target};
use http::{HeaderMap, HeaderValue, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::connect::{Heard, Kind, Stream};
use super::{Answer, BODY_BYTES_MAX, HEAD_BYTES_MAX, Phase, Progress, Request, SendError, micros, tls};

/// A connection that is open as far as we know.
pub(super) struct Live {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Stream>, Full<Bytes>>,
    /// The driver came to its end and must not be polled again.
    ended: bool,
    /// Some of an answer was left unread, or it isn't sure where it ended.
    leftover: bool,
    heard: Heard,
    remote: SocketAddr,
    https: bool,
    authority: String,
    made: Instant,
}

impl Live {
    pub(super) async fn new(kind: Kind, target: &Target, remote: SocketAddr) -> Result<Box<Self>, SendError> {
        let (stream, heard) = Stream::new(kind);
        let handshake = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(|error| send_error(&error, target))?;
        let (https, authority) = (target.is_https(), target.authority().to_owned());
        Ok(Box::new(Self {
            sender,
            driver,
            ended: false,
            leftover: false,
            heard,
            remote,
            https,
            authority,
            made: Instant::now(),
        }))
    }

    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Whether anything of an answer to the last request came.
    pub(super) fn heard_anything(&self) -> bool {
        self.heard.anything()
    }

    pub(super) fn made(&self) -> Instant {
        self.made
    }

    /// Whether this connection leads to the target's scheme, host and port.
    pub(super) fn leads_to(&self, target: &Target) -> bool {
        self.https == target.is_https() && self.authority == target.authority()
    }

    /// Nothing is under way, unread or wrong.
    pub(super) fn is_reusable(&self) -> bool {
        !self.ended && !self.leftover && self.sender.is_ready()
    }

    /// Brings the connection to rest, and looks whether the other end closed it or sent a stray
    /// answer. With nobody to wake: or handing in the next request would wake its own sender.
    pub(super) fn settle(&mut self) {
        self.poll_driver(&mut Context::from_waker(Waker::noop()));
    }

    fn poll_driver(&mut self, cx: &mut Context<'_>) {
        if !self.ended {
            self.ended = Pin::new(&mut self.driver).poll(cx).is_ready();
        }
    }

    /// Waits for something that the connection brings, and drives the connection meanwhile.
    async fn beside<F: Future>(&mut self, awaited: F) -> F::Output {
        let mut awaited = pin!(awaited);
        poll_fn(|cx| {
            self.poll_driver(cx);
            awaited.as_mut().poll(cx)
        })
        .await
    }
}

pub(super) async fn run(live: &mut Live, request: &Request<'_>, progress: &mut Progress) -> Result<Answer, SendError> {
    progress.phase = Phase::Waiting;
    live.heard.begin();
    let begun = Instant::now();
    let written = write(request)?;
    let awaited = live.sender.send_request(written);
    let response = match live.beside(awaited).await {
        Ok(response) => response,
        Err(_) if live.heard.too_much() => return Err(SendError::EndlessAnswer),
        Err(error) => return Err(send_error(&error, request.target)),
    };
    progress.timings.first_byte_us = Some(micros(begun));
    progress.phase = Phase::Reading;
    read(live, response).await
}

fn write(request: &Request<'_>) -> Result<http::Request<Full<Bytes>>, SendError> {
    let uri = Uri::try_from(request.target.path_and_query()).map_err(|_| SendError::Unsendable("its path is too odd"))?;
    let host = HeaderValue::from_str(request.target.authority()).map_err(|_| SendError::Unsendable("its host is too odd"))?;
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 1);
    for (name, value) in &request.headers {
        headers.insert(name, value.clone());
    }
    headers.insert(header::HOST, host);
    let mut written = http::Request::new(Full::new(request.body.clone()));
    *written.method_mut() = request.method.clone();
    *written.uri_mut() = uri;
    *written.headers_mut() = headers;
    Ok(written)
}

async fn read(live: &mut Live, response: Response<Incoming>) -> Result<Answer, SendError> {
    let (parts, mut body) = response.into_parts();
    let mut head = Bytes::new();
    let mut truncated = false;
    while !body.is_end_stream() {
        let Some(frame) = live.beside(body.frame()).await else { break };
        let frame = match frame {
            Ok(frame) => frame,
            // Its framing outweighs what it says: as good as cut.
            Err(_) if live.heard.too_much() => {
                truncated = true;
                break;
            }
            Err(_) => return Err(SendError::BrokenAnswer),
        };
        let Ok(data) = frame.into_data() else { continue };
        let room = BODY_BYTES_MAX - head.len();
        truncated = data.len() > room;
        head = joined(head, data.slice(..data.len().min(room)));
        if truncated {
            break;
        }
    }
    // Two statements about its length: whatever follows may be either end's idea of the next answer.
    let ambiguous = parts.headers.contains_key(header::TRANSFER_ENCODING) && parts.headers.contains_key(header::CONTENT_LENGTH);
    live.leftover = truncated || ambiguous;
    live.settle();
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body_head: head, truncated })
}

/// Most bodies come in one piece, which is kept as it is.
fn joined(head: Bytes, more: Bytes) -> Bytes {
    if head.is_empty() {
        return more;
    }
    let mut whole = BytesMut::from(head);
    whole.extend_from_slice(&more);
    whole.freeze()
}

fn host_of(target: &Target) -> String {
    match target.host() {
        Host::Name(name) => name.clone(),
        Host::Addr(addr) => addr.to_string(),
    }
}

fn send_error(error: &hyper::Error, target: &Target) -> SendError {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    // With TLS 1.3 a server judges our side after we have finished ours.
    if let Some(cause) = cause.filter(|cause| cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())) {
        return SendError::Tls(tls::explain(cause, &host_of(target)));
    }
    match cause.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) => SendError::ResetBeforeAnswer,
        _ if error.is_parse_too_large() => SendError::LargeAnswer,
        _ if error.is_parse() => SendError::MalformedAnswer,
        _ => SendError::ClosedBeforeAnswer,
    }
}
