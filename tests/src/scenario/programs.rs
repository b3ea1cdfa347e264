//! The programs that scenarios run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use serde_json::Value;

static BUILT: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);

/// Where a program of this workspace is, built if it was not yet.
///
/// # Errors
///
/// What cargo says if it cannot be built.
pub fn program(package: &str, name: &str) -> Result<PathBuf, String> {
    let mut built = BUILT.lock().map_err(|error| error.to_string())?;
    if let Some(path) = built.get(name) {
        return Ok(path.clone());
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--message-format=json-render-diagnostics", "-p", package, "--bin", name])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages
        .filter(|message| message["target"]["name"] == name)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    let path = programs
        .next_back()
        .ok_or_else(|| format!("{name} of {package} cannot be built:\n{}", String::from_utf8_lossy(&output.stderr)))?;
    built.insert(name.into(), path.clone());
    Ok(path)
}
