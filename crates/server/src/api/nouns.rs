//! The nouns of the desk that are records and nothing more: one line each. What they do is in
//! `records.rs`, what holds of them with their entities.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::body::Json;
use super::caller::Caller;
use super::list::{Listed, PageParams};
use super::path::Id;
use super::problem::Problem;
use super::records::{self, Application, Asked, Body, FiltersOf, FormBody, IfMatch};

/// `noun!(clients, Client, "/api/v1/clients", ("listClients", ...), "clients")`: five operations.
macro_rules! noun {
    ($module:ident, $entity:ty, $path:tt, $one_path:tt, $one:tt, ($list:tt, $get:tt, $create:tt, $change:tt, $remove:tt)) => {
        pub mod $module {
            use super::*;
            use hookswitch_desk::record::{Form, Patch, Record};

            type Subject = $entity;
            type Shown = Record<Subject>;
            type Given = Form<Subject>;
            type Changed = Patch<Subject>;
            type SubjectId = <Subject as hookswitch_desk::record::Entity>::Id;

            #[utoipa::path(get, path = $path, operation_id = $list, summary = concat!("List these records: ", $one, ". Newest first."), tag = "desk", params(PageParams, FiltersOf<Subject>),
                responses((status = 200, description = "A page", body = Listed<Shown>)),
                extensions(("x-permission" = json!("desk:read"))))]
            pub async fn list(caller: Caller, asked: Asked) -> Result<Answer<Listed<Value>>, Problem> {
                records::list::<Subject>(caller, asked).await
            }

            #[utoipa::path(get, path = $one_path, operation_id = $get, summary = concat!("Show one: ", $one, "."), tag = "desk", params(("id" = String, Path, description = "Its id")),
                responses((status = 200, description = "The record; its ETag is its version", body = Shown)),
                extensions(("x-permission" = json!("desk:read"))))]
            pub async fn get(caller: Caller, Id(id): Id<SubjectId>) -> Result<Response, Problem> {
                records::get::<Subject>(caller, id).await
            }

            #[utoipa::path(post, path = $path, operation_id = $create, summary = concat!("Create one: ", $one, ". It is published."), tag = "desk", request_body = Given,
                responses((status = 201, description = "Created", body = Shown)),
                extensions(("x-permission" = json!("desk:write"))))]
            pub async fn create(State(app): Application, caller: Caller, asked: FormBody) -> Result<Response, Problem> {
                records::create::<Subject>(app, caller, asked).await
            }

            #[utoipa::path(patch, path = $one_path, operation_id = $change, summary = concat!("Change one: ", $one, ". What is left out stays; what changed is published."), tag = "desk", request_body = Changed,
                params(("id" = String, Path, description = "Its id"), ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for")),
                responses((status = 200, description = "The record as it is now", body = Shown),
                    (status = 409, description = "It is at another version than the body names"),
                    (status = 412, description = "It is at another version than If-Match names")),
                extensions(("x-permission" = json!("desk:write"))))]
            pub async fn change(State(app): Application, caller: Caller, Id(id): Id<SubjectId>, wanted: IfMatch, Json(given): Body) -> Result<Response, Problem> {
                records::change::<Subject>(app, caller, id, wanted, given).await
            }

            #[utoipa::path(delete, path = $one_path, operation_id = $remove, summary = concat!("Remove one: ", $one, ". What other records name stays."), tag = "desk",
                params(("id" = String, Path, description = "Its id"), ("If-Match" = Option<String>, Header, description = "The ETag that the removal is meant for")),
                responses((status = 204, description = "Removed"), (status = 409, description = "Something else names it"),
                    (status = 412, description = "It is at another version than If-Match names")),
                extensions(("x-permission" = json!("desk:write"))))]
            pub async fn remove(State(app): Application, caller: Caller, Id(id): Id<SubjectId>, wanted: IfMatch) -> Result<StatusCode, Problem> {
                records::remove::<Subject>(app, caller, id, wanted).await
            }
        }
    };
}

