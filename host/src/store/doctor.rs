//! Recounting what is kept as counts, in one snapshot.

use super::batch::Batch;
use super::op::{Op, Reply};
use super::view::View;
use super::{Store, StoreError};
use crate::rules::queue::Lane;
use sqlx::Row;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A statement whose rows are findings, and what they mean.
struct Check {
    name: &'static str,
    sql: &'static str,
}

/// What a check of the database found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// What is wrong, naming the row.
    pub what: String,
}

const CHECKS: [Check; 14] = [
    Check {
        name: "counts equal rows",
        sql: "SELECT 'kind ' || kind || ' ' || state || ': counted ' || sum(counted) || ', rows ' || sum(rows)
              FROM (SELECT kind, state, jobs AS counted, 0 AS rows FROM tally
                    UNION ALL SELECT kind, state, 0, count(*) FROM job GROUP BY kind, state)
              GROUP BY kind, state HAVING sum(counted) <> sum(rows)",
    },
    Check {
        name: "each accepted job is in one place",
        sql: "SELECT 'accepted ' || (next - 1) || ', on record ' || (SELECT count(*) FROM job)
              FROM sequence WHERE name = 'job' AND next - 1 <> (SELECT count(*) FROM job)",
    },
    Check {
        name: "leases belong to this boot",
        sql: "SELECT 'job ' || id || ' runs under boot ' || boot_id || ', the newest is ' || (SELECT max(id) FROM boot)
              FROM job WHERE state = 'running' AND boot_id <> (SELECT max(id) FROM boot)",
    },
    Check {
        name: "completed jobs have an attempt",
        sql: "SELECT 'job ' || id FROM job WHERE state = 'completed'
              AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.lease = job.lease AND attempt.job_id = job.id) LIMIT 20",
    },
    Check {
        name: "checkpoints belong to jobs that may need them",
        sql: "SELECT 'job ' || job_id || ' has a checkpoint and is ' || coalesce(state, 'unknown')
              FROM checkpoint LEFT JOIN job ON job.id = job_id WHERE state IS NULL OR state = 'completed' LIMIT 20",
    },
    Check {
        name: "imports add up",
        sql: "SELECT 'import ' || id || ': total ' || total || ', accounted '
                     || (done + failed + cancelled + duplicate + skipped + invalid)
              FROM import WHERE total < done + failed + cancelled + duplicate + skipped + invalid
                 OR (state = 'completed' AND total <> done + failed + cancelled + duplicate + skipped + invalid)",
    },
    Check {
        name: "imports equal their items",
        sql: "SELECT 'import ' || id || ': counted ' || done || ' done, ' || failed || ' failed, ' || skipped || ' skipped, '
                     || open_jobs || ' open jobs; items ' || d || ', ' || f || ', ' || s || ', ' || o
              FROM import JOIN (
                SELECT import_id, sum(open = 0 AND failed = 0 AND cancelled = 0 AND made > 0) AS d,
                       sum(open = 0 AND failed > 0) AS f, sum(open + failed + cancelled + made = 0) AS s, sum(open) AS o
                FROM (SELECT * FROM item UNION ALL
                      SELECT import_id, item, 1, 0, 0, 0 FROM job WHERE import_id IS NOT NULL AND NOT EXISTS (
                          SELECT 1 FROM item WHERE item.import_id = job.import_id AND item.item = job.item))
                GROUP BY import_id) ON import_id = id
              WHERE (done, failed, skipped, open_jobs) <> (d, f, s, o) LIMIT 20",
    },
    Check {
        name: "what waits in lists adds up",
        sql: "SELECT 'import ' || id || ': counted ' || deferred || ' waiting, ranges hold ' || coalesce(held, 0)
              FROM import LEFT JOIN (SELECT import_id, sum(items) AS held FROM deferred GROUP BY import_id) ON import_id = id
              WHERE deferred <> coalesce(held, 0) LIMIT 20",
    },
    Check {
        name: "items equal their jobs",
        sql: "SELECT 'import ' || j.import_id || ' item ' || j.item
              FROM (
                SELECT import_id, item, sum(state IN ('queued', 'running')) AS open, sum(state = 'failed') AS failed,
                       sum(state = 'cancelled') AS cancelled, sum(state = 'completed' AND unchanged = 0) AS made
                FROM job WHERE import_id IS NOT NULL GROUP BY import_id, item) AS j
              LEFT JOIN item AS i ON i.import_id = j.import_id AND i.item = j.item
              WHERE (coalesce(i.open, 1), coalesce(i.failed, 0), coalesce(i.cancelled, 0), coalesce(i.made, 0))
                    <> (j.open, j.failed, j.cancelled, j.made) LIMIT 20",
    },
    Check {
        name: "operations add up",
        sql: "SELECT 'operation ' || id || ' ' || state || ': total ' || total || ', done ' || done || ', stale ' || stale
                     || ', left ' || left_over
              FROM (SELECT *, (SELECT count(*) FROM bulk_item WHERE bulk_id = bulk.id) AS left_over FROM bulk)
              WHERE (state <> 'cancelled' AND total <> done + stale + left_over)
                 OR total < done + stale + left_over OR (finished_at IS NULL) <> (left_over > 0)",
    },
    Check {
        name: "failed jobs and unresolved failures are the same",
        sql: "SELECT 'job ' || job.id || ' failed in round ' || job.round || ' and has no entry in the failure log'
              FROM job INDEXED BY job_failed LEFT JOIN failure ON failure.job_id = job.id AND failure.round = job.round
              WHERE job.state = 'failed' AND failure.id IS NULL
              UNION ALL
              SELECT 'failure ' || failure.id || ' is ' || coalesce(resolution, 'unresolved') || ', and job ' || job_id
                     || ' is ' || coalesce(job.state || ' in round ' || job.round, 'unknown')
              FROM failure LEFT JOIN job ON job.id = failure.job_id
              WHERE job.id IS NULL OR failure.round > job.round
                 OR (failure.resolution IS NULL OR failure.round = job.round)
                    <> (job.state = 'failed' AND failure.round = job.round) LIMIT 20",
    },
    Check {
        name: "keys equal their jobs",
        sql: "SELECT 'key ' || name || ': counted ' || sum(idle) || ' let in, ' || sum(running) || ' running, '
                     || sum(waiting) || ' waiting; rows ' || sum(i) || ', ' || sum(r) || ', ' || sum(w)
              FROM (SELECT name, idle, running, waiting, 0 AS i, 0 AS r, 0 AS w FROM key
                    UNION ALL
                    SELECT key, 0, 0, 0, state = 'queued' AND wait IN ('ready', 'subject', 'suspect'),
                           state = 'running', state = 'queued' AND wait = 'key'
                    FROM job WHERE key IS NOT NULL AND state IN ('queued', 'running'))
              GROUP BY name HAVING (sum(idle), sum(running), sum(waiting)) <> (sum(i), sum(r), sum(w)) LIMIT 20",
    },
    Check {
        name: "current generations exist",
        sql: "SELECT 'subject ' || subject || ' kind ' || kind || ' points at generation ' || lease
              FROM current WHERE lease NOT IN (SELECT lease FROM generation)",
    },
    Check {
        name: "no published generation is doubled",
        sql: "SELECT 'job ' || job_id || ' round ' || round || ' published ' || count(*) || ' times'
              FROM attempt WHERE outcome = 'done' GROUP BY job_id, round HAVING count(*) > 1",
    },
];

