//! A URL that passed: the only thing that the HTTP client takes.

use std::fmt;
use std::net::IpAddr;

use url::Url;

use super::{EgressError, Rules, allowed, is_listed, is_public};

const URL_BYTES_MAX: usize = 2048;

/// Where a target's host leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// To be resolved, and each answer judged.
    Name(String),
    /// Judged already; judged again before connecting.
    Addr(IpAddr),
}

/// A judged URL. Its path and query may hold tokens: they are not shown, only [`Target::expose`]
/// hands them out.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
    authority: String,
}

impl Target {
    /// The whole URL, with whatever tokens it carries.
    pub fn expose(&self) -> &str {
        self.url.as_str()
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The `Host` header's value: the host, and the port unless it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What is safe to show: scheme and host, no path.
    pub fn endpoint(&self) -> String {
        format!("{}://{}", self.url.scheme(), self.authority)
    }

    /// The request line's target. May hold tokens.
    pub fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

impl Target {
    /// The path that was entered, without a slash at its end: what an API's own paths follow.
    pub fn base_path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// Another path and query at the same scheme, host and port, so that nothing has to be judged
    /// anew. What no path may hold is escaped.
    pub fn at(&self, path_and_query: &str) -> Result<Self, EgressError> {
        let (path, query) = path_and_query.split_once('?').map_or((path_and_query, None), |(path, query)| (path, Some(query)));
        let mut other = self.clone();
        other.url.set_path(path);
        other.url.set_query(query);
        if other.url.as_str().len() > URL_BYTES_MAX { Err(EgressError::TooLong) } else { Ok(other) }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.endpoint())
    }
}

/// The address message comes before every other: who points inside learns that first, whatever
/// else is wrong with the URL.
pub(super) fn parse(text: &str, rules: &Rules) -> Result<Target, EgressError> {
    if text.len() > URL_BYTES_MAX {
        return Err(EgressError::TooLong);
    }
    let odd = text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    let parsed = Url::parse(text);
    if parsed.as_ref().is_ok_and(|url| leads_inside(url, rules)) {
        return Err(EgressError::Forbidden);
    }
    if odd {
        return Err(EgressError::Characters);
    }
    let url = parsed.map_err(|_| EgressError::Malformed)?;
    check_spelling(text, &url)?;
    let port = url.port_or_known_default().filter(|port| *port != 0).ok_or(EgressError::Port)?;
    let host = match url.host().ok_or(EgressError::Malformed)? {
        url::Host::Domain(name) if is_host_name(name) => Host::Name(name.to_owned()),
        url::Host::Domain(_) => return Err(EgressError::HostName),
        url::Host::Ipv4(addr) => Host::Addr(addr.into()),
        url::Host::Ipv6(addr) => Host::Addr(addr.into()),
    };
    let listed = matches!(host, Host::Addr(addr) if !is_public(addr) && is_listed(addr, port, rules));
    if rules.require_https && url.scheme() != "https" && !listed {
        return Err(EgressError::Scheme);
    }
    let authority = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
    Ok(Target { url, host, port, authority })
}

fn leads_inside(url: &Url, rules: &Rules) -> bool {
    let port = url.port_or_known_default().unwrap_or(0);
    match url.host() {
        Some(url::Host::Ipv4(addr)) => !allowed(addr.into(), port, rules),
        Some(url::Host::Ipv6(addr)) => !allowed(addr.into(), port, rules),
        Some(url::Host::Domain(name)) => is_inside_name(name),
        None => false,
    }
}

/// Names that by their nature mean this machine or this network.
fn is_inside_name(name: &str) -> bool {
    const ENDS: [&str; 5] = [".localhost", ".internal", ".local", ".home.arpa", ".localdomain"];
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    !name.is_empty() && (!name.contains('.') || ENDS.iter().any(|end| name.ends_with(end)) || name == "home.arpa")
}

/// Spellings that parsers are known to read differently are refused even where ours is sure.
fn check_spelling(text: &str, url: &Url) -> Result<(), EgressError> {
    let is_plain = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let scheme = ["https://", "http://"].into_iter().find(|scheme| is_plain(scheme)).ok_or(EgressError::Scheme)?;
    let rest = &text[scheme.len()..];
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if authority.is_empty() {
        return Err(EgressError::Malformed);
    }
    if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(EgressError::UserInfo);
    }
    if authority.contains('%') {
        return Err(EgressError::HostName);
    }
    if url.fragment().is_some() {
        return Err(EgressError::Fragment);
    }
    Ok(())
}

/// Letters, digits, hyphens and underscores in dotted labels: what every resolver and certificate
/// agrees on. International names stand here as their `xn--` form already.
fn is_host_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
    name.len() <= 253 && name.split('.').all(is_label)
}
