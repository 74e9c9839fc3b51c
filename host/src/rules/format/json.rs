//! JSON item by item: where the items of a document lie, read as it goes by.
//!
//! It follows the brackets and the strings and keeps of an item only the fields that
//! are asked for; what they hold is read by `serde_json`. Libraries that read JSON as
//! a stream stop at the first fault and hold strings of any length; this goes on
//! behind an item that is wrong inside, as long as its brackets match, and keeps at
//! most [`MAX_ITEM`] bytes of it. What is not kept is not checked.

use super::{Format, MAX_DEPTH, MAX_ITEM, Unreadable, Why};
use std::io::BufRead;

/// What of a value is kept.
#[derive(Debug, Default)]
pub(super) struct Piece {
    /// Its text.
    pub(super) raw: Vec<u8>,
    /// What is wrong with it, if it is known by now.
    pub(super) flaw: Option<Why>,
    /// How many brackets of the item are open around what is read.
    around: usize,
}

impl Piece {
    fn push(&mut self, keep: Keep, bytes: &[u8]) {
        if keep == Keep::Not || self.flaw.is_some() {
            return;
        }
        if self.raw.len() + bytes.len() > MAX_ITEM {
            self.flaw = Some(Why::TooLarge);
            return;
        }
        self.raw.extend_from_slice(bytes);
    }

    fn wrong(&mut self, why: Why) {
        self.flaw.get_or_insert(why);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    All,
    Not,
}

/// A JSON document that is read from its beginning to its end.
pub(super) struct Json<R> {
    format: Format,
    input: R,
    at: u64,
}

impl<R: BufRead> Json<R> {
    pub(super) const fn new(format: Format, input: R) -> Self {
        Self { format, input, at: 0 }
    }

    /// The next byte, which is not taken; none at the end.
    fn peek(&mut self) -> Result<Option<u8>, Unreadable> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    fn bump(&mut self) {
        self.input.consume(1);
        self.at += 1;
    }

    /// The next byte that is no white space, which is not taken.
    pub(super) fn next_mark(&mut self) -> Result<Option<u8>, Unreadable> {
        loop {
            match self.peek()? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.bump(),
                next => return Ok(next),
            }
        }
    }

    /// Take this mark.
    pub(super) fn need(&mut self, mark: u8, expected: &'static str) -> Result<(), Unreadable> {
        match self.next_mark()? {
            Some(next) if next == mark => {
                self.bump();
                Ok(())
            }
            next => Err(self.stop(next, expected)),
        }
    }

    /// Take this mark if it is there.
    pub(super) fn take(&mut self, mark: u8) -> Result<bool, Unreadable> {
        let is_there = self.next_mark()? == Some(mark);
        if is_there {
            self.bump();
        }
        Ok(is_there)
    }

    /// Why it cannot go on where this byte stands and something else should.
    pub(super) fn stop(&self, next: Option<u8>, expected: &'static str) -> Unreadable {
        match next {
            Some(_) => Unreadable::Syntax { format: self.format, at: self.at, expected },
            None => Unreadable::Truncated("the document"),
        }
    }

    /// The name of a field, and the colon behind it.
    pub(super) fn key(&mut self) -> Result<String, Unreadable> {
        let next = self.next_mark()?;
        if next != Some(b'"') {
            return Err(self.stop(next, "name of a field"));
        }
        let key = self.text()?;
        self.need(b':', "colon")?;
        Ok(key.unwrap_or_default())
    }

    /// A value, which is text or is read over.
    pub(super) fn text(&mut self) -> Result<Option<String>, Unreadable> {
        let mut piece = Piece::default();
        self.value(Keep::All, &mut piece)?;
        Ok(serde_json::from_slice(&piece.raw).ok().filter(|_| piece.flaw.is_none()))
    }

    /// Read over a value.
    pub(super) fn skip(&mut self) -> Result<(), Unreadable> {
        self.value(Keep::Not, &mut Piece::default())
    }

