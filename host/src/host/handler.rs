//! Handlers: list, inspect, add.

use super::job::Page;
use super::refusal::Refusal;
use super::{Host, Verb};
use crate::capability::grant;
pub use crate::handler::describe::Description;
use crate::handler::loaded::{Loaded, named};
use crate::service::handler as service;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// List handlers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerList {}

/// A handler on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandlerSummary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component in lower-case hex.
    pub digest: String,
    /// `bundled` or `added`.
    pub origin: String,
    /// `ready`, …
    pub state: String,
    /// The kinds that it does now; none when another took them over.
    pub kinds: Vec<String>,
    /// Its size.
    pub bytes: i64,
    /// When it was added (ms).
    pub added_at: i64,
}

impl Verb for HandlerList {
    const ROUTE: &'static str = "handler/list";
    type Reply = Page<HandlerSummary>;

    async fn call(self, host: &Host) -> Result<Page<HandlerSummary>, Refusal> {
        host.engine().await?;
        let routes = host.store.routes().await?;
        let kinds = |digest: &str| routes.iter().filter(|r| r.digest == digest).map(|r| r.kind.clone()).collect();
        let rows = host.store.handlers().await?;
        let summary = |row: crate::store::handler::HandlerRow| HandlerSummary {
            kinds: kinds(&row.digest),
            name: row.name,
            version: row.version,
            digest: row.digest,
            origin: row.origin,
            state: row.state,
            bytes: row.bytes,
            added_at: row.added_at,
        };
        Ok(Page { items: rows.into_iter().map(summary).collect(), next: None })
    }
}

/// Everything about one handler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerInspect {
    /// Its name, or the beginning of its digest.
    pub handler: String,
}

/// Everything about one handler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandlerDetail {
    /// The handler.
    #[serde(flatten)]
    pub summary: HandlerSummary,
    /// What it says of itself: schemas, asks, artifacts.
    pub description: Description,
    /// The lines of `capstan.toml` that would grant what it asks; none when it
    /// asks for nothing.
    pub grant: Option<String>,
    /// Why it may not run.
    pub refused: Option<String>,
}

impl Verb for HandlerInspect {
    const ROUTE: &'static str = "handler/inspect";
    type Reply = HandlerDetail;

    async fn call(self, host: &Host) -> Result<HandlerDetail, Refusal> {
        let (_, handlers) = host.engine().await?;
        let wanted = self.handler.strip_prefix("sha256:").unwrap_or(&self.handler);
        let all = HandlerList {}.call(host).await?.items;
        let fits = |h: &&HandlerSummary| h.name == wanted || (wanted.len() >= 6 && h.digest.starts_with(wanted));
        // The one that does something now goes before those it replaced.
        let found = all.iter().filter(fits).max_by_key(|h| (!h.kinds.is_empty(), h.added_at));
        let Some(summary) = found.cloned() else {
            return Err(Refusal::not_found(format!("there is no handler {:?}", self.handler))
                .hint("`capstan handler list` shows the handlers"));
        };
        let rows = host.store.handlers().await?;
        let text = rows.into_iter().find(|row| row.digest == summary.digest).map(|row| row.description);
        let description = Description::parse(&text.unwrap_or_default()).map_err(|e| Refusal::failed(e.to_string()))?;
        let ready = summary.kinds.first().and_then(|kind| handlers.of(kind));
        let refused = ready.and_then(|ready| ready.loaded.granted.as_ref().err().map(ToString::to_string));
        let ask = description.ask();
        let asks_nothing = ask == crate::capability::grant::Ask::default();
        let grant = (!asks_nothing).then(|| grant::hint(&description.name, &named(&summary.digest), &ask));
        Ok(HandlerDetail { summary, description, grant, refused })
    }
}

/// Add a component; from then on it does its kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerAdd {
    /// The component, as an absolute path.
    pub file: PathBuf,
}

impl Verb for HandlerAdd {
    const ROUTE: &'static str = "handler/add";
    type Reply = HandlerDetail;

    async fn call(self, host: &Host) -> Result<HandlerDetail, Refusal> {
        let (engine, handlers) = host.engine().await?;
        let shown = self.file.display();
        let wasm = std::fs::read(&self.file).map_err(|error| Refusal::usage(format!("component {shown}: {error}")))?;
        let loaded = Loaded::load(engine, &host.project.compiled(), &wasm)
            .await
            .map_err(|error| Refusal::usage(format!("component {shown} cannot be a handler: {error}")))?;
        service::register(&host.project, &host.store, &loaded, &wasm, "added").await?;
        let known = host.store.handlers().await?;
        let allowed = service::allowed(&host.config, &known, &loaded);
        let loaded = Arc::new(loaded.under(&allowed));
        let kinds: Vec<String> = loaded.kinds.keys().cloned().collect();
        handlers.put(&loaded, &kinds, &host.config);
        HandlerInspect { handler: loaded.digest.clone() }.call(host).await
    }
}
