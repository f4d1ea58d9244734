//! `signature`: whatever a descriptor describes.

use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Descriptor, SignedRequest};

use super::{Knock, Refused, rejected};

pub(super) fn check(descriptor: &Descriptor, secrets: &[Secret], knock: &Knock<'_>) -> Result<(), Refused> {
    let headers: Vec<(&str, &[u8])> = knock.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let request = SignedRequest { method: knock.method, url: knock.url, headers: &headers, body: knock.body };
    descriptor.verify(secrets, &request, knock.now, descriptor.tolerance()).map(drop).map_err(rejected)
}
