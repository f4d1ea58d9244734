//! `fixtures`: prints requests that a receiver must take or refuse, to test one offline.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use hookswitch_domain::signature::fixtures::fixtures;

/// The document is JSON whether `--json` is asked for or not: nobody reads it in another form.
pub fn run() -> anyhow::Result<ExitCode> {
    let all = fixtures().context("making the fixtures")?;
    // It is long, and whoever pipes it may stop reading: that is no fault.
    writeln!(std::io::stdout().lock(), "{}", serde_json::to_string_pretty(&all)?).context("printing")?;
    Ok(ExitCode::SUCCESS)
}
