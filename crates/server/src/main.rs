//! The `hookswitch` program: reads the command line and hands over.

use std::process::ExitCode;

fn main() -> ExitCode {
    hookswitch_server::command::run(std::env::args_os())
}
