//! Imports as the model has them.

use super::{Job, Model};
use capstan::rules::import::{ImportState, Item, Tree, Turn};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Import {
    pub(crate) total: i64,
    pub(crate) invalid: i64,
    pub(crate) dispatched: i64,
    pub(crate) is_broken: bool,
    pub(crate) is_paused: bool,
    /// It went on after a pause, so it is no longer pending.
    pub(crate) is_resumed: bool,
    pub(crate) is_cancelled: bool,
    /// Items that were cancelled before they became jobs.
    pub(crate) given_up: i64,
}

/// An import's numbers: state, done, failed, cancelled, skipped, remaining, open jobs.
pub(crate) type Account = (ImportState, i64, i64, i64, i64, i64, u64);

impl Model {
    /// Pause, resume or cancel an import that is where that can be.
    pub(crate) fn turn_import(&mut self, id: i64, turn: Turn) {
        let Some(import) = self.imports.get_mut(&id) else { return };
        match turn {
            Turn::Pause => import.is_paused = true,
            Turn::Resume => (import.is_paused, import.is_resumed) = (false, true),
            Turn::Cancel => {
                (import.is_paused, import.is_cancelled) = (false, true);
                import.given_up = import.total - import.invalid - import.dispatched;
                import.dispatched = import.total - import.invalid;
            }
        }
        if turn != Turn::Resume {
            let is_let_in = |job: &Job| {
                job.place == "ready" && job.new.key.is_some() && job.new.item.is_some_and(|item| item.0 == id)
            };
            let sent: Vec<usize> = (0..self.jobs.len()).filter(|at| is_let_in(&self.jobs[*at])).collect();
            sent.into_iter().for_each(|at| self.put(at, "key"));
        }
    }

    /// A paused import of which nothing remains is done, and no longer paused.
    pub(crate) fn close_imports(&mut self) {
        let ids: Vec<i64> = self.imports.keys().copied().collect();
        for id in ids {
            if self.account(id).5 == 0 {
                self.imports.entry(id).and_modify(|import| import.is_paused = false);
            }
        }
    }

    /// Whether nothing of a job's import begins.
    pub(crate) fn rests(&self, import: i64) -> bool {
        self.imports.get(&import).is_some_and(|import| import.is_paused || import.is_cancelled)
    }

    pub(crate) fn account(&self, id: i64) -> Account {
        let import = &self.imports[&id];
        let mut items: BTreeMap<i64, Tree> = BTreeMap::new();
        let of_import = self.jobs.iter().filter_map(|job| job.new.item.filter(|item| item.0 == id).map(|i| (i.1, job)));
        for (item, job) in of_import {
            let tree = items.entry(item).or_default();
            *tree = tree.with(job.state(), job.made);
        }
        let count = |place: Item| items.values().filter(|tree| tree.item() == place).count() as i64;
        let [done, failed, cancelled, skipped] = [Item::Done, Item::Failed, Item::Cancelled, Item::Skipped].map(count);
        let cancelled = cancelled + import.given_up;
        let remaining = import.total - import.invalid - done - failed - cancelled - skipped;
        let is_new = import.dispatched == 0 && !import.is_resumed;
        let state = match (import.is_broken, remaining, i64::from(!is_new)) {
            _ if import.is_cancelled => ImportState::Cancelled,
            (true, ..) => ImportState::Failed,
            (false, 1.., _) if import.is_paused => ImportState::Paused,
            (false, 0, _) => ImportState::Completed,
            (false, _, 0) => ImportState::Pending,
            _ => ImportState::Processing,
        };
        let open: i64 = items.values().map(|tree| tree.open).sum();
        (state, done, failed, cancelled, skipped, remaining, open as u64)
    }
}
