//! What a guest leaves behind when it is ended.

use super::stage::{attempt, engine, fault, limits, odd, prepare, ready, wait};
use capstan::rules::attempt::{Class, Outcome};
use capstan::rules::coredump::{Coredump, Dumps};
use capstan::sandbox::{Attempt, Engine, EngineOptions, GuestThreads, Prepared, Report};
use std::sync::LazyLock;

/// An engine that notes what a dump needs, and `odd` on it.
static NOTING: LazyLock<(Engine, Prepared)> = LazyLock::new(|| {
    let options = EngineOptions { slots: 4, memory: 64 << 20, dumps: Dumps::On };
    let engine = Engine::new(&options).unwrap();
    let odd = prepare(&engine, capstan_test_guests::odd());
    (engine, odd)
});

fn run(payload: &str, coredump: Coredump) -> Report {
    let (engine, odd) = &*NOTING;
    let threads = GuestThreads::start(engine, 1).unwrap();
    wait(threads.run(odd.clone(), ready(Attempt { coredump, ..attempt(payload, limits()) })))
}

fn holds(dump: &[u8], text: &str) -> bool {
    dump.windows(text.len()).any(|part| part == text.as_bytes())
}

fn class(report: &Report) -> Option<Class> {
    match &report.outcome {
        Outcome::Failed(fault) => Some(fault.class),
        _ => None,
    }
}

#[test]
fn a_crash_leaves_its_memory_in_the_format_of_debuggers() {
    let report = run(r#"{"do": "panic", "message": "the anchor is lost"}"#, Coredump::UpTo(64 << 20));
    assert_eq!(class(&report), Some(Class::Trap));
    let said = fault(&report);
    assert!(said.message.ends_with(": the anchor is lost") && said.backtrace.contains("::act"), "{said:?}");
    let dump = report.core.unwrap();
    assert!(dump.starts_with(b"\0asm\x01\0\0\0"), "{:?}", &dump[..8]);
    for part in ["core", "coremodules", "coreinstances", "corestack", "the anchor is lost"] {
        assert!(holds(&dump, part), "{part}");
    }
}

#[test]
fn an_end_at_a_limit_leaves_one_too() {
    for (payload, ended) in
        [(r#"{"do": "spin"}"#, Class::CpuLimit), (r#"{"do": "open_many", "times": 1}"#, Class::Permanent)]
    {
        let report = run(payload, Coredump::UpTo(64 << 20));
        assert_eq!((class(&report), report.core.is_some()), (Some(ended), ended == Class::CpuLimit), "{payload}");
    }
}

#[test]
fn who_ends_by_itself_leaves_none() {
    for payload in [r#"{"do": "answer", "value": 1}"#, r#"{"do": "exit", "code": 3}"#] {
        assert_eq!(run(payload, Coredump::UpTo(64 << 20)).core, None, "{payload}");
    }
}

#[test]
fn none_is_made_that_nobody_asked_for_or_that_is_too_large() {
    let trap = r#"{"do": "trap"}"#;
    assert_eq!(run(trap, Coredump::Off).core, None);
    let report = run(trap, Coredump::UpTo(1_000));
    assert_eq!((class(&report), report.core), (Some(Class::Trap), None));
    let note = "bytes of memory are more than coredump.bytes = 1000 allows";
    assert!(report.log.text.contains(note), "{}", report.log.text);
    // An engine that notes nothing has nothing to give.
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let coredump = Coredump::UpTo(64 << 20);
    let report = wait(threads.run(odd(), ready(Attempt { coredump, ..attempt(trap, limits()) })));
    assert_eq!((class(&report), report.core), (Some(Class::Trap), None));
}

#[test]
fn code_compiled_for_one_loads_into_the_other() {
    assert_eq!(NOTING.0.compatibility(), engine().compatibility());
}
