//! Changing handlers while jobs flow: add, swap, roll back, disable, enable, remove.
//!
//! A change goes on to its end even when whoever asked for it hangs up.

use super::{HandlerDetail, HandlerInspect, HandlerList, HandlerSummary};
use crate::handler::manifest;
use crate::host::job::Page;
use crate::host::refusal::{Fault, Refusal};
use crate::host::{Host, Verb};
use crate::rules::handler::{Placing, RollBackError};
use crate::service::ServiceError;
use crate::service::handler::agree::Consent;
use crate::service::handler::change::{ChangeError, Changed};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Add a component; from then on it does its kinds, which nothing did before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerAdd {
    /// The component, as an absolute path.
    pub file: PathBuf,
    /// The manifest of a program, as an absolute path; by default `FILE.json` beside
    /// `FILE.wasm`.
    #[serde(default)]
    pub manifest: Option<PathBuf>,
    /// Grant what it asks for. Default false: its jobs are denied until it is granted.
    #[serde(default)]
    pub agree: bool,
}

/// Let a component take over from the handler of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerSwap {
    /// The component, as an absolute path.
    pub file: PathBuf,
    /// The manifest of a program, as an absolute path; by default `FILE.json` beside
    /// `FILE.wasm`.
    #[serde(default)]
    pub manifest: Option<PathBuf>,
    /// Grant what it asks for beyond what was granted before. Default false: then it is
    /// refused.
    #[serde(default)]
    pub agree: bool,
}

/// A component that is in place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandlerPlaced {
    /// The handler.
    #[serde(flatten)]
    pub handler: HandlerDetail,
    /// The digest from which it took over.
    pub replaced: Option<String>,
    /// The entry that was added to `capstan.toml`.
    pub granted: Option<String>,
}

impl Verb for HandlerAdd {
    const ROUTE: &'static str = "handler/add";
    type Reply = HandlerPlaced;

    async fn call(self, host: &Host) -> Result<HandlerPlaced, Refusal> {
        let consent = if self.agree { Consent::Given } else { Consent::Later };
        place(host, (&self.file, self.manifest.as_deref()), Placing::Add, consent).await
    }
}

impl Verb for HandlerSwap {
    const ROUTE: &'static str = "handler/swap";
    type Reply = HandlerPlaced;

    async fn call(self, host: &Host) -> Result<HandlerPlaced, Refusal> {
        let consent = if self.agree { Consent::Given } else { Consent::Withheld };
        place(host, (&self.file, self.manifest.as_deref()), Placing::Swap, consent).await
    }
}

async fn place(
    host: &Host,
    (file, manifest): (&Path, Option<&Path>),
    placing: Placing,
    consent: Consent,
) -> Result<HandlerPlaced, Refusal> {
    let registry = host.registry().await?;
    let wasm = read(file, manifest)?;
    let verb = if placing == Placing::Add { "add" } else { "swap" };
    let named = manifest.map(|path| format!(" --manifest {}", path.display())).unwrap_or_default();
    let command = format!("capstan handler {verb} {}{named}", file.display());
    let change = async move { registry.place(wasm, placing, consent).await };
    let changed = whole(change).await.map_err(|error| refusal(&error, &command, Some(file)))?;
    let Changed { digest, replaced, granted, .. } = changed;
    let handler = HandlerInspect { handler: digest }.call(host).await?;
    Ok(HandlerPlaced { handler, replaced, granted })
}

/// The bytes of a component, with the manifest of a program in it.
pub(super) fn read(file: &Path, manifest: Option<&Path>) -> Result<Vec<u8>, Refusal> {
    manifest::read(file, manifest).map_err(|error| Refusal::usage(error.to_string()))
}

/// Give kinds back to what did them before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerRollback {
    /// A handler's name (all of its kinds), a kind, or the beginning of a digest.
    pub target: String,
}

