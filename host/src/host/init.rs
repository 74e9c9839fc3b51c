//! Init: making a project.
//!
//! The configuration comes last and whole, so a project that could not be made is none, and making it can be
//! tried again.

use super::{Host, HostError};
use crate::capability::grant::{self, Ask};
use crate::config::live::{Live, Source};
use crate::config::{Config, DEFAULT};
use crate::handler::loaded::named;
use crate::project::Project;
use std::path::Path;

impl Host {
    /// Make a project, get the bundled handlers ready, and write into its configuration what they may touch: the
    /// `[[grants]]` entries are also the answer.
    ///
    /// # Errors
    /// It is a project already, a bundled handler cannot be used, or the file system said no.
    pub async fn create(folder: &Path) -> Result<(Project, Vec<String>), HostError> {
        let project = Project::prepare(folder)?;
        let config = Config::parse(DEFAULT, &project.config())?;
        let config = Live::of(Source::file(project.config()), config);
        let host = Self::with(project.clone(), project.lock()?, config).await?;
        let grants = host.default_grants().await;
        host.stop().await?;
        let grants = grants?;
        let entries: String = grants.iter().map(|grant| format!("\n{grant}\n")).collect();
        project.configure(&format!("{DEFAULT}{entries}"))?;
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
