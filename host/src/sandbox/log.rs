//! The attempt's log: entries, stdout and stderr in the order they came, the
//! last bytes kept.
//!
//! Every line begins with the time since the attempt's start and where it came
//! from: `+12ms warn  …`, `+13ms out   …`. Lines that a guest continues within
//! one entry are indented, so that no guest can forge a line of the host.
//! Control characters become U+FFFD. What is beyond the budget is dropped from the front
//! and counted; writing never fails and never blocks.

use std::fmt::Write as _;
use std::time::Instant;

/// What was kept of an attempt's log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// The last lines, at most `limits.log` bytes.
    pub text: String,
    /// Bytes of formatted lines that were dropped before them.
    pub dropped: u64,
}

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Debug,
    Info,
    Warn,
    Error,
    Out,
    Err,
    /// The host itself.
    Host,
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info ",
            Self::Warn => "warn ",
            Self::Error => "error",
            Self::Out => "out  ",
            Self::Err => "err  ",
            Self::Host => "host ",
        }
    }
}

/// Bytes of stderr that are kept apart, because a panic's text is only there.
const STDERR_KEPT: usize = 4 << 10;

/// What was heard of a log while it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// Whole characters, cleaned as in the log that is kept.
    pub text: String,
    /// The position behind them: bytes as they were written.
    pub at: u64,
    /// Bytes before them that were dropped before they were heard.
    pub missed: u64,
}

/// A log that is being written.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    started: Instant,
    keep: usize,
    text: Vec<u8>,
    dropped: u64,
    written: u64,
    /// The stream whose line has no end yet.
    open: Option<Source>,
    stderr: Vec<u8>,
    is_closed: bool,
}

impl Default for Tail {
    fn default() -> Self {
        Self::new(Instant::now(), 0)
    }
}

impl Tail {
    pub(super) fn new(started: Instant, keep: u64) -> Self {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        Self {
            started,
            keep,
            text: Vec::new(),
            dropped: 0,
            written: 0,
            open: None,
            stderr: Vec::new(),
            is_closed: false,
        }
    }

    /// One entry with its fields.
    pub(super) fn entry(&mut self, source: Source, message: &str, fields: &[(String, String)]) {
        self.end_line();
        self.begin(source);
        self.push_indented(message.as_bytes());
        self.written += message.len() as u64;
        for (name, value) in fields {
            self.text.push(b' ');
            self.push_indented(name.as_bytes());
            self.text.push(b'=');
            self.push_indented(value.as_bytes());
            self.written += (name.len() + value.len()) as u64;
        }
        self.text.push(b'\n');
        self.trim();
    }

    /// What the host has to say; not counted as written by the guest.
    pub(super) fn note(&mut self, message: &str) {
        let written = self.written;
        self.entry(Source::Host, message, &[]);
        self.written = written;
    }

    /// Bytes that the guest wrote to a stream.
    pub(super) fn stream(&mut self, source: Source, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        if source == Source::Err {
            keep_last(&mut self.stderr, bytes, STDERR_KEPT);
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.open != Some(source) {
                self.end_line();
                self.begin(source);
            }
            self.text.extend_from_slice(line);
            self.open = if line.ends_with(b"\n") { None } else { Some(source) };
            self.trim();
        }
    }

    /// Bytes written so far, kept or not.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// The end of what went to stderr.
    pub(super) fn stderr(&self) -> String {
        clean(&self.stderr)
    }

    /// What is kept.
    pub(super) fn finish(mut self) -> Log {
        self.end_line();
        self.cut();
        let mut text = clean(&self.text);
        // Replacing may have made it longer.
        let excess = text.len().saturating_sub(self.keep);
        let start = (excess..=text.len()).find(|start| text.is_char_boundary(*start)).unwrap_or(0);
        text.drain(..start);
        Log { text, dropped: self.dropped + start as u64 }
    }

    fn begin(&mut self, source: Source) {
        let mut start = String::with_capacity(16);
        // Writing to a String cannot fail.
        let _ = write!(start, "+{}ms {} ", self.started.elapsed().as_millis(), source.name());
        self.text.extend_from_slice(start.as_bytes());
    }

    /// What is kept from this position on, so many bytes at most. A character that is not
    /// complete yet is left for the next time.
    pub(super) fn since(&self, from: u64, most: usize) -> Heard {
        let begin = from.max(self.dropped);
        let skip = usize::try_from(begin - self.dropped).unwrap_or(usize::MAX);
        let bytes = self.text.get(skip..).unwrap_or_default();
        let bytes = bytes.get(..most).unwrap_or(bytes);
        let whole = if self.is_closed { bytes } else { whole_characters(bytes) };
        Heard { text: clean(whole), at: begin + whole.len() as u64, missed: begin - from }
    }

    /// Nothing more is written.
    pub(super) fn close(&mut self) {
        self.end_line();
        self.is_closed = true;
    }

    fn end_line(&mut self) {
        if self.open.take().is_some() {
            self.text.push(b'\n');
        }
    }

