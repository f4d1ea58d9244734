//! US-1701: webhooks of a group are made, shown, changed and deleted by its admins, with a secret that is
//! shown once and can be replaced.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use super::{Team, WEBHOOKS, Webhook, person, told};
use crate::engines::Engine;
use crate::on_both_engines;

async fn a_groups_admins_keep_its_webhooks(engine: &Engine) {
    let team = Team::open(engine).await;
    let webhook = team.webhook("/hook", json!({"events": ["task.created"], "headers": {"X-Team": "front"}})).await;
    let shown = team.admin.client.get(&webhook.path("")).await.expect(200);
    assert!(!shown.text().contains("secret\"") && !shown.text().contains(&webhook.secret), "{}", shown.text());
    let shown = shown.json();
    assert_eq!((&shown["groupId"], &shown["isActive"]), (&json!(team.id), &json!(true)));
    assert_eq!(shown["headers"], json!({"X-Team": "front"}));
    assert_eq!(shown["url"], format!("http://{}", team.line.receiver.address), "the path may hold a token");
    let change = json!({"url": shown["url"], "events": ["task.completed"], "isActive": false,
        "retryPolicy": {"maxAttempts": 3, "backoffSeconds": 30}});
    let changed = team.admin.client.put(&webhook.path(""), change).await.expect(200).json();
    assert_eq!((&changed["events"], &changed["isActive"]), (&json!(["task.completed"]), &json!(false)));
    assert_eq!(changed["retryPolicy"], json!({"maxAttempts": 3, "backoffSeconds": 30}));
    assert_eq!(changed["headers"], json!({"X-Team": "front"}), "what is left out stays");
    // The same row as the tenant's own, with its group.
    let same = team.line.admin.get(&format!("/api/v1/integrations/destinations/{}", webhook.id)).await.expect(200).json();
    assert_eq!((&same["group_id"], &same["enabled"]), (&json!(team.id), &json!(false)));
    assert_eq!(same["signing"], json!({"profile": "fr022"}));
    team.admin.client.delete(&webhook.path("")).await.expect(204);
    team.admin.client.get(&webhook.path("")).await.expect(404);
    assert_eq!(team.admin.client.get(WEBHOOKS).await.expect(200).json()["data"], json!([]));
}

async fn nobody_else_sees_or_touches_them(engine: &Engine) {
    let team = Team::open(engine).await;
    let webhook = team.webhook("/hook", json!({})).await;
    let other = person(&team.line.server, "acme", "other").await;
    let second = team.line.admin.post("/api/v1/groups", json!({"name": "Night shift", "owner_id": other.id})).await;
    let second = second.expect(201).id();
    let abroad = team.line.server.admin("globex").await;
    for path in ["", "/deliveries"] {
        team.ann.client.get(&webhook.path(path)).await.expect(403);
        other.client.get(&webhook.path(path)).await.expect(404);
        other.client.get(&webhook.path(&format!("{path}?groupId={second}"))).await.expect(404);
        abroad.get(&webhook.path(path)).await.expect(404);
    }
    for (client, status) in [(&team.ann.client, 403), (&other.client, 404), (&abroad, 404)] {
        client.put(&webhook.path(""), json!({"isActive": false})).await.expect(status);
        client.delete(&webhook.path("")).await.expect(status);
        for verb in ["/rotate-secret", "/test", "/replay/dlv_01jd8r7c5tevzs9c1ghvzv3hkp"] {
            client.send(Method::POST, &webhook.path(verb), None).await.expect(status);
        }
        let body = json!({"url": "https://hooks.invalid/x"});
        client.post(&format!("{WEBHOOKS}?groupId={}", team.id), body).await.expect(status);
    }
    // Another group's webhooks are not this one's, whoever asks.
    let list = team.line.admin.get(&format!("{WEBHOOKS}?groupId={second}")).await.expect(200).json();
    assert_eq!(list["data"], json!([]));
    team.line.admin.get(&webhook.path(&format!("?groupId={second}"))).await.expect(404);
}

async fn a_new_secret_signs_from_then_on(engine: &Engine) {
    let team = Team::open(engine).await;
    let webhook = team.webhook("/hook", json!({})).await;
    team.task(json!({})).await;
    let first = team.line.receiver.wait(1).await.remove(0);
    assert!(webhook.signed(&first));
    let rotated = team.admin.client.send(Method::POST, &webhook.path("/rotate-secret"), None).await.expect(200).json();
    let fresh = Webhook { id: webhook.id.clone(), secret: rotated["secret"].as_str().unwrap().to_owned() };
    team.task(json!({})).await;
    let second = team.line.receiver.wait(2).await.remove(1);
    assert!(fresh.signed(&second) && !webhook.signed(&second));
    assert_eq!(told(&[first, second]), ["task.created", "task.created"]);
}

async fn what_is_wrong_is_said_in_the_words_of_the_form(engine: &Engine) {
    let team = Team::open(engine).await;
    let post = async |body| team.admin.client.post(WEBHOOKS, body).await.expect(400);
    let inside = post(json!({"url": "http://169.254.169.254/latest"})).await;
    assert_eq!(super::field(&inside), "url");
    assert_eq!(inside.json()["detail"], "endpoint_url must not target a private or reserved address");
    let url = "https://hooks.invalid/x";
    assert_eq!(super::field(&post(json!({"url": url, "events": []})).await), "events");
    assert_eq!(super::field(&post(json!({"url": url, "headers": {"Host": "x"}})).await), "headers");
    assert_eq!(super::field(&post(json!({"url": url, "retryPolicy": {"maxAttempts": 0}})).await), "retryPolicy.maxAttempts");
    assert_eq!(super::field(&post(json!({"url": url, "secret": "mine"})).await), "secret");
    assert_eq!(super::field(&post(json!({})).await), "url");
    assert_eq!(team.admin.client.get(WEBHOOKS).await.json()["data"], json!([]), "nothing was stored");
}

on_both_engines!(
    a_groups_admins_keep_its_webhooks,
    nobody_else_sees_or_touches_them,
    a_new_secret_signs_from_then_on,
    what_is_wrong_is_said_in_the_words_of_the_form,
);
