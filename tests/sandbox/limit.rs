//! What is counted beside time, memory and `/output`: each limit at its edge, with its message and, where there is
//! one, the figure that the attempt leaves.

use super::part::{Part, noop_with};
use super::stage::{
    attempt, clerk_itself, done, ended, engine, limits, prepare, ready, run_attempt, run_with_output, wait,
};
use capstan::capability::retrieve::Retrieve;
use capstan::rules::attempt::{Class, Outcome, Usage};
use capstan::rules::limit::Limits;
use capstan::rules::time::Millis;
use capstan::sandbox::{Attempt, Desk, GuestThreads, Report};

const ANSWER: &str = r#"{"do": "answer", "value": 1}"#;

fn run(payload: &str, limits: Limits) -> Report {
    run_attempt(attempt(payload, limits))
}

/// The least value of a limit with which a payload is done. With each smaller one the attempt ends as `quota`, with
/// the message of that value. `used` is what the attempt says that it used of the limit: all of it, there and at the edge.
#[track_caller]
fn edge(
    payload: &str,
    with: impl Fn(u64) -> Limits,
    says: impl Fn(u64) -> String,
    used: impl Fn(&Usage) -> Option<u64>,
) -> u64 {
    let fits = |limit: &u64| {
        let (_folder, report) = run_with_output(payload, with(*limit));
        assert!(used(&report.usage).is_none_or(|used| used == *limit), "limit {limit}: {:?}", report.usage);
        if matches!(report.outcome, Outcome::Done(_)) {
            return true;
        }
        assert_eq!(ended(&report), (Class::Quota, says(*limit).as_str()));
        false
    };
    (0..100).find(fits).unwrap()
}

