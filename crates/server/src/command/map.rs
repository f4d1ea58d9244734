//! `hookswitch map`: one mapping expression over one document, in the same sandbox and under the same limit
//! as in production, so that a mapping can be tried out before it is saved.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use hookswitch_domain::mapping::wrap_body;
use hookswitch_pipeline::inbound::mapping::LIMIT_MS;
use hookswitch_pipeline::sandbox::{Expr, ExpressionError, Sandbox, SandboxConfig, SandboxError};
use serde_json::Value;
use uuid::Uuid;

/// Evaluate one mapping expression: JSON on standard output, nothing for undefined.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The JSONata expression.
    #[arg(long, short, value_name = "EXPRESSION")]
    expression: String,
    /// The JSON document; standard input without it, or with `-`.
    #[arg(long, short, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Wrap an array or a primitive as `{"value": ...}`, as the receiver does with a request's body.
    #[arg(long)]
    as_body: bool,
    /// Time limit in milliseconds; what a mapped field has by default.
    #[arg(long, value_name = "MS", default_value_t = LIMIT_MS, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit_ms: u32,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let input = read(args.input.as_deref())?;
    let sandbox = Sandbox::new(SandboxConfig::this_binary().context("finding this binary")?);
    match evaluate(&sandbox, &args, &input).await? {
        Ok(None) => {}
        Ok(Some(value)) => writeln!(std::io::stdout(), "{value}")?,
        Err(error) => {
            writeln!(std::io::stderr(), "{}", serde_json::to_string(&error)?)?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    match path {
        Some(path) if path != Path::new("-") => std::fs::read(path).with_context(|| format!("reading {}", path.display())),
        _ => {
            let mut input = Vec::new();
            std::io::stdin().lock().read_to_end(&mut input).context("reading standard input")?;
            Ok(input)
        }
    }
}

async fn evaluate(sandbox: &Sandbox, args: &Args, input: &[u8]) -> anyhow::Result<Result<Option<Value>, ExpressionError>> {
    let invalid = |reason: &str| ExpressionError::new("invalid_json", format!("the input is no JSON document: {reason}"));
    let wrapped = if args.as_body { wrap_body(input) } else { Some(input.into()) };
    let Some(input) = wrapped else { return Ok(Err(invalid("it can't be parsed"))) };
    let expression = Expr { id: "expression", text: &args.expression, limit_ms: args.limit_ms };
    match sandbox.evaluate(Uuid::nil(), &input, &[expression]).await {
        Ok(results) => results.into_iter().next().map(|evaluated| evaluated.result).context("the sandbox gave no result"),
        Err(SandboxError::Input(reason)) => Ok(Err(invalid(&reason))),
        Err(error) => Err(error.into()),
    }
}
