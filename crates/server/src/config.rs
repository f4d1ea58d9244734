//! Configuration: `hookswitch.toml`, and over it the environment (`[database] url` is
//! `HOOKSWITCH_DATABASE__URL`, lists are JSON). Each key is one line of `Config::from_source`. A key
//! that no line asks for is an error that names the nearest one.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hookswitch_domain::egress::{AllowEntry, AllowError, Rules};
use hookswitch_domain::notification::is_mail_address;
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::notify::{Smtp, Tls};
use hookswitch_pipeline::{shared, upkeep};
use ipnet::IpNet;
use url::Url;

mod source;

pub use source::{ConfigError, Source};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    Local,
    Dev,
    Test,
    Production,
}

impl Environment {
    /// Where conveniences that would be holes elsewhere are allowed (CONTRACT 2).
    pub const fn lenient(self) -> bool {
        !matches!(self, Self::Production)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Production => "production",
        }
    }
}

impl FromStr for Environment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Local, Self::Dev, Self::Test, Self::Production];
        let found = all.into_iter().find(|environment| environment.as_str() == text);
        found.ok_or_else(|| "must be local, dev, test or production".to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

impl FromStr for LogFormat {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("must be json or text".to_owned()),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Config {
    pub environment: Environment,
    pub listen: SocketAddr,
    /// How people reach this server; `https` in it says that a proxy ends TLS.
    pub public_url: Option<Url>,
    pub trusted_proxies: Vec<IpNet>,
    pub database: Database,
    /// `None`: each process keeps limits for itself.
    pub redis_url: Option<String>,
    pub egress: Egress,
    pub allow_unsigned: bool,
    pub master_key_file: PathBuf,
    pub limits: Limits,
    pub telemetry: Telemetry,
    pub retention: upkeep::Days,
    /// `None`: no mail is sent.
    pub smtp: Option<Smtp>,
    pub portal: Portal,
}

/// The customer portal among its hosts' pages.
#[derive(Debug, Clone)]
pub struct Portal {
    /// Origins whose pages may show the portal in a frame; nobody's if empty.
    pub frame_ancestors: Vec<String>,
    /// Origins that logos may come from.
    pub image_origins: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Database {
    pub url: String,
    pub direct_url: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Egress {
    /// Networks that may be reached although private; an entry may carry a port (`127.0.0.1/32:9099`).
    pub allow_cidrs: Vec<AllowEntry>,
    pub require_https: bool,
    pub ca_file: Option<PathBuf>,
    /// Asked instead of the system's.
    pub dns_servers: Vec<SocketAddr>,
}

impl Egress {
    pub fn rules(&self) -> Rules {
        Rules { allow: self.allow_cidrs.clone(), require_https: self.require_https }
    }
}

#[derive(Debug, Clone)]
pub struct Limits {
    pub api_requests_per_minute: u32,
    pub event_bytes: usize,
    pub inbound_bytes: usize,
    pub connections: usize,
    pub connections_per_address: usize,
}

#[derive(Debug, Clone)]
pub struct Telemetry {
    pub log: String,
    pub log_format: LogFormat,
    /// A listener of its own for /metrics, which then needs no token there.
    pub metrics_listen: Option<SocketAddr>,
}

/// Keys of the contract that this version has no use for. Better refused than ignored.
const NOT_YET: &[&str] = &["limits.events_per_second"];

/// Dead letters are kept at least this long: somebody has to have the time to look.
const DEAD_LETTER_DAYS_MIN: i64 = 30;

impl Config {
    /// Reads `file` (it must exist), else `hookswitch.toml` if there is one, then the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut source = match file {
            Some(path) => Source::file(path)?,
            None if Path::new("hookswitch.toml").exists() => Source::file("hookswitch.toml".as_ref())?,
            None => Source::default(),
        };
        source.environment(std::env::vars_os())?;
        Self::from_source(source)
    }

    /// The defaults and nothing else, as a test or the OpenAPI printer needs them.
    pub fn defaults() -> Result<Self, ConfigError> {
        Self::from_source(Source::default())
    }

    pub fn from_source(mut from: Source) -> Result<Self, ConfigError> {
        let environment = from.parsed("environment").unwrap_or(Environment::Production);
        let config = Self {
            environment,
            listen: from.parsed("listen").unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url: from.checked("public_url", base_url),
            trusted_proxies: from.list("trusted_proxies", network),
            database: Database {
                url: from.checked("database.url", database_url).unwrap_or_else(|| "sqlite://data/hookswitch.db".to_owned()),
                direct_url: from.checked("database.direct_url", postgres_url),
            },
            redis_url: from.checked("redis.url", shared::check_url),
            egress: Egress {
                allow_cidrs: from.list("egress.allow_cidrs", |text| text.parse().map_err(|error: AllowError| error.to_string())),
                require_https: from.boolean("egress.require_https").unwrap_or(environment == Environment::Production),
                ca_file: from.parsed("egress.ca_file"),
                dns_servers: from.list("egress.dns_servers", resolver),
            },
            allow_unsigned: from.boolean("signing.allow_unsigned").unwrap_or(environment.lenient()),
            master_key_file: from.parsed("secrets.master_key_file").unwrap_or_else(|| "data/master.key".into()),
            limits: limits(&mut from),
            telemetry: Telemetry {
                log: from.checked("telemetry.log", log_filter).unwrap_or_else(|| "info".to_owned()),
                log_format: from.parsed("telemetry.log_format").unwrap_or(LogFormat::Json),
                metrics_listen: from.parsed("telemetry.metrics_listen"),
            },
            retention: retention(&mut from),
            smtp: smtp(&mut from),
            portal: Portal {
                frame_ancestors: from.list("portal.frame_ancestors", |text| origin(text, true)),
                image_origins: from.list("portal.image_origins", |text| origin(text, false)),
            },
        };
        from.finish(NOT_YET)?;
        Ok(config)
    }

    /// How a link to this server begins, without a slash at its end.
    pub fn base_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.listen),
        }
    }
}

