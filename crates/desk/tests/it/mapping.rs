//! External mappings: both unique rules, and what a search prefers.

use hookswitch_desk::client::Client;
use hookswitch_desk::mapping::{CLIENT, External, LinkError, TICKET, entity, link, store};
use hookswitch_desk::record;
use hookswitch_desk::{Change, id::ClientId};
use hookswitch_domain::audit::Actor;
use hookswitch_pipeline::inbound::action::ActionError;
use serde_json::{Map, json};

use crate::engines::{Engine, TestAmbient};
pub use crate::fixture::COMPONENTS;
use crate::fixture::{Desk, WEBHOOK, all, desk, field};

crate::on_both_engines!(
    an_external_id_names_one_record_and_a_record_has_one,
    realms_are_id_spaces_of_their_own,
    each_destination_keeps_what_it_made_of_a_record,
    a_client_is_found_by_the_senders_id_or_missed,
    mappings_are_listed_by_what_they_map,
    only_records_of_the_tenant_can_be_mapped,
);

fn ticket(external_id: &str, realm: Option<&str>) -> External {
    External { realm: realm.map(str::to_owned), ..External::new(WEBHOOK, TICKET, external_id) }
}

async fn join(desk: &Desk, external: External, entity: &'static str) -> Result<(), LinkError> {
    desk.write(move |tx| Box::pin(async move { link(tx, &TestAmbient, &external, entity, Map::new()).await })).await
}

async fn found(desk: &Desk, external: External) -> Option<String> {
    desk.write(move |tx| Box::pin(async move { store::find(tx, &external).await })).await.unwrap()
}

async fn an_external_id_names_one_record_and_a_record_has_one(engine: &Engine) {
    let desk = desk(engine).await;
    join(&desk, ticket("A-1", None), "tkt_a").await.unwrap();
    join(&desk, ticket("A-1", None), "tkt_a").await.unwrap();
    assert_eq!(desk.count("tenant_external_entity_mappings").await, 1, "the same pair again changes nothing");
    let taken = join(&desk, ticket("A-1", None), "tkt_b").await;
    assert!(matches!(taken, Err(LinkError::Taken { entity_id }) if entity_id == "tkt_a"));
    join(&desk, ticket("A-2", None), "tkt_a").await.unwrap();
    assert_eq!(found(&desk, ticket("A-1", None)).await, None, "a record has one external id per integration");
    assert_eq!(found(&desk, ticket("A-2", None)).await.as_deref(), Some("tkt_a"));
    let elsewhere = External::new("other", TICKET, "A-2");
    assert_eq!(found(&desk, elsewhere.clone()).await, None, "another integration's ids are other ids");
    join(&desk, elsewhere, "tkt_b").await.unwrap();
}

async fn realms_are_id_spaces_of_their_own(engine: &Engine) {
    let desk = desk(engine).await;
    join(&desk, ticket("7", Some("north")), "tkt_north").await.unwrap();
    assert_eq!(found(&desk, ticket("7", None)).await.as_deref(), Some("tkt_north"), "no realm looks in all");
    join(&desk, ticket("7", Some("south")), "tkt_south").await.unwrap();
    join(&desk, ticket("7", None), "tkt_none").await.unwrap();
    assert_eq!(found(&desk, ticket("7", None)).await.as_deref(), Some("tkt_none"), "and prefers what has none");
    assert_eq!(found(&desk, ticket("7", Some("south"))).await.as_deref(), Some("tkt_south"));
    assert_eq!(found(&desk, ticket("7", Some("west"))).await, None);
    assert!(matches!(join(&desk, ticket("7", Some("south")), "tkt_x").await, Err(LinkError::Taken { .. })));
}

async fn each_destination_keeps_what_it_made_of_a_record(engine: &Engine) {
    let desk = desk(engine).await;
    let made = |by: &str, id: &str| External { realm: Some(by.to_owned()), ..External::new("jira", TICKET, id) };
    join(&desk, made("dst_north", "OPS-1"), "tkt_a").await.unwrap();
    join(&desk, made("dst_south", "OPS-1"), "tkt_a").await.unwrap();
    join(&desk, made("dst_south", "OPS-2"), "tkt_a").await.unwrap();
    assert_eq!(desk.count("tenant_external_entity_mappings").await, 2);
    assert_eq!(found(&desk, made("dst_north", "OPS-1")).await.as_deref(), Some("tkt_a"));
    assert_eq!(found(&desk, made("dst_south", "OPS-2")).await.as_deref(), Some("tkt_a"), "made anew, it is the new one");
    assert_eq!(found(&desk, made("dst_south", "OPS-1")).await, None);
    join(&desk, ticket("9", Some("north")), "tkt_a").await.unwrap();
    join(&desk, ticket("8", Some("south")), "tkt_a").await.unwrap();
    assert_eq!(
        found(&desk, ticket("9", Some("north"))).await,
        None,
        "a sender's ids are one per integration, whatever the realm"
    );
}

