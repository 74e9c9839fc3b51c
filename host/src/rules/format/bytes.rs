//! The bytes of markup for its tokenizer, which say in which line they are.

use html5gum::Reader;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are read together.
const STEP: usize = 16 << 10;

/// The bytes of a list, for the tokenizer.
pub(super) struct Bytes<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    line: Arc<AtomicU64>,
}

impl<R: BufRead> Bytes<R> {
    /// `line` is kept at the number of the line that is being read.
    pub(super) const fn new(input: R, line: Arc<AtomicU64>) -> Self {
        Self { input, buffer: Vec::new(), at: 0, line }
    }

    /// Have at least so many bytes, unless it ends before.
    fn have(&mut self, bytes: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.at < bytes {
            if self.at > 0 {
                self.buffer.drain(..self.at);
                self.at = 0;
            }
            let more = self.input.fill_buf()?;
            let used = more.len().min(STEP);
            if used == 0 {
                break;
            }
            self.buffer.extend_from_slice(&more[..used]);
            self.input.consume(used);
        }
        Ok(&self.buffer[self.at..])
    }

    fn pass(&mut self, bytes: usize) -> &[u8] {
        let passed = &self.buffer[self.at..self.at + bytes];
        self.at += bytes;
        let lines = memchr::memchr_iter(b'\n', passed).count();
        if lines > 0 {
            self.line.fetch_add(lines as u64, Ordering::Relaxed);
        }
        passed
    }
}

impl<R: BufRead> Reader for Bytes<R> {
    type Error = io::Error;

    fn read_byte(&mut self) -> io::Result<Option<u8>> {
        if self.have(1)?.is_empty() {
            return Ok(None);
        }
        Ok(self.pass(1).first().copied())
    }

    fn try_read_string(&mut self, text: &[u8], case_sensitive: bool) -> io::Result<bool> {
        let is_it = self
            .have(text.len())?
            .get(..text.len())
            .is_some_and(|next| if case_sensitive { next == text } else { next.eq_ignore_ascii_case(text) });
        if is_it {
            self.pass(text.len());
        }
        Ok(is_it)
    }

    fn read_until<'b>(&'b mut self, needle: &[u8], _: &'b mut [u8; 4]) -> io::Result<Option<&'b [u8]>> {
        let ready = self.have(1)?;
        if ready.is_empty() {
            return Ok(None);
        }
        let end = ready.iter().position(|byte| needle.contains(byte)).unwrap_or(ready.len());
        Ok(Some(self.pass(end.max(1))))
    }
}