fn limits(from: &mut Source) -> Limits {
    Limits {
        api_requests_per_minute: from.number("limits.api_requests_per_minute", 1..=1_000_000_000).unwrap_or(1200) as u32,
        event_bytes: from.bytes("limits.event_bytes", 1 << 10..=16 << 20).unwrap_or(256 << 10),
        inbound_bytes: from.bytes("limits.inbound_bytes", 1 << 10..=16 << 20).unwrap_or(1 << 20),
        connections: from.number("limits.connections", 1..=1_000_000).unwrap_or(4096) as usize,
        connections_per_address: from.number("limits.connections_per_address", 1..=1_000_000).unwrap_or(512) as usize,
    }
}

fn retention(from: &mut Source) -> upkeep::Days {
    let mut days = |key: &'static str, least: i64, default: i64| from.number(key, least..=36_500).unwrap_or(default);
    upkeep::Days {
        payload: days("retention.payload_days", 1, 30),
        attempt: days("retention.attempt_days", 1, 30),
        finished: days("retention.finished_days", 1, 90),
        dead_letter: days("retention.dead_letter_days", DEAD_LETTER_DAYS_MIN, 90),
        inbound_body: days("retention.inbound_body_days", 1, 30),
        inbound_rejected: days("retention.inbound_rejected_days", 1, 7),
    }
}

/// The mail server; without a host there is none, and its other keys are errors of nobody's.
fn smtp(from: &mut Source) -> Option<Smtp> {
    let host = from.parsed::<String>("notifications.smtp.host");
    let tls = from.parsed("notifications.smtp.tls").unwrap_or(Tls::StartTls);
    let port = from.number("notifications.smtp.port", 1..=65_535).unwrap_or(if tls == Tls::Implicit { 465 } else { 587 });
    let sender = from.checked("notifications.smtp.from", |text| match is_mail_address(text) {
        true => Ok(text.to_owned()),
        false => Err("must be a mail address".to_owned()),
    });
    let user = from.parsed::<String>("notifications.smtp.username");
    let password = from.parsed::<String>("notifications.smtp.password").map(Secret::from);
    let file = from.checked("notifications.smtp.password_file", |path| match std::fs::read_to_string(path) {
        Ok(text) => Ok(Secret::from(text.trim_end())),
        Err(error) => Err(format!("can't be read: {error}")),
    });
    let host = host?;
    let default_sender = || format!("hookswitch@{host}");
    Some(Smtp {
        tls,
        port: port as u16,
        from: sender.unwrap_or_else(default_sender),
        credentials: user.zip(password.or(file)),
        host,
    })
}

fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or("must be a URL like https://hooks.example.com")?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("must be scheme, host and port alone".to_owned());
    }
    Ok(url)
}

/// An origin as it may stand in a Content-Security-Policy: nothing of it can end the directive. A host may begin
/// with `*.` where `wild`.
fn origin(text: &str, wild: bool) -> Result<String, String> {
    let rule = "must be origins like https://app.example.com (http only for this machine)";
    let (scheme, host) = text.split_once("://").ok_or(rule)?;
    let bare = host.strip_prefix("*.").filter(|_| wild).unwrap_or(host);
    if !bare.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte)) {
        return Err(rule.to_owned());
    }
    let url = Url::parse(&format!("{scheme}://{bare}")).map_err(|_| rule)?;
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let known = scheme == "https" || (scheme == "http" && loopback);
    match known && url.has_host() && url.origin().ascii_serialization() == format!("{scheme}://{bare}") {
        true => Ok(text.to_owned()),
        false => Err(rule.to_owned()),
    }
}

fn database_url(text: &str) -> Result<String, String> {
    let known = ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if !known || text == "sqlite://" {
        return Err("must start with sqlite:// (and a path) or postgres://".to_owned());
    }
    Ok(text.to_owned())
}

fn postgres_url(text: &str) -> Result<String, String> {
    match text.starts_with("postgres://") || text.starts_with("postgresql://") {
        true => Ok(text.to_owned()),
        false => Err("must start with postgres://".to_owned()),
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| "must be networks like 10.0.0.0/8".to_owned())
}

