//! The plain cases.

use super::stage;
use super::stage::{done, engine, limits, prepare, ready, run, wait};
use capstan::rules::attempt::Outcome;
use capstan::sandbox::GuestThreads;

#[test]
fn a_guest_that_does_nothing_is_done() {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let noop = prepare(engine(), capstan_test_guests::noop());
    let report = wait(threads.run(noop, ready(stage::attempt("{}", limits()))));
    assert!(matches!(report.outcome, Outcome::Done(_)), "{report:?}");
    assert!(report.usage.memory > 0 && report.usage.cpu_us > 0, "{report:?}");
}

#[test]
fn a_guest_sees_its_job() {
    let report = run(r#"{"do": "echo"}"#);
    let value: serde_json::Value = serde_json::from_str(done(&report)).unwrap();
    assert_eq!(value["id"], 7);
    assert_eq!(value["idempotency_key"], "key-7");
}

#[test]
fn describe_answers_without_grants() {
    let text = wait(engine().describe(&stage::odd())).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["name"], "odd");
}
