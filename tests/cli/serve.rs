//! Commands while another process is the host.

use crate::support::BUNDLED;
use crate::support::command::{CAPSTAN, capstan};
use crate::support::pages::folder;
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use serde_json::{Value, json};

fn is_running(project: &Project, id: i64) {
    until("the job runs", || (project.job(id)["state"] == "running").then_some(()));
}

#[test]
fn every_verb_goes_through_the_socket() {
    let project = Project::with_odd();
    let mut host = project.serve();
    host.says(&format!("serving {} (process {})", project.root().display(), host.pid()));
    let pages = folder(&project.beside().join("pages"), 3);
    project.import(&pages);
    let id = project.add("odd", r#"{"do": "log", "message": "ahoy"}"#).to_string();
    project.capstan(&["job", "wait", &id]).ok().says(&["odd completed"]);
    project.capstan(&["job", "logs", &id]).ok().says(&["ahoy"]);
    let run = project.capstan(&["run"]).ok();
    run.complains(&["another capstan is the host of this project: watching it"]);
    assert_eq!(project.json(&["import", "show", "1"])["done"], 3);
    assert_eq!(project.json(&["import", "list"])["items"][0]["state"], "completed");
    assert_eq!(project.json(&["stats"])["jobs"]["completed"], 7);
    assert_eq!(project.json(&["job", "list", "--kind", "ingest"])["items"].as_array().map(Vec::len), Some(3));
    let artifacts = project.json(&["artifact", "list", "--kind", "normalise"]);
    let subject = artifacts["items"][0]["subject"].as_str().unwrap();
    project.capstan(&["artifact", "show", subject]).ok().says(&["text/markdown by normalise"]);
    project.handler("noop", capstan_test_guests::noop()).ok();
    let noop = project.add("noop", "{}").to_string();
    project.capstan(&["job", "wait", &noop]).ok();
    project.capstan(&["job", "cancel", &noop]).exits(1).complains(&["is completed already"]);
    project.capstan(&["job", "retry", &noop]).exits(1).complains(&["only failed and cancelled jobs are retried"]);
    project.capstan(&["job", "show", "99"]).exits(3).complains(&["there is no job 99"]);
    project.capstan(&["job", "add", "odd", "{}"]).exits(2).complains(&["does not match the schema"]);
    assert_eq!(project.json(&["handler", "list"])["items"].as_array().map(Vec::len), Some(BUNDLED + 2));
    project.capstan(&["handler", "inspect", "noop"]).ok().says(&["asks    for nothing"]);
    project.capstan(&["config", "check"]).ok().says(&["capstan.toml is in order"]);
    project.is_sound();
    host.stop().ok();
    assert!(!project.root().join("state/capstan.sock").exists());
}

#[test]
fn a_running_guest_is_cancelled() {
    let project = Project::with_odd();
    let host = project.serve();
    let id = project.add("odd", r#"{"do": "spin"}"#);
    is_running(&project, id);
    let waiting = Serving::spawn(project.root(), &["job", "wait", &id.to_string()]);
    let cancelled = project.capstan(&["job", "cancel", &id.to_string()]).ok();
    cancelled.says(&["job 1 odd cancelled\ncancelled: cancelled by cli (uid ", ") while it ran"]);
    waiting.ended().exits(1).says(&["job 1 odd cancelled"]);
    let job = project.job(id);
    assert_eq!(json!([job["state"], job["attempts"][0]["outcome"]]), json!(["cancelled", "cancelled"]));
    assert!(job["attempts"][0]["usage"]["cpu_us"].as_u64().unwrap() > 0, "{job}");
    for said in [&job["error"]["message"], &job["attempts"][0]["message"]] {
        assert!(said.as_str().unwrap().starts_with("cancelled by cli (uid "), "{job}");
    }
    let shown = project.capstan(&["job", "show", &id.to_string()]).ok();
    shown.says(&["cancelled by cli (uid ", "\ncancelled 2"]);
    project.capstan(&["job", "retry", &id.to_string()]).ok();
    is_running(&project, id);
    project.capstan(&["job", "cancel", &id.to_string()]).ok();
    project.is_sound();
    host.stop().ok();
}

#[test]
fn a_host_that_is_asked_to_stop_gives_running_guests_their_grace_and_charges_nobody() {
    let project = Project::with_odd();
    project.set("worker", "grace = \"300ms\"");
    let host = project.serve();
    let endless = project.add("odd", r#"{"do": "spin"}"#);
    let asleep = project.add("odd", r#"{"do": "sleep", "ms": 600000}"#);
    is_running(&project, endless);
    is_running(&project, asleep);
    host.stop().ok();
    for id in [endless, asleep] {
        let job = project.job(id);
        assert_eq!(
            json!([job["state"], job["wait"], job["why"], job["attempt"], job["round"]]),
            json!(["queued", "ready", "stopped", 0, 1])
        );
        assert_eq!(job["attempts"][0]["outcome"], "stopped");
    }
    let host = project.serve();
    is_running(&project, endless);
    is_running(&project, asleep);
    assert_eq!(project.job(endless)["attempt"], 1);
    assert_eq!(project.sql("SELECT id FROM job WHERE suspect = 1 OR deaths > 0"), [0; 0]);
    project.is_sound();
    host.stop().ok();
}

#[test]
fn short_work_is_finished_within_the_grace() {
    let project = Project::with_odd();
    let host = project.serve();
    let id = project.add("odd", r#"{"do": "sleep", "ms": 1000}"#);
    is_running(&project, id);
    host.stop().ok();
    assert_eq!(project.job(id)["state"], "completed");
}

#[test]
fn a_run_that_is_interrupted_says_that_the_rest_goes_on_later() {
    let project = Project::with_odd();
    project.set("worker", "grace = \"100ms\"");
    let id = project.add("odd", r#"{"do": "spin"}"#);
    let run = Serving::start(project.root(), &["run"]);
    is_running(&project, id);
    run.signal(rustix::process::Signal::INT);
    run.ended().exits(1).complains(&["stopped; what is left goes on with the next `capstan run`"]);
    assert_eq!(project.job(id)["state"], "queued");
}

#[test]
fn a_second_host_is_refused_and_named_the_first() {
    let project = Project::new();
    let host = project.serve();
    let refused = project.capstan(&["serve"]).exits(1);
    assert_eq!(
        refused.err,
        format!(
            "error: another capstan (process {}) is the host of {}: it answers commands over state/capstan.sock\n",
            host.pid(),
            project.root().display()
        )
    );
    assert_eq!(project.json(&["stats"])["jobs"]["queued"], 0);
    host.stop().ok();
}

#[test]
fn a_host_that_was_killed_leaves_nothing_in_the_way() {
    let project = Project::with_odd();
    let host = project.serve();
    let id = project.add("odd", r#"{"do": "spin"}"#);
    is_running(&project, id);
    host.kill().killed();
    assert!(project.root().join("state/capstan.sock").exists());
    let job: Value = project.job(id);
    assert_eq!(json!([job["state"], job["wait"], job["why"], job["attempt"]]), json!(["queued", "suspect", "died", 0]));
    assert_eq!(job["attempts"][0]["outcome"], "died");
    let host = project.serve();
    is_running(&project, id);
    project.capstan(&["job", "cancel", &id.to_string()]).ok();
    host.stop().ok();
    project.is_sound();
}

#[test]
fn the_project_is_found_from_a_folder_below_it() {
    let project = Project::new();
    let mut command = capstan();
    command.current_dir(project.root().join("state")).args(["stats", "--json"]);
    crate::support::command::run(command).ok();
}

#[test]
fn a_host_may_open_as_many_files_as_the_system_lets_it() {
    let project = Project::new();
    let mut shell = std::process::Command::new("sh");
    let script = "ulimit -Sn 300 && exec \"$0\" -C \"$1\" serve";
    shell.args(["-c", script, CAPSTAN]).arg(project.root());
    let mut host = Serving::of(shell);
    host.says("serving ");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", host.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = line.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert!(numbers[0] != "300" && numbers[0] == numbers[1], "{line}");
    host.stop().ok();
}
