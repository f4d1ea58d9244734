//! `path_token`: the secret in a query parameter, for senders that can set no header. The query is
//! never logged.

use hookswitch_domain::inbound::AuthStatus;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::constant_time_eq;

use super::{Knock, Refused, refused};

pub(super) fn check(param: &str, secret: &Secret, knock: &Knock<'_>) -> Result<(), Refused> {
    let mut found = url::form_urlencoded::parse(knock.query.as_bytes()).filter(|(name, _)| name == param);
    let (Some((_, token)), None) = (found.next(), found.next()) else {
        return Err(refused(AuthStatus::RejectedNoAuth, format!("the parameter {param} is missing, or there more than once")));
    };
    if !constant_time_eq(token.as_bytes(), secret.expose()) {
        return Err(refused(AuthStatus::RejectedBearer, "the token is another one"));
    }
    Ok(())
}
