//! A release holds the console's files: tells cargo to build again when they change.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // In debug builds the files are read when they are asked for. A path that is missing would
    // make cargo build anew every time, so it is only watched where it matters.
    let dist = std::path::Path::new("../../console/dist");
    if dist.exists() && std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed={}", dist.display());
    }
}
