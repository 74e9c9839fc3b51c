//! What happens to handlers when a host starts: the bundled ones are put on record, and what is routed is loaded.

use super::{Entry, Handlers, allowed, register};
use crate::config::Config;
use crate::handler::bundled;
use crate::handler::loaded::{LoadError, Loaded, digest, named};
use crate::project::Project;
use crate::sandbox::Engine;
use crate::service::ServiceError;
use crate::store::Store;
use crate::store::handler::{HandlerRow, Standing};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};

/// Get every handler ready that is bundled or on record.
///
/// # Errors
/// A bundled handler cannot be used, or the store said no. A handler on record
/// that cannot be used is put down as broken; its jobs fail as `no-handler`.
pub async fn open(
    engine: &Engine,
    project: &Project,
    config: &Config,
    store: &Store,
) -> Result<Arc<Handlers>, ServiceError> {
    let handlers = Arc::new(Handlers::default());
    bundle(engine, project, store).await?;
    let known = store.handlers().await?;
    let mut by_digest: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for route in store.routes().await? {
        by_digest.entry(route.digest).or_default().push(route.kind);
    }
    let mut loading = load_all(engine, project, by_digest.keys());
    while let Some(loaded) = loading.join_next().await {
        let (digest, loaded) = loaded.map_err(|error| ServiceError::Bug(error.to_string()))?;
        let kinds = by_digest.remove(&digest).unwrap_or_default();
        let state = known.iter().find(|row| row.digest == digest).map_or("", |row| row.state.as_str());
        match loaded {
            Ok(loaded) => {
                let allowed = allowed(config, &known, &loaded.description.name, &digest);
                let loaded = Arc::new(loaded.under(&allowed));
                handlers.change(|table| table.route(&loaded, &kinds, config));
                if state == Standing::Broken.name() {
                    store.stand(&digest, Standing::Ready).await?;
                }
            }
            Err(error) => {
                tracing::warn!(%digest, %error, "handler is not usable");
                handlers.change(|table| table.leave_out(&digest, kinds, error.to_string()));
                if state == Standing::Ready.name() {
                    store.stand(&digest, Standing::Broken).await?;
                }
            }
        }
    }
    Ok(handlers)
}

/// Put bundled handlers on record that are not there yet. Kinds that an operator gave
/// to a handler of their own stay with it, and what was disabled stays so.
async fn bundle(engine: &Engine, project: &Project, store: &Store) -> Result<(), ServiceError> {
    let known = store.handlers().await?;
    let routes = store.routes().await?;
    let is_bundled = |digest: &str| known.iter().any(|row| row.digest == digest && row.origin == "bundled");
    for bundled in bundled::ALL {
        // Once for each: a component has megabytes, and a project many rows.
        let digest = digest(bundled.wasm);
        if known.iter().any(|row| row.digest == digest) {
            continue;
        }
        let fault = |error: LoadError| ServiceError::Handler { name: bundled.name.into(), error: error.to_string() };
        let loaded = Loaded::load(engine, &project.compiled(), bundled.wasm).await.map_err(fault)?;
        let is_free = |kind: &&String| routes.iter().all(|row| row.kind != **kind || is_bundled(&row.digest));
        let kinds = loaded.kinds.keys().filter(is_free).cloned().collect();
        let is_before = |row: &&HandlerRow| row.origin == "bundled" && row.name == bundled.name;
        let before = known.iter().filter(is_before).max_by_key(|row| row.added_at);
        let is_disabled = before.is_some_and(|row| row.state == Standing::Disabled.name());
        let standing = if is_disabled { Standing::Disabled } else { Standing::Ready };
        register(project, store, &loaded, bundled.wasm, Entry { origin: "bundled", kinds, standing }).await?;
    }
    Ok(())
}

/// Load these side by side, as many at a time as there are processors: a start waits for all of them, and each is
/// milliseconds of one processor, or seconds if it has to be compiled. Away from the loops, which answer meanwhile.
fn load_all<'a>(
    engine: &Engine,
    project: &Project,
    digests: impl Iterator<Item = &'a String>,
) -> JoinSet<(String, Result<Loaded, ServiceError>)> {
    let turns = Arc::new(Semaphore::new(available_parallelism().map_or(1, NonZero::get)));
    let load = |digest: &String| {
        let (engine, project, turns) = (engine.clone(), project.clone(), Arc::clone(&turns));
        let (digest, of) = (digest.clone(), digest.clone());
        async move {
            // An error would mean that it was closed, which nobody does.
            let _turn = turns.acquire().await;
            let run = move || Handle::current().block_on(load(&engine, &project, &of));
            let loaded = spawn_blocking(run).await.unwrap_or_else(|error| Err(ServiceError::Bug(error.to_string())));
            (digest, loaded)
        }
    };
    digests.map(load).collect()
}

/// Load what is kept under a digest.
///
/// # Errors
/// Its file cannot be read or holds something else, or it cannot be a handler.
pub(super) async fn load(engine: &Engine, project: &Project, digest: &str) -> Result<Loaded, ServiceError> {
    let path = project.handlers().join(format!("{digest}.wasm"));
    let wasm = fs::read(&path).map_err(|error| ServiceError::Io { doing: "read", path, error })?;
    let fault = |error: String| ServiceError::Handler { name: digest.to_owned(), error };
    let loaded = Loaded::load(engine, &project.compiled(), &wasm).await.map_err(|error| fault(error.to_string()))?;
    if loaded.digest == digest {
        Ok(loaded)
    } else {
        Err(fault(format!("its file holds something else ({})", named(&loaded.digest))))
    }
}
