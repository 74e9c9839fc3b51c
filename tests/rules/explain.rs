//! Why a job is where it is: each case by itself, and that none is without words.

use super::cases;
use capstan::rules::attempt::Class;
use capstan::rules::blame::blame;
use capstan::rules::explain::{
    Completed, Entry, Explanation, Facts, Handler, KeyFacts, Line, MOST, Queue, Queued, Reason, Running, Standing,
    Worker, explain,
};
use capstan::rules::failure::Resolution;
use capstan::rules::import::ImportState;
use capstan::rules::job::{Wait, Why};
use capstan::rules::key::{Key, Pace};
use capstan::rules::progress::Progress;
use capstan::rules::queue::{Limits, QueueState, Used};
use capstan::rules::rate::{Clock, Rate};
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn later(seconds: u64) -> Timestamp {
    NOW.after(Millis::seconds(seconds))
}

/// A ready job of an open queue that nothing is before, while a host works.
fn ready() -> Queued {
    Queued {
        wait: Wait::Ready,
        why: None,
        run_at: NOW,
        deferrals: 0,
        deaths: 0,
        key: None,
        other: None,
        handler: Handler::Ready,
        import: None,
        queue: Queue { name: "q".into(), state: QueueState::Open, limits: Limits::default(), used: Used::default() },
        worker: Some(Worker { slots: 4, running: 1 }),
        line: Line::default(),
    }
}

fn facts(standing: Standing) -> Facts {
    Facts {
        id: 7,
        kind: "odd".into(),
        attempt: 2,
        max_attempts: 5,
        error: Some((Class::Transient, "no wind.\nsecond line".into())),
        standing,
        now: NOW,
    }
}

fn why(queued: Queued) -> Explanation {
    explain(&facts(Standing::Queued(Box::new(queued))))
}

fn key(key: Key) -> Option<(KeyFacts, u64)> {
    Some((KeyFacts { name: "site".into(), key, pace: Pace { limit: 3, min_interval: Millis(0) } }, 2))
}

/// A rate of which nothing is left for so long.
fn spent(seconds: u64) -> (Rate, Clock) {
    let rate = Rate::parse("1/h").unwrap();
    (rate, Clock::default().after(rate, Timestamp(later(seconds).0 - 3_600_000), 1))
}

