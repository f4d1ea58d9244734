//! US-1708: what the page offers works: filters and headers are heeded, a test arrives, and the sample for
//! a shell brings a task as it stands there, once the secret is pasted in.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use super::Team;
use crate::engines::Engine;
use crate::on_both_engines;

async fn the_sample_for_a_shell_brings_a_task(engine: &Engine) {
    let team = Team::open(engine).await;
    let key = team.key().await;
    let help = team.admin.client.get(&team.path("/inbound")).await.expect(200).json();
    let (sample, url) = (help["sample_curl"].as_str().unwrap(), help["url"].as_str().unwrap());
    assert!(sample.contains(url) && !help.to_string().contains(&key));
    team.ann.client.get(&team.path("/inbound")).await.expect(403);
    // Where this test's server listens is no part of its configuration.
    let here = format!("http://{}{}", team.line.server.address, &url[url.find("/api/").unwrap()..]);
    let script = sample.replace(url, &here).replace("paste the secret here", &key);
    let run = tokio::process::Command::new("sh").arg("-c").arg(&script).output().await.unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(told.contains("\"taskId\":\"tsk_"), "{told} {}", String::from_utf8_lossy(&run.stderr));
    let list = team.ann.client.get(&team.path("/tasks")).await.expect(200).json();
    assert_eq!(list["data"][0]["external_id"], "example-1");
}

async fn filters_and_headers_are_heeded_and_a_test_arrives(engine: &Engine) {
    let team = Team::open(engine).await;
    let webhook = team.webhook("/hook", json!({"events": ["task.completed"], "headers": {"X-Team": "front"}})).await;
    let task = team.task(json!({})).await;
    team.act(&team.ann, &task, "complete", None).await.expect(200);
    let first = team.line.receiver.wait(1).await.remove(0);
    assert_eq!((first.header("x-team"), &first.json()["event"]), ("front", &json!("task.completed")));
    let change = json!({"events": ["task.created"], "headers": {"X-Team": "back"}});
    team.admin.client.put(&webhook.path(""), change).await.expect(200);
    let task = team.task(json!({})).await;
    let second = team.line.receiver.wait(2).await.remove(1);
    assert_eq!((second.header("x-team"), &second.json()["data"]["id"]), ("back", &task["id"]), "a changed filter takes effect");
    let sent = team.admin.client.send(Method::POST, &webhook.path("/test"), None).await.expect(202).json();
    let third = team.line.receiver.wait(3).await.remove(2);
    assert_eq!((&third.json()["event"], &third.json()["groupId"]), (&json!("webhook.test"), &json!(team.id)));
    assert!(webhook.signed(&third));
    assert!(team.log(&webhook).await.iter().any(|row| row["id"] == sent["deliveryId"]));
}

on_both_engines!(the_sample_for_a_shell_brings_a_task, filters_and_headers_are_heeded_and_a_test_arrives);