noun!(
    clients,
    hookswitch_desk::client::Client,
    "/api/v1/clients",
    "/api/v1/clients/{id}",
    "a client, whom tickets are for",
    ("listClients", "getClient", "createClient", "changeClient", "removeClient")
);
noun!(
    locations,
    hookswitch_desk::location::Location,
    "/api/v1/locations",
    "/api/v1/locations/{id}",
    "a client's location",
    ("listLocations", "getLocation", "createLocation", "changeLocation", "removeLocation")
);
noun!(
    contacts,
    hookswitch_desk::contact::Contact,
    "/api/v1/contacts",
    "/api/v1/contacts/{id}",
    "a contact, somebody at a client",
    ("listContacts", "getContact", "createContact", "changeContact", "removeContact")
);
noun!(
    teams,
    hookswitch_desk::team::Team,
    "/api/v1/teams",
    "/api/v1/teams/{id}",
    "a team",
    ("listTeams", "getTeam", "createTeam", "changeTeam", "removeTeam")
);
noun!(
    boards,
    hookswitch_desk::board::Board,
    "/api/v1/boards",
    "/api/v1/boards/{id}",
    "a board, where tickets lie",
    ("listBoards", "getBoard", "createBoard", "changeBoard", "removeBoard")
);
noun!(
    statuses,
    hookswitch_desk::board::Status,
    "/api/v1/statuses",
    "/api/v1/statuses/{id}",
    "a status of a board's tickets",
    ("listStatuses", "getStatus", "createStatus", "changeStatus", "removeStatus")
);
noun!(
    priorities,
    hookswitch_desk::board::Priority,
    "/api/v1/priorities",
    "/api/v1/priorities/{id}",
    "a priority",
    ("listPriorities", "getPriority", "createPriority", "changePriority", "removePriority")
);
noun!(
    categories,
    hookswitch_desk::board::Category,
    "/api/v1/categories",
    "/api/v1/categories/{id}",
    "a category of tickets",
    ("listCategories", "getCategory", "createCategory", "changeCategory", "removeCategory")
);
noun!(
    assets,
    hookswitch_desk::asset::Asset,
    "/api/v1/assets",
    "/api/v1/assets/{id}",
    "an asset",
    ("listAssets", "getAsset", "createAsset", "changeAsset", "removeAsset")
);
noun!(
    invoices,
    hookswitch_desk::invoice::Invoice,
    "/api/v1/invoices",
    "/api/v1/invoices/{id}",
    "an invoice",
    ("listInvoices", "getInvoice", "createInvoice", "changeInvoice", "removeInvoice")
);
noun!(
    services,
    hookswitch_desk::service::Service,
    "/api/v1/services",
    "/api/v1/services/{id}",
    "a service that time is booked on",
    ("listServices", "getService", "createService", "changeService", "removeService")
);
noun!(
    time_periods,
    hookswitch_desk::time::TimePeriod,
    "/api/v1/time-periods",
    "/api/v1/time-periods/{id}",
    "a time period",
    ("listTimePeriods", "getTimePeriod", "createTimePeriod", "changeTimePeriod", "removeTimePeriod")
);
noun!(
    time_sheets,
    hookswitch_desk::time::TimeSheet,
    "/api/v1/time-sheets",
    "/api/v1/time-sheets/{id}",
    "a person's time sheet for a period",
    ("listTimeSheets", "getTimeSheet", "createTimeSheet", "changeTimeSheet", "removeTimeSheet")
);
noun!(
    time_entries,
    hookswitch_desk::time::TimeEntry,
    "/api/v1/time-entries",
    "/api/v1/time-entries/{id}",
    "a time entry",
    ("listTimeEntries", "getTimeEntry", "createTimeEntry", "changeTimeEntry", "removeTimeEntry")
);
noun!(
    projects,
    hookswitch_desk::project::Project,
    "/api/v1/projects",
    "/api/v1/projects/{id}",
    "a project",
    ("listProjects", "getProject", "createProject", "changeProject", "removeProject")
);
noun!(
    phases,
    hookswitch_desk::project::Phase,
    "/api/v1/project-phases",
    "/api/v1/project-phases/{id}",
    "a phase of a project",
    ("listProjectPhases", "getProjectPhase", "createProjectPhase", "changeProjectPhase", "removeProjectPhase")
);
noun!(
    project_statuses,
    hookswitch_desk::project::ProjectStatus,
    "/api/v1/project-statuses",
    "/api/v1/project-statuses/{id}",
    "a status that a project's tasks may have",
    ("listProjectStatuses", "getProjectStatus", "createProjectStatus", "changeProjectStatus", "removeProjectStatus")
);
noun!(
    project_tasks,
    hookswitch_desk::project::ProjectTask,
    "/api/v1/project-tasks",
    "/api/v1/project-tasks/{id}",
    "a task of a project",
    ("listProjectTasks", "getProjectTask", "createProjectTask", "changeProjectTask", "removeProjectTask")
);
noun!(
    tags,
    hookswitch_desk::tag::Tag,
    "/api/v1/tags",
    "/api/v1/tags/{id}",
    "a tag",
    ("listTags", "getTag", "createTag", "changeTag", "removeTag")
);
noun!(
    alerts,
    hookswitch_desk::alert::Alert,
    "/api/v1/alerts",
    "/api/v1/alerts/{id}",
    "an alert",
    ("listAlerts", "getAlert", "createAlert", "changeAlert", "removeAlert")
);
noun!(
    evidence,
    hookswitch_desk::evidence::Evidence,
    "/api/v1/evidence",
    "/api/v1/evidence/{id}",
    "evidence",
    ("listEvidence", "getEvidence", "createEvidence", "changeEvidence", "removeEvidence")
);