impl Verb for HandlerRollback {
    const ROUTE: &'static str = "handler/rollback";
    type Reply = Page<HandlerPlaced>;

    async fn call(self, host: &Host) -> Result<Page<HandlerPlaced>, Refusal> {
        let registry = host.registry().await?;
        let target = self.target;
        let change = async move { registry.roll_back(&target).await };
        let changes = whole(change).await.map_err(|error| refusal(&error, "", None))?;
        let mut items = Vec::new();
        for Changed { digest, replaced, granted, .. } in changes {
            let handler = HandlerInspect { handler: digest }.call(host).await?;
            items.push(HandlerPlaced { handler, replaced, granted });
        }
        Ok(Page { items, next: None })
    }
}

/// Let nobody use a handler: jobs of its kinds stay queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerDisable {
    /// Its name, or the beginning of its digest.
    pub handler: String,
}

impl Verb for HandlerDisable {
    const ROUTE: &'static str = "handler/disable";
    type Reply = Page<HandlerSummary>;

    async fn call(self, host: &Host) -> Result<Page<HandlerSummary>, Refusal> {
        let registry = host.registry().await?;
        let change = async move { registry.disable(&self.handler).await };
        let digests = whole(change).await.map_err(|error| refusal(&error, "", None))?;
        summaries(host, &digests).await
    }
}

/// Let a handler be used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerEnable {
    /// Its name, or the beginning of its digest.
    pub handler: String,
}

impl Verb for HandlerEnable {
    const ROUTE: &'static str = "handler/enable";
    type Reply = Page<HandlerSummary>;

    async fn call(self, host: &Host) -> Result<Page<HandlerSummary>, Refusal> {
        let registry = host.registry().await?;
        let change = async move { registry.enable(&self.handler).await };
        let digests = whole(change).await.map_err(|error| refusal(&error, "", None))?;
        summaries(host, &digests).await
    }
}

async fn summaries(host: &Host, digests: &[String]) -> Result<Page<HandlerSummary>, Refusal> {
    let mut page = HandlerList {}.call(host).await?;
    page.items.retain(|handler| digests.contains(&handler.digest));
    Ok(page)
}

/// Forget a handler that nothing uses, and delete its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerRemove {
    /// Its name, or the beginning of its digest.
    pub handler: String,
}

/// A handler that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerRemoved {
    /// Its digest; attempts on record still name it.
    pub digest: String,
}

impl Verb for HandlerRemove {
    const ROUTE: &'static str = "handler/remove";
    type Reply = HandlerRemoved;

    async fn call(self, host: &Host) -> Result<HandlerRemoved, Refusal> {
        let registry = host.registry().await?;
        let change = async move { registry.remove(&self.handler).await };
        let digest = whole(change).await.map_err(|error| refusal(&error, "", None))?;
        Ok(HandlerRemoved { digest })
    }
}

/// Go on to the end of a change, so that what is on record and what is ready agree.
pub(super) async fn whole<T: Send + 'static>(
    change: impl Future<Output = Result<T, ChangeError>> + Send + 'static,
) -> Result<T, ChangeError> {
    tokio::spawn(change).await.map_err(|error| ServiceError::Bug(error.to_string()))?
}

/// A change that was not made, as a client sees it.
pub(super) fn refusal(error: &ChangeError, command: &str, file: Option<&Path>) -> Refusal {
    let message = match (error, file) {
        (ChangeError::Component(_), Some(file)) => format!("component {} {error}", file.display()),
        _ => error.to_string(),
    };
    let fault = match error {
        ChangeError::Component(_) | ChangeError::Service(ServiceError::Config(_)) => Fault::Usage,
        ChangeError::Unknown(_) | ChangeError::RollBack(RollBackError::Unknown(_)) => Fault::NotFound,
        ChangeError::Service(_) => Fault::Host,
        _ => Fault::Failed,
    };
    Refusal { fault, message, hint: error.hint(command) }
}