#[test]
fn every_reason_has_its_words() {
    let timer = |why| Queued { wait: Wait::Timer, why, run_at: later(90), deferrals: 2, ..ready() };
    let queue = |state| Queue { state, used: Used { running: 2, ..Used::default() }, ..ready().queue };
    let limited = |limits, used| Queued { queue: Queue { limits, used, ..ready().queue }, ..ready() };
    let (rate, clock) = spent(60);
    let table: Vec<(Queued, Reason, &[&str])> = vec![
        (timer(None), Reason::Scheduled, &["is scheduled", "2023-11-14T22:14:50Z, in 90s"]),
        (timer(Some(Why::Rescheduled)), Reason::Scheduled, &["is scheduled"]),
        (
            timer(Some(Why::Backoff)),
            Reason::Backoff,
            &[
                "waits for its next attempt at 2023-11-14T22:14:50Z",
                "attempt 2 of 5 failed, as transient: no wind… (`capstan job show 7` has all of it).",
            ],
        ),
        (timer(Some(Why::Deferred)), Reason::Deferred, &["asked to come back later, 2 times in this round"]),
        (
            Queued {
                wait: Wait::Key,
                key: key(Key { idle: 1, running: 2, waiting: 3, next_at: Timestamp(0) }),
                ..ready()
            },
            Reason::KeyBusy,
            &["waits for its key \"site\": 2 of at most 3 run and 1 were let in", "2 jobs are before it in line"],
        ),
        (
            Queued {
                wait: Wait::Key,
                key: key(Key { idle: 0, running: 0, waiting: 3, next_at: later(20) }),
                ..ready()
            },
            Reason::KeyRests,
            &["rests and lets nobody in before at 2023-11-14T22:13:40Z, in 20s", "`capstan key release site`"],
        ),
        (
            Queued { wait: Wait::Subject, other: Some(3), ..ready() },
            Reason::SubjectBusy,
            &["waits for job 3 of the same kind, which works on the same document"],
        ),
        (
            Queued { wait: Wait::Suspect, other: Some(3), deaths: 1, ..ready() },
            Reason::Suspect,
            &["ran when the host died", "not charged", "job 3 is tried now", "1 of 3 deaths"],
        ),
        (
            Queued { import: Some((3, ImportState::Paused)), ..ready() },
            Reason::ImportPaused,
            &["is ready, but its import 3 is paused: `capstan import resume 3` lets it go on"],
        ),
        (
            Queued { import: Some((3, ImportState::Cancelled)), ..ready() },
            Reason::ImportCancelled,
            &["its import 3 was cancelled, and it is about to be"],
        ),
        (
            Queued { handler: Handler::Disabled("odd".into()), ..ready() },
            Reason::HandlerDisabled,
            &["is ready, but handler odd", "`capstan handler enable odd`"],
        ),
        (
            Queued { handler: Handler::Missing("no handler does it".into()), ..ready() },
            Reason::HandlerMissing,
            &["would fail as no-handler, since no handler does it"],
        ),
        (
            Queued { queue: queue(QueueState::Paused), ..ready() },
            Reason::QueuePaused,
            &["its queue \"q\" is paused: `capstan queue resume q`"],
        ),
        (
            Queued { queue: queue(QueueState::Draining), ..ready() },
            Reason::QueueDraining,
            &["its queue \"q\" drains", "when 2 running jobs have ended"],
        ),
        (
            limited(Limits { concurrency: Some(2), ..Limits::default() }, Used { running: 2, ..Used::default() }),
            Reason::QueueFull,
            &["runs 2 of at most 2 at once"],
        ),
        (
            limited(Limits { rate: Some(rate), ..Limits::default() }, Used { rate: clock, ..Used::default() }),
            Reason::QueueRate,
            &["begins at most 1 jobs in 1h, the next at 2023-11-14T22:14:20Z, in 60s"],
        ),
        (
            limited(Limits { tokens: Some(rate), ..Limits::default() }, Used { tokens: clock, ..Used::default() }),
            Reason::QueueTokens,
            &["has spent its tokens, of which it has 1 in 1h, and goes on at 2023-11-14T22:14:20Z"],
        ),
        (Queued { worker: None, ..ready() }, Reason::NoHost, &["no host works", "`capstan run` or `capstan serve`"]),
        (
            Queued { worker: Some(Worker { slots: 4, running: 4 }), ..ready() },
            Reason::SlotsFull,
            &["all 4 slots of the host are in use"],
        ),
        (
            Queued { line: Line { priority: 5, older: 1, urgent: MOST }, ..ready() },
            Reason::Behind,
            &["1000 or more ready jobs of its queue with a smaller priority than 5, and 1 older job"],
        ),
        (ready(), Reason::Next, &["is ready and next in its line"]),
    ];
    for (queued, reason, words) in table {
        let said = why(queued);
        assert_eq!(said.reason, reason, "{said:?}");
        assert!(said.text.starts_with("Job 7 (odd) "), "{said:?}");
        words.iter().for_each(|word| assert!(said.text.contains(word), "{word:?} is not in {said:?}"));
        assert_eq!(said.also, [], "{said:?}");
    }
}

#[test]
fn a_time_that_ends_it_is_named() {
    let (rate, used) = spent(60);
    let limits = Limits { rate: Some(rate), ..Limits::default() };
    let queue = Queue { limits, used: Used { rate: used, ..Used::default() }, ..ready().queue };
    assert_eq!(why(Queued { queue, ..ready() }).until, Some(later(60)));
    assert_eq!(why(Queued { wait: Wait::Timer, run_at: later(5), ..ready() }).until, Some(later(5)));
    let rests = Key { next_at: later(20), ..Key::default() };
    assert_eq!(why(Queued { wait: Wait::Key, key: key(rests), ..ready() }).until, Some(later(20)));
    assert_eq!(why(Queued { worker: None, ..ready() }).until, None);
}

