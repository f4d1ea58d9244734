//! From a target to a live connection: resolve once, judge every address, connect to what was
//! judged. Literals take the same way. The guard's last word is here, a line before `connect`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hookswitch_domain::egress::{Host, Rules, Target, allowed};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::exchange::Live;
use super::resolve::Resolver;
use super::{ANSWER_BYTES_MAX, Options, Phase, Progress, SendError, SetupError, micros, tls};

/// An address that doesn't answer so long is given up for the next one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// No more addresses of one name are tried: a name with dozens would make us knock at all of them.
const ADDRESSES_TRIED_MAX: usize = 4;

pub(super) struct Connector {
    rules: Rules,
    resolver: Resolver,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(options: Options) -> Result<Self, SetupError> {
        let resolver = Resolver::new(&options.dns_servers)?;
        let tls = tls::connector(options.ca_file.as_deref())?;
        Ok(Self { rules: options.rules, resolver, tls })
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) async fn connect(&self, target: &Target, progress: &mut Progress) -> Result<Box<Live>, SendError> {
        let addresses = self.judged(target, progress).await?;
        progress.phase = Phase::Connecting;
        let begun = Instant::now();
        let socket = self.first_open(&addresses, target.port(), progress).await?;
        progress.timings.connect_us = Some(micros(begun));
        let remote = socket.peer_addr().map_err(|error| connect_error(&error))?;
        // Requests are small and wait for their answer: nothing is gained by collecting them.
        socket.set_nodelay(true).map_err(|error| connect_error(&error))?;
        let stream = match target.is_https() {
            true => self.secured(socket, target, progress).await?,
            false => Kind::Plain(socket),
        };
        Live::new(stream, target, remote).await
    }

    /// All addresses of the target, or none: one closed address among them closes all.
    async fn judged(&self, target: &Target, progress: &mut Progress) -> Result<Vec<IpAddr>, SendError> {
        let addresses = match target.host() {
            Host::Addr(addr) => vec![*addr],
            Host::Name(name) => {
                let begun = Instant::now();
                let addresses = self.resolver.addresses(name).await?;
                progress.timings.dns_us = Some(micros(begun));
                addresses
            }
        };
        match addresses.iter().find(|addr| !allowed(**addr, target.port(), &self.rules)) {
            Some(closed) => Err(SendError::Forbidden(*closed)),
            None => Ok(addresses),
        }
    }

    async fn first_open(&self, addresses: &[IpAddr], port: u16, progress: &mut Progress) -> Result<TcpStream, SendError> {
        let mut last = SendError::ConnectFailed("no address".to_owned());
        for addr in addresses.iter().take(ADDRESSES_TRIED_MAX) {
            if !allowed(*addr, port, &self.rules) {
                return Err(SendError::Forbidden(*addr));
            }
            let addr = SocketAddr::new(*addr, port);
            progress.remote = Some(addr);
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(addr)).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => last = connect_error(&error),
                Err(_) => last = SendError::ConnectTimeout(CONNECT_TIMEOUT),
            }
        }
        Err(last)
    }

    async fn secured(&self, socket: TcpStream, target: &Target, progress: &mut Progress) -> Result<Kind, SendError> {
        progress.phase = Phase::Tls;
        let begun = Instant::now();
        let (shown, name) = match target.host() {
            Host::Addr(addr) => (addr.to_string(), ServerName::from(*addr)),
            Host::Name(name) => {
                let parsed = ServerName::try_from(name.clone());
                (name.clone(), parsed.map_err(|_| SendError::Tls(format!("{name} is no name that a certificate can have")))?)
            }
        };
        let stream = self.tls.connect(name, socket).await.map_err(|error| SendError::Tls(tls::explain(&error, &shown)))?;
        progress.timings.tls_us = Some(micros(begun));
        Ok(Kind::Tls(Box::new(stream)))
    }
}

fn connect_error(error: &io::Error) -> SendError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => SendError::Refused,
        io::ErrorKind::TimedOut => SendError::ConnectFailed("the host does not answer".to_owned()),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            SendError::ConnectFailed("there is no way to the host".to_owned())
        }
        kind => SendError::ConnectFailed(kind.to_string()),
    }
}

/// A connection, with or without TLS.
pub(super) enum Kind {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection's bytes. What comes in is counted, because no parser bounds all of it: interim
/// answers, the framing of chunks and trailers may go on for ever.
pub(super) struct Stream {
    kind: Kind,
    heard: Heard,
}

impl Stream {
    pub(super) fn new(kind: Kind) -> (Self, Heard) {
        let heard = Heard::default();
        (Self { kind, heard: heard.clone() }, heard)
    }
}

/// How many bytes came in since the request was begun.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<AtomicUsize>);

impl Heard {
    pub(super) fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(super) fn anything(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    pub(super) fn too_much(&self) -> bool {
        self.0.load(Ordering::Relaxed) > ANSWER_BYTES_MAX
    }

    fn add(&self, count: usize) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

macro_rules! on_stream {
    ($self:expr, $stream:ident => $call:expr) => {
        match &mut $self.get_mut().kind {
            Kind::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Kind::Tls(stream) => {
                let $stream = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (heard, before) = (self.heard.clone(), buf.filled().len());
        if heard.too_much() {
            return Poll::Ready(Err(io::Error::other("more than an answer may hold")));
        }
        let read = on_stream!(self, stream => stream.poll_read(cx, buf));
        heard.add(buf.filled().len() - before);
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Plain(stream) => stream.is_write_vectored(),
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(cx))
    }
}
