//! The README's Rust example is the program in `snippets/`, and that program makes a call.

mod support;

use std::process::Stdio;

use support::{Bob, PATIENCE};
use tokio::process::Command;
use tokio::time::timeout;

#[test]
fn the_readme_shows_the_programs_that_run() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("```rust\n{}```", include_str!("../snippets/first_call.rs"))));
    assert!(
        include_str!("../../sip-native/README.md")
            .contains(&format!("```rust\n{}```", include_str!("../snippets/first_call.rs")))
    );
    assert!(readme.contains(&format!("```js\n{}```", include_str!("../snippets/first-call.js"))));
}

#[tokio::test]
async fn the_first_call_is_made() {
    let bob = Bob::waits().await;
    let output = Command::new(env!("CARGO_BIN_EXE_first_call"))
        .arg(bob.server())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output).await.expect("it ends by itself").expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "talking to <sip:bob@offhook.test>\n");

    bob.was_called().await;
}
