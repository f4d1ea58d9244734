//! `openapi`: prints the document that the server serves, without a server.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use crate::api;

#[derive(Args)]
pub struct Arguments {
    /// Print YAML instead of JSON.
    #[arg(long)]
    yaml: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let document = api::docs::written(&api::document());
    match arguments.yaml {
        true => print!("{}", yaml(&document)),
        false => println!("{}", serde_json::to_string_pretty(&document)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// YAML is JSON with indentation: block mappings and lists, and JSON's own texts and numbers.
fn yaml(document: &Value) -> String {
    let mut out = String::new();
    write_block(&mut out, document, 0);
    out
}

fn write_block(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let _ = write!(out, "{indent}{}:", Value::from(key.as_str()));
                write_entry(out, value, depth);
            }
        }
        Value::Array(list) => {
            for value in list {
                let _ = write!(out, "{indent}-");
                write_entry(out, value, depth);
            }
        }
        scalar => drop(writeln!(out, "{indent}{scalar}")),
    }
}

/// What stands after a key or a dash: a scalar or something empty on the same line, a block below.
fn write_entry(out: &mut String, value: &Value, depth: usize) {
    let inline = match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => true,
    };
    if inline {
        let _ = writeln!(out, " {value}");
    } else {
        out.push('\n');
        write_block(out, value, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_indented_and_texts_are_quoted() {
        let document = serde_json::json!({"a": [1, {"b": "x: \"y\""}, []], "200": {}, "n": null});
        let wanted = "\"a\":\n  - 1\n  -\n    \"b\": \"x: \\\"y\\\"\"\n  - []\n\"200\": {}\n\"n\": null\n";
        assert_eq!(yaml(&document), wanted);
    }
}
