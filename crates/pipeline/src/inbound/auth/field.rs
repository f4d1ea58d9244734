//! `body_field`: the secret in the body, for senders that repeat what they were given there. The one
//! scheme that has to parse before it knows who is there: JSON alone, whose depth is bounded.

use hookswitch_domain::inbound::AuthStatus;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::BodyPath;
use serde_json::Value;

use super::{Knock, Refused, one_of, refused};

pub(super) fn check(path: &BodyPath, secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    let body: Value = serde_json::from_slice(knock.body)
        .map_err(|_| refused(AuthStatus::RejectedNoAuth, format!("the body is no JSON document that could hold {path}")))?;
    let found = path.find(&body).ok_or_else(|| refused(AuthStatus::RejectedNoAuth, format!("the body has no {path}")))?;
    // All are looked at, so that the time doesn't tell which is wrong.
    let right = found.iter().filter(|value| value.as_str().is_some_and(|text| one_of(secrets, text.as_bytes()))).count();
    match right == found.len() {
        true => Ok(()),
        false => Err(refused(AuthStatus::RejectedBearer, format!("{path} holds another value"))),
    }
}
