//! The console's files are embedded; the folder must be there when this crate is compiled, filled
//! or not. A debug build reads it when a file is asked for; a release holds what was in it.

fn main() -> std::io::Result<()> {
    let dist = std::path::Path::new("../../console/dist");
    println!("cargo::rerun-if-changed=build.rs");
    std::fs::create_dir_all(dist)?;
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed={}", dist.display());
    }
    Ok(())
}
