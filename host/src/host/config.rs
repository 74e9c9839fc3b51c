//! Configuration: check, reload.

use super::refusal::Refusal;
use super::{Host, Verb};
use crate::config::live::Reread;
use crate::handler::loaded::named;
use crate::service;
use crate::service::handler::allowed;
use crate::service::reload::Reload;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    /// What is set over the file.
    #[serde(default)]
    pub overrides: Vec<Overridden>,
}

/// A key that is set over the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overridden {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where it was set: a variable, or an option of the command line.
    pub origin: String,
}

impl Verb for ConfigCheck {
    const ROUTE: &'static str = "config/check";
    type Reply = ConfigReport;

    async fn call(self, host: &Host) -> Result<ConfigReport, Refusal> {
        let source = host.config.source();
        let config = source.read().map_err(|error| Refusal::usage(error.to_string()))?;
        let (_, handlers) = host.engine().await?;
        let all = handlers.all();
        let known = host.store.handlers().await?;
        let mut report = ConfigReport::default();
        report.overrides.extend(source.overrides.iter().map(|each| Overridden {
            key: each.key.clone(),
            value: each.value.clone(),
            origin: each.origin.clone(),
        }));
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
        let secrets = service::derived::secrets(&config, &host.project);
        report.warnings.extend(secrets.into_values().filter_map(Result::err).map(|error| error.to_string()));
        let unused = config.grants.iter().filter(|g| !known.iter().any(|row| named(&row.digest) == g.digest));
        report.warnings.extend(
            unused.map(|g| format!("[[grants]] of {:?} names digest {}, which is not there", g.handler, g.digest)),
        );
        Ok(report)
    }
}

/// Read the configuration again, and let it hold from now on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigReload {}

/// What reading again came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConfigReloaded {
    /// Whether something else holds from now on.
    pub changed: bool,
    /// Keys that changed and hold from the next start of the host only.
    pub at_start: Vec<String>,
}

impl Verb for ConfigReload {
    const ROUTE: &'static str = "config/reload";
    type Reply = ConfigReloaded;

    async fn call(self, host: &Host) -> Result<ConfigReloaded, Refusal> {
        let usage = |error: &dyn std::fmt::Display| {
            Refusal::usage(error.to_string()).hint("nothing was changed: what held before goes on")
        };
        let reread = match host.runtime.get() {
            Some(runtime) => {
                let reload = Reload { registry: host.registry().await?, runtime: Arc::clone(runtime) };
                reload.now().await.map_err(|error| usage(&error))?
            }
            // Nothing works under it yet.
            None => {
                let reread = host.config.reread().map_err(|error| usage(&error))?;
                let config = host.config.now();
                host.store.configure(config.queue.configured(), config.key.configured()).await?;
                host.store.keep_failures(config.failure.keep).await?;
                reread
            }
        };
        Ok(match reread {
            Reread::Same => ConfigReloaded::default(),
            Reread::Changed { at_start } => {
                ConfigReloaded { changed: true, at_start: at_start.into_iter().map(str::to_owned).collect() }
            }
        })
    }
}
