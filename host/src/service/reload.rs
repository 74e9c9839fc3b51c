//! Reading the configuration again while jobs flow.
//!
//! The file is looked at every [`LOOK`], and read when it looks the same twice in a row, so
//! that one which is just being written is not taken for a short one; it is read at once
//! when somebody asks. What is in order
//! holds for every decision from then on: limits and retries of the next attempt, grants,
//! secrets and configurations of handlers, the pipeline, imports, queues and keys. Attempts that run end
//! under what held when they began. What is not in order changes nothing and is said. What
//! cannot change while a host works, the size of its engine, is named.

use super::derived::Derived;
use super::handler::change::{ChangeError, Registry};
use super::{Runtime, ServiceError};
use crate::config::live::Reread;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often the file is looked at.
pub const LOOK: Duration = Duration::from_millis(500);

/// What it takes to read the configuration again.
#[derive(Clone)]
pub struct Reload {
    /// What changes handlers.
    pub registry: Registry,
    /// What works under the configuration.
    pub runtime: Arc<Runtime>,
}

impl Reload {
    /// Read it again, and let what is in order hold.
    ///
    /// # Errors
    /// It is not in order; then nothing was changed.
    pub async fn now(&self) -> Result<Reread, ChangeError> {
        let live = &self.runtime.config;
        // Before anything holds: what cannot be made from it must change nothing.
        let config = live.source().read().map_err(|error| {
            // Kept as the trouble that `doctor` tells of.
            drop(live.reread());
            ServiceError::Config(error)
        })?;
        let derived = Derived::of(&config, &self.runtime.project)?;
        let reread = live.reread().map_err(ServiceError::Config)?;
        self.runtime.derive(derived);
        let config = live.now();
        let told = self.runtime.store.configure(config.queue.configured(), config.key.configured());
        told.await.map_err(ServiceError::Store)?;
        self.runtime.store.keep_failures(config.failure.keep).await.map_err(ServiceError::Store)?;
        self.registry.configure().await?;
        Ok(reread)
    }
}

/// Follow the file until `stop` says so.
///
/// # Errors
/// The store said no.
pub async fn run(reload: Reload, mut stop: watch::Receiver<bool>) -> Result<(), ServiceError> {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = None;
    while !*stop.borrow_and_update() {
        tokio::select! {
            _ = looks.tick() => {},
            _ = stop.changed() => continue,
        }
        let moved = reload.runtime.config.moved();
        if moved.is_none() || std::mem::replace(&mut last, moved) != moved {
            continue;
        }
        match reload.now().await {
            Ok(Reread::Same) => {}
            Ok(Reread::Changed { at_start }) if at_start.is_empty() => {
                tracing::info!("capstan.toml has changed: it holds from now on");
            }
            Ok(Reread::Changed { at_start }) => {
                tracing::warn!(
                    "capstan.toml has changed: {} holds from the next start of the host",
                    at_start.join(", ")
                );
            }
            // A host that cannot write stops.
            Err(ChangeError::Service(ServiceError::Store(error))) => return Err(error.into()),
            Err(error) => {
                tracing::warn!("capstan.toml has changed and is not in order; what held before goes on: {error}");
            }
        }
    }
    Ok(())
}
