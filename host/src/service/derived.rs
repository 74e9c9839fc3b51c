//! What is made from the configuration before it can be used: the graph of kinds, the
//! secrets that were read, the way out. One value, replaced as a whole when the
//! configuration changes, so that an attempt never sees half of a change.

use super::ServiceError;
use crate::capability::connect::{Connector, Lookup};
use crate::capability::secret::{Place, Secret, SecretError};
use crate::config::{Config, SecretTable};
use crate::project::Project;
use crate::rules::pipeline::Pipeline;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is made from one state of the configuration.
pub struct Derived {
    /// Which kinds follow which.
    pub pipeline: Pipeline,
    /// How requests get out.
    pub connector: Arc<Connector>,
    /// The secrets that may go with them, or why not.
    pub secrets: BTreeMap<String, Result<Secret, SecretError>>,
}

impl Derived {
    /// Make it; secrets are read now.
    ///
    /// # Errors
    /// The certificate authorities cannot be read, or the pipeline is none.
    pub fn of(config: &Config, project: &Project) -> Result<Self, ServiceError> {
        let ca = config.net.ca.as_ref().map(|ca| project.root().join(ca));
        let connector = Connector::new(ca.as_deref(), Lookup::System);
        let connector = connector.map_err(|error| ServiceError::Folder(error.to_string()))?;
        let pipeline = config.pipeline().map_err(|error| ServiceError::Folder(error.to_string()))?;
        Ok(Self { pipeline, connector: Arc::new(connector), secrets: secrets(config, project) })
    }
}

/// The configured secrets, read now.
pub fn secrets(config: &Config, project: &Project) -> BTreeMap<String, Result<Secret, SecretError>> {
    let open = |(name, table): (&String, &SecretTable)| {
        let place = match (&table.env, &table.file) {
            (Some(variable), _) => Place::Env(variable.clone()),
            (None, file) => Place::File(project.root().join(file.clone().unwrap_or_default())),
        };
        (name.clone(), Secret::open(name, &table.header, table.to.iter().cloned().collect(), &place))
    };
    config.secret.iter().map(open).collect()
}
