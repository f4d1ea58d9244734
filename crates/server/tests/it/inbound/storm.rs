//! A thousand requests of one key at once: one action, and one id for everybody, also where two nodes
//! take them.

use std::collections::HashSet;

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use super::{House, alert, alerts};
use crate::engines::Engine;
use crate::on_both_engines;

const REQUESTS: usize = 1_000;
/// As many connections are open at once; each sends one request after the other.
const CONNECTIONS: usize = 100;

async fn a_thousand_requests_of_one_key_run_one_action(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"rate_limit_per_minute": 60_000}))).await;
    let second = house.server.another(engine, &[], true).await;
    let addresses = [house.server.address.clone(), second.address.clone()];
    let senders = (0..CONNECTIONS).map(|number| {
        let body = alert("disk full");
        let client = webhook.signed(body.as_bytes()).with("x-id", "k-1").at(&addresses[number % 2]);
        let path = webhook.path();
        tokio::spawn(async move {
            let mut heard = Vec::new();
            for _ in 0..REQUESTS / CONNECTIONS {
                heard.push(client.raw(Method::POST, &path, body.clone()).await.expect(200).json());
            }
            heard
        })
    });
    let (mut ids, mut fresh, mut answered) = (HashSet::new(), 0, 0);
    for sender in senders.collect::<Vec<_>>() {
        for answer in sender.await.unwrap() {
            ids.insert(answer["delivery_id"].as_str().unwrap().to_owned());
            fresh += usize::from(answer["duplicate"] != true);
            answered += 1;
        }
    }
    assert_eq!((ids.len(), fresh, answered), (1, 1, REQUESTS), "{ids:?}");
    assert_eq!(house.tickets().await.len(), 1);
    second.stop().await;
}

on_both_engines!(a_thousand_requests_of_one_key_run_one_action);
