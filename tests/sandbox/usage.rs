//! Each figure moves for the guest that moves it, and for no other: every field of the usage has a pair of runs that
//! differ in nothing else.

use super::outbound::{everything, guest as outside};
use super::part::{Part, noop_with};
use super::stage::{attempt, clerk_itself, engine, limits, odd, output, prepare, ready, run, wait};
use crate::support::web::{Page, Web, answer, html};
use capstan::capability::checkpoint::Checkpoints;
use capstan::capability::enqueue::{Enqueue, Right};
use capstan::capability::grant::Ask;
use capstan::capability::retrieve::Retrieve;
use capstan::rules::attempt::{Outcome, Usage};
use capstan::rules::enqueue::Subjects;
use capstan::rules::limit::Limits;
use capstan::rules::time::Millis;
use capstan::sandbox::{Attempt, Desk, GuestThreads, Prepared};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Every field by its name. A new one fails until it has a case.
fn fields(usage: Usage) -> BTreeMap<&'static str, u64> {
    usage.amounts().into()
}

/// How much a field may differ between two runs that are not about it. What is measured by a clock may move with the
/// machine; everything else stays where it is.
fn noise(field: &str) -> u64 {
    match field {
        "cpu_us" | "host_us" => 100_000,
        "wall_us" => 10_000_000,
        "memory" => 1 << 20,
        _ => 0,
    }
}

/// A guest and its payload.
type Run = (Prepared, String);

/// Two runs, and the field that the second one moves.
struct Case {
    field: &'static str,
    /// By how much.
    by: RangeInclusive<u64>,
    still: Run,
    moving: Run,
    /// What cannot but move with it, and by how much at most.
    along: &'static [(&'static str, u64)],
}

