//! Handlers: list, inspect; adding and replacing is in [`change`], looking at a file
//! in [`file`](mod@file).

pub mod change;
pub mod file;

use super::job::Page;
use super::refusal::Refusal;
use super::{Host, HostError, Verb};
use crate::capability::difference::words;
use crate::capability::grant::{self, Ask};
use crate::handler::cache;
pub use crate::handler::describe::Description;
use crate::handler::loaded::{Loaded, named};
use crate::sandbox::World;
use crate::service::handler::change::Registry;
use crate::service::handler::named_so;
use crate::store::handler::{HandlerRow, RouteRow};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// List handlers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlerList {}

/// A handler on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandlerSummary {
    /// Its name; empty while it is being checked.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component in lower-case hex.
    pub digest: String,
    /// `bundled` or `added`.
    pub origin: String,
    /// `checking`, `ready`, `disabled` or `broken`.
    pub state: String,
    /// Why it is broken.
    pub why: Option<String>,
    /// The kinds that it does now; none when another took them over.
    pub kinds: Vec<String>,
    /// Jobs that are queued and not claimed, because it is disabled.
    pub held: i64,
    /// Its size.
    pub bytes: i64,
    /// When it was added (ms).
    pub added_at: i64,
}

impl Verb for HandlerList {
    const ROUTE: &'static str = "handler/list";
    type Reply = Page<HandlerSummary>;

    async fn call(self, host: &Host) -> Result<Page<HandlerSummary>, Refusal> {
        let (_, handlers) = host.engine().await?;
        let (routes, queued) = (host.store.routes().await?, host.store.queued().await?);
        let rows = host.store.handlers().await?;
        let mut items: Vec<HandlerSummary> = rows
            .into_iter()
            .map(|row| {
                let why = handlers.broken(&row.digest);
                let mut summary = summary(row, &routes);
                let is_disabled = summary.state == "disabled";
                summary.held = summary.kinds.iter().filter(|_| is_disabled).filter_map(|kind| queued.get(kind)).sum();
                summary.why = why;
                summary
            })
            .collect();
        let is_new = |digest: &String| !items.iter().any(|item| item.digest == *digest);
        let checking: Vec<(String, u64)> =
            handlers.checking().into_iter().filter(|(digest, _)| is_new(digest)).collect();
        items.extend(checking.into_iter().map(|(digest, bytes)| HandlerSummary {
            name: String::new(),
            version: String::new(),
            digest,
            origin: "added".to_owned(),
            state: "checking".to_owned(),
            why: None,
            kinds: Vec::new(),
            held: 0,
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            added_at: 0,
        }));
        Ok(Page { items, next: None })
    }
}

fn summary(row: HandlerRow, routes: &[RouteRow]) -> HandlerSummary {
    HandlerSummary {
        kinds: routes.iter().filter(|route| route.digest == row.digest).map(|route| route.kind.clone()).collect(),
        name: row.name,
        version: row.version,
        digest: row.digest,
        origin: row.origin,
        state: row.state,
        why: None,
        held: 0,
        bytes: row.bytes,
        added_at: row.added_at,
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
    /// What it asks for, in words.
    pub asks: Vec<String>,
    /// The lines of `capstan.toml` that would grant what it asks; none when it
    /// asks for nothing.
    pub grant: Option<String>,
    /// Why it may not run.
    pub refused: Option<String>,
    /// Since when it does which kind, and what did it before.
    pub routes: Vec<RouteRow>,
    /// The world that it is made for.
    pub world: String,
    /// The interfaces that it imports; none when it is broken.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// The size of its compiled form.
    pub compiled_bytes: Option<u64>,
}

impl Verb for HandlerInspect {
    const ROUTE: &'static str = "handler/inspect";
    type Reply = HandlerDetail;

    async fn call(self, host: &Host) -> Result<HandlerDetail, Refusal> {
        let registry = host.registry().await?;
        let (rows, routes) = (host.store.handlers().await?, host.store.routes().await?);
        // The one that does something now goes before those it replaced.
        let does = |row: &&&HandlerRow| (routes.iter().any(|route| route.digest == row.digest), row.added_at);
        let found = named_so(&rows, &self.handler);
        let Some(row) = found.iter().max_by_key(does) else {
            return Err(Refusal::not_found(format!("there is no handler {:?}", self.handler))
                .hint("`capstan handler list` shows the handlers"));
        };
        let digest = row.digest.clone();
        let text = row.description.clone();
        let all = HandlerList {}.call(host).await?.items;
        let summary = all.into_iter().find(|item| item.digest == digest);
        let summary = summary.unwrap_or_else(|| self::summary((**row).clone(), &routes));
        let description = Description::parse(&text).map_err(|error| Refusal::failed(error.to_string()))?;
        let ask = description.ask();
        let loaded = match registry.handlers.loaded(&digest) {
            Some(loaded) => Some(loaded),
            None => registry.load(&digest).await.ok().map(Arc::new),
        };
        let surface = loaded.as_ref().and_then(|loaded| registry.engine.surface(&loaded.prepared)).unwrap_or_default();
        let is_routed = !summary.kinds.is_empty();
        Ok(HandlerDetail {
            grant: (ask != Ask::default()).then(|| grant::hint(&description.name, &named(&digest), &ask)),
            asks: words(&ask),
            refused: loaded.as_ref().filter(|_| is_routed).and_then(|loaded| refused(loaded)),
            routes: routes.into_iter().filter(|route| route.digest == digest).collect(),
            world: loaded.as_ref().map_or(World::Handler, |loaded| loaded.prepared.world()).name().to_owned(),
            imports: surface.imports,
            exports: surface.exports,
            compiled_bytes: cache::size(&registry.engine, &host.project.compiled(), &digest),
            summary,
            description,
        })
    }
}

fn refused(loaded: &Loaded) -> Option<String> {
    loaded.granted.as_ref().err().map(ToString::to_string)
}

impl Host {
    /// What it takes to change handlers.
    pub(super) async fn registry(&self) -> Result<Registry, HostError> {
        let (engine, handlers) = self.engine().await?;
        Ok(Registry {
            engine: engine.clone(),
            project: self.project.clone(),
            store: self.store.clone(),
            handlers: Arc::clone(handlers),
            config: Arc::clone(&self.config),
        })
    }
}
