//! Somebody is told: by mail through a scripted server, by Slack and Teams through a receiver; once
//! and not a thousand times.

use std::sync::{Arc, Mutex};

use hookswitch_server::app::COMPONENTS;
use hookswitch_store::params;
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::accounts::upkeep_after;
use crate::engines::{Engine, sql};
use crate::harness::{Client, Server, spawn_with};
use crate::on_both_engines;
use crate::receiver::Receiver;

const NOTIFICATIONS: &str = "/api/v1/notifications";
const DESTINATIONS: &str = "/api/v1/integrations/destinations";

/// A mail server that keeps what it was told, and refuses recipients that its script names.
#[derive(Clone)]
struct MailServer {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
    broken: Arc<Mutex<bool>>,
}

impl MailServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), mails: Arc::default(), broken: Arc::default() };
        let theirs = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = theirs.clone();
                tokio::spawn(async move { server.talk(stream).await });
            }
        });
        server
    }

    /// RFC 5321, as far as a client goes that has one mail to hand over.
    async fn talk(&self, stream: TcpStream) {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut mail = String::new();
        write.write_all(b"220 mail.test\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            mail += &format!("{line}\n");
            let answer = match verb.as_str() {
                "EHLO" => "250-mail.test\r\n250 AUTH PLAIN\r\n",
                "AUTH" => "235 ok\r\n",
                "MAIL" if *self.broken.lock().unwrap() => "451 try again later, says mail.test\r\n",
                "DATA" => "354 go on\r\n",
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            write.write_all(answer.as_bytes()).await.unwrap();
            if verb == "DATA" {
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    mail += &format!("{line}\n");
                }
                self.mails.lock().unwrap().push(std::mem::take(&mut mail));
                write.write_all(b"250 taken\r\n").await.unwrap();
            }
            if verb == "QUIT" {
                return;
            }
        }
    }

    fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

struct Stage {
    server: Server,
    admin: Client,
    mail: MailServer,
    receiver: Receiver,
}

