//! Nothing is synchronised by hand: tasks talk by tokio's channels and semaphores, which tokio checks with loom, and what they
//! share is behind a lock of the standard library. So there is nothing here to check with a model. What would have to be is
//! found by its name.

use std::path::{Path, PathBuf};

/// What makes or breaks a synchronisation of one's own.
const BY_HAND: [&str; 9] =
    ["Atomic", "fence(", "UnsafeCell", "unsafe {", "unsafe impl", "static mut", "Condvar", "thread::park", "spin_loop"];

/// Counters that stand alone: each number is given once, and nothing else is ordered by them.
const COUNTERS: [(&str, &str); 2] =
    [("sip-core/src/agent/user_agent.rs", "turn"), ("sip-native/src/bin/offhook/load/answerer.rs", "seen")];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn nothing_is_synchronised_by_hand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut files = Vec::new();
    for folder in ["sip-core/src", "sip-native/src", "examples/src"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 300, "{}", files.len());
    for path in files {
        let name = path.strip_prefix(root).expect("within it").to_string_lossy().replace('\\', "/");
        let text = std::fs::read_to_string(&path).expect("a file");
        let counter = COUNTERS.iter().find(|(file, _)| *file == name).map(|(_, counter)| *counter);
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let by_hand = BY_HAND.iter().find(|word| line.contains(**word));
            let known = counter.is_some_and(|counter| line.contains(counter) || line.trim_start().starts_with("use "));
            assert!(by_hand.is_none() || known, "{name}: {line}");
            let orders = ["Acquire", "Release", "AcqRel", "SeqCst"]
                .iter()
                .any(|order| line.contains(&format!("Ordering::{order}")));
            assert!(!orders, "{name}: {line}");
        }
        if let Some(counter) = counter {
            let uses: Vec<&str> =
                text.lines().filter(|line| line.contains("Relaxed") && !line.contains("use ")).collect();
            assert!(!uses.is_empty(), "{name} has no counter any more");
            for line in uses {
                assert!(line.contains(counter) && line.contains(".fetch_add("), "{name}: {line}");
            }
        }
    }
}
