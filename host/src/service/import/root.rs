//! The folders that jobs of imports see as `/imports`.

use crate::capability::fs::Mount;
use crate::rules::attempt::{Class, Fault};
use crate::service::Runtime;
use std::collections::BTreeMap;
use std::path::Path;
use tokio::sync::Mutex;

/// The folders of imports, opened once.
#[derive(Debug, Default)]
pub(in crate::service) struct Roots(Mutex<BTreeMap<i64, Option<Mount>>>);

impl Roots {
    /// What the jobs of an import see as `/imports`.
    pub(in crate::service) async fn mount(&self, runtime: &Runtime, import: i64) -> Result<Option<Mount>, Fault> {
        let mut roots = self.0.lock().await;
        if let Some(mount) = roots.get(&import) {
            return Ok(mount.clone());
        }
        let fault = |error: String| Fault::new(Class::HostFault, error);
        let row = runtime.store.import(import).await.map_err(|error| fault(error.to_string()))?;
        let mount = match row.and_then(|row| row.root) {
            Some(root) => Some(Mount::imports(Path::new(&root)).map_err(|error| fault(error.to_string()))?),
            None => None,
        };
        roots.insert(import, mount.clone());
        Ok(mount)
    }
}
