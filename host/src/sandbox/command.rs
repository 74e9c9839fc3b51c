//! Programs as handlers: components of the world `wasi:cli/command`.
//!
//! A program gets its job as one JSON document on stdin and answers with the last line of
//! its stdout that is not blank: the result document, or `{"unchanged": RESULT}`, or
//! `{"failure": …}`, which counts however the program ends. One that ends with an error and
//! says no more has failed for good. Every other line of stdout goes to the log, as all of
//! stderr does. What this cannot promise: that a line of stdout stands in the log before
//! the line of stderr that followed it; it is held back until the next one begins.

use super::contract::{Coded, Failure, Problem, Rest, Success};
use super::state::JobView;
use crate::rules::attempt::{Class, Fault};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// As one that did its work.
    Good,
    /// With an error.
    Bad,
}

/// The job as a program reads it from stdin.
#[derive(serde::Serialize)]
struct Input<'a> {
    id: i64,
    kind: &'a str,
    subject: &'a str,
    source: &'a str,
    title: &'a str,
    tags: &'a [String],
    payload: &'a RawValue,
    config: &'a RawValue,
    attempt: u32,
    idempotency_key: &'a str,
}

/// What a program finds on stdin: one JSON document and the end of its line.
pub(super) fn input(job: &JobView) -> Vec<u8> {
    let raw = |text: &str| serde_json::from_str::<Box<RawValue>>(text).unwrap_or_default();
    let (payload, config) = (raw(&job.payload), raw(&job.config));
    let input = Input {
        id: job.id,
        kind: &job.kind,
        subject: &job.subject,
        source: &job.source,
        title: &job.title,
        tags: &job.tags,
        payload: &payload,
        config: &config,
        attempt: job.attempt,
        idempotency_key: &job.idempotency_key,
    };
    // Texts, numbers and JSON that was parsed just now always can be written.
    let mut bytes = serde_json::to_vec(&input).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// The last line of a stream, held back from the log.
#[derive(Debug)]
pub(super) struct LastLine {
    /// The line's bytes, at most `most`; without its end.
    held: Vec<u8>,
    /// How long the line is.
    length: u64,
    most: usize,
    /// Whether the end of the line has come.
    is_whole: bool,
}

impl LastLine {
    /// A line of at most so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self { held: Vec::new(), length: 0, most: usize::try_from(most).unwrap_or(usize::MAX), is_whole: false }
    }

    /// Take bytes; what turns out not to be the last line is given to `log`.
    pub(super) fn push(&mut self, bytes: &[u8], mut log: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let is_end = piece.ends_with(b"\n");
            if self.is_whole {
                // Blank lines after the last one do not hide it.
                if piece.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                self.release(&mut log);
            }
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = self.most.saturating_sub(self.held.len());
            self.held.extend_from_slice(text.get(..room).unwrap_or(text));
            self.length += text.len() as u64;
            self.is_whole = is_end && !self.is_blank();
        }
    }

    /// Give the line to `log` after all.
    pub(super) fn release(&mut self, mut log: impl FnMut(&[u8])) {
        if !self.is_blank() {
            log(&self.held);
            if self.length > self.held.len() as u64 {
                log(" … (the line goes on)".as_bytes());
            }
            log(b"\n");
        }
        (self.length, self.is_whole) = (0, false);
        self.held.clear();
    }

    fn is_blank(&self) -> bool {
        self.held.iter().all(u8::is_ascii_whitespace)
    }
}

/// What a program's last line may be beside its result.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Word {
    Unchanged(Box<RawValue>),
    Failure(Ending),
}

/// How a program says that it failed.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Ending {
    Transient(Said),
    RetryAfter(Wait),
    Permanent(Said),
    Other(Code),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    message: String,
    details: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    after_ms: u64,
    message: String,
    details: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: String,
    json: Option<Value>,
}

