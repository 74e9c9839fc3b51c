//! `capstan job logs --follow`

use crate::support::command::{Ran, about};
use crate::support::project::Project;
use crate::support::wait::{LONGEST, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A command that follows, and its lines as they come.
struct Follower {
    child: Child,
    lines: Receiver<String>,
    err: Receiver<String>,
}

impl Follower {
    fn of(project: &Project, args: &[&str]) -> Self {
        let mut command = about(project.root(), args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, lines, err }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(LONGEST).unwrap()
    }

    /// The next line ends so; what is before it is a time.
    #[track_caller]
    fn says(&self, wanted: &str) {
        let line = self.line();
        assert!(line.ends_with(wanted), "{line:?} is not {wanted:?}");
    }

    /// Its exit code, and the lines that were not read yet.
    fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let lines = self.lines.iter().collect();
        (self.child.wait().unwrap().code(), lines)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It has ended already, most of the time.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines with their ends, so that one without is seen.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (to, lines) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        while from.read_line(&mut line).unwrap() > 0 {
            // Whoever listened may have heard enough.
            let _ = to.send(std::mem::take(&mut line));
        }
    });
    lines
}

#[test]
fn what_is_logged_comes_while_the_attempt_runs_also_of_a_job_that_waited() {
    let project = Project::with_clerk();
    let host = project.serve();
    let steps = r#"{"steps": [{"do": "load"}, {"do": "until_cancelled", "message": "enough"}]}"#;
    project.json(&["job", "add", "clerk", steps, "--in", "1h"]);
    let follower = Follower::of(&project, &["job", "logs", "1", "--follow"]);
    assert_eq!(follower.err.recv_timeout(LONGEST).unwrap(), "job 1 clerk queued (timer)\n");
    project.capstan(&["job", "reschedule", "1", "--now"]).ok();
    follower.says("--- attempt 1 of round 1\n");
    follower.says("info  found nothing\n");
    assert_eq!(project.job(1)["state"], "running");
    project.capstan(&["job", "cancel", "1"]).ok();
    let end = follower.line();
    assert!(end.starts_with("--- attempt 1 of round 1 ended: cancelled: "), "{end}");
    assert_eq!(follower.ended(), (Some(0), vec![]));
    host.stop().ok();
}

#[test]
fn each_attempt_has_its_head_and_each_line_comes_once() {
    let project = Project::with_clerk();
    project.set("retry", "base = \"1ms\"");
    let host = project.serve();
    let steps = r#"{"steps": [{"do": "load"}, {"do": "die_until", "attempt": 3}]}"#;
    project.json(&["job", "add", "clerk", steps, "--in", "1h"]);
    let follower = Follower::of(&project, &["job", "logs", "1", "-f"]);
    follower.err.recv_timeout(LONGEST).unwrap();
    project.capstan(&["job", "reschedule", "1", "--now"]).ok();
    for (attempt, outcome) in
        [(1, "transient: attempt 1 of 3 dies"), (2, "transient: attempt 2 of 3 dies"), (3, "done")]
    {
        follower.says(&format!("--- attempt {attempt} of round 1\n"));
        follower.says("info  found nothing\n");
        follower.says(&format!("--- attempt {attempt} of round 1 ended: {outcome}\n"));
    }
    assert_eq!(follower.ended(), (Some(0), vec![]));
    // Whoever comes late sees the same, and so does a script.
    let late = Follower::of(&project, &["job", "logs", "1", "--follow"]).ended();
    assert_eq!((late.0, late.1.len()), (Some(0), 9));
    let (code, parts) = Follower::of(&project, &["job", "logs", "1", "--follow", "--json"]).ended();
    assert_eq!((code, parts.len()), (Some(0), 3));
    let last: Value = serde_json::from_str(&parts[2]).unwrap();
    assert_eq!((&last["outcome"], &last["attempt"]), (&"done".into(), &3.into()));
    host.stop().ok();
}

#[test]
fn an_interrupt_ends_it_at_the_end_of_a_line_and_nothing_else() {
    let project = Project::with_odd();
    let host = project.serve();
    project.add("odd", r#"{"do": "log_forever"}"#);
    let follower = Follower::of(&project, &["job", "logs", "1", "--follow"]);
    follower.says("--- attempt 1 of round 1\n");
    for _ in 0..1_000 {
        follower.line();
    }
    kill_process(Pid::from_child(&follower.child), Signal::INT).unwrap();
    let (code, rest) = follower.ended();
    assert_eq!(code, Some(1));
    assert!(rest.iter().all(|line| line.ends_with('\n')), "{:?}", rest.last());
    assert_eq!(project.job(1)["state"], "running");
    project.capstan(&["job", "cancel", "1"]).ok();
    let job = project.job(1);
    let attempt = &job["attempts"][0];
    // The log that is kept is as if nobody had listened.
    assert!(attempt["log"].as_str().unwrap().len() <= 64 << 10, "{}", attempt["log_dropped"]);
    assert!(attempt["log_dropped"].as_u64().unwrap() > 0);
    host.stop().ok();
}

#[test]
fn without_a_host_it_prints_what_there_is_and_does_not_wait() {
    let project = Project::with_odd();
    project.add("odd", r#"{"do": "stdout", "text": "no end"}"#);
    project.add("odd", r#"{"do": "echo"}"#);
    let refused = project.capstan(&["job", "logs", "2", "--follow"]).exits(1);
    refused.complains(&["error: job 2 is queued and no host works on it", "hint: start one: `capstan run`"]);
    project.capstan(&["run"]).ok();
    let told: Ran = project.capstan(&["job", "logs", "1", "--follow"]).ok();
    let lines: Vec<&str> = told.out.lines().collect();
    assert_eq!(lines.len(), 3, "{told:?}");
    assert!(lines[1].ends_with("out   no end"), "{told:?}");
    assert_eq!(lines[2], "--- attempt 1 of round 1 ended: done");
    project.capstan(&["job", "logs", "42", "--follow"]).exits(3).complains(&["error: there is no job 42"]);
}

#[test]
fn a_host_that_goes_ends_those_who_follow() {
    let project = Project::with_odd();
    let host = project.serve();
    let id = project.add("odd", r#"{"do": "spin"}"#);
    until("it runs", || (project.job(id)["state"] == "running").then_some(()));
    let follower = Follower::of(&project, &["job", "logs", "1", "--follow"]);
    follower.says("--- attempt 1 of round 1\n");
    host.kill().killed();
    assert_eq!(follower.ended().0, Some(1));
}
