//! Names to addresses, once per connection. Answers are cached as long as their owners say, at
//! most a minute; what comes out is judged by the connector, every address of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::system_conf::read_system_conf;

use super::{SendError, SetupError};

/// A moved receiver is found again within this, whatever its zone says.
const CACHE_MAX: Duration = Duration::from_secs(60);
/// A name that was just created is found soon.
const NEGATIVE_CACHE_MAX: Duration = Duration::from_secs(10);

pub(super) struct Resolver(TokioResolver);

impl Resolver {
    pub(super) fn new(dns_servers: &[SocketAddr]) -> Result<Self, SetupError> {
        let (config, mut options) = match dns_servers {
            [] => system_config(),
            servers => (ResolverConfig::from_name_servers(servers.iter().map(name_server).collect()), ResolverOpts::default()),
        };
        // Both families: a name with one open and one closed address must not pass.
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = ResolveHosts::Always;
        options.positive_max_ttl = Some(CACHE_MAX);
        options.negative_max_ttl = Some(NEGATIVE_CACHE_MAX);
        options.try_tcp_on_error = true;
        options.cache_size = 1024;
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        builder.build().map(Self).map_err(|error| SetupError::Resolver(error.to_string()))
    }

    /// All addresses of a name, IPv4 first; never none.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, SendError> {
        // Absolute: the machine's search list is for people at its keyboard.
        let absolute = format!("{name}.");
        let unresolved = |why: String| SendError::Unresolved { name: name.to_owned(), why };
        match self.0.lookup_ip(absolute).await {
            Ok(found) => {
                let mut addresses: Vec<IpAddr> = found.iter().collect();
                addresses.sort_by_key(IpAddr::is_ipv6);
                if addresses.is_empty() { Err(SendError::NameNotFound(name.to_owned())) } else { Ok(addresses) }
            }
            Err(error) if error.is_no_records_found() => Err(SendError::NameNotFound(name.to_owned())),
            Err(NetError::Timeout) => Err(unresolved("the resolver does not answer".to_owned())),
            Err(NetError::NoConnections) => Err(unresolved("no resolver can be reached".to_owned())),
            Err(error) => Err(unresolved(error.to_string())),
        }
    }
}

/// A machine without `/etc/resolv.conf` still reaches literals and `/etc/hosts`.
fn system_config() -> (ResolverConfig, ResolverOpts) {
    read_system_conf().unwrap_or_else(|error| {
        tracing::warn!(%error, "the system's resolver configuration can't be read: set egress.dns_servers");
        (ResolverConfig::from_name_servers(Vec::new()), ResolverOpts::default())
    })
}

fn name_server(addr: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(addr.ip());
    for connection in &mut server.connections {
        connection.port = addr.port();
    }
    server
}
