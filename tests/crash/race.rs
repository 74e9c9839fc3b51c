//! Cancel, completion, time-out, shutdown and the death of the host, two and three at once, in an order that each test
//! makes sure of: by a guest that waits for what it is told, by a point at which the host dies, or by the clock.
//!
//! Whatever comes together, a job has one end, an attempt is charged once or not at all, and who asked is answered.

use crate::support::command::{Ran, about};
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use rustix::process::Signal;
use serde_json::{Value, json};

/// A guest that has begun, and then does this.
fn steps(last: &str) -> String {
    format!(r#"{{"steps": [{{"do": "progress", "done": 1, "total": 0, "note": ""}}, {{{last}}}]}}"#)
}

const UNTIL_TOLD: &str = r#""do": "until_cancelled", "message": "left""#;
const DONE_WHEN_TOLD: &str = r#""do": "done_when_cancelled""#;
const DEAF: &str = r#""do": "sleep", "ms": 600000"#;

/// A job that runs on a host that may have a point to die at.
struct Race {
    project: Project,
    host: Serving,
}

impl Race {
    fn new(settings: &[(&str, &str)], guest: &str, more: &[&str], dies_at: Option<&str>) -> Self {
        let project = Project::with_clerk();
        // What is tried again does not run before the test has looked at it.
        project.set("retry", "base = \"1h\"");
        settings.iter().for_each(|(table, line)| project.set(table, line));
        let payload = steps(guest);
        project.capstan(&[&["job", "add", "clerk", &payload], more].concat()).ok();
        let mut serve = about(project.root(), &["serve"]);
        if let Some(at) = dies_at {
            serve.env(capstan::crash::VARIABLE, at);
        }
        let host = Serving::host(project.root(), serve);
        until("the guest has begun", || (project.json(&["job", "show", "1"])["progress"]["done"] == 1).then_some(()));
        Self { project, host }
    }

    /// Ask to cancel, and wait until that is on record.
    fn cancel(&self) -> Serving {
        let asks = Serving::spawn(self.project.root(), &["job", "cancel", "1"]);
        let asked = "SELECT id FROM job WHERE cancel_by IS NOT NULL OR state NOT IN ('queued', 'running')";
        until("it is on record", || (!self.project.sql(asked).is_empty()).then_some(()));
        asks
    }

    fn shut_down(&self) {
        self.host.signal(Signal::TERM);
    }

    /// Wait until the job no longer runs; then stop the host.
    fn settled(self) -> Project {
        let running = "SELECT id FROM job WHERE state = 'running'";
        until("the attempt ends", || self.project.sql(running).is_empty().then_some(()));
        self.host.stop().ok();
        self.project
    }

    /// Wait until the host has gone as it was told.
    fn gone(self) -> Project {
        self.host.ended().ok();
        self.project
    }

    fn died(self) -> Project {
        self.host.ended().killed();
        self.project
    }
}

/// State, what it waits for, class of the error, charged attempts, and what became of each attempt.
#[track_caller]
fn is(project: &Project, wanted: &Value) -> Value {
    let job = project.job(1);
    let outcomes: Vec<&Value> = job["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["outcome"]).collect();
    let is = json!([job["state"], job["wait"], job["error"]["class"], job["attempt"], outcomes]);
    assert_eq!(is, *wanted, "{job:#}");
    project.is_sound();
    job
}

/// The answer of a cancel that came to its end.
fn cancelled(ran: Ran) {
    ran.ok().says(&["job 1 clerk cancelled"]);
}

const LONG_GRACE: (&str, &str) = ("limits", "cancel_grace = \"1h\"");
const STOPS_LATE: (&str, &str) = ("worker", "grace = \"1h\"");
const STOPS_SOON: (&str, &str) = ("worker", "grace = \"100ms\"");

fn wall(span: &str) -> String {
    format!("wall = \"{span}\"")
}

#[test]
fn a_completion_that_is_at_the_writer_wins_over_a_cancel_and_the_answer_says_so() {
    let race = Race::new(&[LONG_GRACE], DONE_WHEN_TOLD, &[], None);
    let asks = race.cancel();
    asks.ended().exits(1).complains(&["error: job 1 is completed already"]);
    is(&race.settled(), &json!(["completed", null, null, 1, ["done"]]));
}

#[test]
fn a_completion_that_the_host_did_not_live_to_write_is_no_completion_and_the_cancel_stands() {
    let race = Race::new(&[LONG_GRACE], DONE_WHEN_TOLD, &[], Some("apply.before_commit"));
    let asks = race.cancel();
    asks.ended().exits(1).complains(&["the host does not answer"]);
    is(&race.died(), &json!(["cancelled", null, "cancelled", 1, ["cancelled"]]));
    let race = Race::new(&[LONG_GRACE], DONE_WHEN_TOLD, &[], Some("apply.after_commit"));
    let asks = race.cancel();
    asks.ended().exits(1).complains(&["the host does not answer"]);
    is(&race.died(), &json!(["completed", null, null, 1, ["done"]]));
}

#[test]
fn a_cancel_whose_host_dies_at_its_end_is_a_cancel_on_either_side() {
    for at in ["apply.before_commit", "apply.after_commit"] {
        let race = Race::new(&[LONG_GRACE], UNTIL_TOLD, &[], Some(at));
        race.cancel().ended().exits(1).complains(&["the host does not answer"]);
        is(&race.died(), &json!(["cancelled", null, "cancelled", 1, ["cancelled"]]));
    }
}

#[test]
fn a_time_out_in_the_grace_of_a_cancel_is_not_tried_again() {
    let wall = wall("5s");
    let race = Race::new(&[LONG_GRACE, ("limits", &wall)], DEAF, &[], None);
    let asks = race.cancel();
    cancelled(asks.ended());
    let project = race.settled();
    let job = is(&project, &json!(["cancelled", null, "cancelled", 1, ["timeout"]]));
    let said = job["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("cancelled by cli (uid ") && said.ends_with(" while it ran"), "{said}");
}

#[test]
fn a_time_out_in_the_grace_of_a_cancel_is_a_cancel_even_if_nobody_waits_for_the_answer() {
    let wall = wall("5s");
    let race = Race::new(&[LONG_GRACE, ("limits", &wall)], DEAF, &[], Some("apply.after_commit"));
    race.cancel().kill();
    is(&race.died(), &json!(["cancelled", null, "cancelled", 1, ["timeout"]]));
}

#[test]
fn a_deadline_in_the_grace_of_a_cancel_is_a_cancel() {
    let race = Race::new(&[LONG_GRACE], DEAF, &["--deadline=8s"], None);
    cancelled(race.cancel().ended());
    is(&race.settled(), &json!(["cancelled", null, "cancelled", 1, ["timeout"]]));
}

#[test]
fn a_shutdown_ends_the_grace_of_a_cancel_which_stays_one() {
    let race = Race::new(&[LONG_GRACE, STOPS_SOON], DEAF, &[], None);
    let asks = race.cancel();
    race.shut_down();
    let project = race.gone();
    // Whoever asked hears of the end, or that the host went before it could tell.
    let ran = asks.ended();
    assert!(ran.code == Some(0) || ran.code == Some(1), "{ran:?}");
    is(&project, &json!(["cancelled", null, "cancelled", 1, ["cancelled"]]));
}

#[test]
fn a_shutdown_that_comes_first_leaves_the_job_queued_and_the_cancel_finds_it_there() {
    let race = Race::new(&[STOPS_SOON], DEAF, &[], None);
    race.shut_down();
    let project = race.gone();
    is(&project, &json!(["queued", "ready", null, 0, ["stopped"]]));
    cancelled(project.capstan(&["job", "cancel", "1"]));
    is(&project, &json!(["cancelled", null, "cancelled", 0, ["stopped"]]));
}

#[test]
fn a_guest_that_completes_in_the_grace_of_a_shutdown_has_completed() {
    let race = Race::new(&[STOPS_LATE], DONE_WHEN_TOLD, &[], None);
    race.shut_down();
    is(&race.gone(), &json!(["completed", null, null, 1, ["done"]]));
}

#[test]
fn a_guest_that_gives_up_in_the_grace_of_a_shutdown_is_queued_uncharged() {
    let race = Race::new(&[STOPS_LATE], UNTIL_TOLD, &[], None);
    race.shut_down();
    is(&race.gone(), &json!(["queued", "ready", null, 0, ["stopped"]]));
}

#[test]
fn a_time_out_in_the_grace_of_a_shutdown_is_charged_and_tried_again() {
    let wall = wall("5s");
    let race = Race::new(&[STOPS_LATE, ("limits", &wall)], DEAF, &[], None);
    race.shut_down();
    is(&race.gone(), &json!(["queued", "timer", "timeout", 1, ["timeout"]]));
}

#[test]
fn a_deadline_in_the_grace_of_a_shutdown_ends_the_job_and_names_itself() {
    let race = Race::new(&[STOPS_LATE], DEAF, &["--deadline=8s"], None);
    race.shut_down();
    let job = is(&race.gone(), &json!(["failed", null, "timeout", 1, ["timeout"]]));
    let said = job["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("deadline 2") && said.contains(" passed while it ran, "), "{said}");
}

#[test]
fn a_time_out_whose_host_dies_is_charged_once_or_not_at_all() {
    let wall = wall("5s");
    let race = Race::new(&[("limits", &wall)], DEAF, &[], Some("apply.before_commit"));
    is(&race.died(), &json!(["queued", "suspect", null, 0, ["died"]]));
    let race = Race::new(&[("limits", &wall)], DEAF, &[], Some("apply.after_commit"));
    is(&race.died(), &json!(["queued", "timer", "timeout", 1, ["timeout"]]));
}

#[test]
fn a_deadline_that_passes_while_no_host_lives_ends_the_job_uncharged() {
    let Race { project, host } = Race::new(&[], DEAF, &["--deadline=1h"], None);
    host.kill().killed();
    // As if the hour had passed.
    project.execute("UPDATE job SET deadline_at = created_at");
    project.capstan(&["run"]).exits(1);
    let job = is(&project, &json!(["failed", null, "timeout", 0, ["died"]]));
    let said = job["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("deadline ") && said.ends_with(" passed before it ran"), "{said}");
}

#[test]
fn a_host_that_dies_while_it_shuts_down_has_died() {
    let Race { project, host } = Race::new(&[STOPS_LATE], DEAF, &[], None);
    host.signal(Signal::TERM);
    let socket = project.root().join("state/capstan.sock");
    until("it shuts down", || (!socket.exists()).then_some(()));
    host.kill().killed();
    is(&project, &json!(["queued", "suspect", null, 0, ["died"]]));
}

#[test]
fn a_cancel_and_a_shutdown_of_a_host_that_dies_leave_a_cancelled_job() {
    let race = Race::new(&[LONG_GRACE, STOPS_LATE], DEAF, &[], None);
    let asks = race.cancel();
    race.shut_down();
    let Race { project, host } = race;
    host.kill().killed();
    asks.ended().exits(1);
    is(&project, &json!(["cancelled", null, "cancelled", 1, ["cancelled"]]));
}
