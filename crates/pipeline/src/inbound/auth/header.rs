//! `static_header`: the secret alone in a header of its own.

use hookswitch_domain::inbound::AuthStatus;
use hookswitch_domain::secret::Secret;

use super::{Knock, Refused, one_of, refused};

pub(super) fn check(header: &str, secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    let missing = || refused(AuthStatus::RejectedNoAuth, format!("the header {header} is missing, or there more than once"));
    match one_of(secrets, knock.header(header).ok_or_else(missing)?) {
        true => Ok(()),
        false => Err(refused(AuthStatus::RejectedBearer, format!("the header {header} holds another value"))),
    }
}
