//! What the OpenAPI document says beside the single operations. The answers that follow from the
//! conventions (who may, which bodies are taken, what is limited) are added here from what each
//! operation declares, so that no handler repeats them and none forgets one.

use http::Method;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Spec, Ref, RefOr, Required, ResponseBuilder, schema};
use utoipa::{OpenApi, ToSchema};

use super::caller::SESSION_COOKIE;
use super::guard::Need;
use super::problem::{FieldError, ProblemDocument};
use crate::receive::{InboundAccepted, InboundAcceptedPart};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hookswitch",
        description = "A multi-tenant webhook switchboard: it delivers events to endpoints, signed and durable, and turns \
            incoming webhooks into typed actions.\n\nAuthorize with an API token (`Authorization: Bearer hsk_...`). A platform \
            token names the tenant with `X-Tenant: slug`. Each operation's `x-permission` says what its caller needs.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "Whoever runs this installation", url = "/api/docs"),
    ),
    servers((url = "/", description = "This server")),
    components(schemas(ProblemDocument, FieldError, InboundAccepted, InboundAcceptedPart)),
    tags(
        (name = "session", description = "Signing in and out, and who one is"),
        (name = "users", description = "People who sign in"),
        (name = "roles", description = "What people and tokens may do"),
        (name = "tokens", description = "API tokens"),
        (name = "portal", description = "The customer portal: one-time links to a tenant's or a group's destinations and deliveries"),
        (name = "tenants", description = "Tenants, for the platform alone"),
        (name = "features", description = "What is switched on for a tenant"),
        (name = "events", description = "Facts that happened, on their way to their destinations"),
        (name = "destinations", description = "Where events go"),
        (name = "credentials", description = "Names for secrets"),
        (name = "deliveries", description = "What was sent, when, and what came back"),
        (name = "inbound", description = "URLs that turn requests into actions"),
        (name = "desk", description = "Tickets, clients and what they refer to"),
        (name = "groups", description = "Groups of users, their tasks and their webhooks"),
        (name = "receiver", description = "Where other systems send to"),
        (name = "audit", description = "The hash-chained trail of changes"),
        (name = "notifications", description = "Who is told when something needs a look"),
        (name = "health", description = "For load balancers and monitoring"),
    )
)]
pub struct Document;

/// The problems that conventions bring: status, name of the component, what it means.
const PROBLEMS: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "Something in the request is wrong; `errors` says which field and why. Nothing was changed"),
    (401, "Unauthorized", "No token or session, or one that is unknown, expired or revoked"),
    (403, "Forbidden", "The caller lacks the permission that `x-permission` names"),
    (404, "NotFound", "Nothing here has this id, or it belongs to another tenant"),
    (408, "RequestTimeout", "The body took too long to arrive"),
    (413, "PayloadTooLarge", "The body is larger than allowed"),
    (415, "UnsupportedMediaType", "The body isn't announced as JSON, or has a content coding"),
    (422, "UnprocessableContent", "Understood, and against a rule; or the Idempotency-Key was used with another body"),
    (429, "TooManyRequests", "Too fast; Retry-After says when to come again"),
    (500, "InternalError", "A fault of this server; quote the request_id"),
    (503, "Unavailable", "Not just now; Retry-After says when to come again"),
];

pub fn complete(document: &mut Spec) {
    let components = document.components.get_or_insert_default();
    let (name, scheme) = bearer();
    components.add_security_scheme(name, scheme);
    let cookie =
        ApiKeyValue::with_description(SESSION_COOKIE, "The console's session; writes also need X-Requested-With: hookswitch");
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    for (status, name, about) in PROBLEMS {
        components.responses.insert((*name).to_owned(), RefOr::T(problem(*status, about)));
    }
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations_mut(item) {
            complete_operation(path, &method, operation);
        }
    }
    name_items(document);
    open_parts(document);
}

/// A part of an `allOf` must not refuse what the other parts bring: a variant's own fields are closed
/// by what reads them, and its `type` stands beside them.
fn open_parts(document: &mut Spec) {
    let Some(components) = &mut document.components else { return };
    let variants = components.schemas.values().flat_map(|schema| match schema {
        RefOr::T(Schema::OneOf(choice)) => choice.items.as_slice(),
        _ => &[],
    });
    let parts = variants.flat_map(|variant| match variant {
        RefOr::T(Schema::AllOf(all)) => all.items.as_slice(),
        _ => &[],
    });
    let names = parts.filter_map(|part| match part {
        RefOr::Ref(reference) => reference.ref_location.rsplit('/').next().map(str::to_owned),
        RefOr::T(_) => None,
    });
    for name in names.collect::<Vec<_>>() {
        if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(&name) {
            object.additional_properties = None;
        }
    }
}