/// What a program answered. `stderr` is the end of what it wrote there.
pub(super) fn answer(exit: Exit, line: &LastLine, stderr: &str) -> Result<Result<Success, Failure>, Fault> {
    if line.length > line.held.len() as u64 {
        return match exit {
            Exit::Good => Err(super::fault::too_long(line.length, line.most as u64)),
            Exit::Bad => Ok(Err(failed(stderr, None))),
        };
    }
    let text = String::from_utf8_lossy(&line.held);
    let text = text.trim();
    match (exit, word(text)) {
        (_, Some(Ok(Word::Failure(ending)))) => Ok(Err(ending.into())),
        (Exit::Bad, Some(Err(wrong))) | (Exit::Good, Some(Err(wrong))) => Err(wrong),
        (Exit::Bad, _) => Ok(Err(failed(stderr, Some(text)))),
        (Exit::Good, Some(Ok(Word::Unchanged(result)))) => Ok(Ok(Success::Unchanged(result.get().to_owned()))),
        (Exit::Good, None) if text.is_empty() => Ok(Ok(Success::Done("null".to_owned()))),
        (Exit::Good, None) => match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => Ok(Ok(Success::Done(text.to_owned()))),
            Err(error) => {
                let message = format!(
                    "the last line of stdout is not JSON: {error}; end with the result as one line, or with nothing"
                );
                Err(Fault::new(Class::BadOutput, message))
            }
        },
    }
}

/// What a line says that is an object with just the key `failure` or `unchanged`.
fn word(text: &str) -> Option<Result<Word, Fault>> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(text).ok()?;
    let is_word = object.len() == 1 && (object.contains_key("failure") || object.contains_key("unchanged"));
    let parse = || {
        serde_json::from_str(text).map_err(|error| {
            let message = format!(
                "the last line of stdout is no failure: {error}; write {{\"failure\": {{\"transient\": {{\"message\": …}}}}}}, \
                 or `permanent`, `retry-after` (with `after_ms`) or `other` (with `code`)"
            );
            Fault::new(Class::BadOutput, message)
        })
    };
    is_word.then(parse)
}

/// The failure of a program that did not say what it is.
fn failed(stderr: &str, stdout: Option<&str>) -> Failure {
    let last = |text: &str| text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    let message = match (last(stderr), stdout.and_then(last)) {
        (Some(words), _) => format!("the program ended with an error; stderr ends with: {words}"),
        (None, Some(words)) => format!("the program ended with an error; stdout ends with: {words}"),
        (None, None) => "the program ended with an error and said nothing".to_owned(),
    };
    Failure::Permanent(Problem { message, details: String::new() })
}

fn text(details: Option<Value>) -> String {
    details.map(|value| value.to_string()).unwrap_or_default()
}

impl From<Said> for Problem {
    fn from(said: Said) -> Self {
        Self { message: said.message, details: text(said.details) }
    }
}

