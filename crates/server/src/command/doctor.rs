//! `doctor`: looks at everything that a server stands on, and says how to mend what is wrong.

use std::fmt::Display;
use std::net::ToSocketAddrs;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;
use std::time::Duration;

use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::secrets::MasterKey;
use hookswitch_pipeline::shared::Shared;
use hookswitch_store::migrate::Schema;
use hookswitch_store::{Db, StoreError};
use serde::Serialize;

use super::{Global, ambient, open};
use crate::app::COMPONENTS;
use crate::config::Config;

/// Leases and signatures bear a clock that is off by less.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(2);
/// Resolves everywhere where names resolve at all.
const KNOWN_NAME: &str = "example.com:443";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    /// Works, and somebody should know.
    Note,
    Bad,
}

#[derive(Debug, Serialize)]
struct Finding {
    part: &'static str,
    verdict: Verdict,
    text: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, part: &'static str, verdict: Verdict, text: impl Into<String>) {
        self.0.push(Finding { part, verdict, text: text.into() });
    }

    fn good(&mut self, part: &'static str, text: impl Into<String>) {
        self.add(part, Verdict::Good, text);
    }

    /// What is wrong, and how to mend it.
    fn bad(&mut self, part: &'static str, what: impl Display, mend: &str) {
        self.add(part, Verdict::Bad, format!("{what}. {mend}"));
    }
}

pub async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    match global.config() {
        Err(error) => findings.bad("config", error, "Mend hookswitch.toml or the environment"),
        Ok(config) => {
            findings.good("config", format!("environment {}, listens on {}", config.environment.as_str(), config.listen));
            look_at_console_cookie(&mut findings, &config);
            look_at_database(&mut findings, &config).await;
            look_at_redis(&mut findings, &config).await;
            look_at_secrets(&mut findings, &config);
            look_at_egress(&mut findings, &config);
        }
    }
    report(global, &findings)
}

