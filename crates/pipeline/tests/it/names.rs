//! A name server of our own on loopback, which says whatever a test wants, and NXDOMAIN otherwise.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::sleep;

/// What is answered for a name.
#[derive(Debug, Clone, Default)]
pub struct Says {
    pub v4: Vec<Ipv4Addr>,
    pub v6: Vec<Ipv6Addr>,
    /// The name that the addresses are said to belong to.
    pub alias: Option<&'static str>,
    /// Seconds that it may be kept.
    pub ttl: u32,
    pub after: Duration,
}

impl Says {
    pub fn v4(addresses: &[Ipv4Addr]) -> Self {
        Self { v4: addresses.to_vec(), ..Self::default() }
    }

    pub fn v6(address: &str) -> Self {
        Self { v6: vec![address.parse().unwrap()], ..Self::default() }
    }
}

/// A records that never change.
pub async fn serve(zone: &[(&str, &[Ipv4Addr])]) -> SocketAddr {
    let zone: HashMap<String, Says> =
        zone.iter().map(|(name, addrs)| ((*name).to_owned(), Says { ttl: 30, ..Says::v4(addrs) })).collect();
    scripted(move |name, _| zone.get(name).cloned()).await
}

/// Asks the script for each question, with how often the name's IPv4 addresses were asked for before.
pub async fn scripted(script: impl Fn(&str, usize) -> Option<Says> + Send + 'static) -> SocketAddr {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut asked: HashMap<String, usize> = HashMap::new();
        let mut query = [0; 1500];
        while let Ok((length, asker)) = socket.recv_from(&mut query).await {
            let question = Question::read(&query[..length]);
            let before = asked.entry(question.name.clone()).or_default();
            let says = script(&question.name, *before);
            *before += usize::from(question.kind == A);
            let (reply, wait) = (question.reply(says.as_ref()), says.map(|says| says.after).unwrap_or_default());
            let socket = socket.clone();
            tokio::spawn(async move {
                sleep(wait).await;
                let _sent = socket.send_to(&reply, asker).await;
            });
        }
    });
    addr
}

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

struct Question {
    id: [u8; 2],
    name: String,
    kind: u16,
    /// As it was asked.
    bytes: Vec<u8>,
}

impl Question {
    fn read(query: &[u8]) -> Self {
        let mut labels = Vec::new();
        let mut at = 12;
        while query[at] != 0 {
            let end = at + 1 + usize::from(query[at]);
            labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_ascii_lowercase());
            at = end;
        }
        let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
        Self { id: [query[0], query[1]], name: labels.join("."), kind, bytes: query[12..at + 5].to_vec() }
    }

    fn reply(&self, says: Option<&Says>) -> Vec<u8> {
        // A pointer to the name in the question.
        let mut owner = vec![0xc0, 12];
        let mut records = Vec::new();
        let ttl = says.map_or(0, |says| says.ttl);
        if let Some(alias) = says.and_then(|says| says.alias) {
            let alias = spelled(alias);
            records.push(record(&owner, CNAME, ttl, &alias));
            owner = alias;
        }
        match (self.kind, says) {
            (A, Some(says)) => records.extend(says.v4.iter().map(|addr| record(&owner, A, ttl, &addr.octets()))),
            (AAAA, Some(says)) => records.extend(says.v6.iter().map(|addr| record(&owner, AAAA, ttl, &addr.octets()))),
            _ => {}
        }
        let code = if says.is_some() { 0 } else { 3 };
        let count = (records.len() as u16).to_be_bytes();
        let head = [self.id[0], self.id[1], 0x81, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0];
        [&head[..], &self.bytes, &records.concat()].concat()
    }
}

fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let length = data.len() as u16;
    [owner, &kind.to_be_bytes(), &[0, 1], &ttl.to_be_bytes(), &length.to_be_bytes(), data].concat()
}

fn spelled(name: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}
