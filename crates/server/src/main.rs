//! The `hookswitch` program: reads the command line and hands over.

use std::process::ExitCode;

/// Many small, short-lived pieces: glibc's allocator took a tenth of the CPU per delivery.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hookswitch_server::command::run(std::env::args_os())
}
