//! What a guest hands in, at the sandbox's own edge: nothing but an empty desk.

use super::stage::{attempt, clerk_itself, done, ended, engine, limits, prepare, ready, wait};
use capstan::capability::checkpoint::Checkpoints;
use capstan::capability::enqueue::{Enqueue, Right};
use capstan::capability::grant::Ask;
use capstan::rules::attempt::{Class, Outcome};
use capstan::rules::enqueue::{Subjects, Wish};
use capstan::rules::limit::Limits;
use capstan::rules::progress::Progress;
use capstan::rules::time::Millis;
use capstan::sandbox::{Attempt, Board, Desk, GuestThreads, Reason, Report, pair};
use std::sync::Arc;

fn clerk(attempt: Attempt) -> Report {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    wait(threads.run(clerk_itself(), ready(attempt)))
}

fn steps(steps: &str) -> String {
    format!(r#"{{"steps": [{steps}]}}"#)
}

#[test]
fn an_empty_desk_refuses_in_words() {
    let run = |step: &str| clerk(attempt(&steps(step), limits()));
    assert_eq!(done(&run(r#"{"do": "load"}"#)), "[null]");
    let report = run(r#"{"do": "save", "format": "f", "text": ""}"#);
    let said = "the host cannot do it: nothing is kept outside of a job; it may work later";
    assert_eq!(ended(&report), (Class::Transient, said));
    let report = run(r#"{"do": "must_enqueue", "kind": "noop"}"#);
    assert_eq!(ended(&report), (Class::Denied, "nothing is queued outside of a job"));
}

#[test]
fn keeping_moves_checkpoint_bytes_and_is_paced() {
    let checkpoints = || Checkpoints {
        load: Box::new(|| Box::pin(async { Ok(None) })),
        save: Box::new(|_, _| Box::pin(async { Ok(()) })),
    };
    let run = |steps: &str| {
        let desk = Desk { checkpoints: Some(checkpoints()), ..Desk::default() };
        let report = clerk(Attempt { desk, ..attempt(steps, limits()) });
        done(&report);
        report.usage
    };
    let save = r#"{"do": "save_bytes", "bytes": 500}"#;
    let usage = run(&steps(&[save; 3].join(", ")));
    assert_eq!((usage.checkpoint_bytes, usage.enqueued, usage.scratch_bytes, usage.log_bytes), (1_500, 0, 0, 0));
    assert!(usage.wall_us >= 200_000 && usage.cpu_us + usage.host_us < 100_000, "{usage:?}");
    let usage = run(&steps(&[r#"{"do": "load"}"#; 3].join(", ")));
    assert!(usage.checkpoint_bytes == 0 && usage.wall_us >= 200_000, "{usage:?}");
}

#[test]
fn queueing_moves_the_number_of_jobs() {
    let ask = Ask { enqueue: [("clerk".to_owned(), Subjects::Own)].into(), ..Ask::default() };
    let right = Arc::new(Right { handler: "clerk".into(), digest: "sha256:00".into(), ask });
    let run = |more: &str| {
        let desk = Desk { enqueue: Some(Enqueue::new(Arc::clone(&right), 0, 10, Box::new(Ok))), ..Desk::default() };
        let steps = format!(r#"{{"steps": [{{"do": "enqueue", "kind": "clerk", "payload": 1, "times": 3}}{more}]}}"#);
        clerk(Attempt { desk, ..attempt(&steps, limits()) })
    };
    let report = run("");
    let usage = report.usage;
    assert_eq!((usage.checkpoint_bytes, usage.enqueued, usage.scratch_bytes, usage.log_bytes), (0, 3, 0, 0));
    assert_eq!(report.enqueue, vec![Wish { kind: "clerk".into(), payload: "1".into(), about: None }; 3]);
    let report = run(r#", {"do": "die_until", "attempt": 2}"#);
    assert_eq!((ended(&report).0, report.usage.enqueued), (Class::Transient, 3));
}

#[test]
fn what_may_work_another_time_was_not_denied() {
    let denied = r#"{"do": "enqueue", "kind": "noop", "payload": {}}, {"do": "die_until", "attempt": 2}"#;
    assert_eq!(ended(&clerk(attempt(&steps(denied), limits()))), (Class::Transient, "attempt 1 of 2 dies"));
}

#[test]
fn progress_rings_the_bell_and_the_last_word_counts() {
    let bell = Arc::default();
    let board = Board::new(&bell);
    let two = r#"{"do": "progress", "done": 1, "total": 2, "note": "a"}, {"do": "progress", "done": 2, "total": 2, "note": " b\u0007 "}"#;
    let desk = Desk { board: board.clone(), ..Desk::default() };
    clerk(Attempt { desk, ..attempt(&steps(two), limits()) });
    wait(bell.notified());
    let said = Progress { done: 2, total: 2, note: "b".into() };
    assert_eq!(board.take(), Some(said.clone()));
    assert_eq!((board.take(), board.read()), (None, Some(said)));
}

#[test]
fn a_warning_is_heard_and_stops_nobody() {
    let (stopper, stop) = pair();
    stopper.warn();
    let report = clerk(Attempt { stop, ..attempt(&steps(r#"{"do": "done_when_cancelled"}"#), limits()) });
    assert_eq!(done(&report), "[null]");
    let (stopper, stop) = pair();
    stopper.warn();
    let step = r#"{"do": "until_cancelled", "message": "so soon"}"#;
    assert_eq!(clerk(Attempt { stop, ..attempt(&steps(step), limits()) }).outcome, Outcome::Stopped);
}

#[test]
fn a_shutdown_ends_the_grace_of_a_cancellation() {
    for step in [r#"{"do": "ignore"}"#, r#"{"do": "sleep", "ms": 600000}"#] {
        let threads = GuestThreads::start(engine(), 1).unwrap();
        let (stopper, stop) = pair();
        let patient = Limits { cancel_grace: Millis::seconds(3_600), ..Limits::default() };
        let bell = Arc::default();
        let desk = Desk { board: Board::new(&bell), ..Desk::default() };
        let steps = steps(&format!(r#"{{"do": "progress", "done": 1, "total": 1, "note": ""}}, {step}"#));
        let running = threads.run(clerk_itself(), ready(Attempt { stop, desk, ..attempt(&steps, patient) }));
        // Before it has begun there is no grace.
        wait(bell.notified());
        stopper.stop(Reason::Cancel);
        stopper.stop(Reason::Shutdown);
        assert_eq!(ended(&wait(running)), (Class::Cancelled, "cancelled while it ran"));
    }
}

#[test]
fn a_shutdown_gives_no_grace_of_its_own() {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let (stopper, stop) = pair();
    let running =
        threads.run(clerk_itself(), ready(Attempt { stop, ..attempt(&steps(r#"{"do": "ignore"}"#), limits()) }));
    stopper.stop(Reason::Shutdown);
    assert_eq!(wait(running).outcome, Outcome::Stopped);
}

#[test]
fn a_handler_of_the_first_contract_still_runs() {
    let first = prepare(engine(), capstan_test_guests::first());
    assert!(wait(engine().describe(&first)).unwrap().contains("speaks the first contract"));
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let run = |payload: &str| wait(threads.run(first.clone(), ready(attempt(payload, limits()))));
    let report = run("\"done\"");
    let said: serde_json::Value = serde_json::from_str(done(&report)).unwrap();
    assert_eq!(said["texts"][4], "key-7");
    assert_eq!(report.log.text.matches("ahoy from=the first contract").count(), 4, "{}", report.log.text);
    assert!(matches!(run("\"unchanged\"").outcome, Outcome::Unchanged(_)));
    for (payload, class) in [
        ("\"transient\"", Class::Transient),
        ("\"retry-after\"", Class::Deferred),
        ("\"permanent\"", Class::Permanent),
        ("\"other\"", Class::Permanent),
    ] {
        assert_eq!(ended(&run(payload)).0, class);
    }
}
