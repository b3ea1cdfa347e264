//! What shells and readers of manuals want.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man as Page;

use crate::Cli;
use crate::failure::Failure;

/// Print a script that completes commands and options in a shell
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
    $ offhook completions bash > ~/.local/share/bash-completion/completions/offhook
    $ offhook completions zsh > ~/.zfunc/_offhook
    $ offhook completions fish > ~/.config/fish/completions/offhook.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Print a manual page, or write all of them into a folder
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
    $ offhook man call | man -l -
    $ offhook man --folder ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The subcommand; without it the page of offhook itself
    subcommand: Option<String>,
    /// Write every page into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "subcommand")]
    folder: Option<PathBuf>,
}

pub(crate) fn completions(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "offhook", &mut script);
    print(&script)
}

pub(crate) fn man(args: &Man) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = &args.folder else {
        let page = match &args.subcommand {
            None => page(command)?,
            Some(name) => {
                let found = command.find_subcommand(name).cloned();
                page(found.ok_or_else(|| Failure::usage(format!("there is no subcommand {name}")))?)?
            }
        };
        return print(&page);
    };
    let failed = |error: &io::Error| Failure::io(folder.display(), error);
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help").cloned() {
        let path = folder.join(format!("offhook-{}.1", subcommand.get_name()));
        fs::write(path, page(subcommand)?).map_err(|error| failed(&error))?;
    }
    fs::write(folder.join("offhook.1"), page(command)?).map_err(|error| failed(&error))
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    // The values of variables are this machine's.
    let command = command.mut_args(|arg| arg.hide_env_values(true));
    Page::new(command).render(&mut text).map_err(|error| Failure::io("the page cannot be written", &error))?;
    Ok(text)
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).map_err(|error| Failure::io("standard output", &error))
}
