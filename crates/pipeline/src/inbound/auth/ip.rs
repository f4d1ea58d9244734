//! `ip_allowlist`: the sender's address. An empty list and an unknown address let nobody in.

use std::net::IpAddr;

use hookswitch_domain::inbound::AuthStatus;
use ipnet::IpNet;

use super::{Knock, Refused, refused};

pub(super) fn check(networks: &[IpNet], knock: &Knock<'_>) -> Result<(), Refused> {
    let source = knock.source.map(|address| match address {
        // An IPv4 sender on a socket that speaks both.
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    });
    match source {
        Some(address) if networks.iter().any(|network| network.contains(&address)) => Ok(()),
        Some(address) => Err(refused(AuthStatus::RejectedIp, format!("{address} is in none of the allowed networks"))),
        None => Err(refused(AuthStatus::RejectedIp, "the sender's address isn't known")),
    }
}
