//! The seeds of the fuzz targets, what the fuzzers found once, and what they have learned, through the same code without a
//! fuzzer.

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

type Target = fn(&[u8]);

/// What the fuzzers learned, from an archive as `tar` writes it: a header of 512 bytes, the file in blocks of as many.
fn kept(archive: &[u8]) -> Vec<&[u8]> {
    let mut files = Vec::new();
    let mut rest = archive;
    while let Some((header, after)) = rest.split_at_checked(512).filter(|(header, _)| header[0] != 0) {
        let size = std::str::from_utf8(&header[124..135]).expect("octal digits");
        let size = usize::from_str_radix(size, 8).expect("octal digits");
        files.push(&after[..size]);
        rest = &after[size.next_multiple_of(512)..];
    }
    files
}

#[test]
fn what_the_fuzzers_learned() {
    let targets: [(&str, Target); 7] = [
        ("message", fuzz::message),
        ("stream", fuzz::stream),
        ("sdp", fuzz::sdp),
        ("uri", fuzz::uri),
        ("multipart", fuzz::multipart),
        ("packages", fuzz::packages),
        ("endpoint", fuzz::endpoint),
    ];
    let archives = files("fuzz/kept");
    assert_eq!(archives.len(), targets.len());
    for (path, archive) in archives {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let (_, target) = targets.iter().find(|(known, _)| *known == name).expect("a target of that name");
        let inputs = kept(&archive);
        println!("{}: {}", path.display(), inputs.len());
        assert!(inputs.len() > 50, "{name}: {}", inputs.len());
        inputs.into_iter().for_each(target);
    }
}

fn replay(folder: &str, target: Target) {
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