/// A list's items are written out inside each `Listed_X`; this makes them what they are, an `X`.
fn name_items(document: &mut Spec) {
    let Some(components) = &mut document.components else { return };
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for (name, listed) in &mut components.schemas {
        let Some(item) = name.strip_prefix("Listed_").filter(|item| names.iter().any(|known| known == item)) else { continue };
        if let RefOr::T(Schema::Object(object)) = listed
            && let Some(RefOr::T(Schema::Array(data))) = object.properties.get_mut("data")
        {
            data.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(item))));
        }
    }
}

fn operations_mut(item: &mut utoipa::openapi::PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn bearer() -> (&'static str, SecurityScheme) {
    let about = "An API token. A platform token names the tenant with X-Tenant.";
    let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("hsk_...").description(Some(about)).build();
    ("token", SecurityScheme::Http(http))
}

fn problem(status: u16, about: &str) -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    let mut builder = ResponseBuilder::new().description(about).content("application/problem+json", content);
    if matches!(status, 429 | 503) {
        let seconds = schema::Object::with_type(schema::Type::Integer);
        let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait")).build();
        builder = builder.header("Retry-After", header);
    }
    builder.build()
}

fn complete_operation(path: &str, method: &Method, operation: &mut Operation) {
    let need = Need::of(operation);
    let mut add = vec![500, 503];
    if need == Some(Need::Public) {
        operation.security = Some(vec![SecurityRequirement::default()]);
    } else {
        let none: [&str; 0] = [];
        let schemes = ["token", "session"].map(|name| SecurityRequirement::new(name, none));
        operation.security = Some(schemes.to_vec());
        add.extend([400, 401, 403, 429]);
        operation.parameters.get_or_insert_default().push(x_tenant().into());
    }
    if path.contains('{') {
        add.push(404);
    }
    if operation.request_body.is_some() {
        // A rule may stand against whatever a body asks for.
        add.extend([400, 408, 413, 415, 422]);
    }
    if creates(method, operation) && need != Some(Need::Public) {
        operation.parameters.get_or_insert_default().push(idempotency_key().into());
        add.push(422);
    }
    for (status, name, _) in PROBLEMS.iter().filter(|(status, _, _)| add.contains(status)) {
        let reference = RefOr::Ref(Ref::from_response_name(*name));
        operation.responses.responses.entry(status.to_string()).or_insert(reference);
    }
    // Statuses an operation declared itself without a body are problems too; only the 401 of those who receive is empty.
    for (status, response) in &mut operation.responses.responses {
        let code: u16 = status.parse().unwrap_or(0);
        if code == 401 && (path.starts_with("/api/inbound/") || path.starts_with("/api/integrations/inbound/")) {
            continue;
        }
        if let (400.., RefOr::T(response)) = (code, response)
            && response.content.is_empty()
        {
            response.content = problem(code, "").content;
        }
    }
}

/// A POST that answers 201 or 202.
fn creates(method: &Method, operation: &Operation) -> bool {
    let answers = &operation.responses.responses;
    *method == Method::POST && (answers.contains_key("201") || answers.contains_key("202"))
}

fn x_tenant() -> Parameter {
    header("X-Tenant", "The tenant's slug; for platform callers, whom a tenant-bound caller need not name")
}

fn idempotency_key() -> Parameter {
    header("Idempotency-Key", "The same key and body give the same answer for 24 h; one-time secrets are not repeated")
}

fn header(name: &str, about: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema::Object::with_type(schema::Type::String)))
        .build()
}

#[cfg(test)]
mod tests {
    use super::super::guard;
    use super::*;

    #[test]
    fn every_operation_says_what_it_is_and_who_may() {
        let document = super::super::document();
        let mut ids = std::collections::HashSet::new();
        for (path, item) in &document.paths.paths {
            for (method, operation) in guard::operations(item) {
                let at = format!("{method} {path}");
                assert!(Need::of(operation).is_some(), "{at} has no x-permission");
                let id = operation.operation_id.clone().unwrap_or_else(|| panic!("{at} has no operationId"));
                assert!(ids.insert(id), "{at} repeats an operationId");
                assert!(operation.tags.as_ref().is_some_and(|tags| tags.len() == 1), "{at} needs one tag");
                assert!(operation.summary.is_some() || operation.description.is_some(), "{at} isn't described");
                for (status, response) in &operation.responses.responses {
                    if let RefOr::T(response) = response {
                        assert!(!response.description.is_empty(), "{at} {status} has no description");
                    }
                }
            }
        }
    }

    #[test]
    fn the_document_holds_no_dangling_reference() {
        let document = serde_json::to_value(super::super::document()).unwrap();
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            match value {
                serde_json::Value::Object(map) => {
                    if let Some(reference) = map.get("$ref").and_then(|text| text.as_str()) {
                        let target = document.pointer(reference.trim_start_matches('#'));
                        assert!(target.is_some(), "{reference} leads nowhere");
                    }
                    open.extend(map.values());
                }
                serde_json::Value::Array(list) => open.extend(list),
                _ => {}
            }
        }
    }
}
