//! `bearer`: the secret as `Authorization: Bearer <secret>`.

use hookswitch_domain::inbound::AuthStatus;
use hookswitch_domain::secret::Secret;

use super::{Knock, Refused, one_of, refused};

const SCHEME: &[u8] = b"bearer ";

pub(super) fn check(secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    let missing = || refused(AuthStatus::RejectedNoAuth, "no Authorization header with the scheme Bearer");
    let value = knock.header("authorization").ok_or_else(missing)?;
    let (scheme, token) = value.split_at_checked(SCHEME.len()).ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(missing());
    }
    match one_of(secrets, token) {
        true => Ok(()),
        false => Err(refused(AuthStatus::RejectedBearer, "the bearer token is another one")),
    }
}
