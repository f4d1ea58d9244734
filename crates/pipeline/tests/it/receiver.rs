//! A scripted receiver: raw bytes in, raw bytes out, and a ledger of what it saw.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// What happens on a connection, in order. After the last step it stays open and silent.
#[derive(Clone)]
pub enum Step {
    /// Read one whole request.
    Take,
    /// Write these bytes.
    Say(Vec<u8>),
    Wait(Duration),
    /// Write this again and again, as long as somebody reads.
    Flood(Vec<u8>),
    /// Write this byte by byte, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Say that nothing more is written, and go on reading.
    HalfClose,
    Close,
}

pub fn say(text: impl Into<String>) -> Step {
    Step::Say(text.into().into_bytes())
}

/// Answers the next request with this status line, these header lines and this body.
pub fn answer(status: &str, headers: &str, body: &str) -> [Step; 2] {
    [Step::Take, say(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))]
}

#[derive(Default)]
pub struct Ledger {
    pub connections: usize,
    pub closed: usize,
    pub requests: Vec<String>,
}

pub struct Receiver {
    pub addr: SocketAddr,
    ledger: Arc<Mutex<Ledger>>,
}

impl Receiver {
    /// Every connection plays the same script.
    pub async fn plain(script: impl IntoIterator<Item = Step>) -> Self {
        Self::start(vec![script.into_iter().collect()], None).await
    }

    /// The first connection plays the first script and so on; the last is repeated.
    pub async fn in_turn(scripts: Vec<Vec<Step>>) -> Self {
        Self::start(scripts, None).await
    }

    pub async fn tls(acceptor: TlsAcceptor, script: impl IntoIterator<Item = Step>) -> Self {
        Self::start(vec![script.into_iter().collect()], Some(acceptor)).await
    }

    async fn start(scripts: Vec<Vec<Step>>, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let kept = ledger.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let place = kept.lock().unwrap().connections.min(scripts.len() - 1);
                kept.lock().unwrap().connections += 1;
                let (script, ledger, acceptor) = (scripts[place].clone(), kept.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => play(socket, script, &ledger).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(socket).await {
                                play(stream, script, &ledger).await;
                            }
                        }
                    }
                    ledger.lock().unwrap().closed += 1;
                });
            }
        });
        Self { addr, ledger }
    }

    pub fn saw<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger.lock().unwrap())
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

async fn play<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, script: Vec<Step>, ledger: &Mutex<Ledger>) {
    for step in script {
        match step {
            Step::Take => match take(&mut stream).await {
                Some(request) => ledger.lock().unwrap().requests.push(request),
                None => return,
            },
            Step::Say(bytes) => {
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Step::Wait(time) => sleep(time).await,
            Step::Flood(bytes) => {
                while stream.write_all(&bytes).await.is_ok() {
                    tokio::task::yield_now().await;
                }
                return;
            }
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    sleep(pause).await;
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                }
            }
            Step::HalfClose => drop(stream.shutdown().await),
            Step::Close => return,
        }
    }
    // Open until the other end closes.
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}

async fn take<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
        match stream.read(&mut chunk).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
}
