//! What a mixed load leaves, however it came to that.

use crate::support::project::Project;
use std::collections::BTreeMap;

/// What must be the same whether or not the host was killed on the way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending(BTreeMap<&'static str, Vec<String>>);

/// What a job is, apart from its number.
const JOBS: &str =
    "SELECT json_array(kind, title, payload, source, queue, key, priority, tags, state, result, error_class,
        max_attempts, deadline_at IS NOT NULL, depth, import_id, item, unchanged,
        (SELECT title FROM job AS parent WHERE parent.id = job.parent_id),
        (SELECT count(*) FROM attempt WHERE job_id = job.id AND outcome IN ('done', 'unchanged')))
    FROM job ORDER BY 1";

const FILES: &str = "SELECT json_array(current.kind, current.subject, path, sha256, media_type)
    FROM current JOIN artifact ON artifact.lease = current.lease ORDER BY 1";

const IMPORTS: &str =
    "SELECT json_array(id, state, kind, source, total, done, failed, cancelled, duplicate, skipped, invalid,
        open_jobs) FROM import ORDER BY 1";

impl Ending {
    pub(super) fn of(project: &Project) -> Self {
        let all = [
            ("jobs", JOBS),
            ("files", FILES),
            ("imports", IMPORTS),
            (
                "generations",
                "SELECT json_array(kind, subject, count(*)) FROM generation GROUP BY kind, subject ORDER BY 1",
            ),
            ("counts", "SELECT json_array(kind, state, jobs) FROM tally WHERE jobs > 0 ORDER BY 1"),
            ("keys", "SELECT json_array(name, idle, running, waiting, own) FROM key ORDER BY 1"),
            ("queues", "SELECT json_array(name, state, own) FROM queue ORDER BY 1"),
            ("routes", "SELECT json_array(kind, digest) FROM route ORDER BY 1"),
            ("checkpoints", "SELECT json_array(job_id) FROM checkpoint ORDER BY 1"),
        ];
        Self(all.into_iter().map(|(what, query)| (what, project.texts(query))).collect())
    }

    /// The same in every part; says where it is not.
    #[track_caller]
    pub(super) fn is(&self, wanted: &Self) {
        for (what, rows) in &self.0 {
            let wanted = &wanted.0[what];
            let more: Vec<_> = rows.iter().filter(|row| !wanted.contains(row)).collect();
            let less: Vec<_> = wanted.iter().filter(|row| !rows.contains(row)).collect();
            assert!(
                rows == wanted,
                "{what}: {} rows, {} wanted; too much: {more:#?}; missing: {less:#?}",
                rows.len(),
                wanted.len()
            );
        }
    }

    /// How many rows there are of something.
    pub(super) fn count(&self, what: &str) -> usize {
        self.0[what].len()
    }
}

/// How often each job was tried, by what it is. Left out are those that were given up on the way, and those that were
/// cancelled: it depends on the moment whether they had begun.
pub(super) fn tries(project: &Project) -> BTreeMap<String, Vec<String>> {
    let rows = project.texts(
        "SELECT json_array(json_array(kind, title, payload, source), json_array(attempt, round),
                EXISTS (SELECT 1 FROM attempt WHERE job_id = job.id AND outcome = 'lost'))
         FROM job WHERE state <> 'cancelled' ORDER BY 1",
    );
    let mut tries: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut lost = Vec::new();
    for row in &rows {
        let (job, tried, was_lost): (serde_json::Value, serde_json::Value, u8) = serde_json::from_str(row).unwrap();
        let job = job.to_string();
        if was_lost == 1 {
            lost.push(job.clone());
        }
        tries.entry(job).or_default().push(tried.to_string());
    }
    lost.iter().for_each(|job| drop(tries.remove(job)));
    tries
}
