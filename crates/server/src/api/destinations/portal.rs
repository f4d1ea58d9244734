//! What customers in a portal may not do to a destination although they may change it: reach beyond
//! their group, send the host's credentials to an address of theirs, or see more of the payloads than
//! the host lets out.

use hookswitch_store::destination::Destination as Row;

use super::super::caller::Caller;
use super::super::problem::Problem;
use super::body::{Change, Draft};

/// What customers make: requests that carry a signature, and nothing that takes a credential.
const ADAPTER: &str = "webhook";

fn refuse(field: &str, rule: &str) -> Problem {
    Problem::invalid(field, "not_in_portal", rule)
}

/// A portal's new destination belongs to the portal's group.
pub(super) fn claim(caller: &Caller, draft: &mut Draft) -> Result<(), Problem> {
    let Some(portal) = &caller.portal else { return Ok(()) };
    if draft.adapter_type != ADAPTER {
        return Err(refuse("adapter_type", "must be webhook in the customer portal"));
    }
    if draft.credential.is_some() {
        return Err(refuse("credential_id", "can't be chosen in the customer portal"));
    }
    if draft.group_id.is_some() && draft.group_id != portal.group_id {
        return Err(refuse("group_id", "is the portal's own: leave it away"));
    }
    draft.group_id = portal.group_id;
    Ok(())
}

pub(super) fn check_change(caller: &Caller, row: &Row, change: &Change) -> Result<(), Problem> {
    if caller.portal.is_none() {
        return Ok(());
    }
    if change.credential_id.is_some_and(|wanted| wanted != row.credential) {
        return Err(refuse("credential_id", "can't be changed in the customer portal"));
    }
    if change.group_id.is_some_and(|wanted| wanted != row.group_id) {
        return Err(refuse("group_id", "can't be changed in the customer portal"));
    }
    // A credential that was given to one receiver must not be sent to another one.
    if row.credential.is_some() && (change.endpoint_url.is_some() || change.settings.is_some()) {
        return Err(refuse("endpoint_url", "can't be changed in the customer portal: this destination sends a credential"));
    }
    let narrowed = !row.config.payload_fields.is_empty();
    if narrowed && change.payload_fields.as_ref().is_some_and(|wanted| *wanted != row.config.payload_fields) {
        return Err(refuse("payload_fields", "can't be changed in the customer portal: they say what may leave"));
    }
    Ok(())
}
