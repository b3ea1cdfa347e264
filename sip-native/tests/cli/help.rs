//! What the help says, held by text: `UPDATE=1` writes it anew, to be read before it is kept.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

fn offhook(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    for name in ["AOR", "SERVER", "USERNAME", "PASSWORD", "PASSWORD_FILE", "TOKEN", "PROFILE", "CONFIG"] {
        command.env_remove(format!("OFFHOOK_{name}"));
    }
    // The width is that of no terminal.
    command.args(args).env_remove("COLUMNS").output().unwrap()
}

fn printed(args: &[&str]) -> String {
    let output = offhook(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands, as the help itself lists them.
fn subcommands() -> Vec<String> {
    let help = printed(&["--help"]);
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn expect(name: &str, text: &str) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/help")).join(format!("{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{} is not what --help says, which is:\n{text}", path.display());
}

#[test]
fn the_help_is_what_was_read_and_found_good() {
    expect("offhook", &printed(&["--help"]));
    let subcommands = subcommands();
    assert!(subcommands.len() >= 9, "{subcommands:?}");
    for name in subcommands {
        let help = printed(&[&name, "--help"]);
        assert!(help.contains("Example"), "{name} has no example");
        expect(&name, &help);
    }
}

#[test]
fn every_subcommand_has_a_manual_page() {
    let folder = format!("{}/{}-man", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    printed(&["man", "--folder", &folder]);
    for name in subcommands() {
        let page = fs::read_to_string(format!("{folder}/offhook-{name}.1")).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains(&format!("offhook\\-{name}")), "{name}");
        assert_eq!(page, printed(&["man", &name]));
    }
    let page = fs::read_to_string(format!("{folder}/offhook.1")).unwrap();
    assert!(page.contains("Exit codes"), "{page}");
    fs::remove_dir_all(folder).unwrap();
    assert_eq!(offhook(&["man", "fly"]).status.code(), Some(2));
}

#[test]
fn shells_get_their_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&["completions", shell]);
        for name in subcommands() {
            assert!(script.contains(&name), "{shell}: {name}");
        }
    }
    assert_eq!(offhook(&["completions", "tcsh"]).status.code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_who_has_gone_is_no_crash() {
    // `head` closes the pipe while more is written.
    let both = format!("{} completions bash | head -c 10 > /dev/null", env!("CARGO_BIN_EXE_offhook"));
    let output = Command::new("sh").args(["-c", &both]).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
}
