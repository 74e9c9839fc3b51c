//! A thousand attempts that wait for a slow server at once: they cost little, and nobody else waits for them.

use super::web::project;
use crate::support::project::Project;
use crate::support::wait::until;
use crate::support::web::{Page, Web, html};
use capstan::host::job::JobAdd;
use capstan::host::stats::StatsShow;
use capstan::http::client::say;
use capstan::rules::job::State;
use serde_json::json;
use std::time::{Duration, Instant};

const ATTEMPTS: usize = 1_000;

/// Memory of a process in KiB, shared pages in part: all instances of a component map the same pages of its image.
fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_thousand_attempts_wait_at_once_and_the_host_still_answers() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let web = Web::new(&[("/first", Page::Raw(html("<p>first")))]);
    let project = project(&web);
    let text = std::fs::read_to_string(project.root().join("capstan.toml")).unwrap();
    let text = text.replace("timeout_s = 2", "timeout_s = 600").replace("ingest = [\"normalise\"]", "");
    std::fs::write(project.root().join("capstan.toml"), text).unwrap();
    // They all go to one host name, of which there are four at once otherwise.
    project.set("key", "limit = 10000");
    let host = project.serve();
    let first = project.add("ingest", &json!({ "url": web.url("/first") }).to_string());
    project.capstan(&["job", "wait", &first.to_string()]).ok();
    let idle = resident(host.pid());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let socket = project.root().join("state/capstan.sock");
    runtime.block_on(async {
        for number in 0..ATTEMPTS {
            let path = format!("/slow/{number}");
            web.put(&path, Page::Held(html("<p>at last")));
            let payload = json!({ "url": web.url(&path) });
            say(&socket, &JobAdd::new("ingest", payload)).await.unwrap();
        }
    });
    web.await_requests(1 + ATTEMPTS);
    let each = (resident(host.pid()) - idle) / ATTEMPTS as u64;
    let mut answers = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        let stats = runtime.block_on(say(&socket, &StatsShow {})).unwrap();
        answers.push(began.elapsed());
        assert_eq!(stats.jobs.get(&State::Running), Some(&(ATTEMPTS as i64)), "{stats:?}");
    }
    answers.sort();
    println!("{ATTEMPTS} attempts wait: {each} KiB each; stats took {:?} to {:?}", answers[0], answers[19]);
    // The bench `waiting` measures it; here are other tests on the same machine, and a debug build.
    assert!(each <= 200, "{each} KiB each");
    assert!(answers[10] <= Duration::from_secs(1), "{answers:?}");
    web.let_go();
    until("all have ended", || (project.json(&["stats"])["jobs"]["running"] == 0).then_some(()));
    assert_eq!(project.json(&["stats"])["jobs"]["completed"], 1 + ATTEMPTS);
    host.stop().ok();
    assert_eq!(project.sql("SELECT count(*) FROM attempt WHERE outcome <> 'done'"), [0]);
}

#[test]
fn attempts_that_only_wait_hold_up_nobody_behind_them() {
    let project = Project::with_odd();
    project.set("worker", "guest_threads = 1");
    project.set("handler.odd.limits", "cpu = \"1h\"");
    let host = project.serve();
    // From this one the host learns that an attempt keeps a thread busy for long, so that it claims few ahead.
    project.add("odd", r#"{"do": "work", "rounds": 100000000}"#);
    project.capstan(&["job", "wait", "1"]).ok();
    // And this one keeps others in line for as long as a guest may have its thread in one piece.
    project.add("odd", r#"{"do": "spin"}"#);
    until("it computes", || (project.json(&["stats"])["jobs"]["running"] == 1).then_some(()));
    project.capstan(&["handler", "disable", "odd"]).ok();
    for number in 0..40 {
        project.add("odd", &json!({ "do": "sleep", "ms": 600_000, "number": number }).to_string());
    }
    // From here on nothing is written but claims.
    project.capstan(&["handler", "enable", "odd"]).ok();
    until("all of them wait", || (project.json(&["stats"])["jobs"]["running"] == 41).then_some(()));
    host.kill();
}
