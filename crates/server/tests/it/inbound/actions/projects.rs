//! Tasks of projects.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::Desk;
use crate::engines::Engine;
use crate::on_both_engines;

async fn parts(desk: &Desk, noun: &str, project: &Value) -> Vec<Value> {
    desk.list(&format!("{noun}?limit=100&project_id={}", project["id"].as_str().unwrap())).await
}

async fn a_task_goes_into_the_first_phase_unless_it_says_otherwise(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let project = desk.make("projects", json!({"project_name": "New office"})).await;
    let other = desk.make("projects", json!({"project_name": "Other"})).await;
    desk.link("pm", "project", &project["id"], "p-1").await;
    let second =
        desk.make("project-phases", json!({"project_id": project["id"], "phase_name": "Later", "order_number": 2})).await;
    let fields = ["project_id", "project_external_id", "phase_id", "task_name", "estimated_hours", "due_date", "external_id"];
    let hook = desk.hook("pm", "createProjectTask", &fields).await;
    let made = desk
        .does(
            &hook,
            json!({"project_external_id": "p-1", "task_name": "Cable", "estimated_hours": "2.5", "due_date": "2031-01-31"}),
        )
        .await;
    let task = desk.read("project-tasks", &made["entity_id"]).await;
    let first =
        parts(&desk, "project-phases", &project).await.into_iter().find(|phase| phase["phase_name"] == "Phase 1").unwrap();
    let to_do = parts(&desk, "project-statuses", &project).await.into_iter().find(|status| status["name"] == "To do").unwrap();
    assert_eq!((&task["project_id"], &task["phase_id"]), (&project["id"], &first["id"]));
    assert_eq!((&task["project_status_mapping_id"], &task["task_type_key"]), (&to_do["id"], &json!("task")));
    assert_eq!((&task["estimated_hours"], &task["due_date"]), (&json!(2.5), &json!("2031-01-31T00:00:00.000Z")));
    let named = json!({"project_id": project["id"], "phase_id": second["id"], "task_name": "Paint", "external_id": "t-1"});
    let made = desk.does(&hook, named.clone()).await;
    assert_eq!(desk.read("project-tasks", &made["entity_id"]).await["phase_id"], second["id"]);
    assert_eq!(desk.does(&hook, named).await["result"], "unchanged");
    let foreign = parts(&desk, "project-phases", &other).await.remove(0);
    for (field, body) in [
        ("phase_id", json!({"project_id": project["id"], "phase_id": foreign["id"], "task_name": "x", "external_id": "t-2"})),
        ("project_id", json!({"task_name": "x"})),
        ("project_id", json!({"project_id": "prj_01jd8r7c5tevzs9c1ghvzv3hkp", "task_name": "x", "external_id": "t-2"})),
        ("project_external_id", json!({"project_id": other["id"], "project_external_id": "p-1", "task_name": "x"})),
        ("task_name", json!({"project_id": project["id"]})),
    ] {
        desk.names(&hook, body, field).await;
    }
    desk.refuses(&hook, json!({"project_external_id": "p-2", "task_name": "x"}), 422, "lookup_miss").await;
    assert_eq!((desk.list("project-tasks").await.len(), desk.list("external-mappings").await.len()), (2, 2));
}

async fn a_tasks_status_is_its_projects(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let project = desk.make("projects", json!({"project_name": "New office"})).await;
    let other = desk.make("projects", json!({"project_name": "Other"})).await;
    let task = desk.make("project-tasks", json!({"project_id": project["id"], "task_name": "Cable"})).await;
    desk.link("pm", "project_task", &task["id"], "t-1").await;
    let hook = desk.hook("pm", "updateProjectTaskStatusByExternalId", &["external_id", "project_status_mapping_id"]).await;
    let done = parts(&desk, "project-statuses", &project).await.into_iter().find(|status| status["name"] == "Done").unwrap();
    let foreign = parts(&desk, "project-statuses", &other).await.remove(0);
    let field = "project_status_mapping_id";
    desk.names(&hook, json!({"external_id": "t-1", "project_status_mapping_id": foreign["id"]}), field).await;
    desk.names(&hook, json!({"external_id": "t-1"}), field).await;
    desk.refuses(&hook, json!({"external_id": "t-2", "project_status_mapping_id": done["id"]}), 422, "lookup_miss").await;
    assert_eq!(desk.read("project-tasks", &task["id"]).await["version"], 1);
    desk.does(&hook, json!({"external_id": "t-1", "project_status_mapping_id": done["id"]})).await;
    assert_eq!(desk.read("project-tasks", &task["id"]).await[field], done["id"]);
    assert_eq!(desk.events("project.task.status_changed").await, 1);
}

on_both_engines!(a_task_goes_into_the_first_phase_unless_it_says_otherwise, a_tasks_status_is_its_projects);
