//! `capstan config`

use super::{Common, Done, Failure, say};
use crate::host::config::{ConfigCheck, ConfigReload, ConfigReloaded};
use clap::Subcommand;

/// The configuration
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Check capstan.toml; exit code 2 when something in it is wrong
    Check,
    /// Read capstan.toml again now; a host that works does so by itself within a second
    #[command(after_help = "Example:\n  capstan config reload")]
    Reload,
    /// Print the commented reference: every key with its default
    Default,
}

impl Config {
    pub(super) async fn run(self, common: &Common) -> Done {
        match self {
            Self::Default => say(crate::config::DEFAULT),
            Self::Reload => common.print(&common.reach().await?.ask(ConfigReload {}).await?, reloaded),
            Self::Check => {
                let report = common.reach().await?.ask(ConfigCheck {}).await?;
                common.print(&report, |report| {
                    let errors = report.errors.iter().map(|error| format!("error: {error}"));
                    let warnings = report.warnings.iter().map(|warning| format!("warning: {warning}"));
                    let mut lines: Vec<_> = errors.chain(warnings).collect();
                    if lines.is_empty() {
                        lines.push("capstan.toml is in order".to_owned());
                    }
                    let set = report.overrides.iter();
                    lines.extend(
                        set.map(|each| format!("set over it: {} = {} ({})", each.key, each.value, each.origin)),
                    );
                    lines.join("\n")
                })?;
                if report.errors.is_empty() { Ok(()) } else { Err(Failure::Shown(2)) }
            }
        }
    }
}

fn reloaded(reloaded: &ConfigReloaded) -> String {
    match (reloaded.changed, reloaded.at_start.join(", ")) {
        (false, _) => "capstan.toml says what held before".to_owned(),
        (true, keys) if keys.is_empty() => "capstan.toml holds from now on".to_owned(),
        (true, keys) => format!("capstan.toml holds from now on, but {keys} from the next start of the host"),
    }
}
