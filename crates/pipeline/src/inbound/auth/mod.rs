//! Auth schemes: pure functions of (request, secrets). One file each; `judge` is the list.

mod basic;
mod bearer;
mod field;
mod header;
mod hmac;
mod ip;
mod signature;
mod token;

use std::net::IpAddr;

use hookswitch_domain::inbound::{Auth, AuthStatus};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Rejection, constant_time_eq, hmac_sha256};
use hookswitch_domain::time::Timestamp;
use ipnet::IpNet;

/// A request as a scheme sees it.
pub struct Knock<'a> {
    pub method: &'a str,
    /// As its sender called it, with its query.
    pub url: &'a str,
    pub headers: &'a [(String, Vec<u8>)],
    /// Without the leading `?`.
    pub query: &'a str,
    pub body: &'a [u8],
    /// `None` if it isn't known: no list lets it in.
    pub source: Option<IpAddr>,
    pub now: Timestamp,
}

impl Knock<'_> {
    /// The one line of a header; two lines of one name are as good as none.
    fn header(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.headers.iter().filter(|(line, _)| line.eq_ignore_ascii_case(name));
        let (_, value) = lines.next()?;
        lines.next().is_none().then_some(value.as_slice())
    }
}

/// A refusal: the status that is logged, and a reason for the tenant's admin. The sender sees neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub status: AuthStatus,
    pub reason: String,
    /// Whether the whole body was read to find that out.
    hashed: bool,
}

fn refused(status: AuthStatus, reason: impl Into<String>) -> Refused {
    Refused { status, reason: reason.into(), hashed: false }
}

/// What is wrong with a signature, as a refusal.
fn rejected(rejection: Rejection) -> Refused {
    use Rejection::*;
    let hashed = matches!(rejection, Mismatch | TimestampStale(..) | TimestampAhead(..) | TimestampMissing(_));
    let status = match rejection {
        HeaderMissing(_) | HeaderRepeated(_) => AuthStatus::RejectedNoAuth,
        _ => AuthStatus::RejectedSignature,
    };
    Refused { status, reason: rejection.to_string(), hashed }
}

/// Whether this is one of the secrets. Each is looked at, in constant time.
fn one_of(secrets: &[Secret], given: &[u8]) -> bool {
    secrets.iter().fold(false, |found, secret| constant_time_eq(given, secret.expose()) | found)
}

/// Judges a request by its webhook's scheme, and by its network list if it has one. The secrets stand
/// newest first: during a rotation's overlap there are two. Whatever the reason, a refusal takes the
/// time of reading the body once.
pub fn check(auth: &Auth, networks: &[IpNet], secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    judge(auth, networks, secrets, knock).inspect_err(|refused| {
        if !refused.hashed {
            check_nothing(knock);
        }
    })
}

fn judge(auth: &Auth, networks: &[IpNet], secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    if !networks.is_empty() {
        ip::check(networks, knock)?;
    }
    if auth.has_secret() && secrets.is_empty() {
        return Err(refused(AuthStatus::RejectedNoAuth, "the webhook's secret can't be opened"));
    }
    match auth.scheme() {
        Auth::HmacSha256 { signature_header } => hmac::check(signature_header, secrets, knock),
        Auth::Bearer {} => bearer::check(secrets, knock),
        Auth::IpAllowlist { ip_cidrs } => ip::check(ip_cidrs, knock),
        Auth::PathToken { param } => token::check(param, secrets, knock),
        Auth::Signature { descriptor } => signature::check(descriptor, secrets, knock),
        Auth::StaticHeader { header } => header::check(header, secrets, knock),
        Auth::Basic { username } => basic::check(username, secrets, knock),
        Auth::BodyField { path } => field::check(path, secrets, knock),
        Auth::Preset { .. } => Err(refused(AuthStatus::RejectedNoAuth, "a preset is a scheme of its own")),
    }
}

/// As much work as a real check, for a URL that leads nowhere: the time of the answer tells nothing.
pub fn check_nothing(knock: &Knock<'_>) {
    std::hint::black_box(hmac_sha256(b"no webhook has this secret", [std::hint::black_box(knock.body)]));
}

#[cfg(test)]
mod tests;
