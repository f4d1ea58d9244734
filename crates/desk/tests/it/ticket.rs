//! Tickets: numbers, defaults, rules, lists.

use std::collections::BTreeSet;

use hookswitch_desk::input::TITLE_CHARS_MAX;
use hookswitch_desk::ticket::{Filter, NewTicket};
use hookswitch_domain::event::CAUSATION_DEPTH_MAX;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Page, params};
use serde_json::json;

use crate::engines::Engine;
pub use crate::fixture::COMPONENTS;
use crate::fixture::{all, desk, field, result_of, titled};

crate::on_both_engines!(
    numbers_have_neither_gaps_nor_doubles_under_concurrency,
    only_a_title_is_needed,
    mapped_fields_are_the_tickets_fields,
    a_status_of_another_board_is_refused,
    a_refused_ticket_leaves_nothing_behind,
    bad_input_names_its_field,
    a_ticket_made_with_a_closed_status_is_closed,
    lists_are_newest_first_filtered_and_paged,
    a_change_is_published_with_its_cause,
    a_chain_that_is_too_long_is_refused_as_a_loop,
    seeding_twice_changes_nothing,
);

async fn numbers_have_neither_gaps_nor_doubles_under_concurrency(engine: &Engine) {
    let desk = desk(engine).await;
    let mut jobs = Vec::new();
    for number in 0..50 {
        let desk = desk.clone();
        jobs.push(tokio::spawn(async move {
            // Every fifth is refused after its number was drawn: that leaves no gap.
            match number % 5 {
                0 => desk.act_at_depth(CAUSATION_DEPTH_MAX, json!({"title": "one too many"})).await.map(drop),
                1 => desk.create(titled("by a person")).await.map(drop),
                _ => desk.act(json!({"title": "by a webhook"})).await.map(drop),
            }
        }));
    }
    let mut made = 0;
    for job in jobs {
        made += i64::from(job.await.unwrap().is_ok());
    }
    let numbers: BTreeSet<i64> = desk.list(Filter::default(), all()).await.iter().map(|ticket| ticket.ticket_number).collect();
    assert_eq!(made, 40);
    assert_eq!(numbers, (1..=40).collect());
}

async fn only_a_title_is_needed(engine: &Engine) {
    let desk = desk(engine).await;
    let done = desk.act(json!({"title": "Disk full"})).await.unwrap();
    assert_eq!((done.entity_type.as_str(), result_of(&done)), ("ticket", ("created".to_owned(), 1)));
    let ticket = desk.made(&done).await;
    assert_eq!(ticket.title, "Disk full");
    assert_eq!((ticket.status_name.as_str(), ticket.is_closed, ticket.closed_at), ("New", false, None));
    assert_eq!(ticket.priority_name, "Medium");
    assert_eq!(ticket.client_name.as_deref(), Some("General"));
    assert_eq!((ticket.ticket_origin.as_str(), ticket.source.as_str()), ("api", "webhook"));
    assert_eq!(ticket.entered_by, "webhook:alerts");
    assert_eq!(ticket.attributes["webhook"], "alerts");
    assert!(ticket.attributes["inbound_delivery_id"].as_str().unwrap().starts_with("ind_"));
    assert_eq!(desk.count("tenant_external_entity_mappings").await, 0, "no external id, no mapping");
}

async fn mapped_fields_are_the_tickets_fields(engine: &Engine) {
    let desk = desk(engine).await;
    let statuses = desk.statuses().await;
    let waiting = statuses.iter().find(|status| status.fields.name == "Waiting").unwrap();
    let user: hookswitch_domain::id::UserId = crate::engines::ambient().fresh();
    let insert = "INSERT INTO user_account (id, tenant, email, name, role, created_at, updated_at)
        VALUES ($1, $2, $3, 'Ann', 'operator', 0, 0)";
    desk.sql(insert, params![user, desk.tenant, user.to_string()]).await;
    let input = json!({
        "title": "Disk full", "description": "/var is at 97 %", "status_id": waiting.id.to_string(), "assigned_to": user.to_string(),
        "due_date": "2026-12-24", "external_id": "A-1", "attributes": {"host": "db1", "webhook": "forged"},
    });
    let ticket = desk.made(&desk.act(input).await.unwrap()).await;
    assert_eq!(ticket.description.as_deref(), Some("/var is at 97 %"));
    assert_eq!((ticket.status_id, ticket.assigned_to), (waiting.id, Some(user)));
    assert_eq!(ticket.due_date.unwrap().to_string(), "2026-12-24T00:00:00.000Z");
    assert_eq!((&ticket.attributes["host"], &ticket.attributes["webhook"]), (&json!("db1"), &json!("alerts")));
    assert_eq!(ticket.external_refs.len(), 1);
    assert_eq!(
        (ticket.external_refs[0].integration_type.as_str(), ticket.external_refs[0].external_id.as_str()),
        ("alerts", "A-1")
    );
}

