//! Markdown as a list of blocks with plain text, and the way from that text back to the file.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A heading of this level, 1 to 6.
    Heading(u8),
    /// A paragraph, a list item or a quote.
    Prose,
    /// Code.
    Code,
    /// A table, a row a line.
    Table,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is.
    pub shape: Shape,
    /// Where it lies in the file, in bytes.
    pub range: Range<usize>,
    /// Its text without marks.
    pub text: String,
    /// The headings above it, the outermost first.
    pub headings: Vec<String>,
    /// Where runs of `text` come from; ascending.
    runs: Vec<Run>,
}

/// A run of a block's text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    /// Where it begins in the text.
    offset: usize,
    /// Its place in the file, with the marks of code.
    place: Range<usize>,
    /// Where in that place the same letters begin; none when they were written in another way (an entity, a line
    /// end).
    inner: Option<usize>,
}

impl Block {
    /// The place in the file of a range of `text`.
    #[must_use]
    pub fn place(&self, range: Range<usize>) -> Range<usize> {
        let start = self.source(range.start, Edge::Start);
        start..self.source(range.end, Edge::End).max(start)
    }

    fn source(&self, at: usize, edge: Edge) -> usize {
        let behind = match edge {
            Edge::Start => self.runs.partition_point(|run| run.offset <= at),
            Edge::End => self.runs.partition_point(|run| run.offset < at),
        };
        let Some(run) = behind.checked_sub(1).and_then(|run| self.runs.get(run)) else {
            return self.range.start;
        };
        let next = self.runs.get(behind).map_or(self.text.len(), |next| next.offset);
        match run.inner {
            // What begins or ends with the run takes its marks along.
            Some(inner) if run.offset < at && at < next => run.place.start + inner + (at - run.offset),
            _ if run.inner.is_some() && at == run.offset => run.place.start,
            _ if run.inner.is_some() => run.place.end,
            _ => edge.of(&run.place),
        }
    }
}

#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

impl Edge {
    fn of(self, place: &Range<usize>) -> usize {
        match self {
            Self::Start => place.start,
            Self::End => place.end,
        }
    }
}

/// Where `text` begins in its source; mostly at its start, and looking there first spares the search its preparations.
fn found(source: &str, text: &str) -> Option<usize> {
    if source.starts_with(text) { Some(0) } else { source.find(text) }
}

/// The blocks of `markdown`, which lies at `offset` of its file.
pub(crate) fn blocks(markdown: &str, offset: usize) -> Vec<Block> {
    let mut reader = Reader { markdown, offset, ..Reader::default() };
    for (event, range) in Parser::new_ext(markdown, Options::ENABLE_TABLES).into_offset_iter() {
        reader.take(event, range);
    }
    reader.close();
    reader.done
}

#[derive(Default)]
struct Reader<'a> {
    markdown: &'a str,
    offset: usize,
    headings: Vec<(u8, String)>,
    open: Option<Block>,
    images: usize,
    done: Vec<Block>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.text(&text, range),
            Event::SoftBreak | Event::HardBreak => self.text(" ", range),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        let shape = match tag {
            Tag::Heading { level, .. } => Shape::Heading(*level as u8),
            Tag::Paragraph | Tag::Item => Shape::Prose,
            Tag::CodeBlock(_) => Shape::Code,
            Tag::Table(_) => Shape::Table,
            Tag::TableCell => return self.glue("\t", range.start),
            Tag::Image { .. } => {
                self.images += 1;
                return;
            }
            _ => return,
        };
        self.close();
        let headings = self.headings.iter().map(|(_, text)| text.clone()).collect();
        let range = range.start + self.offset..range.end + self.offset;
        self.open = Some(Block { shape, range, text: String::new(), headings, runs: Vec::new() });
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Image => self.images = self.images.saturating_sub(1),
            TagEnd::TableRow | TagEnd::TableHead => self.glue("\n", 0),
            TagEnd::Heading(_) | TagEnd::Paragraph | TagEnd::Item | TagEnd::CodeBlock | TagEnd::Table => self.close(),
            _ => {}
        }
    }

    /// Text of the document. What stands below a list item behind its first paragraph opens a block of its own.
    fn text(&mut self, text: &str, range: Range<usize>) {
        if self.images > 0 {
            return;
        }
        let inner = self.markdown.get(range.clone()).and_then(|source| found(source, text));
        let place = range.start + self.offset..range.end + self.offset;
        let headings = || self.headings.iter().map(|(_, text)| text.clone()).collect();
        let block = self.open.get_or_insert_with(|| Block {
            shape: Shape::Prose,
            range: place.clone(),
            text: String::new(),
            headings: headings(),
            runs: Vec::new(),
        });
        block.range.end = block.range.end.max(place.end);
        block.runs.push(Run { offset: block.text.len(), place, inner });
        block.text.push_str(text);
    }

    /// What divides cells and rows.
    fn glue(&mut self, text: &str, at: usize) {
        let Some(block) = self.open.as_mut().filter(|block| !block.text.is_empty()) else { return };
        if !block.text.ends_with('\n') || text == "\n" {
            let at = (at + self.offset).max(block.runs.last().map_or(0, |run| run.place.end));
            block.runs.push(Run { offset: block.text.len(), place: at..at, inner: None });
            block.text.push_str(text);
        }
    }

    fn close(&mut self) {
        let Some(mut block) = self.open.take() else { return };
        block.text.truncate(block.text.trim_end().len());
        if block.text.trim().is_empty() {
            return;
        }
        // A list item reaches over the lists below it, which are blocks of their own.
        if let Some(last) = block.runs.last() {
            block.range.end = block.range.end.min(last.place.end.max(block.range.start));
        }
        if let Shape::Heading(level) = block.shape {
            self.headings.retain(|(above, _)| *above < level);
            block.headings = self.headings.iter().map(|(_, text)| text.clone()).collect();
            self.headings.push((level, block.text.clone()));
        }
        self.done.push(block);
    }
}