    fn push_indented(&mut self, bytes: &[u8]) {
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                self.text.extend_from_slice(b"\n    ");
            }
            self.text.extend_from_slice(line);
        }
    }

    /// Cutting only at twice the budget makes it cost one copy per byte written.
    fn trim(&mut self) {
        if self.text.len() > self.keep.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let Some(excess) = self.text.len().checked_sub(self.keep).filter(|excess| *excess > 0) else {
            return;
        };
        let rest = self.text.get(excess..).unwrap_or_default();
        // A line that is longer than the whole budget is cut in its middle.
        let whole = rest.iter().position(|byte| *byte == b'\n').map(|end| end + 1).filter(|end| *end < rest.len());
        let cut = excess + whole.unwrap_or(0);
        self.text.drain(..cut);
        self.dropped += cut as u64;
    }
}

fn keep_last(kept: &mut Vec<u8>, bytes: &[u8], most: usize) {
    kept.extend_from_slice(bytes.get(bytes.len().saturating_sub(most)..).unwrap_or_default());
    let excess = kept.len().saturating_sub(most);
    kept.drain(..excess);
}

/// Without a character at the end of which bytes are missing.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    for back in 1..=bytes.len().min(3) {
        let at = bytes.len() - back;
        let wanted = match bytes.get(at) {
            Some(0x80..=0xbf) => continue,
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xff) => 4,
            _ => 1,
        };
        return if wanted > back { bytes.get(..at).unwrap_or_default() } else { bytes };
    }
    bytes
}

fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')) {
        return text.into_owned();
    }
    text.chars()
        .filter(|c| *c != '\r')
        .map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(keep: u64) -> Tail {
        Tail::new(Instant::now() + std::time::Duration::from_secs(3_600), keep)
    }

    #[test]
    fn entries_and_streams_keep_their_order_and_marks() {
        let mut log = tail(1_000);
        log.stream(Source::Out, b"half ");
        log.stream(Source::Out, b"a line\nopen");
        log.entry(Source::Warn, "two\nlines", &[("n".into(), "1".into())]);
        log.stream(Source::Err, b"boom\x1b[0m\n");
        let log = log.finish();
        let expected =
            "+0ms out   half a line\n+0ms out   open\n+0ms warn  two\n    lines n=1\n+0ms err   boom\u{fffd}[0m\n";
        assert_eq!((log.text.as_str(), log.dropped), (expected, 0));
    }

    #[test]
    fn the_oldest_lines_are_dropped_and_counted() {
        let mut log = tail(40);
        for index in 0..100 {
            log.entry(Source::Info, &format!("line {index}"), &[]);
        }
        assert_eq!(log.written(), 690);
        let log = log.finish();
        assert_eq!(log.text, "+0ms info  line 98\n+0ms info  line 99\n");
        assert_eq!(log.dropped + log.text.len() as u64, 690 + 100 * 12);
    }

    #[test]
    fn a_line_longer_than_the_budget_keeps_its_end() {
        let mut log = tail(8);
        log.stream(Source::Err, b"0123456789abcdef");
        assert_eq!(log.stderr(), "0123456789abcdef");
        assert_eq!(log.finish().text, "9abcdef\n");
    }

    #[test]
    fn what_is_heard_in_parts_is_the_log_that_is_kept() {
        let mut log = tail(1_000);
        let (mut heard, mut at) = (String::new(), 0);
        for byte in "a\u{1b}é\r\n€ 🦀\nno end".bytes() {
            log.stream(Source::Out, &[byte]);
            let part = log.since(at, 5);
            (heard, at) = (heard + &part.text, part.at);
            assert_eq!(part.missed, 0);
        }
        log.close();
        while at < log.text.len() as u64 {
            let part = log.since(at, 5);
            (heard, at) = (heard + &part.text, part.at);
        }
        assert_eq!(heard, log.finish().text);
    }

    #[test]
    fn what_was_dropped_before_it_was_heard_is_counted() {
        let mut log = tail(40);
        log.entry(Source::Info, "first", &[]);
        let first = log.since(0, 1_000);
        assert_eq!((first.text.as_str(), first.missed), ("+0ms info  first\n", 0));
        for index in 10..99 {
            log.entry(Source::Info, &format!("line {index}"), &[]);
        }
        let rest = log.since(first.at, 1_000);
        assert_eq!(rest.at, first.at + 89 * 19);
        assert_eq!(first.at + rest.missed + rest.text.len() as u64, rest.at);
        assert!(rest.missed > 0 && rest.text.ends_with("line 98\n"), "{rest:?}");
        assert_eq!(log.since(rest.at, 1_000), Heard { text: String::new(), at: rest.at, missed: 0 });
    }

    #[test]
    fn replaced_characters_do_not_pass_the_budget() {
        let mut log = tail(8);
        log.stream(Source::Out, &[7; 100]);
        assert_eq!(log.finish().text, "\u{fffd}\u{fffd}\n");
    }
}
