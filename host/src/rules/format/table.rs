//! CSV row by row, with at most [`MAX_ITEM`] bytes of a row in memory.
//!
//! The first line says what parts the columns (comma, semicolon or tab). A row that
//! is too large is broken and read over up to the end of the line in which that was
//! noticed: then a quote that nobody closed costs some items, not all.

use super::columns::{Columns, header};
use super::draft::{Draft, excerpt};
use super::{Broken, Format, HEAD, MAX_COLUMNS, MAX_ITEM, Place, Problem, Unreadable, Why};
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::io::{self, BufRead, Chain, Cursor, Read};

/// A CSV list.
pub(super) struct Table<R> {
    format: Format,
    state: State<R>,
}

enum State<R> {
    /// Its header is not read.
    New(R),
    /// Its rows are being read.
    Open(Box<Rows<R>>, Columns),
    Ended,
}

impl<R: BufRead> Table<R> {
    pub(super) const fn new(format: Format, input: R) -> Self {
        Self { format, state: State::New(input) }
    }

    fn open(&self, input: R) -> Result<(Box<Rows<R>>, Columns), Unreadable> {
        let shape = Unreadable::Shape { format: self.format, missing: "column `url` in its first line" };
        let mut rows = Rows::new(input)?;
        let columns = match rows.advance()? {
            Some(Row::Whole) => rows.fields().ok().and_then(|names| Columns::find(self.format, &names)),
            _ => None,
        };
        Ok((Box::new(rows), columns.ok_or(shape)?))
    }
}

impl<R: BufRead> Iterator for Table<R> {
    type Item = Result<Draft, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return None,
            State::Open(rows, columns) => self.state = State::Open(rows, columns),
            State::New(input) => match self.open(input) {
                Ok((rows, columns)) => self.state = State::Open(rows, columns),
                Err(error) => return Some(Err(error.into())),
            },
        }
        let State::Open(rows, columns) = &mut self.state else {
            return None;
        };
        match rows.advance() {
            Ok(row) => Some(rows.draft(&row?, columns).map_err(Problem::Broken)),
            Err(error) => Some(Err(Problem::Unreadable(error.into()))),
        }
    }
}

/// How a row was read.
enum Row {
    Whole,
    Flawed(Why),
}

struct Rows<R> {
    input: Chain<Cursor<Vec<u8>>, R>,
    reader: Reader,
    /// Line ends before what is read next.
    lines: u64,
    /// The line in which the row begins.
    begins: u64,
    /// The fields of the row behind each other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    filled: usize,
    columns: usize,
}

impl<R: BufRead> Rows<R> {
    fn new(mut input: R) -> io::Result<Self> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        let start = String::from_utf8_lossy(&head);
        let first = start.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let delimiter = header(first).map_or(b',', |(mark, _)| mark);
        Ok(Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            input: Cursor::new(head).chain(input),
            lines: 0,
            begins: 1,
            // The reader wants room for one byte more than it fills.
            text: vec![0; MAX_ITEM + 1],
            ends: vec![0; MAX_COLUMNS],
            filled: 0,
            columns: 0,
        })
    }

    /// Read the next row.
    fn advance(&mut self) -> io::Result<Option<Row>> {
        (self.filled, self.columns) = (0, 0);
        let (mut has_begun, mut quotes) = (false, 0_usize);
        loop {
            let bytes = self.input.fill_buf()?;
            let is_last = bytes.is_empty();
            let (text, ends) = (&mut self.text[self.filled..], &mut self.ends[self.columns..]);
            let (result, read, written, ended) = self.reader.read_record(bytes, text, ends);
            let bytes = &bytes[..read];
            if !has_begun {
                let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                self.begins = self.lines + 1 + blank.filter(|byte| **byte == b'\n').count() as u64;
                has_begun = bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
            }
            quotes += memchr::memchr_iter(b'"', bytes).count();
            self.lines += newlines(bytes);
            self.input.consume(read);
            self.filled += written;
            self.columns += ended;
            let flaw = match result {
                ReadRecordResult::InputEmpty => continue,
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record if is_last && quotes % 2 == 1 => {
                    return Ok(Some(Row::Flawed(Why::Malformed("a quote is not closed".to_owned()))));
                }
                ReadRecordResult::Record => return Ok(Some(Row::Whole)),
                ReadRecordResult::OutputFull => Why::TooLarge,
                ReadRecordResult::OutputEndsFull => Why::TooWide,
            };
            self.skip_line()?;
            return Ok(Some(Row::Flawed(flaw)));
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        self.reader.reset();
        loop {
            let bytes = self.input.fill_buf()?;
            let end = memchr::memchr(b'\n', bytes);
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.lines += u64::from(end.is_some());
            self.input.consume(used);
            if end.is_some() || used == 0 {
                return Ok(());
            }
        }
    }

    fn fields(&self) -> Result<Vec<&str>, Why> {
        let text = std::str::from_utf8(&self.text[..self.filled]).map_err(|_| Why::NotUtf8)?;
        let mut start = 0;
        let ends = self.ends[..self.columns].iter();
        Ok(ends.map(|end| text.get(std::mem::replace(&mut start, *end)..*end).unwrap_or_default()).collect())
    }

    fn draft(&self, row: &Row, columns: &Columns) -> Result<Draft, Broken> {
        let place = Place::Line(self.begins);
        let broken = |why| Broken { place, why, excerpt: excerpt(&self.text[..self.filled]) };
        if let Row::Flawed(why) = row {
            return Err(broken(why.clone()));
        }
        let fields = self.fields().map_err(broken)?;
        let cell = |column: Option<usize>| column.and_then(|at| fields.get(at)).map_or("", |text| *text).to_owned();
        Ok(Draft {
            url: cell(Some(columns.url)),
            title: cell(columns.title),
            tags: columns.tags(&fields),
            added: cell(columns.added),
            note: cell(columns.note),
            ..Draft::at(place)
        })
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