async fn only_records_of_the_tenant_can_be_mapped(engine: &Engine) {
    let (ours, theirs) = (desk(engine).await, desk(engine).await);
    let (acme, stranger) = (client(&ours, "Acme").await, client(&theirs, "Stranger").await);
    assert_eq!(ours.events().await, ["client.created"]);
    let mappable = async |kind: &'static str, id: String| {
        let checked = ours.write(move |tx| Box::pin(async move { entity(tx, kind, &id).await }));
        checked.await
    };
    assert_eq!(mappable("client", acme.to_string()).await.unwrap(), CLIENT);
    for (kind, id, wrong) in [
        ("client", stranger.to_string(), "alga_entity_id"),
        ("ticket", acme.to_string(), "alga_entity_id"),
        ("planet", acme.to_string(), "alga_entity_type"),
    ] {
        assert_eq!(field(mappable(kind, id).await), wrong);
    }
}

async fn client(desk: &Desk, name: &'static str) -> ClientId {
    let publisher = desk.publisher.clone();
    let made = desk.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(Actor::Operator, &TestAmbient, &publisher);
            let given = Map::from_iter([("client_name".to_owned(), name.into())]);
            record::create::<Client>(tx, &change, &given).await
        })
    });
    made.await.unwrap().id
}

async fn a_client_is_found_by_the_senders_id_or_missed(engine: &Engine) {
    let desk = desk(engine).await;
    let (acme, other) = (client(&desk, "Acme").await, client(&desk, "Other").await);
    let link_acme = desk.write(move |tx| {
        Box::pin(async move {
            let external = External::new(WEBHOOK, CLIENT, "c-1");
            link(tx, &TestAmbient, &external, &acme.to_string(), Map::new()).await
        })
    });
    link_acme.await.unwrap();
    let done = desk.act(json!({"title": "x", "client_external_id": "c-1"})).await.unwrap();
    assert_eq!(desk.made(&done).await.client_name.as_deref(), Some("Acme"));
    let missed = desk.act(json!({"title": "x", "client_external_id": "c-2"})).await;
    assert!(matches!(missed, Err(ActionError::LookupMiss { entity_type: "client", external_id }) if external_id == "c-2"));
    let both = json!({"title": "x", "client_external_id": "c-1", "client_id": other.to_string()});
    assert_eq!(field(desk.act(both).await), "client_external_id");
    assert_eq!(desk.count("ticket").await, 1);
}

async fn mappings_are_listed_by_what_they_map(engine: &Engine) {
    let desk = desk(engine).await;
    desk.act(json!({"title": "x", "external_id": "A-1"})).await.unwrap();
    join(&desk, External::new("other", CLIENT, "A-1"), "cli_a").await.unwrap();
    let list = async |filter: store::Filter| {
        let listed = desk.write(move |tx| Box::pin(async move { store::list(tx, &filter, &all()).await }));
        listed.await.unwrap().into_iter().map(|mapping| mapping.alga_entity_type).collect::<Vec<_>>()
    };
    let written =
        desk.write(|tx| Box::pin(async move { store::list(tx, &store::Filter::default(), &all()).await })).await.unwrap();
    let ticket = written.iter().find(|mapping| mapping.alga_entity_type == TICKET).unwrap();
    assert_eq!((ticket.integration_type.as_str(), ticket.sync_status.as_str()), (WEBHOOK, "synced"));
    assert!(ticket.metadata["inbound_delivery_id"].as_str().unwrap().starts_with("ind_"), "it says where it came from");
    let by = store::Filter { external_id: Some("A-1".to_owned()), ..store::Filter::default() };
    assert_eq!(list(by.clone()).await.len(), 2);
    assert_eq!(list(store::Filter { integration_type: Some("other".to_owned()), ..by.clone() }).await, ["client"]);
    assert_eq!(list(store::Filter { entity_type: Some("ticket".to_owned()), ..by }).await, ["ticket"]);
    assert!(list(store::Filter { entity_id: Some("cli_b".to_owned()), ..store::Filter::default() }).await.is_empty());
}
