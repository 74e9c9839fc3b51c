//! Every way in which an attempt ends: the class and the message.

use super::stage::{
    attempt, done, ended, engine, fault, limits, odd, prepare, ready, run, run_attempt, stoppable, wait,
};
use capstan::rules::attempt::{Class, Outcome};
use capstan::rules::limit::Limits;
use capstan::rules::time::Millis;
use capstan::sandbox::{GuestThreads, Reason, Report, pair};

fn liar(payload: &str) -> Report {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let wasm = capstan_test_guests::liar("{}").unwrap();
    wait(threads.run(prepare(engine(), &wasm), ready(attempt(payload, limits()))))
}

#[test]
fn what_the_guest_says_is_what_the_attempt_says() {
    let report = run(r#"{"do": "transient", "message": "the site is down"}"#);
    assert_eq!(ended(&report), (Class::Transient, "the site is down"));
    let report = run(r#"{"do": "permanent", "message": "no such page"}"#);
    assert_eq!(ended(&report), (Class::Permanent, "no such page"));
    assert_eq!(fault(&report).details.as_deref(), Some(r#"{"odd":true}"#));
    let report = run(r#"{"do": "retry_after", "ms": 1500}"#);
    assert_eq!(ended(&report), (Class::Deferred, "told to come back"));
    assert_eq!(fault(&report).after, Some(Millis(1500)));
    let report = run(r#"{"do": "other", "code": "quota-exceeded"}"#);
    assert_eq!(ended(&report), (Class::Permanent, "the handler failed with code `quota-exceeded`"));
    assert!(matches!(run(r#"{"do": "unchanged"}"#).outcome, Outcome::Unchanged(text) if text == "null"));
}

#[test]
fn a_failure_without_a_message_and_with_odd_details() {
    let report = liar(r#"{"end": "permanent", "message": " \n ", "text": "not json"}"#);
    assert_eq!(ended(&report), (Class::Permanent, "the handler gave no message"));
    assert_eq!(fault(&report).details.as_deref(), Some(r#""not json""#));
}

#[test]
fn a_result_must_be_json_and_short() {
    let report = liar(r#"{"end": "done", "text": "{nope"}"#);
    let (class, message) = ended(&report);
    assert_eq!(class, Class::BadOutput);
    assert!(message.starts_with("the result of 5 bytes is not JSON: "), "{message}");
    let report = run(r#"{"do": "big_result", "bytes": 300000}"#);
    let expected = "the result has 300002 bytes, more than limits.result = 262144 allows";
    assert_eq!(ended(&report), (Class::BadOutput, expected));
    assert_eq!(report.usage.result_bytes, 300_002);
}

#[test]
fn a_panic_says_where_and_why_and_names_its_frames() {
    let report = run(r#"{"do": "panic", "message": "no such page: 7"}"#);
    let (class, message) = ended(&report);
    assert_eq!(class, Class::Trap);
    assert!(message.starts_with("panicked at ") && message.ends_with(": no such page: 7"), "{message}");
    let backtrace = &fault(&report).backtrace;
    assert!(backtrace.lines().any(|frame| frame.starts_with("capstan_guest_odd::")), "{backtrace}");
    assert!(report.log.text.contains("err   no such page: 7"), "{}", report.log.text);
}

#[test]
fn a_bare_trap_is_said_in_words() {
    let report = run(r#"{"do": "trap"}"#);
    assert_eq!(ended(&report), (Class::Trap, "aborted (an `unreachable` instruction)"));
}

#[test]
fn deep_recursion_is_said_in_words() {
    let report = run(r#"{"do": "stack_overflow"}"#);
    let (class, message) = ended(&report);
    assert_eq!(class, Class::Trap);
    assert!(message.contains("recursion"), "{message}");
    assert!(fault(&report).backtrace.contains("dive"), "{}", fault(&report).backtrace);
}

#[test]
fn an_exit_is_no_answer() {
    let report = run(r#"{"do": "exit", "code": 3}"#);
    assert_eq!(ended(&report), (Class::Trap, "called exit(1) instead of returning from run"));
    let report = run(r#"{"do": "exit", "code": 0}"#);
    assert_eq!(ended(&report), (Class::Trap, "called exit(0) instead of returning from run"));
}

#[test]
fn computing_for_ever_ends_at_the_cpu_limit() {
    let report = run(r#"{"do": "spin"}"#);
    let expected = "used more CPU time than limits.cpu = 300ms allows: give it less to do or raise the limit";
    assert_eq!(ended(&report), (Class::CpuLimit, expected));
    assert!((300_000..500_000).contains(&report.usage.cpu_us), "{:?}", report.usage);
    assert!(fault(&report).backtrace.contains("spin"), "{}", fault(&report).backtrace);
}

#[test]
fn calling_the_host_for_ever_ends_at_the_cpu_limit() {
    let report = run(r#"{"do": "log_forever"}"#);
    let (class, message) = ended(&report);
    assert_eq!(class, Class::CpuLimit);
    assert!(message.contains("limits.cpu = 300ms"), "{message}");
    assert!(report.usage.host_us > 50_000, "{:?}", report.usage);
}

#[test]
fn waiting_ends_at_the_wall_limit() {
    let limits = Limits { wall: Millis(80), ..limits() };
    let report = run_attempt(attempt(r#"{"do": "sleep", "ms": 3600000}"#, limits));
    let expected = "ran longer than limits.wall = 80ms allows: raise the limit, or let the handler answer retry-after";
    assert_eq!(ended(&report), (Class::Timeout, expected));
    assert!(report.usage.wall_us >= 80_000 && report.usage.cpu_us < 80_000, "{:?}", report.usage);
}

#[test]
fn computing_ends_at_the_wall_limit_too() {
    let limits = Limits { wall: Millis(80), cpu: Millis::seconds(60), ..limits() };
    let report = run_attempt(attempt(r#"{"do": "spin"}"#, limits));
    assert_eq!(ended(&report).0, Class::Timeout);
}

#[test]
fn taking_memory_ends_at_the_memory_limit() {
    let limits = Limits { cpu: Millis::seconds(20), ..limits() };
    let report = run_attempt(attempt(r#"{"do": "grow_forever"}"#, limits));
    let (class, message) = ended(&report);
    assert_eq!(class, Class::MemoryLimit);
    assert!(message.starts_with("wanted ") && message.ends_with(" limits.memory = 67108864 allows"), "{message}");
    assert!(report.usage.memory <= 64 << 20 && report.usage.memory > 60 << 20, "{:?}", report.usage);
}

#[test]
fn more_memory_than_a_slot_has_runs_on_demand() {
    let limits = Limits { memory: 600 << 20, cpu: Millis::seconds(20), ..limits() };
    let report = run_attempt(attempt(r#"{"do": "alloc", "bytes": 314572800}"#, limits));
    assert_eq!(done(&report), "314572800");
    assert!(report.usage.memory > 300 << 20, "{:?}", report.usage);
}

#[test]
fn a_cancelled_guest_stops_wherever_it_is() {
    for payload in [r#"{"do": "spin"}"#, r#"{"do": "sleep", "ms": 3600000}"#] {
        for (reason, class) in [(Reason::Cancel, Some(Class::Cancelled)), (Reason::Shutdown, None)] {
            let threads = GuestThreads::start(engine(), 1).unwrap();
            let (stopper, stop) = pair();
            let limits = Limits { cpu: Millis::seconds(600), wall: Millis::seconds(600), ..limits() };
            let running = threads.run(odd(), ready(stoppable(payload, limits, stop)));
            stopper.stop(reason);
            let report = wait(running);
            match class {
                Some(class) => assert_eq!(ended(&report), (class, "cancelled while it ran")),
                None => assert_eq!(report.outcome, Outcome::Stopped),
            }
        }
    }
}

#[test]
fn a_stop_before_the_start_is_kept() {
    let (stopper, stop) = pair();
    stopper.stop(Reason::Shutdown);
    stopper.stop(Reason::Cancel);
    let report = run_attempt(stoppable(r#"{"do": "echo"}"#, limits(), stop));
    assert_eq!(report.outcome, Outcome::Stopped, "the first reason counts");
}
