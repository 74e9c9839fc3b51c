//! Imports in both worlds.

use super::{World, new_job};
use crate::store::model::Import;
use capstan::rules::import::Turn;
use capstan::store::import::{Chunk, Existing, NewImport, Origin};
use capstan::store::job::NewJob;
use capstan::store::settle::Applied;
use proptest::sample::Index;

impl World {
    pub(super) async fn import(&mut self, total: i64, invalid: i64) {
        let id = self.stage.store.next_import().await.unwrap();
        let new = NewImport {
            id,
            kind: "page".into(),
            source: "a folder".into(),
            format: "folder".into(),
            root: None,
            list: "list".into(),
            list_bytes: 100,
            cursor: 0,
            chunk: 2,
            total: total as u64,
            invalid: invalid as u64,
            duplicate: 0,
            existing: Existing::Again,
            then: None,
            now: self.stage.now,
        };
        self.stage.store.add_import(new).await.unwrap();
        self.model.imports.insert(id, Import { total, invalid, ..Default::default() });
    }

    pub(super) async fn chunk(&mut self, which: Index, items: i64) {
        let id = which.index(self.model.imports.len()) as i64 + 1;
        let import = &self.model.imports[&id];
        let (first, end) = (import.dispatched, import.total - import.invalid);
        let is_broken = import.is_broken || import.is_paused || import.is_cancelled;
        let to = end.min(first + items);
        if first == end {
            return;
        }
        let key = |n: i64| (n % 2 == 0).then(|| "a".to_owned());
        let item = |n: i64| NewJob { item: Some((id, n)), key: key(n), ..new_job(0, n as usize % 3, self.stage.now) };
        let jobs: Vec<NewJob> = (first..to).map(item).collect();
        let offset = |n: i64| if n == end { 100 } else { n as u64 };
        let from = Origin::Cursor { from: offset(first), to: offset(to), items: (to - first) as u64 };
        let chunk = Chunk { import: id, from, jobs: jobs.clone(), deferred: Vec::new(), now: self.stage.now };
        // Given twice, as by a host that died before it saw the answer.
        self.stage.store.advance(chunk.clone()).await.unwrap();
        self.stage.store.advance(chunk).await.unwrap();
        if !is_broken {
            jobs.into_iter().for_each(|job| self.model.add(job));
            self.model.let_in();
            self.model.imports.entry(id).and_modify(|import| import.dispatched = to);
        }
    }

    pub(super) async fn break_import(&mut self, which: Index) {
        let id = which.index(self.model.imports.len()) as i64 + 1;
        let import = &self.model.imports[&id];
        if import.dispatched < import.total - import.invalid && !import.is_paused {
            self.stage.store.break_import(id, "torn".into(), self.stage.now).await.unwrap();
            self.model.imports.entry(id).and_modify(|import| import.is_broken = true);
        }
    }

    pub(super) async fn turn(&mut self, which: Index, turn: Turn) {
        let id = which.index(self.model.imports.len()) as i64 + 1;
        let state = self.model.account(id).0;
        let applied = self.stage.store.turn_import(id, state, turn, self.stage.now).await.unwrap();
        if let Ok(Some(_)) = turn.of(state) {
            assert_eq!(applied, Applied::Yes);
            self.model.turn_import(id, turn);
        } else {
            assert_eq!(applied, Applied::Stale);
        }
        // Whoever the passing of time made room for comes in with any operation that names a time.
        self.model.let_in();
    }
}