async fn stage(
    engine: &Engine,
    script: impl Fn(usize, &crate::receiver::Taken) -> crate::receiver::Say + Send + Sync + 'static,
) -> Stage {
    let (mail, receiver) = (MailServer::start().await, Receiver::start(script).await);
    let port = mail.port.to_string();
    let settings = [
        ("egress.allow_cidrs", receiver.allowed()),
        ("notifications.smtp.host", "127.0.0.1".to_owned()),
        ("notifications.smtp.port", port),
        ("notifications.smtp.tls", "none".to_owned()),
        ("notifications.smtp.from", "switch@example.com".to_owned()),
        ("notifications.smtp.username", "switch".to_owned()),
        ("notifications.smtp.password", "marker-smtp-password".to_owned()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let server = spawn_with(engine, &settings).await;
    let admin = server.admin("acme").await;
    Stage { server, admin, mail, receiver }
}

impl Stage {
    async fn rule(&self, channel: Value, triggers: Value) -> String {
        let body = json!({"name": "night watch", "channel": channel, "triggers": triggers, "cooldown_seconds": 600});
        self.admin.post(NOTIFICATIONS, body).await.expect(201).id()
    }

    async fn shown(&self, id: &str) -> Value {
        self.admin.get(&format!("{NOTIFICATIONS}/{id}")).await.expect(200).json()
    }

    async fn destination(&self, name: &str) -> String {
        let body = json!({"name": name, "endpoint_url": self.receiver.url("/hook")});
        self.admin.post(DESTINATIONS, body).await.expect(201).id()
    }

    async fn disable(&self, id: &str) {
        self.admin.patch(&format!("{DESTINATIONS}/{id}"), json!({"enabled": false})).await.expect(200);
    }

    async fn dead_letters(&self, count: usize) {
        let policy = json!({"schedule_seconds": [0], "max_attempts": 1, "jitter": 0.0});
        self.admin.put("/api/v1/integrations/delivery-policy", policy).await.expect(200);
        for n in 0..count {
            self.admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": {"n": n}})).await.expect(202);
        }
        crate::receiver::until("dead letters", || async {
            let found = self.admin.get("/api/v1/integrations/health?window=1h").await.expect(200).json();
            (found["dead_lettered"].as_i64() >= Some(count as i64)).then_some(())
        })
        .await;
    }
}

fn mail_to(to: &str) -> Value {
    json!({"type": "smtp", "to": [to]})
}

async fn a_disabled_destination_is_told_of_once_by_mail(engine: &Engine) {
    let stage = stage(engine, |_, _| 200.into()).await;
    let rule = stage.rule(mail_to("ops@example.com"), json!([{"type": "destination_disabled"}])).await;
    let destination = stage.destination("billing").await;
    upkeep_after(&stage.server, 60).await;
    assert_eq!(stage.mail.mails().len(), 0, "nothing is wrong yet");
    stage.disable(&destination).await;
    for seconds in [120, 180, 240, 100_000] {
        upkeep_after(&stage.server, seconds).await;
    }
    let mails = stage.mail.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    for part in [
        "MAIL FROM:<switch@example.com>",
        "RCPT TO:<ops@example.com>",
        "Subject: [acme] disabled destination: billing",
        &destination,
    ] {
        assert!(mails[0].replace("=\n", "").contains(part), "{part}: {}", mails[0]);
    }
    let shown = stage.shown(&rule).await;
    assert!(shown["last_sent_at"].is_string() && shown["last_error"].is_null(), "{shown}");
}

async fn many_dead_letters_are_one_message(engine: &Engine) {
    let stage = stage(engine, |_, taken| if taken.path == "/hook" { 500.into() } else { 200.into() }).await;
    stage
        .rule(
            json!({"type": "slack", "url": stage.receiver.url("/slack/token")}),
            json!([{"type": "dead_letters", "count": 3, "window_seconds": 3600}]),
        )
        .await;
    stage.destination("billing").await;
    stage.dead_letters(2).await;
    upkeep_after(&stage.server, 1).await;
    let chats = || stage.receiver.taken().into_iter().filter(|taken| taken.path == "/slack/token").collect::<Vec<_>>();
    assert!(chats().is_empty(), "two are not three");
    stage.dead_letters(4).await;
    for seconds in [2, 60, 120] {
        upkeep_after(&stage.server, seconds).await;
    }
    let chats = chats();
    assert_eq!(chats.len(), 1);
    assert!(chats[0].json()["text"].as_str().unwrap().contains("deliveries became dead letters"), "{}", chats[0].json());
}

/// Inbound: a webhook that switched itself off, and what was given up after its sender had been told otherwise.
async fn what_goes_wrong_inbound_is_told_of_too(engine: &Engine) {
    let stage = stage(engine, |_, _| 200.into()).await;
    let slack = json!({"type": "slack", "url": stage.receiver.url("/slack/token")});
    let triggers = json!([{"type": "inbound_webhook_disabled"}, {"type": "dead_letters", "count": 1, "window_seconds": 3600}]);
    stage.rule(slack, triggers).await;
    stage.admin.put("/api/v1/features", json!({"inbound_webhooks_enabled": true})).await.expect(200);
    let webhooks = crate::inbound::WEBHOOKS;
    let made = stage.admin.post(webhooks, crate::inbound::alerts(json!({"mode": "async"}))).await.expect(201).id();
    upkeep_after(&stage.server, 1).await;
    assert_eq!(stage.receiver.count(), 0, "nothing is wrong yet");
    let tested = stage.admin.post(&format!("{webhooks}/{made}/test"), json!({"body": {}})).await.expect(200).json();
    assert_eq!(tested["delivery"]["dispatch_status"], "failed");
    let tenant = stage.server.tenant("acme").await;
    for text in [
        "UPDATE inbound_webhook_deliveries SET dead_lettered_at = now_ms() WHERE tenant = $1",
        "UPDATE inbound_webhooks SET is_active = FALSE, auto_disabled_at = now_ms() WHERE tenant = $1",
    ] {
        sql(&stage.server.db, tenant, text, params![tenant]).await;
    }
    for seconds in [2, 60, 120] {
        upkeep_after(&stage.server, seconds).await;
    }
    let taken = stage.receiver.taken();
    assert_eq!(taken.len(), 1, "once");
    let text = taken[0].json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("inbound webhook: Alerts") && text.contains("dead letter"), "{text}");
}

async fn a_failing_channel_shows_why_and_is_tried_again(engine: &Engine) {
    let stage = stage(engine, |_, _| 200.into()).await;
    let rule = stage.rule(mail_to("ops@example.com"), json!([{"type": "destination_disabled"}])).await;
    let destination = stage.destination("billing").await;
    stage.disable(&destination).await;
    *stage.mail.broken.lock().unwrap() = true;
    upkeep_after(&stage.server, 60).await;
    let shown = stage.shown(&rule).await;
    assert_eq!(shown["last_error"], "the mail server answered 451", "{shown}");
    *stage.mail.broken.lock().unwrap() = false;
    upkeep_after(&stage.server, 90).await;
    assert_eq!(stage.mail.mails().len(), 0, "not before a minute has passed");
    upkeep_after(&stage.server, 130).await;
    assert_eq!(stage.mail.mails().len(), 1);
    assert_eq!(stage.shown(&rule).await["last_error"], json!(null));
}

async fn of_several_nodes_one_tells(engine: &Engine) {
    let stage = stage(engine, |_, _| 200.into()).await;
    stage.rule(json!({"type": "teams", "url": stage.receiver.url("/teams")}), json!([{"type": "destination_disabled"}])).await;
    let destination = stage.destination("billing").await;
    stage.disable(&destination).await;
    futures_util::future::join_all((0..4).map(|_| upkeep_after(&stage.server, 60))).await;
    let cards: Vec<_> = stage.receiver.taken().iter().map(|taken| taken.json()).collect();
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0]["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
}

async fn late_work_is_told_of(engine: &Engine) {
    let stage = stage(engine, |_, _| 200.into()).await;
    stage.rule(mail_to("ops@example.com"), json!([{"type": "oldest_due_age", "seconds": 300}])).await;
    // Due and not sent, as behind workers that are all gone: the server here is told to send nothing.
    stage.server.stop().await;
    let without = stage.server.another(engine, &[], false).await;
    let admin = without.admin("acme").await;
    let body = json!({"name": "billing", "endpoint_url": "https://hooks.invalid/x"});
    admin.post(DESTINATIONS, body).await.expect(201);
    admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": {}})).await.expect(202);
    upkeep_after(&stage.server, 60).await;
    assert_eq!(stage.mail.mails().len(), 0);
    upkeep_after(&stage.server, 400).await;
    let mails = stage.mail.mails();
    assert!(mails.len() == 1 && mails[0].contains("oldest delivery has been due"), "{mails:?}");
}

async fn rules_are_checked_kept_and_audited(engine: &Engine) {
    let stage = stage(engine, |_, _| 200.into()).await;
    let trigger = json!([{"type": "destination_disabled"}]);
    let post = |channel: Value, triggers: Value| {
        let body = json!({"name": "x", "channel": channel, "triggers": triggers});
        let admin = stage.admin.clone();
        async move { admin.post(NOTIFICATIONS, body).await }
    };
    for (channel, triggers, field) in [
        (json!({"type": "pager"}), trigger.clone(), "channel.type"),
        (json!({"type": "smtp", "to": []}), trigger.clone(), "channel.to"),
        (json!({"type": "smtp", "to": ["a@b\r\nBcc: c@d"]}), trigger.clone(), "channel.to"),
        (json!({"type": "slack"}), trigger.clone(), "channel.url"),
        (json!({"type": "slack", "url": "https://169.254.169.254/latest"}), trigger.clone(), "channel.url"),
        (mail_to("a@b.c"), json!([]), "triggers"),
        (mail_to("a@b.c"), json!([{"type": "dead_letters", "count": 0, "window_seconds": 60}]), "triggers[0]"),
        (mail_to("a@b.c"), json!([{"type": "oldest_due_age", "seconds": 1}]), "triggers[0]"),
    ] {
        let refused = post(channel, triggers).await.expect(400).json();
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let url = stage.receiver.url("/chat/marker-chat-token");
    let id = stage.rule(json!({"type": "slack", "url": url}), trigger).await;
    let path = format!("{NOTIFICATIONS}/{id}");
    stage.admin.patch(&path, json!({"channel": {"type": "teams"}, "name": "renamed"})).await.expect(200);
    let tested = stage.admin.send(Method::POST, &format!("{path}/test"), None).await.expect(200).json();
    assert_eq!(tested, json!({"sent": true, "error": null}));
    assert_eq!(stage.receiver.taken()[0].path, "/chat/marker-chat-token", "the address stayed");
    let shown = stage.admin.get(&path).await.expect(200).text();
    let trail = stage.admin.get(&format!("/api/v1/audit?target={id}")).await.expect(200).text();
    assert!(!shown.contains("marker-chat-token") && !trail.contains("marker-chat-token"));
    for action in ["notification.created", "notification.changed", "notification.tested"] {
        assert!(trail.contains(action), "{action}");
    }
    stage.server.token("acme", "operator", None).await.post(NOTIFICATIONS, json!({})).await.expect(403);
    stage.admin.delete(&path).await.expect(204);
    stage.admin.get(&path).await.expect(404);
}

on_both_engines!(
    a_disabled_destination_is_told_of_once_by_mail,
    many_dead_letters_are_one_message,
    what_goes_wrong_inbound_is_told_of_too,
    a_failing_channel_shows_why_and_is_tried_again,
    of_several_nodes_one_tells,
    late_work_is_told_of,
    rules_are_checked_kept_and_audited,
);