impl Store {
    /// Recount; what is wrong.
    ///
    /// # Errors
    /// The database said no.
    pub async fn check(&self) -> Result<Vec<Finding>, StoreError> {
        let mut snapshot = self.readers().begin().await?;
        let mut findings = Vec::new();
        for check in &CHECKS {
            for row in sqlx::query(check.sql).fetch_all(&mut *snapshot).await? {
                findings.push(Finding { check: check.name, what: row.try_get(0)? });
            }
        }
        for row in sqlx::query("PRAGMA quick_check").fetch_all(&mut *snapshot).await? {
            let what: String = row.try_get(0)?;
            if what != "ok" {
                findings.push(Finding { check: "the file is sound", what });
            }
        }
        snapshot.commit().await?;
        match self.send(Op::Recount).await? {
            Reply::Differences(all) => {
                findings.extend(all.into_iter().map(|what| Finding { check: REMEMBERED, what }));
                Ok(findings)
            }
            other => Err(StoreError::Corrupt(format!("answer {other:?}"))),
        }
    }
}

/// The check of what the writer keeps in memory.
const REMEMBERED: &str = "what the writer knows is on record";

/// What the writer knows and the rows do not say.
pub(super) async fn differences(batch: &mut Batch<'_>) -> Result<Vec<String>, StoreError> {
    let rows = View::load(&mut *batch.conn).await?;
    let known = &*batch.view;
    let mut all = Vec::new();
    let lanes: BTreeSet<&Lane> = known.lanes.keys().chain(rows.lanes.keys()).collect();
    for lane in lanes {
        let [known, rows] = [known, &rows].map(|view| view.lanes.get(lane).map_or(0, |waiting| waiting.jobs));
        if known != rows {
            all.push(format!("{lane:?}: {known} ready jobs are known, {rows} are there"));
        }
    }
    let queues: BTreeSet<&Arc<str>> = known.queues.keys().chain(rows.queues.keys()).collect();
    for name in queues {
        let [known, rows] = [known, &rows].map(|view| view.queues.get(name).map_or(0, |queue| queue.used.running));
        if known != rows {
            all.push(format!("queue {name}: {known} running jobs are known, {rows} are there"));
        }
    }
    if known.imports != rows.imports {
        all.push(format!("open imports: {:?} are known, {:?} are there", known.imports, rows.imports));
    }
    for (what, known, rows) in [
        ("suspects", known.suspects, rows.suspects),
        ("jobs behind a subject", known.behind_subject, rows.behind_subject),
        ("open operations", known.bulks, rows.bulks),
        ("unresolved failures", known.failure_log.open, rows.failure_log.open),
        ("failures with full detail", known.failure_log.detailed, rows.failure_log.detailed),
    ] {
        if known != rows {
            all.push(format!("{what}: {known} are known, {rows} are there"));
        }
    }
    for (what, known, rows) in
        [("timer", known.next_timer, rows.next_timer), ("deadline", known.next_deadline, rows.next_deadline)]
    {
        // It may ring for nothing, but never too late.
        if rows.is_some_and(|rows| known.is_none_or(|known| known > rows)) {
            all.push(format!("next {what}: {known:?} is known, {rows:?} is there"));
        }
    }
    Ok(all)
}

/// The names of the checks, in their order.
pub fn checks() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name).chain(["the file is sound", REMEMBERED])
}
