//! The plans of the statements that run all the time, on a database that was
//! never analysed: none may read a table from end to end.

#![allow(clippy::unwrap_used)]

use super::failure::FailureFilter;
use super::job::JobFilter;
use super::{
    Store, accept, artifact, attempt, bulk, checkpoint, claim, deadline, edit, explain, failure::entry, import, job,
    key, pipeline, progress, queue, settle, stats, subject, turn, unique, view,
};
use crate::rules::queue::Lane;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeSet;

fn statements() -> Vec<(&'static str, String)> {
    let fixed = [
        ("claim: ring", claim::RING),
        ("claim: next timer", claim::NEXT_TIMER),
        ("claim: write", claim::CLAIM),
        ("claim: pins", claim::PINS),
        ("subject: park", subject::PARK),
        ("deadline: due", deadline::DUE),
        ("deadline: next", deadline::NEXT),
        ("key: due", key::admit::DUE),
        ("key: next", key::admit::NEXT),
        ("key: load", key::admit::LOAD),
        ("key: admit", key::admit::ADMIT),
        ("key: admit past", key::admit::ADMIT_PAST),
        ("key: send back", key::admit::SEND_BACK),
        ("key: of an import", key::admit::OF_IMPORT),
        ("key: write", key::admit::WRITE),
        ("queue: write", queue::WRITE),
        ("unique: same", unique::SAME),
        ("edit", edit::EDIT),
        ("turn: find", turn::FIND),
        ("settle: end", settle::end::END.of_one()),
        ("subject: release", subject::RELEASE),
        ("checkpoint: keep", checkpoint::KEEP),
        ("checkpoint: drop", checkpoint::DROP),
        ("checkpoint: any", checkpoint::ANY),
        ("progress", progress::WRITE),
        ("turn", turn::TURN),
        ("attempt", attempt::ATTEMPT.of_one()),
        ("failure: insert", entry::INSERT),
        ("failure: supersede", entry::SUPERSEDE),
        ("failure: resubmit", entry::RESUBMIT),
        ("failure: delete", entry::DELETE),
        ("failure: forget", entry::FORGET),
        ("failure: trim", entry::TRIM),
        ("failure: open", entry::OPEN),
        ("artifact: generation", artifact::GENERATION),
        ("artifact: current", artifact::CURRENT),
        ("artifact: files", artifact::ARTIFACT),
        ("artifact: subject", artifact::SUBJECT),
        ("pipeline: standing", pipeline::STANDING),
        ("import: known items", import::KNOWN_ITEMS),
        ("import: other items", import::OTHER_ITEMS),
        ("import: new items", import::NEW_ITEMS),
        ("import: account", import::ACCOUNT),
        ("import: complete", import::COMPLETE),
        ("import: undispatched", import::UNDISPATCHED),
        ("import: open", import::OPEN),
        ("import: drain", import::DRAIN),
        ("import: existing", import::EXISTING),
        ("import: reopen", import::REOPEN),
        ("import: queued", import::QUEUED),
        ("import: failed", import::FAILED),
        ("job: insert", accept::INSERT),
        ("job: insert alike", accept::INSERT_ALIKE),
        ("job: ask to cancel", job::ASK_CANCEL),
        ("bulk: open", bulk::OPEN),
        ("bulk: run on", bulk::RUN_ON),
        ("bulk: next", bulk::step::NEXT),
        ("bulk: asked", bulk::step::ASKED),
        ("bulk: ask", bulk::step::ASK),
        ("bulk: drop", bulk::step::DROP),
        ("bulk: count", bulk::step::COUNT),
        ("bulk: finish", bulk::step::FINISH),
        ("open: ready", view::READY),
        ("open: numbers", view::NUMBERS),
        ("open: running", view::RUNNING),
        ("stats: waiting", stats::WAITING),
        ("explain: memory", explain::MEMORY),
        ("explain: works", explain::WORKS),
        ("explain: tried", explain::TRIED),
        ("explain: before in key", explain::BEFORE_IN_KEY),
        ("explain: older", explain::OLDER),
        ("explain: urgent", explain::URGENT),
        ("explain: queue", explain::QUEUE),
        ("explain: queue runs", explain::QUEUE_RUNS),
        ("explain: handler", explain::HANDLER),
        ("explain: made", explain::MADE),
        ("explain: followed in import", explain::FOLLOWED_IN_IMPORT),
        ("explain: followed", explain::FOLLOWED),
    ];
    let lane = Lane { queue: "q".into(), kind: "k".into(), import: 0, priority: 0 };
    let built = [
        ("claim: ready", claim::next_ready(&lane, 1).sql().as_str().to_owned()),
        ("claim: suspect", claim::next_suspect(&BTreeSet::new(), &[], &[]).sql().as_str().to_owned()),
        ("recover: orphans", settle::orphans().sql().as_str().to_owned()),
        ("bulk: cancel", frozen(&bulk::What::Cancel { jobs: JobFilter::default() })),
        ("bulk: cancel of an import", frozen(&bulk::What::Cancel { jobs: of_import() })),
        ("bulk: retry", frozen(&bulk::What::Retry { jobs: JobFilter::default() })),
        ("bulk: retry of an import", frozen(&bulk::What::Retry { jobs: of_import() })),
        ("bulk: resubmit", frozen(&bulk::What::Resubmit { failures: FailureFilter::default() })),
    ];
    fixed.into_iter().map(|(name, sql)| (name, sql.to_owned())).chain(built).collect()
}

