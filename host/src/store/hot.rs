//! The plans of the statements that run all the time, on a database that was
//! never analysed: none may read a table from end to end.

#![allow(clippy::unwrap_used)]

use super::{Store, artifact, attempt, checkpoint, claim, import, job, pipeline, progress, settle, stats, turn, view};
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeSet;

fn statements() -> Vec<(&'static str, String)> {
    let fixed = [
        ("claim: ring", claim::RING),
        ("claim: next timer", claim::NEXT_TIMER),
        ("claim: write", claim::CLAIM),
        ("claim: pins", claim::PINS),
        ("claim: park", claim::PARK),
        ("settle: end", settle::END),
        ("settle: release", settle::RELEASE),
        ("checkpoint: keep", checkpoint::KEEP),
        ("checkpoint: drop", checkpoint::DROP),
        ("checkpoint: any", checkpoint::ANY),
        ("progress", progress::WRITE),
        ("turn", turn::TURN),
        ("attempt", attempt::ATTEMPT),
        ("artifact: generation", artifact::GENERATION),
        ("artifact: current", artifact::CURRENT),
        ("artifact: files", artifact::ARTIFACT),
        ("artifact: subject", artifact::SUBJECT),
        ("pipeline: standing", pipeline::STANDING),
        ("import: advance", import::ADVANCE),
        ("import: items", import::ITEMS),
        ("import: account", import::ACCOUNT),
        ("import: complete", import::COMPLETE),
        ("import: undispatched", import::UNDISPATCHED),
        ("job: insert", job::INSERT),
        ("job: ask to cancel", job::ASK_CANCEL),
        ("open: ready", view::READY),
        ("open: numbers", view::NUMBERS),
        ("stats: waiting", stats::WAITING),
    ];
    let built = [
        ("claim: ready", claim::next_ready("q", 1).sql().as_str().to_owned()),
        ("claim: suspect", claim::next_suspect(&BTreeSet::new()).sql().as_str().to_owned()),
        ("recover: orphans", settle::orphans().sql().as_str().to_owned()),
    ];
    fixed.into_iter().map(|(name, sql)| (name, sql.to_owned())).chain(built).collect()
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
    let few = ["job_ready", "job_timer", "job_suspect", "job_behind_subject", "job_running", "import_open"];
    step.starts_with("SCAN ")
        && !step.contains("VIRTUAL TABLE")
        && !["SCAN CONSTANT ROW", "SCAN new", "SCAN (subquery-2)"].contains(&step)
        && !few.iter().any(|index| step.ends_with(index))
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

#[tokio::test]
async fn claims_and_recovery_read_the_index_of_what_they_look_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("capstan.db")).await.unwrap();
    let plans = plans(&store).await;
    for (name, index) in [
        ("claim: ready", "SEARCH job USING COVERING INDEX job_ready (queue=?)"),
        ("claim: ready", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("claim: ready", "SEARCH other USING COVERING INDEX job_running (subject=? AND kind=?)"),
        ("claim: suspect", "USING COVERING INDEX job_suspect"),
        ("claim: ring", "USING COVERING INDEX job_timer (run_at<?)"),
        ("claim: next timer", "USING COVERING INDEX job_timer"),
        ("settle: release", "USING COVERING INDEX job_behind_subject (subject=? AND kind=?)"),
        ("settle: end", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("claim: write", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"),
        ("recover: orphans", "USING INDEX job_running"),
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
