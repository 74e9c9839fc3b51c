//! One transaction's worth of operations, and the counts that they move.
//!
//! Operations of one sort are applied by one statement each, however many there
//! are. What they change in counts, in items and in imports is gathered in
//! memory and written once, at the end of the same transaction.

use super::import::Dispatch;
use super::job::NewJob;
use super::op::{Op, Reply};
use super::view::{self, Tally, View};
use super::{
    StoreError, accept, boot, bulk, checkpoint, claim, doctor, edit, failure, handler, import, job, key, progress,
    queue, settle, subject, turn,
};
use crate::rules::job::{Made, State, Wait};
use crate::rules::key::Moves;
use crate::rules::queue::Lane;
use crate::rules::time::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// A transaction that is being filled.
pub(super) struct Batch<'a> {
    pub(super) conn: &'a mut SqliteConnection,
    pub(super) view: &'a mut View,
    tallies: Tally,
    items: import::Moved,
    pub(super) keys: key::admit::Keys,
    queues: BTreeSet<Arc<str>>,
    now: Timestamp,
    sequences: (i64, i64),
}

/// A queued job, as far as its place has to be counted.
#[derive(Debug, Clone)]
pub(super) struct Queued<'a> {
    pub(super) lane: Lane,
    pub(super) key: Option<&'a str>,
    pub(super) deadline: Option<Timestamp>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(conn: &'a mut SqliteConnection, view: &'a mut View) -> Self {
        let sequences = (view.next_job, view.next_lease);
        Self {
            conn,
            view,
            tallies: Tally::new(),
            items: import::Moved::default(),
            keys: key::admit::Keys::default(),
            queues: BTreeSet::new(),
            now: Timestamp(0),
            sequences,
        }
    }

    /// Apply everything; the answers are in the order of the operations.
    pub(super) async fn apply(mut self, ops: &[Op]) -> Result<Vec<Reply>, StoreError> {
        let mut replies: Vec<Reply> = Vec::with_capacity(ops.len());
        let mut chunks: Vec<(usize, &Dispatch)> = Vec::new();
        for (at, op) in ops.iter().enumerate() {
            if let Op::Chunk(chunk) = op {
                chunks.push((at, chunk));
                replies.push(Reply::Done);
                continue;
            }
            // Ends, new jobs and claims do not care in which order chunks come; the rest may.
            if !matches!(op, Op::Settle(_) | Op::Recover { .. } | Op::Add(_) | Op::Claim(_)) {
                self.dispatch(&mut chunks, &mut replies).await?;
                // They read where the cursors are.
                let advanced = std::mem::take(&mut self.items.advanced);
                if !advanced.is_empty() {
                    import::write_cursors(&mut self, &advanced).await?;
                }
            }
            replies.push(self.rare(op).await?);
        }
        self.dispatch(&mut chunks, &mut replies).await?;
        settle::apply(&mut self, ops, &mut replies).await?;
        accept::insert(&mut self, ops, &mut replies).await?;
        claim::apply(&mut self, ops, &mut replies).await?;
        self.flush().await?;
        Ok(replies)
    }

    /// Apply the chunks that came together.
    async fn dispatch(
        &mut self,
        chunks: &mut Vec<(usize, &Dispatch)>,
        replies: &mut [Reply],
    ) -> Result<(), StoreError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let (places, chunks): (Vec<usize>, Vec<&Dispatch>) = std::mem::take(chunks).into_iter().unzip();
        for (at, reply) in places.into_iter().zip(import::advance(self, &chunks).await?) {
            replies[at] = reply;
        }
        Ok(())
    }

    /// Operations that come one at a time.
    async fn rare(&mut self, op: &Op) -> Result<Reply, StoreError> {
        Ok(match op {
            Op::Boot(new) => Reply::Id(boot::insert(self.conn, new).await?),
            Op::Stop { boot, now } => boot::stop(self.conn, *boot, *now).await?,
            Op::Handler(new) => handler::insert(self, new).await?,
            Op::RollBack { kinds, now } => handler::roll_back(self, kinds, *now).await?,
            Op::Stand { digest, standing } => handler::stand(self, digest, *standing).await?,
            Op::RemoveHandler(digest) => handler::remove(self, digest).await?,
            Op::RemoveSubject(removing) => Reply::Removed(subject::remove(self, removing).await?),
            Op::Import(new) => Reply::Id(import::insert(self, new).await?),
            Op::BreakImport { id, error, now } => import::break_off(self, *id, error, *now).await?,
            Op::TurnImport { id, was, turn, now } => import::turn(self, *id, (*was, *turn), *now).await?,
            Op::AskCancel { jobs, by } => job::ask_cancel(self.conn, jobs, by).await?,
            Op::Edit { edits, now } => Reply::Applied(edit::edit(self, edits, *now).await?),
            Op::Recount => Reply::Differences(doctor::differences(self).await?),
            Op::Queue { name, change } => queue::change(self, name, change),
            Op::Key { name, change, now } => key::change(self, name, change, *now).await?,
            Op::Freeze(new) => bulk::step::freeze(self, new).await?,
            Op::BulkStep(step) => bulk::step::step(self, step).await?,
            Op::CancelBulk { id, by, now } => bulk::step::cancel(self, *id, by, *now).await?,
            Op::Turn { transitions, by, now } => {
                Reply::Applied(turn::turn(self, transitions, by.as_deref(), *now).await?)
            }
            Op::DeleteFailures { ids, by, now } => failure::entry::delete(self, ids, by, *now).await?,
            Op::Checkpoint(new) => Reply::Applied(vec![checkpoint::keep(self, new).await?]),
            Op::Progress(said) => progress::write(self.conn, said).await?,
            Op::Settle(_) | Op::Recover { .. } => Reply::Applied(Vec::new()),
            Op::Add(_)
            | Op::Chunk(_)
            | Op::Claim(_)
            | Op::Configure { .. }
            | Op::KeepFailures(_)
            | Op::CatchUp
            | Op::Close => Reply::Done,
        })
    }

    /// When the batch happens.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// The batch happens at this time (the latest one named by its operations).
    pub(super) fn at(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// A job leaves one state and enters another.
    pub(super) fn moved(&mut self, kind: &str, item: Option<(i64, i64)>, from: (State, Made), to: (State, Made)) {
        self.tally(kind, from.0, -1);
        self.tally(kind, to.0, 1);
        self.view.ends.saw(to.0);
        // A claim and a retry leave the item where it is.
        let stays = from.0.is_open() && to.0.is_open();
        if let Some(item) = item.filter(|_| !stays) {
            let tree = self.items.items.entry(item).or_default();
            *tree = tree.without(from.0, from.1).with(to.0, to.1);
            *self.items.open_jobs.entry(item.0).or_insert(0) += i64::from(to.0.is_open()) - i64::from(from.0.is_open());
        }
    }

    /// A job is new.
    pub(super) fn added(&mut self, job: &NewJob) {
        self.tally(&job.kind, State::Queued, 1);
        if let Some(item) = job.item {
            // The first job of an item is in its tree already, which begins with it.
            if job.parent.is_some() {
                let tree = self.items.items.entry(item).or_default();
                *tree = tree.with(State::Queued, Made::Something);
            }
            *self.items.open_jobs.entry(item.0).or_insert(0) += 1;
        }
    }

    /// The first job of an item ends, in its first round: the item is as it was dispatched.
    pub(super) fn first_end(&mut self, item: (i64, i64)) {
        self.items.unwritten.insert(item);
    }

    /// The cursor of an import goes on.
    pub(super) fn advanced(&mut self, import: i64, by: import::Advance) {
        let before = self.items.advanced.entry(import).or_default();
        *before = before.and(by);
    }

    /// An item needs no job, because its document exists.
    pub(super) fn skipped(&mut self, item: (i64, i64)) {
        let tree = self.items.items.entry(item).or_default();
        *tree = tree.without(State::Queued, Made::Something);
    }

    /// A job is queued, and this is what it waits for; until this time, if it is for a time.
    pub(super) fn enter(&mut self, wait: Wait, job: Queued<'_>, run_at: Timestamp) {
        if let Some(at) = job.deadline {
            self.view.deadline(at);
        }
        if let Some(key) = job.key {
            self.wait_moved(key, wait, 1);
        }
        match wait {
            Wait::Ready => self.view.made_ready(job.lane, self.now),
            Wait::Timer => self.view.timer(run_at),
            Wait::Subject => self.view.behind_subject += 1,
            Wait::Suspect => {
                self.view.suspects += 1;
                self.view.suspects_stuck = false;
            }
            Wait::Key => {}
        }
    }

    /// A queued job no longer waits for this.
    pub(super) fn leave(&mut self, wait: Wait, lane: &Lane, key: Option<&str>) {
        if let Some(key) = key {
            self.wait_moved(key, wait, -1);
        }
        match wait {
            Wait::Ready => self.view.left_ready(lane, 1),
            Wait::Subject => self.view.behind_subject -= 1,
            Wait::Suspect => self.view.suspects -= 1,
            Wait::Timer | Wait::Key => {}
        }
    }

    fn wait_moved(&mut self, key: &str, wait: Wait, by: i64) {
        match wait {
            Wait::Ready | Wait::Subject | Wait::Suspect => self.key(key).idle += by,
            Wait::Key => self.key(key).waiting += by,
            Wait::Timer => {}
        }
    }

    /// What this batch moves of a key.
    pub(super) fn key(&mut self, name: &str) -> &mut Moves {
        self.keys.moves.entry(name.to_owned()).or_default()
    }

    /// A queue's row is to be written.
    pub(super) fn queue_changed(&mut self, name: &str) {
        self.queues.insert(name.into());
    }

    fn tally(&mut self, kind: &str, state: State, by: i64) {
        self.view.count(kind, state, by);
        view::count(&mut self.tallies, kind, state, by);
    }

    /// Write what was gathered.
    async fn flush(mut self) -> Result<(), StoreError> {
        let items = std::mem::take(&mut self.items);
        if items.is_empty() {
            return self.write(None).await.map(drop);
        }
        let moved = import::account(&mut self, &items).await?;
        let turned = self.write(Some(&moved)).await?;
        import::accounted(&mut self, &moved, &turned).await?;
        // What follows an import that ended is a job like others.
        self.write(None).await.map(drop)
    }

    /// Write the counts that were not written yet, and what was moved in imports, of which those come
    /// back that it completed or opened again.
    async fn write(&mut self, imports: Option<&import::Accounts>) -> Result<Vec<SqliteRow>, StoreError> {
        let (tallies, queues) = (std::mem::take(&mut self.tallies), std::mem::take(&mut self.queues));
        let keys = std::mem::take(&mut self.keys.moves);
        let tallies: Vec<(&str, &str, i64)> = tallies
            .iter()
            .flat_map(|(kind, counts)| State::ALL.iter().zip(counts).map(|(s, jobs)| (kind.as_str(), s.name(), *jobs)))
            .filter(|(_, _, jobs)| *jobs != 0)
            .collect();
        let (queues, keys) = (queue::rows(self.view, &queues)?, key::admit::rows(&keys));
        let sequences = (self.view.next_job, self.view.next_lease);
        let is_same = std::mem::replace(&mut self.sequences, sequences) == sequences;
        if imports.is_none() && tallies.is_empty() && queues.is_empty() && keys.is_empty() && is_same {
            return Ok(Vec::new());
        }
        let query = match imports {
            None => sqlx::query(COUNTS.as_str()).bind("[]").bind(self.now.0).bind("[]"),
            Some(moved) => {
                sqlx::query(ALL.as_str()).bind(json(&moved.turnable)?).bind(self.now.0).bind(json(&moved.rows)?)
            }
        };
        let query = query.bind(json(&tallies)?).bind(json(&queues)?).bind(json(&keys)?);
        Ok(query.bind(sequences.0).bind(sequences.1).fetch_all(&mut *self.conn).await?)
    }
}