impl From<Ending> for Failure {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Transient(said) => Self::Transient(said.into()),
            Ending::Permanent(said) => Self::Permanent(said.into()),
            Ending::RetryAfter(Wait { after_ms, message, details }) => {
                Self::RetryAfter(Rest { after_ms, problem: Said { message, details }.into() })
            }
            Ending::Other(Code { code, json }) => Self::Other(Coded { code, json: text(json) }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What a program answers that writes this, and what goes to its log.
    fn ended(exit: Exit, most: u64, pieces: &[&str], stderr: &str) -> (String, String) {
        let (mut line, mut log) = (LastLine::new(most), Vec::new());
        for piece in pieces {
            line.push(piece.as_bytes(), |bytes| log.extend_from_slice(bytes));
        }
        let answer = match answer(exit, &line, stderr) {
            Ok(Ok(Success::Done(text))) => format!("done {text}"),
            Ok(Ok(Success::Unchanged(text))) => format!("unchanged {text}"),
            Ok(Err(Failure::Transient(problem))) => format!("transient {} {}", problem.message, problem.details),
            Ok(Err(Failure::Permanent(problem))) => format!("permanent {}", problem.message),
            Ok(Err(Failure::RetryAfter(rest))) => format!("after {} {}", rest.after_ms, rest.problem.message),
            Ok(Err(Failure::Other(coded))) => format!("other {} {}", coded.code, coded.json),
            Err(fault) => format!("{} {}", fault.class, fault.message),
        };
        (answer, String::from_utf8(log).unwrap())
    }

    #[test]
    fn the_last_line_is_the_result_and_the_others_are_the_log() {
        for pieces in
            [&["one\ntwo\n{\"a\": 1}\n"][..], &["one\nt", "wo\n{\"a\"", ": 1}"], &["one\ntwo\n{\"a\": 1}\n\n \n"]]
        {
            assert_eq!(ended(Exit::Good, 100, pieces, ""), ("done {\"a\": 1}".into(), "one\ntwo\n".into()));
        }
        assert_eq!(ended(Exit::Good, 100, &[], "").0, "done null");
        assert_eq!(ended(Exit::Good, 100, &["\n\n"], "").0, "done null");
    }

    #[test]
    fn a_line_longer_than_the_limit_is_measured() {
        let (answer, _) = ended(Exit::Good, 4, &["[1,2", ",3]\n"], "");
        assert_eq!(answer, "bad-output the result has 7 bytes, more than limits.result = 4 allows");
        assert_eq!(ended(Exit::Good, 4, &["[12]\n"], "").0, "done [12]");
        let (answer, log) = ended(Exit::Good, 4, &["a long line\n[12]"], "");
        assert_eq!((answer.as_str(), log.as_str()), ("done [12]", "a lo … (the line goes on)\n"));
    }

    #[test]
    fn what_is_no_json_is_named() {
        let (answer, _) = ended(Exit::Good, 100, &["all done\n"], "");
        assert!(answer.starts_with("bad-output the last line of stdout is not JSON: expected value"), "{answer}");
    }

    #[test]
    fn an_error_is_permanent_with_its_last_words() {
        let said = |pieces, stderr| ended(Exit::Bad, 100, pieces, stderr).0;
        assert_eq!(
            said(&[], "ValueError: nope\n\n"),
            "permanent the program ended with an error; stderr ends with: ValueError: nope"
        );
        assert_eq!(said(&["no\n"], ""), "permanent the program ended with an error; stdout ends with: no");
        assert_eq!(said(&[], ""), "permanent the program ended with an error and said nothing");
    }

    #[test]
    fn a_failure_counts_however_the_program_ends() {
        for exit in [Exit::Good, Exit::Bad] {
            let said = |line: &str| ended(exit, 1_000, &[line], "words").0;
            assert_eq!(said(r#"{"failure": {"transient": {"message": "m", "details": [1]}}}"#), "transient m [1]");
            assert_eq!(said(r#"{"failure": {"permanent": {"message": "m"}}}"#), "permanent m");
            assert_eq!(said(r#"{"failure": {"retry-after": {"after_ms": 5, "message": "m"}}}"#), "after 5 m");
            assert_eq!(said(r#"{"failure": {"other": {"code": "c", "json": {}}}}"#), "other c {}");
            let wrong = said(r#"{"failure": {"transient": {}}}"#);
            assert!(
                wrong.starts_with("bad-output the last line of stdout is no failure: missing field `message`"),
                "{wrong}"
            );
        }
        assert_eq!(ended(Exit::Good, 100, &[r#"{"unchanged": {"n": 1}}"#], "").0, r#"unchanged {"n": 1}"#);
        assert_eq!(ended(Exit::Good, 100, &[r#"{"failure": 1, "n": 2}"#], "").0, r#"done {"failure": 1, "n": 2}"#);
    }

    #[test]
    fn the_job_is_one_line_of_json() {
        let job = JobView {
            id: 7,
            kind: "k".into(),
            payload: "{\"b\": 1}".into(),
            config: "{}".into(),
            ..JobView::default()
        };
        let text = String::from_utf8(input(&job)).unwrap();
        assert!(text.starts_with("{\"id\":7,\"kind\":\"k\",") && text.ends_with("}\n"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["payload"], serde_json::json!({ "b": 1 }));
    }
}