fn resolver(text: &str) -> Result<SocketAddr, String> {
    let bare = || text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
    text.parse().or_else(|_| bare()).map_err(|_| "must be addresses like 10.0.0.2 or 10.0.0.2:5353".to_owned())
}

fn log_filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("must be a log filter like info or hookswitch=debug,warn".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, env: &[(&str, &str)]) -> Result<Config, String> {
        let mut source = Source::text(toml).map_err(|error| error.to_string())?;
        source.environment(env.iter().map(|(key, value)| ((*key).into(), (*value).into()))).map_err(|error| error.to_string())?;
        Config::from_source(source).map_err(|error| error.to_string())
    }

    #[test]
    fn without_any_file_the_contract_s_defaults_hold() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.database.url, "sqlite://data/hookswitch.db");
        assert_eq!((config.limits.event_bytes, config.limits.inbound_bytes), (262_144, 1_048_576));
        assert!(config.egress.require_https && !config.allow_unsigned);
        assert!(load("environment = \"dev\"", &[]).unwrap().allow_unsigned);
    }

    #[test]
    fn the_environment_wins_and_lists_are_json() {
        let env = [("HOOKSWITCH_DATABASE__URL", "postgres://db/x"), ("HOOKSWITCH_TRUSTED_PROXIES", "[\"10.0.0.0/8\"]")];
        let config = load("[database]\nurl = \"sqlite://a.db\"", &env).unwrap();
        assert_eq!(config.database.url, "postgres://db/x");
        assert_eq!(config.trusted_proxies.len(), 1);
        // They belong to commands that talk to a server.
        assert!(load("", &[("HOOKSWITCH_URL", "x"), ("HOOKSWITCH_TOKEN", "y"), ("PATH", "/bin")]).is_ok());
    }

    #[test]
    fn a_bad_key_is_named_with_what_to_do() {
        type Variables = &'static [(&'static str, &'static str)];
        let cases: [(&str, Variables, &str); 18] = [
            ("[retention]\ndead_letter_days = 29", &[], "retention.dead_letter_days: must be 30 to 36500"),
            ("[database]\nulr = \"x\"", &[], "database.ulr is no key; did you mean database.url?"),
            ("", &[("HOOKSWITCH_LIMITS__EVENT_BYTE", "1")], "HOOKSWITCH_LIMITS__EVENT_BYTE"),
            ("listen = 8080", &[], "listen: must be text"),
            ("listen = \"nowhere\"", &[], "listen: "),
            ("[limits]\napi_requests_per_minute = 0", &[], "limits.api_requests_per_minute: must be 1 to 1000000000"),
            ("[limits]\nevent_bytes = \"lots\"", &[], "limits.event_bytes: must be a number of bytes"),
            ("", &[("HOOKSWITCH_EGRESS__REQUIRE_HTTPS", "maybe")], "must be true or false"),
            ("", &[("HOOKSWITCH_TRUSTED_PROXIES", "10.0.0.0/8")], "must be a JSON list"),
            ("[redis]\nurl = \"http://x\"", &[], "redis.url: must be a URL like redis://"),
            ("environment = \"prod\"", &[], "environment: must be local, dev, test or production"),
            ("[database]\nurl = \"mysql://x\"", &[], "database.url: must start with"),
            ("[portal]\nframe_ancestors = [\"*\"]", &[], "portal.frame_ancestors: must be origins"),
            ("[portal]\nframe_ancestors = [\"http://app.example.com\"]", &[], "portal.frame_ancestors: must be origins"),
            ("[portal]\nframe_ancestors = [\"https://a.example;script-src\"]", &[], "portal.frame_ancestors: must be origins"),
            ("[portal]\nframe_ancestors = [\"https://a.example/path\"]", &[], "portal.frame_ancestors: must be origins"),
            ("[portal]\nimage_origins = [\"https://*.example.com\"]", &[], "portal.image_origins: must be origins"),
            ("this is not toml", &[], "line 1"),
        ];
        for (toml, env, wanted) in cases {
            let message = load(toml, env).expect_err(toml);
            assert!(message.contains(wanted), "{toml} {env:?}: {message}");
        }
    }

    #[test]
    fn hosts_of_the_portal_are_origins() {
        let hosts = r#"["https://app.example.com", "https://*.example.org:8443", "http://localhost:3000"]"#;
        let config = load("", &[("HOOKSWITCH_PORTAL__FRAME_ANCESTORS", hosts)]).unwrap();
        assert_eq!(config.portal.frame_ancestors.len(), 3);
        assert!(load("", &[]).unwrap().portal.frame_ancestors.is_empty());
    }

    #[test]
    fn sizes_may_carry_a_unit() {
        assert_eq!(load("[limits]\nevent_bytes = \"512 KiB\"", &[]).unwrap().limits.event_bytes, 512 << 10);
        assert_eq!(load("[limits]\ninbound_bytes = 2048", &[]).unwrap().limits.inbound_bytes, 2048);
    }
}
