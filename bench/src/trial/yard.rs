//! A tenant with inbound webhooks and records: where inbound trials take place.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Trials;
use crate::database::Engine;
use crate::drive::{self, Aim};
use crate::hookswitch::Caller;
use crate::process::Server;
use crate::sign::Signer;
use crate::stand::{Stand, text};

const TENANT: &str = "yard";
const SECRET: &str = "a secret of the benchmark's own";
/// A minute's worth passes at once: more than any trial sends through one webhook.
const RATE: u32 = 60_000;
/// What real senders' alerts weigh.
const BODY_BYTES: usize = 2048;

pub struct Yard {
    pub stand: Stand,
    pub tenant: String,
    pub caller: Caller,
}

/// An inbound webhook as its sender knows it.
#[derive(Clone)]
pub struct Hook {
    pub id: String,
    pub slug: String,
    pub path: String,
    signer: Signer,
}

impl Yard {
    pub async fn open(trials: &Trials<'_>, engine: &Engine) -> Result<Self> {
        let stand = trials.stand(engine)?;
        let tenant = stand.tenant(TENANT).await?;
        let caller = stand.caller().await?;
        Ok(Self { stand, tenant, caller })
    }

    /// After the server was started anew.
    pub async fn reconnect(&mut self) -> Result<()> {
        self.caller = self.stand.caller().await?;
        Ok(())
    }

    pub async fn hook(&mut self, slug: &str, action: &str, mapping: Value) -> Result<Hook> {
        let body = json!({
            "name": slug, "slug": slug, "auth_type": "hmac_sha256", "rate_limit_per_minute": RATE,
            "auth_config": {"type": "hmac_sha256", "signature_header": "X-Signature", "secret": SECRET},
            "idempotency_source": {"type": "header", "value": "X-Id"}, "handler_type": "direct_action",
            "handler_config": {"type": "direct_action", "action": action, "field_mapping": mapping}
        });
        let made = self.caller.call("POST", "/api/v1/inbound-webhooks", Some(TENANT), body).await?;
        let path = format!("/api/inbound/{TENANT}/{slug}");
        Ok(Hook { id: text(&made, "id")?, slug: slug.to_owned(), path, signer: Signer::from_key(SECRET.as_bytes())? })
    }

    pub async fn make(&mut self, noun: &str, body: Value) -> Result<String> {
        let made = self.caller.call("POST", &format!("/api/v1/{noun}"), Some(TENANT), body).await?;
        text(&made, "id")
    }

    pub async fn list(&mut self, path: &str) -> Result<Vec<Value>> {
        let found = self.caller.get(&format!("/api/v1/{path}"), TENANT).await?;
        found["data"].as_array().cloned().with_context(|| format!("{path} is no list"))
    }

    /// The ids of what a list shows.
    pub async fn ids(&mut self, path: &str) -> Result<Vec<String>> {
        self.list(path).await?.iter().map(|record| text(record, "id")).collect()
    }

    /// A webhook's sender knows a record by this name.
    pub async fn link(&mut self, hook: &Hook, kind: &str, id: &str, external: &str) -> Result<()> {
        let body = json!({
            "integration_type": hook.slug, "alga_entity_type": kind, "alga_entity_id": id, "external_entity_id": external
        });
        self.caller.call("POST", "/api/v1/external-mappings", Some(TENANT), body).await.map(drop)
    }
}

impl Hook {
    /// A signed request under this key.
    pub fn request(&self, host: SocketAddr, key: u64, body: &[u8], out: &mut Vec<u8>) {
        let headers = format!("X-Id: key-{key}\r\nX-Signature: {}\r\nUser-Agent: bench\r\n", self.signer.hex(body));
        drive::post(host, &self.path, &headers, body, out);
    }

    /// Requests whose body and key are made of their number.
    pub fn aim(&self, address: SocketAddr, body: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static) -> Aim {
        let hook = self.clone();
        Aim { address, write: Arc::new(move |number, out| hook.request(address, number, &body(number), out)) }
    }
}

/// What makes a ticket: eight fields of a body of two kilobytes.
pub struct Alerts {
    pub mapping: Value,
    board: String,
    client: String,
}

impl Alerts {
    pub async fn of(yard: &mut Yard) -> Result<Self> {
        let board = yard.ids("boards").await?.pop().context("no board")?;
        let client = yard.ids("clients").await?.pop().context("no client")?;
        let priorities = yard.ids("priorities").await?;
        let [low, high] = [0, 1].map(|place| priorities.get(place).cloned().unwrap_or_default());
        let mapping = json!({
            "title": "$uppercase(alert.severity) & ': ' & alert.message",
            "description": "$join(alert.lines, '\n')",
            "client_id": "alert.client",
            "board_id": "alert.board",
            "priority_id": format!("alert.severity = 'high' ? '{high}' : '{low}'"),
            "due_date": "alert.due",
            "external_id": "$string(alert.id)",
            "attributes": "{'host': alert.host, 'tags': alert.tags[$ != 'prod']}"
        });
        Ok(Self { mapping, board, client })
    }

    /// The same text of every alert but for its number.
    pub fn body(&self) -> impl Fn(u64) -> Vec<u8> + Clone + Send + Sync + 'static {
        let (start, end) = alert(&self.board, &self.client);
        move |number| format!("{start}{number:010}{end}").into_bytes()
    }
}

/// What stands before and behind an alert's number.
pub fn alert(board: &str, client: &str) -> (String, String) {
    let start = r#"{"alert":{"id":"a-"#.to_owned();
    let mut end = format!(
        r#"","severity":"high","message":"disk 97 % full","host":"db1.berlin.example","client":"{client}","board":"{board}","due":"2031-01-31T08:00:00Z","tags":["disk","prod","berlin"],"value":97.25,"acknowledged":false,"lines":["/dev/sda1 97 % /","/dev/sdb1 41 % /var/lib/postgresql","#
    );
    let mut number = 0;
    while start.len() + end.len() + 60 < BODY_BYTES {
        number += 1;
        end.push_str(&format!(r#""sample {number:03}: 97 % at 08:{:02}:00","#, number % 60));
    }
    end.push_str("\"end\"]}}");
    (start, end)
}

/// The bare handler, running.
pub struct Bare {
    pub server: Server,
    pub address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Bare {
    pub fn start(trials: &Trials<'_>) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hookswitch-bench-").tempdir_in(&trials.work_dir)?;
        let address = crate::hookswitch::free_address()?;
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.arg("bare").arg("--listen").arg(address.to_string());
        command.arg("--database").arg(format!("sqlite://{}", dir.path().join("bare.db").display()));
        let (server, _) = crate::hookswitch::start(command, dir.path().join("bare.log"), address)?;
        Ok(Self { server, address, _dir: dir })
    }

    pub fn cpu_seconds(&self) -> f64 {
        crate::process::cpu_seconds(&crate::process::tree(self.server.pid()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_two_kilobytes_of_json() {
        let (start, end) = alert("brd_01jd8r7c5tevzs9c1ghvzv3hkp", "cli_01jd8r7c5tevzs9c1ghvzv3hkp");
        let text = format!("{start}{:010}{end}", 7);
        assert!((BODY_BYTES - 80..=BODY_BYTES).contains(&text.len()), "{}", text.len());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["alert"]["id"], "a-0000000007");
    }
}