const TALLIES: &str = "INSERT INTO tally (kind, state, jobs)
    SELECT value->>0, value->>1, value->>2 FROM jsonb_each($4) WHERE true
    ON CONFLICT (kind, state) DO UPDATE SET jobs = jobs + excluded.jobs";
const SEQUENCES: &str = "UPDATE sequence SET next = CASE name WHEN 'job' THEN $7 ELSE $8 END
    WHERE next <> CASE name WHEN 'job' THEN $7 ELSE $8 END";
/// What every batch writes last, in one message to the connection.
static COUNTS: LazyLock<String> = LazyLock::new(|| [TALLIES, queue::WRITE, key::admit::WRITE, SEQUENCES].join(";\n"));
/// The same behind what a batch writes of imports, which has the first three values.
static ALL: LazyLock<String> = LazyLock::new(|| [import::ACCOUNT, import::COMPLETE, COUNTS.as_str()].join(";\n"));

/// Rows that are JSON texts already, as one.
pub(super) fn list<'r>(rows: impl Iterator<Item = &'r str>) -> String {
    let mut text = String::from("[");
    for row in rows {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(row);
    }
    text.push(']');
    text
}

/// Rows as the JSON text that a set-based statement reads with `jsonb_each`.
pub(super) fn json<T: serde::Serialize>(rows: &T) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A JSON document that a statement made.
pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}
