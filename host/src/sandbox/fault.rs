//! How an attempt ended, in words that its owner can use.
//!
//! The engine says `unreachable`; the guest said why on stderr before. Both are
//! put together here: the class from the cause, the message from whoever knew
//! most, the backtrace with function names. It cannot tell a guest's bug from a
//! guest that was fed nonsense.

use super::contract::{Failure, Success};
use super::halt::Halt;
use super::spent::Spent;
use super::stop::Reason;
use crate::rules::attempt::{Class, Fault, Outcome};
use crate::rules::limit::Limits;
use crate::rules::time::Millis;
use wasmtime::{Trap, WasmBacktrace};

/// Bytes of a message that are kept.
const MAX_MESSAGE: usize = 4 << 10;
/// Bytes of details that are kept; longer ones are dropped.
const MAX_DETAILS: usize = 16 << 10;
/// How the message of a cancelled attempt begins.
const CANCELLED: &str = "cancelled while it ran";

/// What a guest returned.
pub(super) fn of_answer(answer: Result<Success, Failure>, max_result: u64) -> Outcome {
    match answer {
        Ok(Success::Done(result)) => checked(result, max_result).map_or_else(Outcome::Failed, Outcome::Done),
        Ok(Success::Unchanged(result)) => checked(result, max_result).map_or_else(Outcome::Failed, Outcome::Unchanged),
        Err(failure) => Outcome::Failed(of_failure(failure)),
    }
}

/// What an answer means from a guest that was told to stop before it gave it.
pub(super) fn of_told(outcome: Outcome, told: Option<Reason>) -> Outcome {
    match (outcome, told) {
        (Outcome::Failed(fault), Some(Reason::Cancel)) => {
            let message = format!("{CANCELLED}: {}", fault.message);
            Outcome::Failed(Fault { details: fault.details, ..Fault::new(Class::Cancelled, message) })
        }
        (Outcome::Failed(_), Some(Reason::Shutdown)) => Outcome::Stopped,
        (outcome, _) => outcome,
    }
}

fn checked(result: String, max: u64) -> Result<String, Fault> {
    let bytes = result.len();
    if bytes as u64 > max {
        return Err(too_long(bytes as u64, max));
    }
    match serde_json::from_str::<&serde_json::value::RawValue>(&result) {
        Ok(_) => Ok(result),
        Err(error) => Err(Fault::new(Class::BadOutput, format!("the result of {bytes} bytes is not JSON: {error}"))),
    }
}

/// A result of more bytes than `limits.result` allows.
pub(super) fn too_long(bytes: u64, max: u64) -> Fault {
    Fault::new(Class::BadOutput, format!("the result has {bytes} bytes, more than limits.result = {max} allows"))
}

fn of_failure(failure: Failure) -> Fault {
    let (class, problem, after) = match failure {
        Failure::Transient(problem) => (Class::Transient, problem, None),
        Failure::Permanent(problem) => (Class::Permanent, problem, None),
        Failure::RetryAfter(rest) => (Class::Deferred, rest.problem, Some(Millis(rest.after_ms))),
        Failure::Other(coded) if coded.code == Class::BadOutput.name() => {
            return Fault { details: details(coded.json.clone()), ..Fault::new(Class::BadOutput, unfit(&coded.json)) };
        }
        Failure::Other(coded) => {
            let message = format!("the handler failed with code `{}`", line(&coded.code, 64));
            return Fault { details: details(coded.json), ..Fault::new(Class::Permanent, message) };
        }
    };
    let mut message = line(&problem.message, MAX_MESSAGE);
    if message.is_empty() {
        message.push_str("the handler gave no message");
    }
    Fault { details: details(problem.details), after, ..Fault::new(class, message) }
}

/// What a handler says of an answer that it would not give; its `message`, if there is one.
fn unfit(json: &str) -> String {
    let said: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let said = said.get("message").and_then(|message| message.as_str()).map(|message| line(message, MAX_MESSAGE));
    said.filter(|said| !said.is_empty()).unwrap_or_else(|| "the handler has no fit answer".to_owned())
}

/// One line of at most so many bytes.
fn line(text: &str, most: usize) -> String {
    let mut line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut end = most.min(line.len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line
}

fn details(text: String) -> Option<String> {
    if text.is_empty() || text.len() > MAX_DETAILS {
        return None;
    }
    if serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok() {
        return Some(text);
    }
    serde_json::to_string(&text).ok()
}

/// What a trap means. `stderr` is the end of what the guest wrote there.
pub(super) fn of_error(error: &wasmtime::Error, stderr: &str, limits: &Limits) -> Outcome {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames);
    let in_guest = backtrace.is_some();
    let backtrace = backtrace.unwrap_or_default();
    let (class, message) = if let Some(halt) = error.downcast_ref::<Halt>() {
        match of_halt(*halt) {
            Outcome::Failed(fault) => (fault.class, with_stderr(fault.message, *halt, stderr)),
            other => return other,
        }
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        (Class::Trap, of_trap(*trap, stderr))
    } else if let Some(spent) = Spent::of(error, limits) {
        (Class::Quota, spent.to_string())
    } else if in_guest {
        (Class::Trap, format!("a call into the host failed: {}", line(&error.root_cause().to_string(), MAX_MESSAGE)))
    } else {
        (Class::HostFault, format!("the sandbox could not be made: {}", line(&format!("{error:#}"), MAX_MESSAGE)))
    };
    Outcome::Failed(Fault { backtrace, ..Fault::new(class, message) })
}

