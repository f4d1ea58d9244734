//! Where deliveries arrive: a thread of its own, so that the load's work never delays the moment at
//! which an arrival is noted. It answers by a function that sees head and body of each request.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use crate::ledger::Ledger;
use crate::wire::{Conn, Message};

/// Whether to answer 200; else 500.
pub type Judge = Arc<dyn Fn(&Message<'_>) -> bool + Send + Sync>;
/// Milliseconds that an answer is kept back; it may change meanwhile.
type Delay = Arc<AtomicU64>;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const FAILED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

pub struct Receiver {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    pub fn start(listen: SocketAddr, judge: Judge) -> Result<Self> {
        Self::start_delayed(listen, judge, Delay::default())
    }

    fn start_delayed(listen: SocketAddr, judge: Judge, delay: Delay) -> Result<Self> {
        let listener = TcpListener::bind(listen).with_context(|| format!("receiver cannot listen on {listen}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("receiver".into()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    result = accept(listener, judge, delay) => if let Err(error) = result { eprintln!("receiver: {error}") },
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// On a free port of the loopback, noting arrivals.
    pub fn for_ledger(ledger: Arc<Ledger>) -> Result<Self> {
        Self::slow(ledger, Delay::default())
    }

    /// The same, but its answers are kept back for so long.
    pub fn slow(ledger: Arc<Ledger>, delay_ms: Arc<AtomicU64>) -> Result<Self> {
        let judge: Judge = Arc::new(move |message| {
            ledger.arrive(message.body);
            true
        });
        Self::start_delayed(SocketAddr::from(([127, 0, 0, 1], 0)), judge, delay_ms)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, judge: Judge, delay: Delay) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (judge, delay) = (judge.clone(), delay.clone());
        tokio::spawn(async move {
            // A sender that hangs up is no event worth a line.
            let _ = answer(stream, judge, &delay).await;
        });
    }
}

async fn answer(stream: tokio::net::TcpStream, judge: Judge, delay: &AtomicU64) -> io::Result<()> {
    let mut conn = Conn::new(stream)?;
    while let Some(message) = conn.next().await? {
        let reply = if judge(&message) { OK } else { FAILED };
        let came = Instant::now();
        while came.elapsed() < Duration::from_millis(delay.load(Relaxed)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        conn.send(reply).await?;
    }
    Ok(())
}

#[derive(clap::Args)]
pub struct Options {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:9099")]
    listen: SocketAddr,
}

pub fn run(options: Options) -> Result<()> {
    let ledger = Arc::new(Ledger::new());
    let counted = ledger.clone();
    let judge: Judge = Arc::new(move |message| {
        counted.arrive(message.body);
        true
    });
    let receiver = Receiver::start(options.listen, judge)?;
    println!("receiving on http://{}", receiver.address);
    let mut shown = 0;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let seen = ledger.arrivals() + ledger.repeats() + ledger.strangers();
        if seen != shown {
            println!(
                "{seen} requests: {} events, {} repeats, {} without marker",
                ledger.arrivals(),
                ledger.repeats(),
                ledger.strangers()
            );
            shown = seen;
        }
    }
}
