//! One tenant's desk is as good as empty to another.

use hookswitch_desk::board::{Board, Priority, Status};
use hookswitch_desk::client::Client;
use hookswitch_desk::mapping::{External, TICKET, store};
use hookswitch_desk::record::{self, Filters};
use hookswitch_desk::ticket::Filter;
use hookswitch_store::{StoreError, params};
use serde_json::json;

use crate::engines::{Engine, ambient};
pub use crate::fixture::COMPONENTS;
use crate::fixture::{Desk, WEBHOOK, all, desk, field, result_of};

crate::on_both_engines!(
    another_tenants_records_are_not_seen,
    another_tenants_records_cant_be_named,
    numbers_and_external_ids_are_the_tenants_own,
);

async fn another_tenants_records_are_not_seen(engine: &Engine) {
    let (ours, theirs) = (desk(engine).await, desk(engine).await);
    let ticket = theirs.made(&theirs.act(json!({"title": "x", "external_id": "A-1"})).await.unwrap()).await;
    assert_eq!(ours.ticket(ticket.id).await, None);
    assert!(ours.list(Filter::default(), all()).await.is_empty());
    assert!(ours.list(Filter { external_id: Some("A-1".to_owned()), ..Filter::default() }, all()).await.is_empty());
    let (board, status, priority, client) = (ticket.board_id, ticket.status_id, ticket.priority_id, ticket.client_id.unwrap());
    let seen = ours.write(move |tx| {
        Box::pin(async move {
            let external = External::new(WEBHOOK, TICKET, "A-1");
            Ok::<_, StoreError>([
                record::get::<Board>(tx, board).await?.is_some(),
                record::get::<Status>(tx, status).await?.is_some(),
                record::get::<Priority>(tx, priority).await?.is_some(),
                record::get::<Client>(tx, client).await?.is_some(),
                store::find(tx, &external).await?.is_some(),
                !store::list(tx, &store::Filter::default(), &all()).await?.is_empty(),
                record::store::list::<Board>(tx, &Filters::default(), &all()).await?.len() != 1,
                record::held::<Client>(tx, client).await?.is_some(),
                record::store::list::<Client>(tx, &Filters::default(), &all()).await?.len() != 1,
            ])
        })
    });
    assert_eq!(seen.await.unwrap(), [false; 9]);
}

async fn user(desk: &Desk, disabled: bool) -> String {
    let id: hookswitch_domain::id::UserId = ambient().fresh();
    let insert = "INSERT INTO user_account (id, tenant, email, name, role, disabled, created_at, updated_at)
        VALUES ($1, $2, $3, 'Ann', 'operator', $4, 0, 0)";
    desk.sql(insert, params![id, desk.tenant, id.to_string(), disabled]).await;
    id.to_string()
}

async fn another_tenants_records_cant_be_named(engine: &Engine) {
    let (ours, theirs) = (desk(engine).await, desk(engine).await);
    let ticket = theirs.made(&theirs.act(json!({"title": "x"})).await.unwrap()).await;
    let category =
        theirs.sql("SELECT id FROM category WHERE tenant = $1", params![theirs.tenant]).await.remove(0).get(0).unwrap();
    let category = hookswitch_desk::id::CategoryId(category).to_string();
    for (name, id) in [
        ("client_id", ticket.client_id.unwrap().to_string()),
        ("board_id", ticket.board_id.to_string()),
        ("status_id", ticket.status_id.to_string()),
        ("priority_id", ticket.priority_id.to_string()),
        ("category_id", category),
        ("assigned_to", user(&theirs, false).await),
        ("assigned_to", user(&ours, true).await),
    ] {
        assert_eq!(field(ours.act(json!({"title": "x", name: id})).await), name);
    }
    let assigned = json!({"title": "x", "assigned_to": user(&ours, false).await});
    ours.act(assigned).await.unwrap();
}

async fn numbers_and_external_ids_are_the_tenants_own(engine: &Engine) {
    for desk in [desk(engine).await, desk(engine).await] {
        let done = desk.act(json!({"title": "x", "external_id": "A-1"})).await.unwrap();
        assert_eq!(result_of(&done), ("created".to_owned(), 1));
    }
}
