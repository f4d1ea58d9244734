//! What becomes of an external id that is known.

use hookswitch_desk::ticket::{Filter, Ticket, store};
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::params;
use serde_json::json;

use crate::engines::Engine;
pub use crate::fixture::COMPONENTS;
use crate::fixture::{Desk, all, desk, result_of};

crate::on_both_engines!(
    the_known_ticket_is_returned_unchanged_by_default,
    comment_adds_the_description,
    reopen_opens_what_is_closed_and_nothing_else,
    fail_is_a_rule_of_the_ticket,
    one_external_id_at_once_makes_one_ticket,
);

async fn first(desk: &Desk) -> Ticket {
    let done = desk.act(json!({"title": "first", "description": "one", "external_id": "A-1"})).await.unwrap();
    assert_eq!(result_of(&done), ("created".to_owned(), 1));
    desk.made(&done).await
}

async fn close(desk: &Desk, ticket: &Ticket) {
    let closed = desk.statuses().await.into_iter().find(|status| status.fields.is_closed).unwrap();
    let text = "UPDATE ticket SET status_id = $3, closed_at = 5 WHERE id = $1 AND tenant = $2";
    desk.sql(text, params![ticket.id, desk.tenant, closed.id]).await;
}

async fn the_known_ticket_is_returned_unchanged_by_default(engine: &Engine) {
    let desk = desk(engine).await;
    let ticket = first(&desk).await;
    for on_existing in [json!(null), json!("return")] {
        let mut input = json!({"title": "second", "external_id": "A-1"});
        if on_existing.is_string() {
            input["on_existing"] = on_existing;
        }
        let done = desk.act(input).await.unwrap();
        assert_eq!(result_of(&done), ("unchanged".to_owned(), 1));
        assert_eq!(desk.made(&done).await, ticket);
    }
    assert_eq!(desk.events().await, ["ticket.created"], "nothing happened, nothing is told");
}

async fn comment_adds_the_description(engine: &Engine) {
    let desk = desk(engine).await;
    let ticket = first(&desk).await;
    let input = json!({"title": "second", "description": "two", "external_id": "A-1", "on_existing": "comment"});
    let done = desk.act(input).await.unwrap();
    assert_eq!((done.entity_id.clone(), result_of(&done)), (ticket.id.to_string(), ("updated".to_owned(), 1)));
    let id = ticket.id;
    let comments = desk.write(move |tx| Box::pin(async move { store::comments(tx, id, &all()).await })).await.unwrap();
    assert_eq!(comments.len(), 1);
    assert_eq!((comments[0].note.as_str(), comments[0].author.as_str()), ("two", "webhook:alerts"));
    assert!(comments[0].is_internal, "clients don't see what a machine wrote");
    assert_eq!(desk.events().await, ["ticket.comment.added", "ticket.created"]);
    assert_eq!(desk.ticket(ticket.id).await, Some(ticket));
}

async fn reopen_opens_what_is_closed_and_nothing_else(engine: &Engine) {
    let desk = desk(engine).await;
    let ticket = first(&desk).await;
    let input = json!({"title": "again", "external_id": "A-1", "on_existing": "reopen"});
    assert_eq!(result_of(&desk.act(input.clone()).await.unwrap()), ("unchanged".to_owned(), 1));
    close(&desk, &ticket).await;
    assert_eq!(result_of(&desk.act(input.clone()).await.unwrap()), ("updated".to_owned(), 1));
    let open = desk.ticket(ticket.id).await.unwrap();
    assert_eq!((open.status_name.as_str(), open.is_closed, open.closed_at), ("New", false, None));
    assert_eq!(result_of(&desk.act(input).await.unwrap()), ("unchanged".to_owned(), 1));
    assert_eq!(desk.events().await, ["ticket.created", "ticket.status_changed", "ticket.updated"]);
}

async fn fail_is_a_rule_of_the_ticket(engine: &Engine) {
    let desk = desk(engine).await;
    first(&desk).await;
    let refused = desk.act(json!({"title": "again", "external_id": "A-1", "on_existing": "fail"})).await;
    assert!(matches!(refused, Err(ActionError::Rule { code: "already_exists", .. })), "{refused:?}");
    let other = desk.act(json!({"title": "again", "external_id": "A-2", "on_existing": "fail"})).await.unwrap();
    assert_eq!(result_of(&other), ("created".to_owned(), 2));
}

async fn one_external_id_at_once_makes_one_ticket(engine: &Engine) {
    let desk = desk(engine).await;
    let jobs = (0..20).map(|_| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.act(json!({"title": "the same", "external_id": "A-1"})).await.unwrap() })
    });
    let jobs: Vec<_> = jobs.collect();
    let mut results = Vec::new();
    for job in jobs {
        results.push(result_of(&job.await.unwrap()));
    }
    assert!(results.iter().all(|(_, number)| *number == 1));
    assert_eq!(results.iter().filter(|(result, _)| result == "created").count(), 1);
    assert_eq!(desk.list(Filter::default(), all()).await.len(), 1);
}
