//! `hmac_sha256`: a hex HMAC-SHA256 of the raw body in a header, plain or after `sha256=`.

use hookswitch_domain::inbound::AuthStatus;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::verify_hmac;

use super::{Knock, Refused, refused, rejected};

pub(super) fn check(header: &str, secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    let missing = || refused(AuthStatus::RejectedNoAuth, format!("the header {header} is missing, or there more than once"));
    let value = knock.header(header).ok_or_else(missing)?;
    verify_hmac(secrets, value, knock.body).map(drop).map_err(rejected)
}
