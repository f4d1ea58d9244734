//! A name server of our own on loopback: A records for the names it is given, NXDOMAIN for others.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

pub async fn serve(zone: &[(&str, &[Ipv4Addr])]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    let zone: Vec<(String, Vec<Ipv4Addr>)> = zone.iter().map(|(name, addrs)| ((*name).to_owned(), addrs.to_vec())).collect();
    tokio::spawn(async move {
        let mut query = [0; 1500];
        while let Ok((length, asker)) = socket.recv_from(&mut query).await {
            let _sent = socket.send_to(&reply(&query[..length], &zone), asker).await;
        }
    });
    addr
}

fn reply(query: &[u8], zone: &[(String, Vec<Ipv4Addr>)]) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    let question = &query[12..at + 5];
    let is_a = query[at + 2] == 1;
    let found = zone.iter().find(|(name, _)| *name == labels.join("."));
    let answers: &[Ipv4Addr] = found.filter(|_| is_a).map_or(&[], |(_, addrs)| addrs);
    let code = if found.is_some() { 0 } else { 3 };

    let mut reply = query[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1, 0, answers.len() as u8, 0, 0, 0, 0]);
    reply.extend_from_slice(question);
    for addr in answers {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
        reply.extend(addr.octets());
    }
    reply
}
