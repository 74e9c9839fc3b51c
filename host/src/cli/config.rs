//! `capstan config`

use super::{Common, Done, Failure, say};
use crate::host::config::ConfigCheck;
use clap::Subcommand;

/// The configuration
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Check capstan.toml; exit code 2 when something in it is wrong
    Check,
    /// Print the commented reference: every key with its default
    Default,
}

impl Config {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::Default => say(crate::config::DEFAULT),
            Self::Check => {
                let report = common.reach().await?.ask(ConfigCheck {}).await?;
                common.print(&report, |report| {
                    let errors = report.errors.iter().map(|error| format!("error: {error}"));
                    let lines: Vec<_> = errors.chain(report.warnings.iter().map(|w| format!("warning: {w}"))).collect();
                    if lines.is_empty() { "capstan.toml is in order".to_owned() } else { lines.join("\n") }
                })?;
                if report.errors.is_empty() { Ok(()) } else { Err(Failure::Shown(2)) }
            }
        }
    }
}