/// What the host's own reason means.
pub(super) fn of_halt(halt: Halt) -> Outcome {
    let class = match halt {
        Halt::Cpu(_) | Halt::HostCpu(_) => Class::CpuLimit,
        Halt::Wall(_) => Class::Timeout,
        Halt::Memory { .. } => Class::MemoryLimit,
        Halt::Tables { .. } | Halt::HostCalls(_) => Class::Quota,
        Halt::Exit(_) => Class::Trap,
        Halt::Stop(Reason::Shutdown) => return Outcome::Stopped,
        Halt::Stop(Reason::Cancel) => {
            return Outcome::Failed(Fault::new(Class::Cancelled, CANCELLED));
        }
    };
    Outcome::Failed(Fault::new(class, halt.to_string()))
}

/// Only an exit is explained by what was said before it.
fn with_stderr(message: String, halt: Halt, stderr: &str) -> String {
    match (halt, last_words(stderr)) {
        (Halt::Exit(_), Some(words)) => format!("{message}; stderr ends with: {words}"),
        _ => message,
    }
}

fn of_trap(trap: Trap, stderr: &str) -> String {
    if let Some(panic) = panic_text(stderr) {
        return panic;
    }
    let what = match trap {
        Trap::UnreachableCodeReached => "aborted (an `unreachable` instruction)".to_owned(),
        Trap::StackOverflow => "ran out of call stack: its recursion is deeper than 512 KiB of stack hold".to_owned(),
        Trap::MemoryOutOfBounds => {
            "reached outside of its memory; with Rust or C that is most often a stack overflow from deep recursion"
                .to_owned()
        }
        Trap::IntegerDivisionByZero => "divided an integer by zero".to_owned(),
        other => other.to_string(),
    };
    match last_words(stderr) {
        Some(words) => format!("{what}; stderr ends with: {words}"),
        None => what,
    }
}

/// `panicked at src/lib.rs:1:2: message`, from how Rust's panic hook writes it.
fn panic_text(stderr: &str) -> Option<String> {
    const MARK: &str = "panicked at ";
    let text = stderr.get(stderr.rfind(MARK)?..)?;
    let text = text.split("\nnote: ").next().unwrap_or(text);
    let text = match text.split_once('\n') {
        Some((place, message)) => format!("{place} {message}"),
        None => text.to_owned(),
    };
    Some(line(&text, MAX_MESSAGE))
}

/// The last line that is not empty.
fn last_words(stderr: &str) -> Option<String> {
    stderr.lines().rev().map(str::trim).find(|text| !text.is_empty()).map(|text| line(text, 500))
}

/// Function names, innermost first, one a line.
fn frames(backtrace: &WasmBacktrace) -> String {
    let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
        Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
        None => format!("function {}", frame.func_index()),
    };
    backtrace.frames().iter().map(name).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sandbox::contract::Failure;

    #[test]
    fn a_panic_is_one_line() {
        let stderr = "hello\n\nthread 'main' (1) panicked at src/lib.rs:3:9:\nno such page\nwith two lines\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(
            of_trap(Trap::UnreachableCodeReached, stderr),
            "panicked at src/lib.rs:3:9: no such page with two lines"
        );
    }

    #[test]
    fn a_trap_without_a_panic_keeps_the_last_words() {
        let text = of_trap(Trap::IntegerDivisionByZero, "ValueError: nope\n\n");
        assert_eq!(text, "divided an integer by zero; stderr ends with: ValueError: nope");
    }

    #[test]
    fn results_are_measured_and_parsed() {
        let answer = |text: &str| of_answer(Ok(Success::Done(text.to_owned())), 8);
        assert_eq!(answer("[1, 2]"), Outcome::Done("[1, 2]".to_owned()));
        let message = |outcome| match outcome {
            Outcome::Failed(fault) => (fault.class, fault.message),
            other => panic!("{other:?}"),
        };
        let long = "the result has 9 bytes, more than limits.result = 8 allows".to_owned();
        assert_eq!(message(answer("123456789")), (Class::BadOutput, long));
        assert!(message(answer("{]")).1.starts_with("the result of 2 bytes is not JSON: "));
    }

    #[test]
    fn a_code_from_the_future_is_permanent_and_kept() {
        let coded = crate::sandbox::contract::Coded { code: "quota-exceeded".into(), json: "{\"a\":1}".into() };
        let fault = of_failure(Failure::Other(coded));
        assert_eq!((fault.class, fault.details.as_deref()), (Class::Permanent, Some("{\"a\":1}")));
        assert_eq!(fault.message, "the handler failed with code `quota-exceeded`");
    }

    #[test]
    fn messages_are_cut_at_a_character() {
        assert_eq!(line("aé\nb", 2), "a");
        assert_eq!(line("a\x1b[b\n", 10), "a [b");
    }
}