#[test]
fn what_would_keep_it_next_is_said_too() {
    let paused = Queue { state: QueueState::Paused, ..ready().queue };
    let said = why(Queued {
        wait: Wait::Timer,
        run_at: later(5),
        handler: Handler::Disabled("odd".into()),
        queue: paused,
        worker: None,
        ..ready()
    });
    assert_eq!(said.reason, Reason::Scheduled);
    assert_eq!(said.also, [Reason::HandlerDisabled, Reason::QueuePaused, Reason::NoHost]);
    assert_eq!(said.text.matches(" Also, ").count(), 3, "{said:?}");
    // A suspect goes before the others, and still not past its queue.
    let full = Queue {
        limits: Limits { concurrency: Some(1), ..Limits::default() },
        used: Used { running: 1, ..Used::default() },
        ..ready().queue
    };
    let said = why(Queued { wait: Wait::Suspect, queue: full, ..ready() });
    assert_eq!((said.reason, said.also), (Reason::Suspect, vec![Reason::QueueFull]));
    // What only a ready job meets is nothing to one that waits for a time.
    let behind = Line { priority: 0, older: 3, urgent: 0 };
    assert_eq!(why(Queued { wait: Wait::Timer, run_at: later(5), line: behind, ..ready() }).also, []);
}

#[test]
fn those_that_run_or_have_ended_say_what_happened() {
    let running = |progress, cancel_by| {
        let handler = "odd (sha256:abc…)".into();
        explain(&facts(Standing::Running(Running { since: Timestamp(NOW.0 - 3_000), handler, progress, cancel_by })))
    };
    let said = running(Some(Progress::new(3, 10, "rowing")), None);
    assert_eq!(said.reason, Reason::Running);
    assert!(said.text.contains("for 3s now, as attempt 2 of 5, on handler odd (sha256:abc…)"), "{said:?}");
    assert!(said.text.ends_with("it says that it is at 3 of 10, rowing."), "{said:?}");
    let said = running(None, Some("the mate".into()));
    assert_eq!(said.reason, Reason::Stopping);
    assert!(said.text.contains("the mate asked to cancel it"), "{said:?}");

    let done = |unchanged| {
        let followed = vec![(8, "normalise".into())];
        let done = Completed { at: NOW, took: Millis(120), unchanged, made: (2, 300), followed };
        explain(&facts(Standing::Completed(done)))
    };
    let said = done(false);
    assert_eq!(said.reason, Reason::Completed);
    let words = "after 2 attempts of its round, of which the last took 120ms. It published 2 files with 300 bytes. \
                 After it came job 8 (normalise).";
    assert!(said.text.ends_with(words), "{said:?}");
    assert_eq!(done(true).reason, Reason::Unchanged);
    assert!(done(true).text.contains("nothing had to be made"));

    let cancelled = Facts {
        error: Some((Class::Cancelled, "cancelled by the mate".into())),
        ..facts(Standing::Cancelled { at: NOW })
    };
    let said = explain(&cancelled);
    assert_eq!(said.reason, Reason::Cancelled);
    assert!(said.text.contains("cancelled by the mate. `capstan job retry 7`"), "{said:?}");
}

#[test]
fn a_failure_names_its_class_who_has_to_act_and_what_to_do_next() {
    for class in Class::ALL {
        let error = Some((class, "no wind".to_owned()));
        let standing = Standing::Failed { at: NOW, blame: blame(class, None), entry: None };
        let said = explain(&Facts { error, ..facts(standing) });
        assert_eq!(said.reason, Reason::Failed);
        let party = blame(class, None).party.words();
        for word in ["after 2 of 5 attempts, ", "no wind", party, "`capstan job retry 7`"] {
            assert!(said.text.contains(word), "{word:?} is not in {said:?}");
        }
        assert!(class == Class::Cancelled || said.text.contains(class.name()), "{said:?}");
    }
}

