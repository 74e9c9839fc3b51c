//! Failures for people.

use crate::cli::job::{attempt_text, fault};
use crate::cli::table::{more, short, table, time};
use crate::host::failure::{FailureDetail, FailureGroup, FailurePage, FailureRow, Resolved};
use crate::host::job::Page;
use crate::rules::job::State;

/// What a failure is about.
fn about(failure: &FailureRow) -> &str {
    [&failure.title, &failure.source, &failure.subject]
        .into_iter()
        .find(|text| !text.is_empty())
        .map_or("", String::as_str)
}

pub(super) fn list(page: &FailurePage, is_plain: bool) -> String {
    if page.items.is_empty() {
        return if is_plain { "nothing failed that is not resolved" } else { "no failure is like that" }.to_owned();
    }
    let mut rows = table(&["id", "job", "kind", "class", "group", "failed", "about", "message"]);
    for failure in &page.items {
        rows.add_row([
            failure.id.to_string(),
            failure.job_id.to_string(),
            failure.kind.clone(),
            failure.class.name().to_owned(),
            failure.fingerprint.clone(),
            time(failure.failed_at),
            short(about(failure), 50),
            short(&failure.message, 80),
        ]);
    }
    let mut text = rows.to_string();
    if let Some(next) = &page.next {
        text.push_str(&format!("\n\n{} more: --before {next}", page.more));
    }
    text + &cap(page)
}

/// What is said of the detail of failures, when some have none.
fn cap(page: &FailurePage) -> String {
    let (all, detailed) = (page.unresolved.unresolved, page.unresolved.detailed);
    if all == detailed {
        return String::new();
    }
    format!(
        "\n\n{all} failures are unresolved; the newest {detailed} have log and backtrace, the others class, group and \
         message (failure.keep = {})",
        page.keep
    )
}

pub(super) fn groups(page: &Page<FailureGroup>) -> String {
    if page.items.is_empty() {
        return "there are no such failures".to_owned();
    }
    let mut rows = table(&["group", "failures", "kind", "class", "first", "last", "message"]);
    for group in &page.items {
        rows.add_row([
            group.fingerprint.clone(),
            group.failures.to_string(),
            group.kind.clone(),
            group.class.name().to_owned(),
            time(group.first_at),
            time(group.last_at),
            short(&group.pattern, 100),
        ]);
    }
    format!("{rows}{}", more(page.next.as_deref(), "--after"))
}

/// How a failure was resolved.
pub(in crate::cli) fn resolution(failure: &FailureRow) -> String {
    let Some(resolution) = failure.resolution else { return "unresolved".to_owned() };
    let by = failure.resolved_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let at = failure.resolved_at.map(|at| format!(" at {}", time(at))).unwrap_or_default();
    format!("{resolution}{by}{at}")
}

pub(super) fn show(detail: &FailureDetail) -> String {
    let (failure, job) = (&detail.failure, &detail.job);
    let mut text = format!("failure {} {}: {}", failure.id, failure.class, failure.message);
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("\n{name:<10}{value}"));
        }
    };
    field("fault", fault(&detail.fault));
    field("is", resolution(failure));
    let place = format!("{}, {} unresolved", failure.fingerprint, detail.alike);
    field("group", place);
    field(
        "job",
        format!("{} {}, round {}; it is {} now", job.id, job.kind, failure.round, state(job.state, job.round)),
    );
    field("subject", failure.subject.clone());
    field("source", failure.source.clone());
    field("title", failure.title.clone());
    field(
        "import",
        failure.import_id.map(|id| format!("{id}, item {}", failure.item.unwrap_or(0))).unwrap_or_default(),
    );
    field("failed", time(failure.failed_at));
    field("in", failure.top_frame.clone().unwrap_or_default());
    field("handler", failure.digest.as_ref().map(|digest| format!("sha256:{digest}")).unwrap_or_default());
    field("note", detail.note.clone().unwrap_or_default());
    for attempt in &detail.attempts {
        text.push_str(&format!("\n\n{}", attempt_text(attempt)));
        if attempt.row.log_dropped > 0 {
            text.push_str(&format!("\n  {} bytes of its log were dropped", attempt.row.log_dropped));
        }
        if let Some(log) = &attempt.row.log {
            text.push_str(&format!("\n  log:\n    {}", log.trim_end().replace('\n', "\n    ")));
        }
    }
    if !detail.earlier.is_empty() {
        text.push_str("\n\nbefore:");
    }
    for earlier in &detail.earlier {
        let (at, how) = (time(earlier.failed_at), resolution(earlier));
        let what = short(&earlier.message, 80);
        text.push_str(&format!(
            "\n  {} in round {} ({at}): {}: {what}; {how}",
            earlier.id, earlier.round, earlier.class
        ));
    }
    text
}

fn state(state: State, round: u32) -> String {
    format!("{state} in round {round}")
}

pub(super) fn resubmitted(resolved: &Resolved) -> String {
    let line = |f: &FailureRow| format!("failure {}: job {} {} queued again", f.id, f.job_id, f.kind);
    resolved.items.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn deleted(resolved: &Resolved) -> String {
    let line = |f: &FailureRow| format!("failure {} deleted: job {} stays failed", f.id, f.job_id);
    resolved.items.iter().map(line).collect::<Vec<_>>().join("\n")
}