    /// An item: a value as it is, of an object only the fields of these names.
    pub(super) fn item(&mut self, names: &[&str]) -> Result<Piece, Unreadable> {
        let mut piece = Piece::default();
        if self.next_mark()? != Some(b'{') {
            self.value(Keep::All, &mut piece)?;
            return Ok(piece);
        }
        self.bump();
        piece.around = 1;
        piece.push(Keep::All, b"{");
        if let Some(expected) = self.fields(names, &mut piece)? {
            piece.wrong(Why::Malformed(format!("there is no {expected} at byte {}", self.at)));
            piece.around = 0;
            self.close(vec![b'}'], Keep::Not, &mut piece)?;
        }
        piece.push(Keep::All, b"}");
        Ok(piece)
    }

    /// The fields of an object and its end; what is missing where they stop.
    fn fields(&mut self, names: &[&str], piece: &mut Piece) -> Result<Option<&'static str>, Unreadable> {
        let mut is_first = true;
        while !self.take(b'}')? {
            if !is_first && !self.take(b',')? {
                return Ok(Some("comma"));
            }
            is_first = false;
            if self.next_mark()? != Some(b'"') {
                return Ok(Some("name of a field"));
            }
            let mut key = Piece::default();
            self.value(Keep::All, &mut key)?;
            if !self.take(b':')? {
                return Ok(Some("colon"));
            }
            let name: String = serde_json::from_slice(&key.raw).unwrap_or_default();
            let keep = if names.contains(&name.as_str()) { Keep::All } else { Keep::Not };
            if keep == Keep::All {
                piece.push(keep, if piece.raw.len() > 1 { b"," } else { b"" });
                piece.push(keep, &key.raw);
                piece.push(keep, b":");
            }
            self.value(keep, piece)?;
        }
        Ok(None)
    }

    /// A value of any kind.
    fn value(&mut self, keep: Keep, piece: &mut Piece) -> Result<(), Unreadable> {
        match self.next_mark()? {
            Some(b'"') => self.string(keep, piece),
            Some(open @ (b'{' | b'[')) => {
                self.bump();
                piece.push(keep, &[open]);
                self.close(vec![closing(open)], keep, piece)
            }
            Some(_) => self.scalar(keep, piece),
            None => Err(Unreadable::Truncated("the document")),
        }
    }

    /// What is open, up to the end of the outermost. An item is one deep itself.
    fn close(&mut self, mut open: Vec<u8>, keep: Keep, piece: &mut Piece) -> Result<(), Unreadable> {
        let mut beyond = 0_u64;
        while !open.is_empty() {
            let Some(byte) = self.peek()? else {
                return Err(Unreadable::Truncated("an item"));
            };
            if byte == b'"' {
                self.string(keep, piece)?;
                continue;
            }
            match byte {
                b'{' | b'[' if piece.around + open.len() < MAX_DEPTH => open.push(closing(byte)),
                b'{' | b'[' => {
                    beyond += 1;
                    piece.wrong(Why::TooDeep);
                }
                b'}' | b']' if beyond > 0 => beyond -= 1,
                b'}' | b']' if open.last() == Some(&byte) => drop(open.pop()),
                b'}' => return Err(self.stop(Some(byte), "`]`")),
                b']' => return Err(self.stop(Some(byte), "`}`")),
                _ => {}
            }
            self.bump();
            piece.push(keep, &[byte]);
        }
        Ok(())
    }

    fn string(&mut self, keep: Keep, piece: &mut Piece) -> Result<(), Unreadable> {
        self.bump();
        piece.push(keep, b"\"");
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return Err(Unreadable::Truncated("a text"));
            }
            let end = memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
            let mark = bytes.get(end).copied();
            piece.push(keep, &bytes[..end]);
            self.input.consume(end);
            self.at += end as u64;
            let Some(mark) = mark else { continue };
            self.bump();
            piece.push(keep, &[mark]);
            if mark == b'"' {
                return Ok(());
            }
            if let Some(escaped) = self.peek()? {
                self.bump();
                piece.push(keep, &[escaped]);
            }
        }
    }

    fn scalar(&mut self, keep: Keep, piece: &mut Piece) -> Result<(), Unreadable> {
        while let Some(byte) = self.peek()?.filter(|byte| !b",]}:\"[{ \t\r\n".contains(byte)) {
            self.bump();
            piece.push(keep, &[byte]);
        }
        Ok(())
    }
}

const fn closing(open: u8) -> u8 {
    if open == b'{' { b'}' } else { b']' }
}