#[test]
fn a_failure_says_where_the_rest_of_its_message_is() {
    let said = |message: &str| {
        let error = Some((Class::Denied, message.to_owned()));
        let standing = Standing::Failed { at: NOW, blame: blame(Class::Denied, None), entry: None };
        explain(&Facts { error, ..facts(standing) }).text
    };
    let (all, rest) = (". To act is up to ", "… (`capstan job show 7` has all of it). To act is up to ");
    let longest = "x".repeat(200);
    let (ended, longer) = (format!("{longest}."), format!("{longest}x"));
    let cases: [(&str, &str, &str); 6] = [
        ("no wind", "no wind", all),
        ("no wind.\n", "no wind", all),
        ("to allow it put this into capstan.toml:\n[handler.odd]", "put this into capstan.toml", rest),
        (&longest, &longest, all),
        (&ended, &longest, all),
        (&longer, &longest, rest),
    ];
    for (message, line, end) in cases {
        let said = said(message);
        assert!(said.contains(&format!("{line}{end}")), "{message:?}: {said}");
    }
}

#[test]
fn a_failure_is_named_by_its_entry_in_the_log() {
    let said = |resolution: Option<(Resolution, Option<&str>)>| {
        let resolution = resolution.map(|(resolution, by)| (resolution, by.map(str::to_owned)));
        let entry = Some(Entry { id: 3, resolution });
        explain(&facts(Standing::Failed { at: NOW, blame: blame(Class::Trap, None), entry })).text
    };
    let open = said(None);
    assert!(open.contains("It is failure 3: `capstan failure show 3`") && open.contains("`capstan failure delete 3`"));
    let deleted = said(Some((Resolution::Deleted, Some("the mate"))));
    assert!(deleted.ends_with("It is failure 3, which was deleted by the mate."), "{deleted}");
    let superseded = said(Some((Resolution::Superseded, None)));
    assert!(superseded.ends_with("It is failure 3, which was superseded."), "{superseded}");
}

#[test]
fn the_names_are_those_of_the_json() {
    let named = |reason: Reason| serde_json::to_value(reason).unwrap() == reason.name();
    assert!(named(Reason::KeyRests) && named(Reason::QueueTokens) && named(Reason::NoHost) && named(Reason::Next));
}

proptest! {
    #![proptest_config(cases(2_000))]
    #[test]
    fn a_job_that_waits_always_has_a_reason_that_keeps_it(
        wait in 0_usize..5,
        why in proptest::option::of(0_usize..6),
        delay in -100_i64..100_000_000,
        (state, handler, works) in (0_usize..3, 0_u8..3, any::<bool>()),
        (concurrency, ran, slots) in (proptest::option::of(1_u64..4), 0_u64..5, 1_u64..6),
        (older, urgent, has_key) in (0_u64..3, 0_u64..3, any::<bool>()),
        rests in -10_i64..10,
    ) {
        let rests = Timestamp(NOW.0 + rests);
        let queued = Queued {
            wait: Wait::ALL[wait],
            why: why.map(|why| Why::ALL[why]),
            run_at: Timestamp(NOW.0 + delay),
            key: has_key.then(|| key(Key { next_at: rests, ..Key::default() })).flatten(),
            handler: [Handler::Ready, Handler::Disabled("h".into()), Handler::Missing("none".into())][usize::from(handler)].clone(),
            queue: Queue {
                name: "q".into(),
                state: QueueState::ALL[state],
                limits: Limits { concurrency, ..Limits::default() },
                used: Used { running: ran, ..Used::default() },
            },
            worker: works.then_some(Worker { slots, running: ran }),
            line: Line { priority: 0, older, urgent },
            ..ready()
        };
        let said = why_of(&queued);
        prop_assert!(said.text.len() > 30 && said.text.ends_with('.'), "{:?}", said);
        prop_assert!(!said.also.contains(&said.reason), "{:?}", said);
        let blocked = handler > 0 || state > 0 || !works || concurrency.is_some_and(|most| ran >= most)
            || ran >= slots || older + urgent > 0;
        // Next is what nothing keeps, and nothing else is.
        prop_assert_eq!(said.reason == Reason::Next, Wait::ALL[wait] == Wait::Ready && !blocked);
    }
}

fn why_of(queued: &Queued) -> Explanation {
    why(queued.clone())
}