fn report(global: &Global, findings: &Findings) -> anyhow::Result<ExitCode> {
    let bad = findings.0.iter().any(|finding| finding.verdict == Verdict::Bad);
    if global.json {
        println!("{}", serde_json::json!({"healthy": !bad, "findings": findings.0}));
    } else {
        for finding in &findings.0 {
            let mark = match finding.verdict {
                Verdict::Good => "good",
                Verdict::Note => "note",
                Verdict::Bad => "BAD ",
            };
            println!("{mark}  {:<9} {}", finding.part, finding.text);
        }
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn look_at_console_cookie(findings: &mut Findings, config: &Config) {
    let https = config.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if !https && !config.listen.ip().is_loopback() {
        let text = "signing in to the console needs HTTPS: put a proxy in front and set public_url = \"https://...\"";
        findings.add("config", Verdict::Note, text);
    }
}

async fn look_at_database(findings: &mut Findings, config: &Config) {
    if let Some(path) = config.database.url.strip_prefix("sqlite://")
        && !std::path::Path::new(path).exists()
    {
        let text = format!("{path} isn't there yet; hookswitch serve makes it. If it should be there, look at database.url");
        return findings.add("database", Verdict::Note, text);
    }
    let db = match open(config).await {
        Ok(db) => db,
        Err(error) => return findings.bad("database", format!("{error:#}"), "Look at database.url and at the database itself"),
    };
    look_at_schema(findings, &db).await;
    look_at_durability(findings, &db).await;
    look_at_clock(findings, &db).await;
    db.close().await;
}

async fn look_at_schema(findings: &mut Findings, db: &Db) {
    match db.schema(COMPONENTS).await {
        Ok(Schema::Current) => findings.good("database", format!("{}, tables are of this version", db.engine_name())),
        Ok(Schema::Empty) => findings.add("database", Verdict::Note, "empty; hookswitch serve or migrate makes its tables"),
        Ok(Schema::Behind(missing)) => findings.bad(
            "database",
            format!("of an older version: it lacks {}", missing.join(", ")),
            "Make a backup, then run hookswitch migrate",
        ),
        Ok(Schema::Ahead(unknown)) => findings.bad(
            "database",
            format!("of a newer version than this program, which doesn't know {}", unknown.join(", ")),
            "Use the newer program",
        ),
        Err(error) => findings.bad("database", error, "Look at the database's own log"),
    }
    let system = db.system();
    // Nothing is left behind: the transaction is rolled back.
    let tried: Result<(), Tried> = system
        .write(|tx| {
            Box::pin(async move {
                tx.execute("CREATE TABLE hookswitch_doctor (x BIGINT)", &[]).await?;
                Err(Tried::Worked)
            })
        })
        .await;
    match tried {
        Ok(()) | Err(Tried::Worked) => findings.good("database", "can be written to"),
        Err(Tried::Failed(error)) => findings.bad("database", error, "Look at free space and at the rights of its user"),
    }
}

enum Tried {
    Worked,
    Failed(StoreError),
}

impl From<StoreError> for Tried {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

async fn look_at_durability(findings: &mut Findings, db: &Db) {
    // The writer of an embedded database always has synchronous=FULL: it is set when it opens.
    if db.engine_name() == "sqlite" {
        return findings.good("database", "a commit is on disk before it is answered (WAL, synchronous=FULL)");
    }
    let sql = "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_version')";
    let asked = db.system().read(move |tx| Box::pin(async move { tx.query_one(sql, &[]).await })).await;
    let settings = asked.and_then(|mut row| Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<String>(2)?)));
    match settings {
        Ok((fsync, commit, version)) if fsync == "on" && commit != "off" => {
            findings.good("database", format!("PostgreSQL {version}, fsync={fsync}, synchronous_commit={commit}"));
        }
        Ok((fsync, commit, _)) => {
            findings.bad(
                "database",
                format!("fsync={fsync}, synchronous_commit={commit}"),
                "Switch both on, or a power cut loses events",
            );
        }
        Err(error) => findings.bad("database", error, "Look at the database's own log"),
    }
}

async fn look_at_clock(findings: &mut Findings, db: &Db) {
    let sql = if db.engine_name() == "sqlite" {
        return findings.good("clock", "the database has the machine's own clock");
    } else {
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
    let before = ambient().now();
    let asked = db.system().read(move |tx| Box::pin(async move { tx.query_one(sql, &[]).await?.get::<Timestamp>(0) })).await;
    let after = ambient().now();
    match asked {
        Ok(theirs) => {
            let off = theirs.since(after).max(before.since(theirs));
            match off <= CLOCK_OFF_MAX {
                true => findings.good("clock", "this machine and the database agree"),
                false => findings.bad(
                    "clock",
                    format!("off from the database's by {} ms", off.as_millis()),
                    "Run a time service on both",
                ),
            }
        }
        Err(error) => findings.bad("clock", error, "Look at the database's own log"),
    }
}

async fn look_at_redis(findings: &mut Findings, config: &Config) {
    let Some(url) = &config.redis_url else { return };
    let mend = "Look at redis.url and at Redis itself; until it is there, limits are each process's own";
    let asked = match Shared::new(url) {
        Ok(shared) => shared.connect().await.map(drop),
        Err(error) => Err(error),
    };
    match asked {
        Ok(()) => findings.good("redis", "answers"),
        Err(error) => findings.bad("redis", error, mend),
    }
}

fn look_at_secrets(findings: &mut Findings, config: &Config) {
    let path = &config.master_key_file;
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = format!("{shown} isn't there; it is made together with a new database, and an old one needs its own back");
            findings.add("secrets", Verdict::Note, text);
        }
        Err(error) => findings.bad("secrets", format!("{shown}: {error}"), "Give this user the right to read it"),
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            findings.bad("secrets", format!("others can read {shown}"), &format!("chmod 600 {shown}"));
        }
        Ok(_) => match MasterKey::load(path) {
            Ok(_) => findings.good("secrets", format!("{shown} can be read, by its owner alone")),
            Err(error) => findings.bad("secrets", error, "Put the right file back; secrets open with no other"),
        },
    }
}

fn look_at_egress(findings: &mut Findings, config: &Config) {
    let egress = &config.egress;
    if !egress.allow_cidrs.is_empty() {
        let text = format!("{} private networks may be reached (egress.allow_cidrs)", egress.allow_cidrs.len());
        findings.add("egress", Verdict::Note, text);
    }
    if let Some(path) = &egress.ca_file
        && let Err(error) = std::fs::read(path)
    {
        findings.bad("egress", format!("{}: {error}", path.display()), "Look at egress.ca_file");
    }
    match KNOWN_NAME.to_socket_addrs() {
        Ok(_) => findings.good("egress", "names resolve"),
        // An installation may well be meant to reach its own network alone.
        Err(error) => {
            let text = format!("example.com doesn't resolve ({error}); destinations by name need DNS (egress.dns_servers)");
            findings.add("egress", Verdict::Note, text);
        }
    }
}
