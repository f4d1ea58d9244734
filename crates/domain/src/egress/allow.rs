//! One entry of `egress.allow_cidrs`: a network, and perhaps a port.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `10.0.0.0/8`, `127.0.0.1/32:9099`, `[::1]/128:80`, `::1/128`. An address alone is that address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowEntry {
    pub net: IpNet,
    /// `None` is every port.
    pub port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a network like 10.0.0.0/8, perhaps with a port, like 127.0.0.1/32:9099 or [::1]/128:9099")]
pub struct AllowError;

impl AllowEntry {
    pub fn covers(&self, addr: IpAddr, port: u16) -> bool {
        self.net.contains(&addr) && self.port.is_none_or(|only| only == port)
    }
}

impl FromStr for AllowEntry {
    type Err = AllowError;
    fn from_str(text: &str) -> Result<Self, AllowError> {
        let (addr, rest) = match text.strip_prefix('[') {
            Some(inner) => inner.split_once(']').ok_or(AllowError)?,
            None => split_bare(text),
        };
        let addr: IpAddr = addr.parse().map_err(|_| AllowError)?;
        let (bits, port) = match rest.split_once(':') {
            Some((bits, port)) => (bits, Some(port)),
            None => (rest, None),
        };
        let bits = match bits.strip_prefix('/') {
            Some(bits) => strict(bits)?,
            None if bits.is_empty() => {
                if addr.is_ipv4() {
                    32
                } else {
                    128
                }
            }
            None => return Err(AllowError),
        };
        let net = IpNet::new(addr, bits).map_err(|_| AllowError)?;
        // 10.0.0.5/8 is most likely a slip, and opens more than was meant.
        if net.network() != addr {
            return Err(AllowError);
        }
        let port = port.map(strict).transpose()?;
        if port == Some(0) {
            return Err(AllowError);
        }
        Ok(Self { net, port })
    }
}

/// The address ends at the slash; without one, an IPv4 address ends at the colon.
fn split_bare(text: &str) -> (&str, &str) {
    let end = text.find('/').or_else(|| (text.matches(':').count() == 1).then(|| text.find(':')).flatten());
    text.split_at(end.unwrap_or(text.len()))
}

fn strict<N: FromStr>(text: &str) -> Result<N, AllowError> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().ok_or(AllowError)
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.net) {
            (None, net) => write!(f, "{net}"),
            (Some(port), IpNet::V4(net)) => write!(f, "{net}:{port}"),
            (Some(port), IpNet::V6(net)) => write!(f, "[{}]/{}:{port}", net.addr(), net.prefix_len()),
        }
    }
}

impl Serialize for AllowEntry {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AllowEntry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}