async fn a_status_of_another_board_is_refused(engine: &Engine) {
    let desk = desk(engine).await;
    let (board, status) = desk.second_board().await;
    let first = desk.statuses().await.into_iter().find(|other| other.fields.board_id != board).unwrap();
    let (board_id, status_id) = (board.to_string(), status.to_string());
    assert_eq!(field(desk.act(json!({"title": "x", "status_id": status_id})).await), "status_id");
    assert_eq!(
        field(desk.act(json!({"title": "x", "board_id": board_id, "status_id": first.id.to_string()})).await),
        "status_id"
    );
    desk.act(json!({"title": "x", "board_id": board_id, "status_id": status_id})).await.unwrap();
    assert_eq!(desk.count("ticket").await, 1);
}

async fn a_refused_ticket_leaves_nothing_behind(engine: &Engine) {
    let desk = desk(engine).await;
    let board = "brd_00000000000000000000000000";
    assert_eq!(field(desk.act(json!({"title": "x", "external_id": "A-1", "board_id": board})).await), "board_id");
    for table in ["ticket", "tenant_external_entity_mappings", "event", "desk_counter"] {
        assert_eq!(desk.count(table).await, 0, "{table}");
    }
    let again = desk.act(json!({"title": "x", "external_id": "A-1"})).await.unwrap();
    assert_eq!(result_of(&again), ("created".to_owned(), 1));
}

async fn bad_input_names_its_field(engine: &Engine) {
    let desk = desk(engine).await;
    let long = "ä".repeat(TITLE_CHARS_MAX + 1);
    for (input, wrong) in [
        (json!({}), "title"),
        (json!({"title": "  "}), "title"),
        (json!({"title": "a\u{0}b"}), "title"),
        (json!({"title": long}), "title"),
        (json!({"title": "x", "description": "a\u{0}b"}), "description"),
        (json!({"title": "x", "description": "y".repeat(70_000)}), "description"),
        (json!({"title": "x", "client_id": "tkt_01h455vb4pex5vsknk084sn02q"}), "client_id"),
        (json!({"title": "x", "priority_id": "high"}), "priority_id"),
        (json!({"title": "x", "due_date": "tomorrow"}), "due_date"),
        (json!({"title": "x", "attributes": [1]}), "attributes"),
        (json!({"title": "x", "external_id": "e".repeat(256)}), "external_id"),
        (json!({"title": "x", "external_id": "\u{0}"}), "external_id"),
        (json!({"title": "x", "client_external_id": "\u{0}"}), "client_external_id"),
        (json!({"title": "x", "on_existing": "merge"}), "on_existing"),
    ] {
        assert_eq!(field(desk.act(input.clone()).await), wrong, "{input}");
    }
    assert_eq!(desk.count("ticket").await, 0);
}

async fn a_ticket_made_with_a_closed_status_is_closed(engine: &Engine) {
    let desk = desk(engine).await;
    let closed = desk.statuses().await.into_iter().find(|status| status.fields.is_closed).unwrap();
    let asked = NewTicket { status_id: Some(closed.id), ..titled("done already") };
    let ticket = desk.create(asked).await.unwrap();
    assert!(ticket.is_closed && ticket.closed_at == Some(ticket.entered_at));
    assert_eq!((ticket.ticket_origin.as_str(), ticket.source.as_str()), ("internal", "person"));
    assert_eq!(desk.ticket(ticket.id).await, Some(ticket), "what is answered is what is stored");
}

