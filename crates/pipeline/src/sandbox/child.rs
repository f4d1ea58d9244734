//! One worker process as the pool holds it: started, spoken to, and killed when it is dropped.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{error::Elapsed, timeout};

use super::SandboxConfig;
use super::protocol::{self, Reply, Request};

/// Starting a process on a machine that is busy with other things.
const START: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Worker {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    buffer: Vec<u8>,
    /// Since when it has nothing to do.
    pub idle_since: Instant,
}

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It did not answer within its time.
    Hung,
    /// It ended: no memory, no stack, or somebody killed it.
    Died,
}

impl From<Elapsed> for Lost {
    fn from(_: Elapsed) -> Self {
        Self::Hung
    }
}

impl From<std::io::Error> for Lost {
    fn from(_: std::io::Error) -> Self {
        Self::Died
    }
}

impl Worker {
    /// No environment of ours, no descriptors but the two pipes, killed with its owner.
    pub async fn start(config: &SandboxConfig) -> std::io::Result<Self> {
        let mut child = Command::new(&config.program)
            .args(&config.args)
            .env_clear()
            // The program's allocator reserves 1 GiB at its start, which the worker's limit on address
            // space doesn't leave room for.
            .env("MIMALLOC_ARENA_RESERVE", "64M")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        let mut worker = Self { child, stdin, stdout, buffer: Vec::new(), idle_since: Instant::now() };
        match timeout(START, worker.payload()).await {
            Ok(Ok([])) => Ok(worker),
            Ok(Ok(_)) => Err(std::io::Error::other("the worker is no sandbox worker")),
            Ok(Err(_)) => Err(std::io::Error::other("the worker ended at once")),
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    }

    /// False if it ended while it was idle, which is no request's doing.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// After an error, or when this future is dropped unfinished, the worker is in an unknown state and must
    /// be dropped.
    pub async fn exchange(&mut self, request: &Request<'_>, within: Duration) -> Result<Reply, Lost> {
        let frame = request.frame();
        timeout(within, async {
            self.stdin.write_all(&frame).await?;
            let payload = self.payload().await?;
            Reply::parse(payload).ok_or(Lost::Died)
        })
        .await?
    }

    async fn payload(&mut self) -> Result<&[u8], Lost> {
        self.buffer.clear();
        while self.buffer.len() < 4 {
            self.more().await?;
        }
        let prefix = [self.buffer[0], self.buffer[1], self.buffer[2], self.buffer[3]];
        let length = protocol::payload_length(prefix).ok_or(Lost::Died)?;
        self.buffer.reserve((length + 4).saturating_sub(self.buffer.len()));
        while self.buffer.len() < length + 4 {
            self.more().await?;
        }
        Ok(&self.buffer[4..])
    }

    async fn more(&mut self) -> Result<(), Lost> {
        match self.stdout.read_buf(&mut self.buffer).await? {
            0 => Err(Lost::Died),
            _ => Ok(()),
        }
    }
}
