//! The product as its users meet it: the binary with its environment, then the API over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::process::{Server, log_end};
use crate::wire::Conn;

const READY_PATIENCE: Duration = Duration::from_secs(30);
const SETUP_CONNECTIONS: usize = 8;

/// One installation: a directory, a database and an address that outlive the server's processes.
pub struct Installation {
    binary: PathBuf,
    dir: PathBuf,
    database_url: String,
    pub address: SocketAddr,
}

impl Installation {
    pub fn new(binary: &Path, dir: &Path, database_url: String) -> Result<Self> {
        let binary = binary.canonicalize().with_context(|| format!("{} is not built", binary.display()))?;
        Ok(Self { binary, dir: dir.to_owned(), database_url, address: free_address()? })
    }

    /// Without the caller's own settings, in a directory of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("HOOKSWITCH_")) {
            command.env_remove(key);
        }
        command
            .args(arguments)
            .current_dir(&self.dir)
            .env("HOOKSWITCH_ENVIRONMENT", "test")
            .env("HOOKSWITCH_LISTEN", self.address.to_string())
            .env("HOOKSWITCH_DATABASE__URL", &self.database_url)
            .env("HOOKSWITCH_SECRETS__MASTER_KEY_FILE", self.dir.join("master.key"))
            .env("HOOKSWITCH_EGRESS__ALLOW_CIDRS", r#"["127.0.0.1/32"]"#)
            .env("HOOKSWITCH_EGRESS__REQUIRE_HTTPS", "false")
            .env("HOOKSWITCH_LIMITS__API_REQUESTS_PER_MINUTE", "100000000");
        command
    }

    /// Runs a command to its end and gives back what it printed.
    pub fn output(&self, command: &mut Command) -> Result<String> {
        let output = command.output().with_context(|| format!("cannot start {}", self.binary.display()))?;
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "hookswitch {}: {}\n{}", arguments.join(" "), output.status, errors.trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Makes the database and a platform token.
    pub fn prepare(&self) -> Result<String> {
        self.output(&mut self.command(&["migrate"]))?;
        let arguments = ["admin", "create-token", "--platform", "--role", "platform_admin", "--name", "bench"];
        self.output(&mut self.command(&arguments))
    }

    /// Starts the server and waits until it is ready; also says how long that took.
    pub fn serve(&self) -> Result<(Server, Duration)> {
        start(self.command(&["serve"]), self.dir.join("server.log"), self.address)
    }
}

pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

pub fn start(command: Command, log: PathBuf, address: SocketAddr) -> Result<(Server, Duration)> {
    let begun = Instant::now();
    let mut server = Server::start(command, log.clone())?;
    loop {
        if is_ready(address) {
            return Ok((server, begun.elapsed()));
        }
        server.check_alive()?;
        if begun.elapsed() > READY_PATIENCE {
            bail!("not ready after {READY_PATIENCE:?}:\n{}", log_end(&log));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

/// Someone who calls the API with a token over one connection.
pub struct Caller {
    conn: Conn,
    address: SocketAddr,
    token: Arc<str>,
}

impl Caller {
    pub async fn connect(address: SocketAddr, token: Arc<str>) -> Result<Self> {
        Ok(Self { conn: Conn::connect(address).await?, address, token })
    }

    pub async fn call(&mut self, method: &str, path: &str, tenant: Option<&str>, body: Value) -> Result<Value> {
        let body = body.to_string();
        let tenant = tenant.map(|slug| format!("X-Tenant: {slug}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{tenant}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        self.ask(method, path, &request).await
    }

    pub async fn get(&mut self, path: &str, tenant: &str) -> Result<Value> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nX-Tenant: {tenant}\r\n\r\n",
            self.address, self.token
        );
        self.ask("GET", path, &request).await
    }

    async fn ask(&mut self, method: &str, path: &str, request: &str) -> Result<Value> {
        let answer = self.conn.exchange(request.as_bytes()).await.with_context(|| format!("{method} {path}"))?;
        let status = answer.status();
        ensure!((200..300).contains(&status), "{method} {path}: {status} {}", String::from_utf8_lossy(answer.body));
        if answer.body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(answer.body)?) }
    }
}

/// A tenant with one destination.
pub struct Tenant {
    pub slug: String,
    pub publisher_token: String,
    pub signing_secret: String,
}

/// Makes so many tenants, each with a destination at the receiver and a publisher's token.
pub async fn make_tenants(address: SocketAddr, platform_token: &str, receiver: SocketAddr, count: usize) -> Result<Vec<Tenant>> {
    let token: Arc<str> = platform_token.into();
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..SETUP_CONNECTIONS.min(count) {
        let (token, next) = (token.clone(), next.clone());
        callers.spawn(async move {
            let mut caller = Caller::connect(address, token).await?;
            let mut made = Vec::new();
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= count {
                    return anyhow::Ok(made);
                }
                made.push(make_tenant(&mut caller, number, receiver).await?);
            }
        });
    }
    let mut all = Vec::with_capacity(count);
    for made in callers.join_all().await {
        all.extend(made?);
    }
    Ok(all)
}

async fn make_tenant(caller: &mut Caller, number: usize, receiver: SocketAddr) -> Result<Tenant> {
    let slug = format!("bench-{number}");
    caller.call("POST", "/api/v1/tenants", None, json!({"slug": slug, "name": slug})).await?;
    let destination = json!({
        "name": "bench",
        "endpoint_url": format!("http://{receiver}/hook/{number}"),
        "event_types": ["*"],
        "max_in_flight": 50
    });
    let destination = caller.call("POST", "/api/v1/integrations/destinations", Some(&slug), destination).await?;
    let token = json!({"name": "bench", "role": "publisher"});
    let token = caller.call("POST", "/api/v1/tokens", Some(&slug), token).await?;
    let text = |value: &Value, key: &str| {
        value[key].as_str().map(str::to_owned).with_context(|| format!("the answer names no {key}: {value}"))
    };
    Ok(Tenant { publisher_token: text(&token, "token")?, signing_secret: text(&destination, "signing_secret")?, slug })
}
