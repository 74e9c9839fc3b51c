//! When everything of a kind fails, and when a site wants to be left alone: the others flow.

use super::retry::numbers;
use crate::handler::stage::version;
use crate::support::project::Project;
use crate::support::web::{Page, Web, answer, html};
use serde_json::{Value, json};
use std::fs;

/// Add jobs, one a line.
fn add_many(project: &Project, jobs: impl Iterator<Item = Value>) {
    let list = project.beside().join("jobs.ndjson");
    fs::write(&list, jobs.map(|job| format!("{job}\n")).collect::<String>()).unwrap();
    project.capstan(&["job", "add", "--from", list.to_str().unwrap()]).ok();
}

#[test]
fn a_storm_of_retries_settles_by_its_policy_and_the_others_complete() {
    const STORM: i64 = 150;
    const OTHERS: i64 = 150;
    let project = Project::with_odd();
    project.handler("storm", &version("storm", "1")).ok();
    project.set("retry", "base = \"2ms\"\nmax_attempts = 7");
    project.set("kind.storm.retry", "backoff = \"fixed\"\nbase = \"5ms\"\nmax_attempts = 4");
    project.set("kind.storm.retry.class.timeout", "max_attempts = 2");
    let fails =
        (0..STORM).map(|n| json!({"kind": "storm", "payload": {"end": "transient", "message": "no", "number": n}}));
    let flows = (0..OTHERS).map(|n| json!({"kind": "odd", "payload": {"do": "answer", "value": n}}));
    add_many(&project, fails.chain(flows));
    let run = project.capstan(&["run"]).exits(1);
    run.says(&[&format!("{OTHERS} jobs completed, {STORM} failed")]);
    assert_eq!(
        project.sql("SELECT count(*) FROM job WHERE kind = 'odd' AND state = 'completed' AND attempt = 1"),
        [OTHERS]
    );
    assert_eq!(
        project.sql("SELECT count(*) FROM job WHERE kind = 'storm' AND state = 'failed' AND attempt = 4"),
        [STORM]
    );
    let odd = "SELECT job_id FROM attempt GROUP BY job_id HAVING count(*) NOT IN (1, 4) OR max(attempt) <> count(*)";
    assert_eq!(project.sql(odd), [0; 0]);
    assert_eq!(project.sql("SELECT count(*) FROM attempt WHERE outcome = 'transient'"), [4 * STORM]);
    // Each has its history, and its delays were kept.
    let job = project.job(1);
    assert_eq!(job["error"], json!({"class": "transient", "message": "no"}));
    assert_eq!(numbers(&job, "attempt"), [1, 2, 3, 4]);
    // The others did not wait for the storm to settle.
    let last_other = project.sql("SELECT max(finished_at) FROM job WHERE kind = 'odd'")[0];
    let last_of_storm = project.sql("SELECT max(finished_at) FROM job WHERE kind = 'storm'")[0];
    assert!(last_other < last_of_storm, "{last_other} {last_of_storm}");
    project.is_sound();
}

/// A project whose `ingest` may get pages of this server by two names.
fn project_of(web: &Web) -> Project {
    let project = Project::new();
    let path = project.root().join("capstan.toml");
    let text = fs::read_to_string(&path).unwrap();
    let granted = "http = [\"GET,HEAD *://*:*\"]";
    assert!(text.contains(granted), "{text}");
    let port = web.port();
    let exact = format!("http = [\"GET http://127.0.0.1:{port}\", \"GET http://localhost:{port}\"]");
    fs::write(&path, text.replace(granted, &exact).replace("ingest = [\"normalise\"]", "")).unwrap();
    project
}

#[test]
fn a_site_that_answers_429_slows_only_itself() {
    const PAGES: usize = 30;
    let busy = Page::Raw(answer("429 Too Many Requests", &["retry-after: 3600"], b""));
    let mut pages: Vec<(String, Page)> =
        (0..PAGES).map(|n| (format!("/works/{n}"), Page::Raw(html("<p>Works.</p>")))).collect();
    pages.extend((0..PAGES).map(|n| (format!("/busy/{n}"), busy.clone())));
    let web = Web::new(&pages.iter().map(|(path, page)| (path.as_str(), page.clone())).collect::<Vec<_>>());
    let project = project_of(&web);
    let url = |path: String, name: &str| json!({"kind": "ingest", "payload": {"url": web.url(&path).replace("127.0.0.1", name)}});
    // The busy site is first in every line.
    let busy = (0..PAGES).map(|n| url(format!("/busy/{n}"), "localhost"));
    let works = (0..PAGES).map(|n| url(format!("/works/{n}"), "127.0.0.1"));
    add_many(&project, busy.chain(works));
    let host = project.serve();
    let done = "SELECT id FROM job WHERE state = 'completed'";
    crate::support::wait::until("the other site is done", || (project.sql(done).len() == PAGES).then_some(()));
    // Those that were let in before the first answer ask as well, and nobody after them.
    let asked = || web.seen().iter().filter(|seen| seen.line.contains("/busy/")).count();
    let in_hand = "SELECT id FROM job WHERE state = 'running'";
    crate::support::wait::until("nothing runs", || project.sql(in_hand).is_empty().then_some(()));
    assert!((1..=4).contains(&asked()), "{} requests", asked());
    let waiting = project.json(&["stats"])["waiting"].clone();
    assert_eq!(waiting, json!({"key": PAGES - asked(), "timer": asked()}));
    let key = &project.json(&["key", "list"])["items"][0];
    assert_eq!(json!([key["name"], key["waiting"], key["idle"]]), json!(["localhost", PAGES - asked(), 0]));
    assert!(!key["next_at"].is_null(), "{key}");
    assert_eq!(
        project
            .sql("SELECT id FROM job WHERE state NOT IN ('queued', 'completed') OR attempt <> (state = 'completed')"),
        [0; 0]
    );
    host.stop().ok();
    project.is_sound();
}

#[test]
fn a_site_that_names_a_short_pause_is_asked_again_after_each_and_gets_done() {
    const PAGES: usize = 6;
    let busy = answer("429 Too Many Requests", &["retry-after: 1"], b"");
    let pages: Vec<(String, Page)> =
        (0..PAGES).map(|n| (format!("/{n}"), Page::Heals(1, busy.clone(), html("<p>At last.</p>")))).collect();
    let web = Web::new(&pages.iter().map(|(path, page)| (path.as_str(), page.clone())).collect::<Vec<_>>());
    let project = project_of(&web);
    project.set("key", "limit = 2");
    add_many(&project, (0..PAGES).map(|n| json!({"kind": "ingest", "payload": {"url": web.url(&format!("/{n}"))}})));
    project.capstan(&["run"]).ok().says(&["6 jobs completed"]);
    // Each page was refused once.
    assert_eq!(web.seen().len(), 2 * PAGES);
    assert_eq!(project.sql("SELECT id FROM job WHERE attempt <> 1 OR deferrals <> 1"), [0; 0]);
    project.is_sound();
}
