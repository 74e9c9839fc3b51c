//! Configuration: check.

use super::refusal::Refusal;
use super::{Host, Verb};
use crate::config::Config;
use crate::handler::loaded::named;
use crate::service;
use crate::service::handler::allowed;
use serde::{Deserialize, Serialize};

/// Check the configuration as it is on the disk now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigCheck {}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConfigReport {
    /// What keeps something from working.
    pub errors: Vec<String>,
    /// What is likely a mistake.
    pub warnings: Vec<String>,
}

impl Verb for ConfigCheck {
    const ROUTE: &'static str = "config/check";
    type Reply = ConfigReport;

    async fn call(self, host: &Host) -> Result<ConfigReport, Refusal> {
        let config = Config::read(&host.project.config()).map_err(|error| Refusal::usage(error.to_string()))?;
        let (_, handlers) = host.engine().await?;
        let all = handlers.all();
        let known = host.store.handlers().await?;
        let mut report = ConfigReport::default();
        for (kind, ready) in &all {
            let wrong = ready.checks(kind).and_then(|checks| checks.config(&config.of_kind(kind)).err());
            report.errors.extend(wrong.map(|wrong| format!("[kind.{kind}.config] does not match its schema: {wrong}")));
            let allowed = allowed(&config, &known, &ready.loaded.description.name, &ready.loaded.digest);
            report.errors.extend(ready.loaded.intersect(&allowed).err().map(|refused| refused.to_string()));
        }
        report.errors.dedup();
        let pipeline = config.pipeline().unwrap_or_default();
        let missing = pipeline.kinds().into_iter().filter(|kind| !all.contains_key(*kind));
        report.errors.extend(missing.map(|kind| format!("[pipeline] names kind {kind:?}, which no handler does")));
        let unused = config.kind.keys().filter(|kind| !all.contains_key(*kind));
        report.warnings.extend(unused.map(|kind| format!("[kind.{kind}] names a kind that no handler does")));
        let names = |name: &String| known.iter().any(|row| row.name == *name);
        let unused = config.handler.keys().filter(|name| !names(name));
        report.warnings.extend(unused.map(|name| format!("[handler.{name}] names a handler that is not there")));
        let secrets = service::secrets(&config, &host.project);
        report.warnings.extend(secrets.into_values().filter_map(Result::err).map(|error| error.to_string()));
        let unused = config.grants.iter().filter(|g| !known.iter().any(|row| named(&row.digest) == g.digest));
        report.warnings.extend(
            unused.map(|g| format!("[[grants]] of {:?} names digest {}, which is not there", g.handler, g.digest)),
        );
        Ok(report)
    }
}
