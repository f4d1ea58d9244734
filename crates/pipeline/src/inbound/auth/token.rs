//! `path_token`: the secret in a query parameter, for senders that can set no header. The query is
//! never logged.

use hookswitch_domain::inbound::AuthStatus;
use hookswitch_domain::secret::Secret;

use super::{Knock, Refused, one_of, refused};

pub(super) fn check(param: &str, secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    let mut found = url::form_urlencoded::parse(knock.query.as_bytes()).filter(|(name, _)| name == param);
    let (Some((_, token)), None) = (found.next(), found.next()) else {
        return Err(refused(AuthStatus::RejectedNoAuth, format!("the parameter {param} is missing, or there more than once")));
    };
    match one_of(secrets, token.as_bytes()) {
        true => Ok(()),
        false => Err(refused(AuthStatus::RejectedBearer, "the token is another one")),
    }
}
