//! A record's history, whichever kind of record it is.

use axum::Json as Answer;
use hookswitch_desk::history::{self, Happening};
use hookswitch_domain::id::AnyId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Caller;
use super::list::{List, Listed, PageParams};
use super::problem::{Checks, Problem};
use super::records::redact;

/// Narrows a list to one record.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Any record's id.
    #[param(example = "ast_01jd8r7c5tevzs9c1ghvzv3hkp")]
    record_id: Option<String>,
}

/// What happened to records, newest first: who did it, and what each field was before.
#[utoipa::path(get, path = "/api/v1/record-history", operation_id = "listRecordHistory", tag = "desk",
    params(PageParams, Filter),
    responses((status = 200, description = "A page", body = Listed<Happening>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn list(caller: Caller, List { page, filter }: List<Filter>) -> Result<Answer<Listed<Happening>>, Problem> {
    let mut checks = Checks::default();
    let record = filter.record_id.and_then(|text| checks.take("record_id", text.parse::<AnyId>())).map(|id| id.uuid);
    checks.finish()?;
    let rows = caller.store.read(move |tx| Box::pin(async move { history::list(tx, record, &page).await })).await?;
    let shown = |mut row: Happening| {
        if caller.redacted {
            // Which fields changed, not from what to what.
            row.changes.values_mut().for_each(redact);
        }
        row
    };
    Ok(Answer(Listed::of(&page, rows, |row| row.id.uuid(), shown)))
}
