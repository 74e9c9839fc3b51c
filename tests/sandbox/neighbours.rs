//! Guests that share a thread, or the pool, with hostile ones.

use super::stage::{attempt, done, ended, engine, limits, odd, prepare, ready, stoppable, wait};
use capstan::rules::attempt::{Class, Outcome};
use capstan::rules::limit::Limits;
use capstan::rules::time::Millis;
use capstan::sandbox::{Engine, EngineOptions, GuestThreads, Reason, pair};

#[test]
fn three_that_spin_on_one_thread_are_charged_alike() {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let limits = Limits { cpu: Millis(200), ..limits() };
    let running = [(); 3].map(|()| threads.run(odd(), ready(attempt(r#"{"do": "spin"}"#, limits))));
    let mut wall = 0;
    for report in running.map(wait) {
        assert_eq!(ended(&report).0, Class::CpuLimit);
        // A slice is noticed at a tick, and a busy machine delays ticks.
        assert!((200_000..400_000).contains(&report.usage.cpu_us), "{:?}", report.usage);
        wall = wall.max(report.usage.wall_us);
    }
    // One after the other, none would take longer than it computes.
    assert!(wall >= 400_000, "they shared one thread: {wall}");
}

#[test]
fn a_short_job_does_not_wait_for_those_that_spin() {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let limits = Limits { cpu: Millis::seconds(600), wall: Millis::seconds(600), ..limits() };
    let (stopper, stop) = pair();
    let spinning = threads.run(odd(), ready(stoppable(r#"{"do": "spin"}"#, limits, stop)));
    for _ in 0..5 {
        let report = wait(threads.run(odd(), ready(attempt(r#"{"do": "echo"}"#, limits))));
        assert!(done(&report).contains("key-7"));
        assert!(report.usage.cpu_us < 50_000, "charged for its neighbour: {:?}", report.usage);
    }
    stopper.stop(Reason::Shutdown);
    assert_eq!(wait(spinning).outcome, Outcome::Stopped);
}

#[test]
fn a_trap_or_a_greedy_guest_leaves_others_unharmed() {
    let threads = GuestThreads::start(engine(), 2).unwrap();
    let hostile = ["trap", "grow_forever", "stack_overflow", "log_forever", "spin"];
    let bad: Vec<_> = hostile
        .iter()
        .map(|what| threads.run(odd(), ready(attempt(&format!(r#"{{"do": "{what}"}}"#), limits()))))
        .collect();
    let good: Vec<_> = (0..20).map(|_| threads.run(odd(), ready(attempt(r#"{"do": "echo"}"#, limits())))).collect();
    for report in good.into_iter().map(wait) {
        assert!(done(&report).contains("key-7"));
    }
    for report in bad.into_iter().map(wait) {
        assert!(matches!(report.outcome, Outcome::Failed(_)), "{report:?}");
    }
}

#[test]
fn a_full_pool_is_no_error() {
    let small = Engine::new(&EngineOptions { slots: 1, memory: 64 << 20, ..EngineOptions::default() }).unwrap();
    let threads = GuestThreads::start(&small, 1).unwrap();
    let odd = prepare(&small, capstan_test_guests::odd());
    let running = [(); 4].map(|()| threads.run(odd.clone(), ready(attempt(r#"{"do": "sleep", "ms": 20}"#, limits()))));
    for report in running.map(wait) {
        assert_eq!(done(&report), "null");
    }
}

#[test]
fn attempts_that_outlive_their_threads_are_answered() {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let running = threads.run(odd(), ready(attempt(r#"{"do": "sleep", "ms": 3600000}"#, limits())));
    drop(threads);
    assert_eq!(ended(&wait(running)).0, Class::HostFault);
}
