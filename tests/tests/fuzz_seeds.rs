//! The seeds of the fuzz targets, and what the fuzzers found once, through the same code without a fuzzer.

use std::path::{Path, PathBuf};

use offhook_tests::lives::lives;
use offhook_tests::scenario::{Runtime, Scenario};

#[allow(unreachable_pub)]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

/// Every file of a folder, by name.
fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a file"))).collect()
}

fn replay(folder: &str, target: fn(&[u8])) {
    let files = files(folder);
    assert!(!files.is_empty());
    for (path, bytes) in files {
        println!("{}", path.display());
        target(&bytes);
    }
}

#[test]
fn messages() {
    replay("fuzz/seeds/message", fuzz::message);
    replay("vectors/rfc4475", fuzz::message);
}

#[test]
fn streams() {
    replay("fuzz/seeds/stream", fuzz::stream);
    replay("vectors/rfc4475", fuzz::stream);
}

#[test]
fn descriptions() {
    replay("fuzz/seeds/sdp", fuzz::sdp);
}

#[test]
fn uris() {
    replay("fuzz/seeds/uri", fuzz::uri);
}

#[test]
fn bodies() {
    replay("fuzz/seeds/multipart", fuzz::multipart);
    replay("fuzz/seeds/packages", fuzz::packages);
}

#[test]
fn endpoints() {
    replay("fuzz/seeds/endpoint", fuzz::endpoint);
}

/// What every agent of every scenario lived through. `OFFHOOK_LIVES=folder` writes it there, for a fuzzer to start from.
#[test]
fn lives_of_scenarios() {
    let folder = std::env::var_os("OFFHOOK_LIVES").map(PathBuf::from);
    let mut count = 0;
    for scenario in Scenario::all().iter().filter(|scenario| scenario.skipped(Runtime::Simulated).is_none()) {
        for (name, bytes) in lives(scenario).unwrap_or_else(|report| panic!("{report}")) {
            println!("{} of {}", name, scenario.name);
            fuzz::endpoint(&bytes);
            count += 1;
            if let Some(folder) = &folder {
                std::fs::write(folder.join(format!("{}-{name}", scenario.name)), bytes).expect("a place to write to");
            }
        }
    }
    assert!(count > 100, "{count} lives");
}
