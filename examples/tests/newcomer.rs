//! From an empty folder to a first call, as the guide (`docs/start/rust.md`) says: its commands are run, its program is
//! compiled in a project of its own, and the call is made.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use support::Bob;
use tokio::process::Command;
use tokio::time::timeout;

/// Compiling what the crate depends on takes a while.
const BUILD: Duration = Duration::from_secs(900);

#[tokio::test]
async fn the_guide_leads_to_a_first_call() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = root.join("docs/start/rust.md");
    let text = fs::read_to_string(&page).expect("the page");
    let mut shell: Vec<&str> = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let start = shell.pop().expect("a command that starts it").trim();
    let source = text.lines().find_map(|line| line.strip_prefix("<<< ")).expect("a program");
    let source = page.parent().expect("a folder").join(source);

    // Published or not: what would be published is used.
    let crate_here = root.join("sip-native");
    let set_up =
        shell.concat().replace("cargo add offhook\n", &format!("cargo add --path '{}'\n", crate_here.display()));
    assert!(set_up.contains("--path"), "{set_up}");
    let folder = Folder::new();
    run("bash", &["-euc", &set_up], &folder.0, root).await;
    let project = fs::read_dir(&folder.0).expect("readable").next().expect("a project").expect("readable").path();
    fs::copy(source, project.join("src/main.rs")).expect("writable");
    // The versions that are tested otherwise, not those of the day.
    fs::copy(root.join("Cargo.lock"), project.join("Cargo.lock")).expect("writable");
    run("cargo", &["build", "--quiet"], &project, root).await;

    let bob = Bob::waits().await;
    let start = start.replace("ws://127.0.0.1:8080/ws", &bob.server());
    let output = run("bash", &["-euc", &start], &project, root).await;
    assert!(output.ends_with("talking to <sip:bob@offhook.test>\n"), "{output}");
    bob.was_called().await;
}

/// What it prints; it must succeed.
async fn run(program: &str, arguments: &[&str], folder: &Path, root: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        // What is compiled already is not compiled again.
        .env("CARGO_TARGET_DIR", target(root))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(BUILD, output).await.expect("it ends").expect("it starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {out}{err}");
    out.into_owned()
}

/// Where this test was compiled to.
fn target(root: &Path) -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().map_or_else(|| root.join("target"), Path::to_owned)
}

/// An empty folder outside of the workspace, which is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let folder = std::env::temp_dir().join(format!("offhook-newcomer-{}", std::process::id()));
        fs::create_dir(&folder).expect("a new folder");
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
