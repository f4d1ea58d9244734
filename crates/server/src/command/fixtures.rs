//! `fixtures`: prints requests that a receiver must take or refuse, to test one offline.

use std::process::ExitCode;

use anyhow::Context;
use hookswitch_domain::signature::fixtures::fixtures;

/// The document is JSON whether `--json` is asked for or not: nobody reads it in another form.
pub fn run() -> anyhow::Result<ExitCode> {
    let all = fixtures().context("making the fixtures")?;
    println!("{}", serde_json::to_string_pretty(&all)?);
    Ok(ExitCode::SUCCESS)
}
