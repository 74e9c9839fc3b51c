//! `capstan init`

use super::{Common, Done};
use crate::config::DEFAULT;
use crate::host::{Host, HostError};
use crate::project::Project;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};

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
        let (project, grants) = make(&self.dir).await?;
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

/// Make a project, get the bundled handlers ready, and write their grants into
/// its configuration.
pub(super) async fn make(dir: &Path) -> Result<(Project, Vec<String>), super::Failure> {
    let project = Project::init(dir, DEFAULT).map_err(HostError::from)?;
    let host = Host::open(project.clone()).await?;
    let grants = host.default_grants().await?;
    let mut config = std::fs::OpenOptions::new().append(true).open(project.config())?;
    for grant in &grants {
        writeln!(config, "\n{grant}")?;
    }
    config.sync_all()?;
    host.stop().await?;
    Ok((project, grants))
}
