//! Where settings come from, and what is said about those that can't be used. All complaints are
//! collected, so that a file is mended in one go.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

const PREFIX: &str = "HOOKSWITCH_";
/// Of commands that talk to a running server, of `sign` and `verify`, and of the tests; no configuration.
const NOT_CONFIGURATION: &[&str] = &[
    "HOOKSWITCH_URL",
    "HOOKSWITCH_TOKEN",
    "HOOKSWITCH_SIGNING_SECRET",
    "HOOKSWITCH_TEST_POSTGRES",
    "HOOKSWITCH_TEST_REDIS",
    "HOOKSWITCH_BINARY",
];
/// What `local://` references are resolved from.
const LOCAL_SECRETS: &str = "HOOKSWITCH_SECRET_";

/// Everything that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {}", .0.join("\nconfiguration: "))]
pub struct ConfigError(pub Vec<String>);

#[derive(Debug)]
enum Raw {
    Toml(toml::Value),
    /// With the variable's name, because that is what its author knows.
    Env(String, String),
}

/// Settings by dotted key, and what was asked for so far.
#[derive(Debug, Default)]
pub struct Source {
    values: BTreeMap<String, Raw>,
    asked: Vec<&'static str>,
    complaints: Vec<String>,
}

impl Source {
    pub fn file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError(vec![format!("{}: {error}", path.display())]))?;
        Self::text(&text).map_err(|ConfigError(list)| {
            ConfigError(list.into_iter().map(|line| format!("{}: {line}", path.display())).collect())
        })
    }

    pub fn text(text: &str) -> Result<Self, ConfigError> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError(vec![error.to_string()]))?;
        let mut source = Self::default();
        source.flatten("", table);
        Ok(source)
    }

    fn flatten(&mut self, prefix: &str, table: toml::Table) {
        for (key, value) in table {
            let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            match value {
                toml::Value::Table(inner) => self.flatten(&key, inner),
                other => drop(self.values.insert(key, Raw::Toml(other))),
            }
        }
    }

    /// Lays environment variables over what is there.
    pub fn environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<(), ConfigError> {
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            let Some(rest) = name.strip_prefix(PREFIX).filter(|_| !NOT_CONFIGURATION.contains(&name)) else { continue };
            if name.starts_with(LOCAL_SECRETS) {
                continue;
            }
            let key = rest.to_ascii_lowercase().replace("__", ".");
            let value = value.into_string().map_err(|_| ConfigError(vec![format!("{name}: is not UTF-8")]))?;
            self.values.insert(key, Raw::Env(name.to_owned(), value));
        }
        Ok(())
    }

    /// Sets one key as the environment would.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.values.insert(key.to_owned(), Raw::Env(key.to_owned(), value.into()));
        self
    }

    fn take(&mut self, key: &'static str) -> Option<Raw> {
        self.asked.push(key);
        self.values.remove(key)
    }

    fn complain<T>(&mut self, key: &str, what: impl std::fmt::Display) -> Option<T> {
        self.complaints.push(format!("{key}: {what}"));
        None
    }

    fn text_of(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Raw::Env(_, text) | Raw::Toml(toml::Value::String(text)) => Some(text),
            Raw::Toml(_) => self.complain(key, "must be text"),
        }
    }

    pub fn checked<T>(&mut self, key: &'static str, check: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text_of(key)?;
        check(&text).map_or_else(|what| self.complain(key, what), Some)
    }

    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &'static str) -> Option<T> {
        self.checked(key, |text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    pub fn boolean(&mut self, key: &'static str) -> Option<bool> {
        match self.take(key)? {
            Raw::Toml(toml::Value::Boolean(flag)) => Some(flag),
            Raw::Env(_, text) if text == "true" || text == "false" => Some(text == "true"),
            _ => self.complain(key, "must be true or false"),
        }
    }

    pub fn number(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let number = match self.take(key)? {
            Raw::Toml(toml::Value::Integer(number)) => Some(number),
            Raw::Env(_, text) => text.parse().ok(),
            Raw::Toml(_) => None,
        };
        let fitting = number.filter(|number| range.contains(number));
        fitting.or_else(|| self.complain(key, format!("must be {} to {}", range.start(), range.end())))
    }

    /// A size: bytes as a number, or text with KiB or MiB.
    pub fn bytes(&mut self, key: &'static str, range: RangeInclusive<usize>) -> Option<usize> {
        let size = match self.take(key)? {
            Raw::Toml(toml::Value::Integer(number)) => usize::try_from(number).ok(),
            Raw::Env(_, text) | Raw::Toml(toml::Value::String(text)) => parse_size(&text),
            Raw::Toml(_) => None,
        };
        let fitting = size.filter(|size| range.contains(size));
        let what = || format!("must be a number of bytes (\"256 KiB\" works too), {} to {}", range.start(), range.end());
        fitting.or_else(|| self.complain(key, what()))
    }

    pub fn list<T>(&mut self, key: &'static str, check: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let texts = match self.take(key) {
            None => return Vec::new(),
            Some(Raw::Env(_, text)) => serde_json::from_str::<Vec<String>>(&text).ok(),
            Some(Raw::Toml(value)) => value.try_into::<Vec<String>>().ok(),
        };
        let Some(texts) = texts else {
            self.complain::<()>(key, "must be a list of texts (in the environment, must be a JSON list)");
            return Vec::new();
        };
        let mut list = Vec::new();
        for text in texts {
            match check(&text) {
                Ok(item) => list.push(item),
                Err(what) => drop(self.complain::<()>(key, format!("{what}, not {text:?}"))),
            }
        }
        list
    }

    /// What nobody asked for is no key; `refused` are prefixes of keys that this version can't use.
    pub fn finish(mut self, refused: &[&str]) -> Result<(), ConfigError> {
        for (key, raw) in std::mem::take(&mut self.values) {
            let shown = if let Raw::Env(name, _) = &raw { name.as_str() } else { &key };
            if refused.iter().any(|prefix| key.starts_with(prefix)) {
                self.complaints.push(format!("{shown}: is not supported by this version"));
                continue;
            }
            let nearest =
                self.asked.iter().max_by(|a, b| strsim::jaro_winkler(&key, a).total_cmp(&strsim::jaro_winkler(&key, b)));
            let nearest = nearest.copied().unwrap_or_default();
            self.complaints.push(format!("{shown} is no key; did you mean {nearest}?"));
        }
        if self.complaints.is_empty() { Ok(()) } else { Err(ConfigError(self.complaints)) }
    }
}

fn parse_size(text: &str) -> Option<usize> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit.trim() {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(factor)
}
