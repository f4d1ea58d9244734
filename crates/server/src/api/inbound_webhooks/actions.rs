//! The action registry, as the console renders forms from it.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::caller::Caller;
use crate::app::App;

/// All actions, by entity.
#[derive(Serialize, ToSchema)]
pub struct Actions {
    data: Vec<InboundActionDefinition>,
}

/// A typed operation that a webhook may call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboundActionDefinition {
    #[schema(example = "createTicket")]
    name: String,
    #[schema(example = "ticket")]
    entity_type: String,
    display_name: String,
    description: String,
    target_fields: Vec<InboundActionTargetField>,
}

/// A field that a mapping may fill.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboundActionTargetField {
    name: String,
    /// `string`, `int`, `number`, `boolean`, `enum`, `ref` or `json`.
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enum_values: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ref_entity_type: Option<String>,
}

/// The action registry: what a webhook can do, with the fields that its mapping fills.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/actions", operation_id = "listInboundActions", tag = "inbound",
    extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "All actions", body = Actions)))]
pub async fn actions(State(app): State<Arc<App>>, _caller: Caller) -> axum::Json<Actions> {
    let data = app.engine.registry.definitions().into_iter().map(|action| InboundActionDefinition {
        name: action.name.to_owned(),
        entity_type: action.entity_type.to_owned(),
        display_name: action.display_name.to_owned(),
        description: action.description.to_owned(),
        target_fields: action.fields.iter().map(target_field).collect(),
    });
    axum::Json(Actions { data: data.collect() })
}

fn target_field(field: &hookswitch_domain::mapping::Field) -> InboundActionTargetField {
    let shown = serde_json::to_value(field).unwrap_or_default();
    let text = |name: &str| shown.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    InboundActionTargetField {
        name: text("name").unwrap_or_default(),
        kind: text("type").unwrap_or_default(),
        required: shown.get("required").and_then(serde_json::Value::as_bool).unwrap_or(false),
        description: text("description").unwrap_or_default(),
        enum_values: shown.get("enumValues").and_then(|list| serde_json::from_value(list.clone()).ok()),
        ref_entity_type: text("refEntityType"),
    }
}
