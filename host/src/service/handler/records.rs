//! What a change of handlers is decided on: rows, routes and the configuration, as
//! they are at that moment. The configuration is read from the disk, so that an entry
//! which was just added counts.

use super::allowed;
use super::change::{ChangeError, Registry};
use crate::capability::difference::Before;
use crate::capability::grant::Grant;
use crate::config::Config;
use crate::handler::describe::Description;
use crate::handler::loaded::named;
use crate::rules::handler::Doer;
use crate::service::ServiceError;
use crate::store::handler::{HandlerRow, RouteRow, Standing};

/// What is on record, and a configuration to go with it.
pub(super) struct Records {
    pub(super) rows: Vec<HandlerRow>,
    pub(super) routes: Vec<RouteRow>,
    pub(super) config: Config,
}

impl Records {
    pub(super) async fn read(registry: &Registry) -> Result<Self, ChangeError> {
        Ok(Self {
            rows: registry.store.handlers().await?,
            routes: registry.store.routes().await?,
            config: registry.config.source().read().map_err(ServiceError::from)?,
        })
    }

    pub(super) fn row(&self, digest: &str) -> Option<&HandlerRow> {
        self.rows.iter().find(|row| row.digest == digest)
    }

    pub(super) fn doers(&self) -> Vec<Doer<'_>> {
        self.routes.iter().filter_map(|route| Some(doer(route, self.row(&route.digest)?))).collect()
    }

    /// The rows with this name, or else those whose digest begins so.
    pub(super) fn find(&self, target: &str) -> Result<Vec<&HandlerRow>, ChangeError> {
        let found = named_so(&self.rows, target);
        if found.is_empty() { Err(ChangeError::Unknown(target.to_owned())) } else { Ok(found) }
    }

    pub(super) fn kinds_of(&self, digest: &str) -> Vec<String> {
        self.routes.iter().filter(|route| route.digest == digest).map(|route| route.kind.clone()).collect()
    }

    pub(super) fn allowed(&self, name: &str, digest: &str) -> Grant {
        allowed(&self.config, &self.rows, name, digest)
    }

    /// What was granted and asked for before this digest, which may replace another.
    pub(super) fn before(&self, name: &str, digest: &str, replaced: Option<&str>) -> Before {
        let description = replaced.and_then(|old| Description::parse(&self.row(old)?.description).ok());
        let asked = description.map(|description| description.ask()).unwrap_or_default();
        Before { granted: self.allowed(name, replaced.unwrap_or(digest)), asked }
    }

    /// What the entry of a digest grants it, if there is one.
    pub(super) fn own(&self, name: &str, digest: &str) -> Option<Grant> {
        let has_entry = self.config.grants.iter().any(|grant| grant.digest == named(digest));
        has_entry.then(|| self.allowed(name, digest))
    }

    pub(super) fn usable(&self, digest: &str) -> Result<(), ChangeError> {
        match self.row(digest) {
            Some(row) if row.state == Standing::Disabled.name() => {
                Err(ChangeError::Disabled { name: row.name.clone(), digest: named(digest) })
            }
            _ => Ok(()),
        }
    }
}

fn doer<'a>(route: &'a RouteRow, row: &'a HandlerRow) -> Doer<'a> {
    Doer {
        kind: &route.kind,
        digest: &route.digest,
        name: &row.name,
        is_disabled: row.state == Standing::Disabled.name(),
        previous: route.previous.as_deref(),
    }
}

/// The rows with this name, or else those whose digest begins so (six digits at
/// least, with or without `sha256:`).
pub fn named_so<'a>(rows: &'a [HandlerRow], target: &str) -> Vec<&'a HandlerRow> {
    let bare = target.strip_prefix("sha256:").unwrap_or(target);
    let by_name: Vec<_> = rows.iter().filter(|row| row.name == target).collect();
    if !by_name.is_empty() || bare.len() < 6 {
        return by_name;
    }
    rows.iter().filter(|row| row.digest.starts_with(bare)).collect()
}