impl Case {
    fn odd(field: &'static str, by: RangeInclusive<u64>, still: &str, moving: &str) -> Self {
        let act = |act: &str| (odd(), format!(r#"{{"do": {act}}}"#));
        Self { field, by, still: act(still), moving: act(moving), along: &[] }
    }

    fn clerk(field: &'static str, by: u64, still: &str, moving: &str) -> Self {
        let step = |step: &str| (clerk_itself(), format!(r#"{{"steps": [{{"do": {step}}}]}}"#));
        Self { field, by: by..=by, still: step(still), moving: step(moving), along: &[] }
    }

    /// The clerk, keeping checkpoints of so many bytes.
    fn keeping(field: &'static str, by: u64, still: [u32; 2], moving: [u32; 2]) -> Self {
        let keep = |sizes: [u32; 2]| {
            let steps = sizes.map(|bytes| format!(r#"{{"do": "save_bytes", "bytes": {bytes}}}"#));
            (clerk_itself(), format!(r#"{{"steps": [{}]}}"#, steps.join(", ")))
        };
        Self { field, by: by..=by, still: keep(still), moving: keep(moving), along: &[] }
    }

    /// Two guests that do nothing, made of different parts.
    fn made(field: &'static str, by: u64, still: Prepared, moving: Prepared) -> Self {
        let nothing = |guest| (guest, "{}".to_owned());
        Self { field, by: by..=by, still: nothing(still), moving: nothing(moving), along: &[] }
    }

    fn outside(field: &'static str, by: u64, still: &str, moving: &str) -> Self {
        let send = |request: &str| (outside(), format!(r#"{{"strict": true, "send": [{request}]}}"#));
        Self { field, by: by..=by, still: send(still), moving: send(moving), along: &[] }
    }

    fn along(self, along: &'static [(&'static str, u64)]) -> Self {
        Self { along, ..self }
    }
}

fn cases(web: &Web) -> Vec<Case> {
    let get = |path: &str| format!(r#"{{"url": "{}"}}"#, web.url(path));
    let post = |body: usize| format!(r#"{{"method": "POST", "url": "{}", "body": {body}}}"#, web.url("/empty"));
    vec![
        Case::odd("cpu_us", 200_000..=20_000_000, r#""work", "rounds": 0"#, r#""work", "rounds": 1000000000"#)
            .along(&[("result_bytes", 20), ("wall_us", 60_000_000)]),
        Case::odd("host_us", 150_000..=20_000_000, r#""ask_random", "times": 0"#, r#""ask_random", "times": 2000"#)
            .along(&[("host_calls", 5_000), ("wall_us", 60_000_000)]),
        Case::odd("wall_us", 200_000..=20_000_000, r#""sleep", "ms": 1"#, r#""sleep", "ms": 300"#),
        Case::odd("memory", 19_900_000..=20_200_000, r#""alloc", "bytes": 0"#, r#""alloc", "bytes": 20000000"#)
            .along(&[("result_bytes", 7), ("host_calls", 1)]),
        Case::odd("scratch_bytes", 5_000..=5_000, r#""write_bytes", "bytes": 1"#, r#""write_bytes", "bytes": 5001"#),
        Case::odd("scratch_files", 3..=3, r#""write_files", "files": 1"#, r#""write_files", "files": 4"#)
            .along(&[("host_calls", 9)]),
        Case::odd("host_calls", 5_000..=5_000, r#""ask_time", "times": 0"#, r#""ask_time", "times": 5000"#),
        Case::odd(
            "log_bytes",
            7_000..=7_000,
            r#""flood_log", "entries": 1, "bytes": 0"#,
            r#""flood_log", "entries": 1, "bytes": 7000"#,
        )
        .along(&[("host_calls", 1)]),
        Case::odd("result_bytes", 1_000..=1_000, r#""big_result", "bytes": 0"#, r#""big_result", "bytes": 1000"#),
        Case::outside("requests", 1, "", &get("/empty")).along(&[
            ("result_bytes", 30),
            ("handles", 16),
            ("host_calls", 100),
        ]),
        // A long body goes and comes in pieces, and the guest may wait for one.
        Case::outside("sent_bytes", 9_000, &post(1_000), &post(10_000)).along(&[("host_calls", 100)]),
        Case::outside("received_bytes", 9_000, &get("/short"), &get("/long"))
            .along(&[("handles", 4), ("host_calls", 100)]),
        Case::keeping("checkpoint_bytes", 500, [500, 0], [500, 500]),
        Case::keeping("largest_checkpoint", 250, [250, 250], [500, 0]),
        Case::clerk(
            "retrievals",
            4,
            r#""retrieve", "words": "w", "limit": 1, "times": 0"#,
            r#""retrieve", "words": "w", "limit": 1, "times": 4"#,
        )
        .along(&[("host_calls", 4)]),
        Case::clerk("tokens", 700, r#""spend", "tokens": 0"#, r#""spend", "tokens": 700"#),
        Case::clerk(
            "enqueued",
            3,
            r#""enqueue", "kind": "clerk", "payload": 1, "times": 0"#,
            r#""enqueue", "kind": "clerk", "payload": 1, "times": 3"#,
        )
        .along(&[("host_calls", 3)]),
        // Three calls for each of the five.
        Case::odd("handles", 5..=5, r#""open_many", "times": 3"#, r#""open_many", "times": 8"#)
            .along(&[("host_calls", 15)]),
    ]
    .into_iter()
    .chain(made())
    .collect()
}

/// What a component is made of: each pair differs in one thing.
fn made() -> [Case; 4] {
    let none = Part::default();
    let (with_none, tables) = (noop_with(none), Part { tables: 2, ..none });
    let tabled = noop_with(tables);
    [
        Case::made("instances", 1, prepare(engine(), capstan_test_guests::noop()), with_none.clone()),
        Case::made("memories", 1, with_none.clone(), noop_with(Part { memories: 1, ..none })),
        Case::made("tables", 2, with_none, tabled.clone()),
        Case::made("table_elements", 100, tabled, noop_with(Part { elements: 50, ..tables })),
    ]
}

/// Everything is open to each of them, so that what they leave alone is their own doing.
fn used((guest, payload): &Run, web: &Web) -> BTreeMap<&'static str, u64> {
    let checkpoints = Checkpoints {
        load: Box::new(|| Box::pin(async { Ok(None) })),
        save: Box::new(|_, _| Box::pin(async { Ok(()) })),
    };
    let ask = Ask { enqueue: [("clerk".to_owned(), Subjects::Own)].into(), ..Ask::default() };
    let right = Arc::new(Right { handler: "clerk".into(), digest: "sha256:00".into(), ask });
    let desk = Desk {
        checkpoints: Some(checkpoints),
        enqueue: Some(Enqueue::new(right, 0, 10, Box::new(Ok))),
        retrieve: Some(Retrieve::open(Box::new(|_| Box::pin(async { Ok(Vec::new()) })), 10)),
        ..Desk::default()
    };
    let (_folder, mount) = output();
    let limits = Limits { cpu: Millis::seconds(60), wall: Millis::seconds(60), ..limits() };
    let outbound = Some(everything(web));
    let attempt = Attempt { mounts: vec![mount], outbound, desk, ..attempt(payload, limits) };
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let report = wait(threads.run(guest.clone(), ready(attempt)));
    assert!(matches!(report.outcome, Outcome::Done(_)), "{payload}: {:?}\n{}", report.outcome, report.log.text);
    fields(report.usage)
}

#[test]
fn each_field_is_moved_by_the_guest_that_moves_only_that() {
    let long = "x".repeat(9_500);
    let web = Web::new(&[
        ("/empty", Page::Raw(answer("204 No Content", &[], b""))),
        ("/short", Page::Raw(html(&long[..500]))),
        ("/long", Page::Raw(html(&long))),
    ]);
    let cases = cases(&web);
    let named: BTreeSet<_> = cases.iter().map(|case| case.field).collect();
    assert_eq!(named, fields(Usage::default()).into_keys().collect(), "each field has its case");
    let mut wrong = Vec::new();
    for case in cases {
        let (still, moved) = (used(&case.still, &web), used(&case.moving, &web));
        for (field, value) in moved {
            let by = value.abs_diff(still[field]);
            if field == case.field {
                if value < still[field] || !case.by.contains(&by) {
                    wrong.push(format!("{field}: {} to {value}", still[field]));
                }
                continue;
            }
            let along = case.along.iter().find(|(name, _)| *name == field).map(|(_, most)| *most);
            let most = along.unwrap_or_else(|| noise(field));
            if by > most {
                wrong.push(format!("{}: {field} moved from {} to {value}", case.field, still[field]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_guest_that_does_little_uses_little() {
    let usage = run(r#"{"do": "answer", "value": 1}"#).usage;
    assert!(usage.cpu_us > 0 && usage.cpu_us < 50_000, "{usage:?}");
    assert!(usage.host_us < 10_000 && usage.host_calls < 100, "{usage:?}");
    assert!(usage.memory > 0 && usage.memory < 4 << 20, "{usage:?}");
    assert_eq!((usage.scratch_bytes, usage.scratch_files, usage.log_bytes, usage.result_bytes), (0, 0, 0, 1));
}

#[test]
fn waiting_is_not_computing_and_computing_takes_its_time() {
    let waited = run(r#"{"do": "sleep", "ms": 100}"#).usage;
    assert!(waited.wall_us >= 100_000 && waited.cpu_us + waited.host_us < 50_000, "{waited:?}");
    let computed = run(r#"{"do": "work", "rounds": 50000000}"#).usage;
    assert!(computed.wall_us >= computed.cpu_us && computed.cpu_us > 10 * computed.host_us, "{computed:?}");
}
