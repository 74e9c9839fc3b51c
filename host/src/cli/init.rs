//! `capstan init`

use super::{Common, Done};
use crate::host::Host;
use clap::Args;
use std::path::PathBuf;

/// Make a project folder: everything of a library lies in it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  capstan init ~/library")]
pub(super) struct Init {
    /// The folder; made when it is not there
    dir: PathBuf,
}

/// What was made.
#[derive(serde::Serialize)]
struct Made {
    project: PathBuf,
    config: PathBuf,
    grants: Vec<String>,
}

impl Init {
    pub(super) async fn run(self, common: &Common) -> Done {
        let (project, grants) = Host::create(&self.dir).await?;
        let made = Made { project: project.root().to_owned(), config: project.config(), grants };
        common.print(&made, |made| {
            let grants: Vec<String> = made.grants.iter().map(|grant| format!("  {}", grant.replace('\n', "\n  "))).collect();
            format!(
                "made {}\n\nthe bundled handlers may touch (in capstan.toml):\n{}\n\nnext: cd {} && capstan import start FOLDER && capstan run",
                made.project.display(),
                grants.join("\n\n"),
                made.project.display()
            )
        })
    }
}
