//! `basic`: a user name that everybody may know, and the secret as its password.

use data_encoding::BASE64;
use hookswitch_domain::inbound::AuthStatus;
use hookswitch_domain::secret::Secret;

use super::{Knock, Refused, one_of, refused};

const SCHEME: &[u8] = b"basic ";

pub(super) fn check(username: &str, secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    let missing = || refused(AuthStatus::RejectedNoAuth, "no Authorization header with the scheme Basic");
    let value = knock.header("authorization").ok_or_else(missing)?;
    let (scheme, encoded) = value.split_at_checked(SCHEME.len()).ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(missing());
    }
    let malformed = || refused(AuthStatus::RejectedNoAuth, "what follows Basic is not the base64 of name:password");
    let pair = BASE64.decode(encoded).map_err(|_| malformed())?;
    let colon = pair.iter().position(|byte| *byte == b':').ok_or_else(malformed)?;
    let (name, password) = (&pair[..colon], &pair[colon + 1..]);
    let known = one_of(secrets, password);
    match known && name == username.as_bytes() {
        true => Ok(()),
        false if known => Err(refused(AuthStatus::RejectedBearer, format!("the user name is another one than {username:?}"))),
        false => Err(refused(AuthStatus::RejectedBearer, "the password is another one")),
    }
}
