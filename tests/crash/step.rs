//! SIGKILL at both sides of each commit of what the queue is told and of what falls due.

use super::ending::Ending;
use crate::support::command::Ran;
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use serde_json::json;
use std::collections::BTreeSet;

/// What is said to a project.
enum Said {
    /// This command.
    It(&'static [&'static str]),
    /// Add the jobs of [`LINES`].
    Many,
    /// Add a job whose deadline has passed when anything else is said.
    Late,
    /// Run, and die at this point.
    Dies(&'static str),
}

use Said::{Dies, It, Late, Many};

/// A step: its name in the points, what is said before it, what takes it, and what is said to come to an end.
struct Step(&'static str, &'static [Said], Said, &'static [Said]);

const RUN: Said = It(&["run"]);
const A: Said = It(&["job", "add", "odd", r#"{"do": "answer", "value": "a"}"#]);
const LATER: Said = It(&["job", "add", "odd", r#"{"do": "answer", "value": "l"}"#, "--in", "1ms"]);
const FAILS: Said = It(&["job", "add", "odd", r#"{"do": "permanent", "message": "no"}"#]);
const ONE: Said = It(&["job", "add", "odd", r#"{"do": "answer", "value": 1}"#, "--key", "site"]);
const TWO: Said = It(&["job", "add", "odd", r#"{"do": "answer", "value": 2}"#, "--key", "site", "--in", "1ms"]);
const UNIQUE: Said = It(&["job", "add", "odd", r#"{"do": "answer", "value": "u"}"#, "--unique=u"]);
const OTHER: Said =
    It(&["job", "add", "odd", r#"{"do": "echo"}"#, "--unique=u", "--on-conflict=replace", "--priority=5"]);
const PAUSE: Said = It(&["queue", "pause", "odd"]);
const RESUME: Said = It(&["queue", "resume", "odd"]);

/// Steps that a command takes which is the host for its own duration.
const TOLD: [Step; 16] = [
    Step("queue", &[A], PAUSE, &[RESUME, RUN]),
    Step("queue", &[A, PAUSE], RESUME, &[RUN]),
    Step("queue", &[A], It(&["queue", "set", "odd", "--concurrency=1", "--tokens=1000/s"]), &[RUN]),
    Step(
        "key",
        &[It(&["key", "set", "site", "--limit=1"]), ONE, ONE],
        It(&["key", "set", "site", "--limit=3"]),
        &[RUN],
    ),
    Step(
        "key",
        &[It(&["key", "set", "site", "--interval=1h"]), ONE, RUN, ONE],
        It(&["key", "release", "site"]),
        &[RUN],
    ),
    Step("add", &[], A, &[RUN]),
    Step("add", &[A], Many, &[RUN]),
    Step("replace", &[A, UNIQUE], OTHER, &[RUN]),
    Step("edit", &[ONE, UNIQUE], It(&["job", "edit", "1", "--priority=-3", "--key=other"]), &[RUN]),
    Step("turn", &[A], It(&["job", "cancel", "1"]), &[RUN]),
    Step("turn", &[FAILS, RUN], It(&["job", "retry", "1"]), &[RUN]),
    Step("turn", &[FAILS, RUN], It(&["failure", "resubmit", "1"]), &[RUN]),
    Step("failure", &[FAILS, RUN], It(&["failure", "delete", "1"]), &[RUN]),
    Step("stand", &[A], It(&["handler", "disable", "odd"]), &[It(&["handler", "enable", "odd"]), RUN]),
    Step("recover", &[ONE, Dies("claim.after_commit")], It(&["stats"]), &[RUN]),
    Step("deadline", &[PAUSE, Late], RUN, &[RUN]),
];

/// Steps that a host takes while it works: what else it has done when it dies is not told beforehand.
const DUE: [Step; 2] = [
    Step("timer", &[LATER, TWO], RUN, &[RUN]),
    Step("admit", &[It(&["key", "set", "site", "--interval=30ms"]), ONE, TWO], RUN, &[RUN]),
];

const LINES: &str = r#"{"kind": "odd", "payload": {"do": "answer", "value": "b"}, "priority": 3, "tags": ["t"]}
{"kind": "odd", "payload": {"do": "answer", "value": "c"}, "key": "site", "queue": "mine"}
{"kind": "odd", "payload": {"do": "die_until", "attempt": 2}, "deadline": 9000000000000, "unique": {"by": "c"}}
"#;

impl Said {
    /// Say it; with a point at which whoever does it dies.
    fn to(&self, project: &Project, point: Option<&str>) -> Ran {
        let path = project.beside().join("many.ndjson");
        let args: Vec<&str> = match self {
            It(args) => args.to_vec(),
            Many => {
                std::fs::write(&path, LINES).unwrap();
                vec!["job", "add", "--from", path.to_str().unwrap()]
            }
            Late => return late(project),
            Dies(at) => return project.capstan_with(capstan::crash::VARIABLE, at, &["run"]).killed(),
        };
        match point {
            Some(point) => project.capstan_with(capstan::crash::VARIABLE, point, &args),
            None => project.capstan(&args),
        }
    }
}

fn late(project: &Project) -> Ran {
    let ran = project.capstan(&["job", "add", "odd", r#"{"do": "answer", "value": "late"}"#, "--deadline=1h"]).ok();
    // As if the hour had passed.
    project.execute("UPDATE job SET deadline_at = created_at");
    ran
}

fn say_all(project: &Project, all: &[Said]) {
    for said in all {
        let ran = said.to(project, None);
        // Some runs are there to fail; none is there to be refused.
        assert!(ran.code == Some(0) || ran.code == Some(1) || matches!(said, Dies(_)), "{ran:#?}");
    }
}

fn prepared(before: &[Said]) -> Project {
    let project = Project::with_odd();
    project.set("retry", "base = \"10ms\"");
    say_all(&project, before);
    project
}

/// Everything about jobs but times and leases, and what is counted.
fn record(project: &Project) -> Vec<String> {
    let jobs =
        "SELECT json_array(id, kind, queue, key, priority, tags, payload, state, wait, why, round, attempt, deaths,
            suspect, error_class, result, unique_key, cancel_by) FROM job ORDER BY id";
    let counts = [
        "SELECT json_array(job_id, round, class, fingerprint, previous, detailed, resolution) FROM failure ORDER BY id",
        "SELECT json_array(name, idle, running, waiting, own, next_at > 0) FROM key ORDER BY name",
        "SELECT json_array(name, state, own) FROM queue ORDER BY name",
        "SELECT json_array(kind, state, jobs) FROM tally WHERE jobs > 0 ORDER BY kind, state",
        "SELECT json_array(digest, state) FROM handler ORDER BY digest",
    ];
    [jobs].into_iter().chain(counts).flat_map(|query| project.texts(query)).collect()
}

#[test]
fn what_was_told_holds_whole_or_not_at_all_and_the_end_is_the_same() {
    for Step(name, before, told, rest) in &TOLD {
        let prepared = prepared(before);
        let as_before = record(&prepared);
        let calm = prepared.copy();
        told.to(&calm, None);
        let as_after = record(&calm);
        assert_ne!(as_before, as_after, "{name}");
        say_all(&calm, rest);
        for (side, wanted) in [("before", &as_before), ("after", &as_after)] {
            let at = format!("{name}.{side}_commit");
            let project = prepared.copy();
            told.to(&project, Some(&at)).killed();
            assert_eq!(record(&project), *wanted, "{at}");
            project.copy().is_sound();
            if side == "before" {
                told.to(&project, None);
            }
            say_all(&project, rest);
            project.is_sound();
            assert_eq!(record(&project), record(&calm), "{at}");
            Ending::of(&project).is(&Ending::of(&calm));
        }
    }
}

#[test]
fn what_falls_due_does_so_once() {
    for Step(name, before, run, rest) in &DUE {
        let calm = prepared(before);
        run.to(&calm, None).ok();
        for side in ["before", "after"] {
            let at = format!("{name}.{side}_commit");
            // A rest of a few moments is over in a copy.
            let project = prepared(before);
            run.to(&project, Some(&at)).killed();
            project.copy().is_sound();
            say_all(&project, rest);
            project.is_sound();
            assert_eq!(record(&project), record(&calm), "{at}");
            Ending::of(&project).is(&Ending::of(&calm));
        }
    }
}

#[test]
fn a_cancel_that_is_on_record_outlives_the_host_and_one_that_is_not_can_be_asked_again() {
    let waits = r#"{"steps": [{"do": "progress", "done": 1, "total": 0, "note": ""},
                              {"do": "until_cancelled", "message": "left"}]}"#;
    for (at, wanted) in [("cancel.before_commit", "queued"), ("cancel.after_commit", "cancelled")] {
        let project = Project::with_clerk();
        let id = project.add("clerk", waits).to_string();
        let mut serve = crate::support::command::about(project.root(), &["serve"]);
        serve.env(capstan::crash::VARIABLE, at);
        let host = Serving::host(project.root(), serve);
        until("it runs", || (project.job(1)["progress"]["done"] == 1).then_some(()));
        project.capstan(&["job", "cancel", &id]).exits(1).complains(&["error: the host does not answer on "]);
        host.ended().killed();
        project.copy().is_sound();
        assert_eq!(project.job(1)["state"], wanted, "{at}");
        // Whoever does not know asks again.
        project.capstan(&["job", "cancel", &id]).ok();
        let job = project.job(1);
        let said =
            json!([job["state"], job["error"]["class"], job["attempt"], job["attempts"].as_array().unwrap().len()]);
        assert_eq!(said, json!(["cancelled", "cancelled", said[2], 1]), "{at}: {job}");
        assert_eq!(project.capstan(&["run"]).ok().out, "nothing to do\n");
        project.is_sound();
    }
}

#[test]
fn every_step_is_visited() {
    let visited: BTreeSet<&str> = TOLD.iter().chain(&DUE).map(|step| step.0).chain(["cancel"]).collect();
    let points: BTreeSet<&str> =
        capstan::crash::STEP_POINTS.iter().map(|point| point.split('.').next().unwrap()).collect();
    assert_eq!(visited, points);
}