fn of_import() -> JobFilter {
    JobFilter { import: Some(1), kind: Some("k".into()), tag: Some("t".into()), ..JobFilter::default() }
}

fn frozen(what: &bulk::What) -> String {
    bulk::step::freezing(1, what).sql().as_str().to_owned()
}

async fn plans(store: &Store) -> Vec<(&'static str, Vec<String>)> {
    let mut plans = Vec::new();
    for (name, sql) in statements() {
        let rows =
            sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(store.readers()).await.unwrap();
        plans.push((name, rows.iter().map(|row| row.try_get("detail").unwrap()).collect()));
    }
    plans
}

/// What is read from end to end although it may hold millions of rows: a table
/// itself, or an index that is not limited to a few rows by its own condition.
fn is_scan(step: &str) -> bool {
    let few = [
        "job_ready",
        "job_timer",
        "job_suspect",
        "job_behind_subject",
        "job_behind_key",
        "job_running",
        "job_deadline",
        "key_resting",
        "key_waiting",
        "import_open",
        "import_ending",
        "bulk_open",
    ];
    step.starts_with("SCAN ")
        && !step.contains("VIRTUAL TABLE")
        && !["SCAN CONSTANT ROW", "SCAN new"].contains(&step)
        && !step.starts_with("SCAN (subquery-")
        && !few.iter().any(|index| step.ends_with(index))
        // What an operation may freeze: it looks at each of them once.
        && !["job_failed", "job_cancelled"].iter().any(|index| step.ends_with(index))
}

#[tokio::test]
async fn no_hot_statement_reads_a_table_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("capstan.db")).await.unwrap();
    for (name, plan) in plans(&store).await {
        assert!(!plan.iter().any(|step| is_scan(step)), "{name}: {plan:#?}");
    }
    store.close().await;
}

