//! The log of an attempt.

use super::stage::{attempt, done, limits, run, run_attempt};
use capstan::rules::limit::Limits;

/// Without the times.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split_once("ms ").unwrap().1).collect()
}

#[test]
fn entries_have_levels_and_fields() {
    let report = run(r#"{"do": "log", "message": "hello"}"#);
    let expected =
        ["debug hello level=debug", "info  hello level=info", "warn  hello level=warn", "error hello level=error"];
    assert_eq!(lines(&report.log.text), expected);
    assert_eq!(report.log.dropped, 0);
}

#[test]
fn both_streams_are_kept_and_marked() {
    assert_eq!(lines(&run(r#"{"do": "stdout", "text": "one\ntwo\n"}"#).log.text), ["out   one", "out   two"]);
    assert_eq!(lines(&run(r#"{"do": "stdout", "text": "one\nno end"}"#).log.text), ["out   one", "out   no end"]);
    assert_eq!(lines(&run(r#"{"do": "stderr", "text": "boom"}"#).log.text), ["err   boom"]);
}

#[test]
fn a_flood_is_cut_and_counted_and_harms_nobody() {
    let limits = Limits { log: 1_000, cpu: limits().wall, ..limits() };
    let report = run_attempt(attempt(r#"{"do": "flood_stdout", "bytes": 6400000}"#, limits));
    assert_eq!(done(&report), "null");
    assert_eq!(report.usage.log_bytes, 6_400_000);
    assert!(report.log.text.len() <= 1_000 && report.log.text.len() > 900, "{}", report.log.text.len());
    assert!(report.log.dropped > 6_400_000);
    let report = run_attempt(attempt(r#"{"do": "flood_log", "entries": 20000, "bytes": 10}"#, limits));
    assert_eq!(done(&report), "null");
    assert!(report.log.text.trim_end().ends_with("entry=19999"), "{}", report.log.text);
}
