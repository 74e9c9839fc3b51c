//! `capstan completions` and `capstan man`: what shells and `man` need, made from the
//! commands themselves, so that they cannot disagree.

use super::{Cli, Done, say};
use crate::host::refusal::Refusal;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::path::PathBuf;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  capstan completions bash > /etc/bash_completion.d/capstan
  capstan completions zsh > ~/.zfunc/_capstan
  capstan completions fish > ~/.config/fish/completions/capstan.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Done {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "capstan", &mut script);
        say(&String::from_utf8_lossy(&script))
    }
}

/// Print the man page, or write one for each command into a folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  capstan man | man -l -
  capstan man /usr/local/share/man/man1")]
pub(super) struct Man {
    /// An existing folder, for one page a command
    folder: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self) -> Done {
        let Some(folder) = self.folder else {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            return say(&String::from_utf8_lossy(&page));
        };
        if !folder.is_dir() {
            let refusal = Refusal::usage(format!("{} is no folder", folder.display()));
            return Err(refusal.hint("make it first, or leave it out to print the page").into());
        }
        clap_mangen::generate_to(Cli::command(), &folder)?;
        eprintln!("written to {}", folder.display());
        Ok(())
    }
}