#[test]
fn one_handle_more_than_the_limit_is_too_many() {
    let open = |times: u64| {
        edge(
            &format!(r#"{{"do": "open_many", "times": {times}}}"#),
            |handles| Limits { handles, ..limits() },
            |limit| {
                format!(
                    "held more files, folders, streams and timers open at the same time than limits.handles = {limit} \
                     allows: close some"
                )
            },
            |usage| Some(usage.handles),
        )
    };
    let twenty = open(20);
    assert!((20..30).contains(&twenty), "{twenty}");
    assert_eq!(open(21), twenty + 1);
}

#[test]
fn one_resource_more_than_the_limit_is_too_many() {
    let open = |times: u64| {
        edge(
            &format!(r#"{{"do": "open_many", "times": {times}}}"#),
            |resources| Limits { resources, ..limits() },
            |limit| format!("held more resources at the same time than limits.resources = {limit} allows: drop some"),
            |_| None,
        )
    };
    let twenty = open(20);
    assert!((20..40).contains(&twenty), "{twenty}");
    assert_eq!(open(21), twenty + 1);
}

#[test]
fn one_core_instance_more_than_the_limit_is_too_many() {
    let needs = edge(
        ANSWER,
        |instances| Limits { instances, ..limits() },
        |limit| format!("wanted more core instances than limits.instances = {limit} allows"),
        |usage| Some(usage.instances),
    );
    assert!((1..20).contains(&needs), "{needs}");
}

#[test]
fn a_guest_that_is_stopped_while_it_waits_tells_what_it_was_made_of() {
    let fresh = prepare(engine(), capstan_test_guests::odd());
    let sleep = |ms: u64, wall: Millis| {
        let payload = format!(r#"{{"do": "sleep", "ms": {ms}}}"#);
        let limits = Limits { wall, ..limits() };
        let threads = GuestThreads::start(engine(), 1).unwrap();
        wait(threads.run(fresh.clone(), ready(attempt(&payload, limits))))
    };
    let stopped = sleep(600_000, Millis(500));
    assert_eq!(ended(&stopped).0, Class::Timeout);
    let figures = |usage: &Usage| (usage.instances, usage.tables, usage.memories, usage.table_elements, usage.handles);
    let (whole, part) = (sleep(1, Millis::seconds(60)).usage, stopped.usage);
    assert!(part.instances > 0 && part.handles > 0, "{part:?}");
    assert_eq!(figures(&part), figures(&whole));
}

#[test]
fn one_table_more_than_the_limit_is_too_many() {
    let guest = noop_with(Part { tables: 50, ..Part::default() });
    let with = |instances| {
        let threads = GuestThreads::start(engine(), 1).unwrap();
        wait(threads.run(guest.clone(), ready(attempt("{}", Limits { instances, ..limits() }))))
    };
    let Usage { tables, instances, .. } = with(Limits::default().instances).usage;
    assert!(tables > 50 && tables < 60 && instances < 20, "{tables} tables, {instances} instances");
    let enough = with(tables);
    assert_eq!((done(&enough), enough.usage.tables), ("null", tables));
    let short = with(tables - 1);
    let expected = format!("wanted more tables than limits.instances = {} allows", tables - 1);
    assert_eq!(ended(&short), (Class::Quota, expected.as_str()));
    assert_eq!(short.usage.tables, tables, "as many as it wanted");
}

#[test]
fn a_memory_needs_the_right_to_one() {
    let says = |limit| format!("wanted more memories than limits.memories = {limit} allows");
    assert_eq!(edge(ANSWER, |memories| Limits { memories, ..limits() }, says, |_| None), 1);
    assert_eq!(run(ANSWER, Limits { memories: 1, ..limits() }).usage.memories, 1);
}

#[test]
fn one_table_element_more_than_the_limit_is_too_many() {
    let with = |table_elements| run(ANSWER, Limits { table_elements, ..limits() });
    let wanted = |report: &Report| -> Option<u64> {
        let Outcome::Failed(fault) = &report.outcome else { return None };
        let (wanted, _) = fault.message.strip_prefix("wanted ")?.split_once(" table elements")?;
        wanted.parse().ok()
    };
    // Each table is added to those before it, so the message of one that does not fit names the next limit to try.
    let mut needs = 0;
    while let Some(more) = wanted(&with(needs)) {
        assert!(more > needs, "{more} after {needs}");
        needs = more;
    }
    let enough = with(needs);
    assert_eq!((done(&enough), enough.usage.table_elements), ("1", needs));
    let short = with(needs - 1);
    let expected = format!("wanted {needs} table elements, more than limits.table_elements = {} allows", needs - 1);
    assert_eq!(ended(&short), (Class::Quota, expected.as_str()));
}

#[test]
fn one_call_more_than_the_limit_is_too_many() {
    let flood = |entries: u64, host_calls| {
        let payload = format!(r#"{{"do": "flood_log", "entries": {entries}}}"#);
        run(&payload, Limits { host_calls, cpu: Millis::seconds(60), ..limits() })
    };
    let limit = flood(50, u64::MAX).usage.host_calls;
    assert_eq!(done(&flood(50, limit)), "null");
    let expected = format!(
        "called the host more often than limits.host_calls = {limit} allows: let it call less often or raise the limit"
    );
    for entries in [51, u64::MAX] {
        let report = flood(entries, limit);
        assert_eq!(ended(&report), (Class::Quota, expected.as_str()));
        assert_eq!(report.usage.host_calls, limit, "the refused call is not counted");
    }
}

#[test]
fn one_byte_more_than_the_limit_is_too_much_for_a_call() {
    // A log entry carries its message, and a pair of texts for its field `entry=0`: six letters and their place.
    const FIELD: u64 = 48 + 6;
    let call_bytes = 100_000;
    let log = |bytes: u64| {
        let payload = format!(r#"{{"do": "flood_log", "entries": 1, "bytes": {bytes}}}"#);
        run(&payload, Limits { call_bytes, ..limits() })
    };
    let fits = log(call_bytes - FIELD);
    assert_eq!(done(&fits), "null");
    assert_eq!(fits.usage.log_bytes, call_bytes - FIELD + 6);
    let expected =
        "carried more bytes to the host in one call than limits.call_bytes = 100000 allows: hand over less at a time";
    assert_eq!(ended(&log(call_bytes - FIELD + 1)), (Class::Quota, expected));
}

#[test]
fn one_search_more_than_the_limit_is_refused() {
    let retrievals = 3;
    let ask = |times: u64| {
        let retrieve = Some(Retrieve::open(Box::new(|_| Box::pin(async { Ok(Vec::new()) })), retrievals));
        let desk = Desk { retrieve, ..Desk::default() };
        let payload =
            format!(r#"{{"steps": [{{"do": "retrieve", "words": "herring", "limit": 1, "times": {times}}}]}}"#);
        let threads = GuestThreads::start(engine(), 1).unwrap();
        wait(threads.run(clerk_itself(), ready(Attempt { desk, ..attempt(&payload, limits()) })))
    };
    let fits = ask(retrievals);
    assert_eq!((done(&fits), fits.usage.retrievals), ("[[]]", retrievals));
    let report = ask(retrievals + 1);
    let expected = "more than limits.retrievals = 3 searches: put several questions into one, or raise the limit";
    assert_eq!(ended(&report), (Class::Permanent, expected));
    assert_eq!(report.usage.retrievals, retrievals, "the refused search is not counted");
}