/// A CHECK with a list of three values or more fills a table anew for every row.
#[tokio::test]
async fn what_every_job_goes_through_makes_no_table_for_each_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("capstan.db")).await.unwrap();
    for name in ["job: insert", "claim: write", "settle: end", "turn", "edit"] {
        let (_, sql) = statements().into_iter().find(|(known, _)| *known == name).unwrap();
        let steps = sqlx::query(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(store.readers()).await.unwrap();
        let opcode = |step: &SqliteRow| step.get::<String, _>("opcode");
        let rounds = steps.iter().enumerate().filter(|(_, step)| ["Next", "VNext"].contains(&opcode(step).as_str()));
        let rounds: Vec<_> = rounds.map(|(at, step)| usize::try_from(step.get::<i64, _>("p2")).unwrap()..at).collect();
        assert!(!rounds.is_empty(), "{name}: nothing is done for each row");
        let is_table = |at: &usize| opcode(&steps[*at]) == "OpenEphemeral";
        let made: Vec<_> = rounds.into_iter().flatten().filter(is_table).collect();
        assert!(made.is_empty(), "{name}: a table is made for each row, by the steps {made:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn claims_and_recovery_read_the_index_of_what_they_look_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("capstan.db")).await.unwrap();
    let plans = plans(&store).await;
    for (name, index) in [
        (
            "claim: ready",
            "SEARCH job USING COVERING INDEX job_ready (queue=? AND kind=? AND import_id=? AND priority=?)",
        ),
        ("claim: ready", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("claim: ready", "SEARCH other USING COVERING INDEX job_running (subject=? AND kind=?)"),
        ("claim: suspect", "USING COVERING INDEX job_suspect"),
        ("claim: ring", "USING COVERING INDEX job_timer (run_at<?)"),
        ("claim: next timer", "USING COVERING INDEX job_timer"),
        ("subject: release", "USING COVERING INDEX job_behind_subject (subject=? AND kind=?)"),
        ("key: admit", "USING COVERING INDEX job_behind_key (key=?)"),
        ("key: due", "USING INDEX key_resting (next_at>? AND next_at<?)"),
        ("key: next", "USING INDEX key_resting (next_at>?)"),
        ("key: load", "USING PRIMARY KEY (name=?)"),
        ("unique: same", "USING COVERING INDEX job_unique (unique_key=? AND state=?)"),
        ("deadline: due", "INDEX job_deadline (deadline_at>? AND deadline_at<?)"),
        ("deadline: next", "INDEX job_deadline"),
        ("edit", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("turn: find", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("settle: end", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("claim: write", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("recover: orphans", "USING INDEX job_running"),
        ("bulk: next", "SEARCH item USING PRIMARY KEY (bulk_id=? AND target>?)"),
        ("bulk: next", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("bulk: next", "SEARCH failure USING INDEX sqlite_autoindex_failure_1 (job_id=? AND round=?)"),
        ("bulk: asked", "INDEX bulk_asked (bulk_id=?"),
        ("bulk: ask", "SEARCH bulk_item USING PRIMARY KEY (bulk_id=? AND target=?)"),
        ("bulk: drop", "SEARCH bulk_item USING PRIMARY KEY (bulk_id=? AND target=?)"),
        ("bulk: cancel", "SCAN job USING INDEX job_behind_key"),
        ("bulk: cancel of an import", "SEARCH job USING INDEX job_of_import (import_id=?)"),
        ("bulk: retry", "SCAN job USING INDEX job_cancelled"),
        ("bulk: resubmit", "SEARCH failure USING INDEX failure_open (resolution=?)"),
        ("failure: insert", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("failure: insert", "SEARCH earlier USING COVERING INDEX sqlite_autoindex_failure_1 (job_id=?)"),
        ("failure: supersede", "SEARCH failure USING INDEX failure_about (subject=? AND kind=? AND job_id<?)"),
        ("failure: resubmit", "SEARCH failure USING INDEX sqlite_autoindex_failure_1 (job_id=?)"),
        ("failure: delete", "(resolution=? AND rowid=?)"),
        ("failure: forget", "SEARCH tried USING INDEX attempt_of_job (job_id=?)"),
        ("failure: trim", "SEARCH failure USING INTEGER PRIMARY KEY (rowid=?)"),
        ("failure: open", "USING COVERING INDEX failure_open (resolution=?)"),
        ("failure: open", "USING COVERING INDEX failure_detailed (resolution=? AND detailed=?)"),
        ("import: known items", "SEARCH item USING PRIMARY KEY (import_id=? AND item=?)"),
        ("stats: waiting", "INDEX job_ready"),
        ("stats: waiting", "INDEX job_timer"),
    ] {
        let (_, plan) = plans.iter().find(|(known, _)| *known == name).unwrap();
        assert!(plan.iter().any(|step| step.contains(index)), "{name} without {index:?}: {plan:#?}");
    }
    let (_, ready) = plans.iter().find(|(known, _)| *known == "claim: ready").unwrap();
    assert!(!ready.iter().any(|step| step.contains("TEMP B-TREE")), "a claim sorts: {ready:#?}");
    store.close().await;
}
