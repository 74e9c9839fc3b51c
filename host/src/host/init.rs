//! Init: making a project.

use super::{Host, HostError};
use crate::capability::grant::{self, Ask};
use crate::config::DEFAULT;
use crate::handler::loaded::named;
use crate::project::Project;
use crate::service::ServiceError;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

impl Host {
    /// Make a project, get the bundled handlers ready, and write into its configuration what they may touch: the
    /// `[[grants]]` entries are also the answer.
    ///
    /// # Errors
    /// It is a project already, a bundled handler cannot be used, or the file system said no.
    pub async fn create(folder: &Path) -> Result<(Project, Vec<String>), HostError> {
        let project = Project::init(folder, DEFAULT)?;
        let host = Self::open(project.clone()).await?;
        let grants = host.default_grants().await;
        host.stop().await?;
        let grants = grants?;
        append(&project, &grants).map_err(|error| {
            let path = project.config();
            ServiceError::Io { doing: "write", path, error }
        })?;
        Ok((project, grants))
    }

    /// The entries that give the bundled handlers what they ask.
    async fn default_grants(&self) -> Result<Vec<String>, HostError> {
        let (_, handlers) = self.engine().await?;
        let mut entries: Vec<String> = handlers
            .all()
            .values()
            .map(|ready| &ready.loaded)
            .filter(|loaded| loaded.description.ask() != Ask::default())
            .map(|loaded| grant::hint(&loaded.description.name, &named(&loaded.digest), &loaded.description.ask()))
            .collect();
        entries.dedup();
        Ok(entries)
    }
}

fn append(project: &Project, grants: &[String]) -> std::io::Result<()> {
    let mut config = OpenOptions::new().append(true).open(project.config())?;
    for grant in grants {
        writeln!(config, "\n{grant}")?;
    }
    config.sync_all()
}
