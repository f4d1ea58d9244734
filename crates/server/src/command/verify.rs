//! `verify`: checks a signature of any profile, offline, and says why one is wrong.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use hookswitch_domain::signature::{TOLERANCE, Verified, explain, verify};
use hookswitch_domain::time::Timestamp;
use serde_json::json;

use super::sign::Scheme;
use super::{Global, ambient, input};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    scheme: Scheme,
    /// The body as it came, byte for byte; standard input without it, or with `-`.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// A header as it came, like 'webhook-id: msg_...'; repeat it for each.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// A file with headers, one per line.
    #[arg(long, value_name = "FILE")]
    headers_file: Option<PathBuf>,
    /// Say what probably went wrong.
    #[arg(long)]
    explain: bool,
    /// The moment to check at, in Unix seconds (default: now).
    #[arg(long, value_name = "SECONDS")]
    at: Option<i64>,
    /// How old a signature may be; 0 takes any age.
    #[arg(long, value_name = "SECONDS")]
    tolerance: Option<u64>,
}

pub fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (profile, secrets) = (arguments.scheme.profile()?, arguments.scheme.secrets()?);
    let lines = header_lines(&arguments)?;
    let headers: Vec<(&str, &[u8])> = lines.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let body = input(arguments.body.as_deref())?;
    let now = arguments.at.map_or_else(|| ambient().now(), Timestamp::from_seconds);
    let tolerance = match arguments.tolerance {
        None => TOLERANCE,
        Some(0) => Duration::MAX,
        Some(seconds) => Duration::from_secs(seconds),
    };
    match verify(&profile, &secrets, &headers, &body, now, tolerance) {
        Ok(verified) => {
            accepted(global, &verified);
            Ok(ExitCode::SUCCESS)
        }
        Err(rejection) => {
            let hint = if arguments.explain { explain(&profile, &secrets, &headers, &body) } else { None };
            match global.json {
                true => {
                    let detail = rejection.to_string();
                    println!("{}", json!({"valid": false, "code": rejection.code(), "detail": detail, "hint": hint}));
                }
                false => {
                    println!("not valid ({}): {rejection}", rejection.code());
                    hint.iter().for_each(|hint| println!("probably: {hint}"));
                }
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn accepted(global: &Global, verified: &Verified) {
    let Verified { id, timestamp, secret } = verified;
    if global.json {
        println!("{}", json!({"valid": true, "id": id, "timestamp": timestamp, "secret": secret}));
        return;
    }
    println!("valid");
    id.iter().for_each(|id| println!("id: {id}"));
    timestamp.iter().for_each(|at| println!("signed at: {at}"));
    if *secret > 0 {
        println!("matched the older secret, number {} of those given", secret + 1);
    }
}

fn header_lines(arguments: &Arguments) -> anyhow::Result<Vec<(String, String)>> {
    let mut lines = arguments.headers.clone();
    if let Some(path) = &arguments.headers_file {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        // A copied request begins with its request line, which holds no colon before its first space.
        let headers = text.lines().filter(|line| line.split_once(':').is_some_and(|(name, _)| !name.contains(' ')));
        lines.extend(headers.map(str::to_owned));
    }
    let split = |line: String| match line.split_once(':') {
        Some((name, value)) => Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
        None => anyhow::bail!("a header looks like 'name: value', not {line:?}"),
    };
    lines.into_iter().map(split).collect()
}
