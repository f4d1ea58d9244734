//! Which addresses may be reached. Tenants choose URLs, so every one of them is hostile until it
//! is judged: parsed once, by the parser that the sender uses too, and then again by each address
//! that its name resolves to, right before connecting (pipeline's `http`).
//!
//! Numbers and reasons: reliability.md 2.1. What is open is listed, not what is closed, wherever
//! that is possible: IPv6 is one range minus four, so that no translation or tunnel prefix of the
//! future leads inside.

mod allow;
mod target;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use allow::{AllowEntry, AllowError};
pub use target::{Host, Target};

/// What whoever runs the installation decides; never a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Networks that may be reached although private.
    pub allow: Vec<AllowEntry>,
    /// Plain HTTP is refused, but to an address literal that `allow` names.
    pub require_https: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { allow: Vec::new(), require_https: true }
    }
}

/// Why a URL is refused. Shown to the person who entered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    #[error("endpoint_url must not target a private or reserved address")]
    Forbidden,
    #[error("endpoint_url must be an absolute URL like https://example.com/hooks")]
    Malformed,
    #[error("endpoint_url must be at most 2048 bytes long")]
    TooLong,
    #[error("endpoint_url must not hold spaces, control characters or backslashes")]
    Characters,
    #[error("endpoint_url must start with https://")]
    Scheme,
    #[error("endpoint_url must not hold a user name or password: use a credential")]
    UserInfo,
    #[error("endpoint_url must not hold a fragment: a # is never sent")]
    Fragment,
    #[error("endpoint_url must name a host of letters, digits, hyphens and dots, without a dot at its end")]
    HostName,
    #[error("endpoint_url must not use port 0")]
    Port,
}

impl EgressError {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden_address",
            Self::Malformed => "malformed_url",
            Self::TooLong => "too_long",
            Self::Characters => "forbidden_characters",
            Self::Scheme => "https_required",
            Self::UserInfo => "userinfo_refused",
            Self::Fragment => "fragment_refused",
            Self::HostName => "malformed_host",
            Self::Port => "port_refused",
        }
    }

    /// What to do instead, where there is something.
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Forbidden => Some(
                "to receive deliveries on your own machine, run `hookswitch listen --forward-to URL`; whoever runs this installation can open a network with egress.allow_cidrs",
            ),
            _ => None,
        }
    }
}

/// Parses and judges the URL that somebody wants to have called.
pub fn parse_target(text: &str, rules: &Rules) -> Result<Target, EgressError> {
    target::parse(text, rules)
}

/// Whether a connection may be made to this address.
pub fn allowed(addr: IpAddr, port: u16, rules: &Rules) -> bool {
    is_public(addr) || is_listed(addr, port, rules)
}

fn is_listed(addr: IpAddr, port: u16, rules: &Rules) -> bool {
    rules.allow.iter().any(|entry| entry.covers(addr, port))
}

/// Outside every private, reserved, documentation, translation and tunnel range.
fn is_public(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => !CLOSED_V4.iter().any(|(net, bits)| in_v4(addr, *net, *bits)),
        IpAddr::V6(addr) => in_v6(addr, OPEN_V6.0, OPEN_V6.1) && !CLOSED_V6.iter().any(|(net, bits)| in_v6(addr, *net, *bits)),
    }
}

const CLOSED_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Global unicast. IPv4-mapped, IPv4-compatible, NAT64, unique local and the rest lie outside.
const OPEN_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const CLOSED_V6: [(Ipv6Addr, u32); 4] = [
    // IETF protocols: Teredo, ORCHID, benchmarking.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4 carries any IPv4 address inside.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

const fn in_v4(addr: Ipv4Addr, net: Ipv4Addr, bits: u32) -> bool {
    let differing = addr.to_bits() ^ net.to_bits();
    differing >> (32 - bits) == 0
}

const fn in_v6(addr: Ipv6Addr, net: Ipv6Addr, bits: u32) -> bool {
    let differing = addr.to_bits() ^ net.to_bits();
    differing >> (128 - bits) == 0
}

#[cfg(test)]
mod tests;