async fn lists_are_newest_first_filtered_and_paged(engine: &Engine) {
    let desk = desk(engine).await;
    let closed = desk.statuses().await.into_iter().find(|status| status.fields.is_closed).unwrap();
    for number in 0..7 {
        let mut input = json!({"title": number.to_string(), "external_id": format!("A-{number}")});
        if number == 3 {
            input["status_id"] = json!(closed.id.to_string());
        }
        desk.act(input).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let mut page = desk.list(Filter::default(), Page { after, ..Page::first(3) }).await;
        // One more than asked for says that another page follows.
        page.truncate(3);
        let Some(last) = page.last() else { break };
        after = Some(last.id.uuid());
        seen.extend(page.into_iter().map(|ticket| ticket.id));
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|one, two| one > two), "newest first, none twice");
    let titles = |tickets: Vec<hookswitch_desk::ticket::Ticket>| -> Vec<String> {
        tickets.into_iter().map(|ticket| ticket.title).collect()
    };
    let by_status = Filter { status_id: Some(closed.id), ..Filter::default() };
    assert_eq!(titles(desk.list(by_status, all()).await), ["3"]);
    let by_external = Filter { external_id: Some("A-5".to_owned()), ..Filter::default() };
    assert_eq!(titles(desk.list(by_external, all()).await), ["5"]);
    let unknown = Filter { external_id: Some("A-9".to_owned()), ..Filter::default() };
    assert!(desk.list(unknown, all()).await.is_empty());
    let later = crate::engines::ambient().now().plus(std::time::Duration::from_secs(60));
    assert!(desk.list(Filter::default(), Page { from: Some(later), ..all() }).await.is_empty());
    assert_eq!(desk.list(Filter::default(), Page { to: Some(later), ..all() }).await.len(), 7);
}

async fn a_change_is_published_with_its_cause(engine: &Engine) {
    let desk = desk(engine).await;
    let ticket = desk.made(&desk.act(json!({"title": "Disk full"})).await.unwrap()).await;
    assert_eq!(desk.events().await, ["ticket.created"]);
    let mut row = desk.sql("SELECT payload, meta FROM event WHERE tenant = $1", params![desk.tenant]).await.remove(0);
    let payload: serde_json::Value = serde_json::from_slice(&row.get::<Vec<u8>>(0).unwrap()).unwrap();
    assert_eq!(payload, json!({ "ticket": ticket }));
    let meta: String = row.get(1).unwrap();
    let cause = ticket.attributes["inbound_delivery_id"].as_str().unwrap();
    assert!(meta.contains(cause) && meta.contains(&ticket.id.to_string()), "{meta}");
}

async fn a_chain_that_is_too_long_is_refused_as_a_loop(engine: &Engine) {
    let desk = desk(engine).await;
    desk.act_at_depth(CAUSATION_DEPTH_MAX - 1, json!({"title": "the last link"})).await.unwrap();
    let refused = desk.act_at_depth(CAUSATION_DEPTH_MAX, json!({"title": "one too many", "external_id": "A-1"})).await;
    assert!(matches!(refused, Err(ActionError::Rule { code: "causation_loop", .. })), "{refused:?}");
    assert_eq!((desk.count("ticket").await, desk.count("tenant_external_entity_mappings").await), (1, 0));
}

async fn seeding_twice_changes_nothing(engine: &Engine) {
    let desk = desk(engine).await;
    desk.write(|tx| Box::pin(hookswitch_desk::seed_tenant(tx, &crate::engines::TestAmbient))).await.unwrap();
    for (table, rows) in [("board", 1), ("status", 4), ("priority", 4), ("client", 1)] {
        assert_eq!(desk.count(table).await, rows, "{table}");
    }
    let twice = desk.write(|tx| {
        Box::pin(async move {
            tx.execute("UPDATE status SET is_default = TRUE WHERE tenant = $1", params![tx.tenant()]).await?;
            Ok::<_, ActionError>(())
        })
    });
    assert!(twice.await.is_err(), "a board has one default status");
}
