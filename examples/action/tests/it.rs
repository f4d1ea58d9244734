//! The example's action beside the desk's, on both engines.

#[allow(dead_code, reason = "shared with the store's own suite")]
#[path = "../../../crates/store/tests/it/engines.rs"]
mod engines;
#[allow(dead_code, reason = "shared with the desk's own suite")]
#[path = "../../../crates/desk/tests/it/fixture.rs"]
mod fixture;

use hookswitch_pipeline::inbound::action::{ActionError, Registry};
use hookswitch_store::{Component, STORE};
use serde_json::json;

use engines::Engine;
use fixture::{desk, field};

const COMPONENTS: &[Component] = &[STORE, hookswitch_desk::COMPONENT, hookswitch_example_action::COMPONENT];

on_both_engines!(a_host_adds_an_action_without_changing_the_gateway, what_it_refuses_leaves_nothing_behind);

fn registry() -> Registry {
    let mut registry = Registry::default();
    hookswitch_desk::register(&mut registry).unwrap();
    hookswitch_example_action::register(&mut registry).unwrap();
    registry
}

#[test]
fn it_is_listed_beside_the_desks() {
    let registry = registry();
    let names: Vec<_> = registry.definitions().iter().map(|definition| (definition.entity_type, definition.name)).collect();
    assert!(names.contains(&("visitor", "countVisit")) && names.contains(&("ticket", "createTicket")));
    let mut again = registry;
    assert!(hookswitch_example_action::register(&mut again).is_err(), "a name is an action's own");
}

async fn a_host_adds_an_action_without_changing_the_gateway(engine: &Engine) {
    let desk = desk(engine).await;
    for (visits, result) in [(1, "created"), (2, "updated")] {
        let done = desk.run_of(&registry(), "countVisit", 0, json!({"visitor": "ann"})).await.unwrap();
        assert_eq!((done.result.as_str(), done.entity_id.as_str(), &done.more["visits"]), (result, "ann", &json!(visits)));
    }
    assert_eq!(desk.events().await, ["visitor.came", "visitor.came"]);
}

async fn what_it_refuses_leaves_nothing_behind(engine: &Engine) {
    let desk = desk(engine).await;
    assert_eq!(field(desk.run_of(&registry(), "countVisit", 0, json!({"visitor": " "})).await), "visitor");
    let loops =
        desk.run_of(&registry(), "countVisit", hookswitch_domain::event::CAUSATION_DEPTH_MAX, json!({"visitor": "ann"})).await;
    assert!(matches!(loops, Err(ActionError::Rule { code: "causation_loop", .. })), "{loops:?}");
    assert_eq!((desk.count("visitor").await, desk.events().await.len()), (0, 0));
}
