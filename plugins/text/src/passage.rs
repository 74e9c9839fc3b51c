//! Pieces of a document that are searched and embedded: cut at headings and between blocks, long blocks between
//! sentences, and what nothing divides between words or letters. Each begins with the end of the one before, as far
//! as they are in the same section, so that what stands at a cut is found in one of both.

use std::ops::Range;

use crate::block::{Block, Shape};
use crate::{sentence, word};

/// How large passages are, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// At most, where the structure allows it; 180 by default.
    pub words: usize,
    /// How many are repeated from the passage before; 30 by default.
    pub overlap: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { words: 180, overlap: 30 }
    }
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Where it lies in the file, in bytes.
    pub range: Range<usize>,
    /// Its text without marks: blocks and sentences divided by line ends.
    pub text: String,
    /// The headings above it, the outermost first.
    pub headings: Vec<String>,
}

/// What is not cut any further.
#[derive(Clone)]
struct Unit<'a> {
    text: &'a str,
    range: Range<usize>,
    words: usize,
}

/// The passages of these blocks.
pub(crate) fn passages(blocks: &[Block], size: Size) -> Vec<Passage> {
    let size = Size { words: size.words.max(1), overlap: size.overlap.min(size.words.max(1) / 2) };
    let mut cutter = Cutter { size, open: Vec::new(), fresh: 0, headings: &[], done: Vec::new() };
    for block in blocks {
        if let Shape::Heading(_) = block.shape {
            cutter.section();
        } else {
            if cutter.headings != block.headings {
                cutter.section();
                cutter.headings = &block.headings;
            }
            for unit in units(block, size.words) {
                cutter.put(unit);
            }
        }
    }
    cutter.section();
    cutter.done
}

struct Cutter<'a> {
    size: Size,
    open: Vec<Unit<'a>>,
    /// How many of the open units are in no passage yet.
    fresh: usize,
    headings: &'a [String],
    done: Vec<Passage>,
}

impl<'a> Cutter<'a> {
    fn put(&mut self, unit: Unit<'a>) {
        let words: usize = self.open.iter().map(|unit| unit.words).sum();
        if self.fresh > 0 && words + unit.words > self.size.words {
            self.cut();
            self.repeat(unit.words);
        }
        self.open.push(unit);
        self.fresh += 1;
    }

    /// Keep the end of the passage that was cut, as far as there is room for it.
    fn repeat(&mut self, next: usize) {
        let mut kept = 0;
        let mut from = self.open.len();
        while let Some(unit) = from.checked_sub(1).and_then(|at| self.open.get(at)) {
            kept += unit.words;
            if kept > self.size.overlap || kept + next > self.size.words {
                break;
            }
            from -= 1;
        }
        self.open.drain(..from);
    }

    fn cut(&mut self) {
        if let (Some(first), Some(last)) = (self.open.first(), self.open.last())
            && self.fresh > 0
        {
            let text = self.open.iter().map(|unit| unit.text).collect::<Vec<_>>().join("\n");
            let range = first.range.start..last.range.end.max(first.range.start);
            self.done.push(Passage { range, text, headings: self.headings.to_vec() });
        }
        self.fresh = 0;
    }

    fn section(&mut self) {
        self.cut();
        self.open.clear();
    }
}

/// A block, or its sentences or lines when it is too long, or pieces of those.
fn units(block: &Block, most: usize) -> Vec<Unit<'_>> {
    let whole = 0..block.text.len();
    let words = word::count(&block.text);
    if words <= most {
        return vec![unit(block, whole, words)];
    }
    let parts = if block.shape == Shape::Prose { sentence::cut(&block.text) } else { lines(&block.text) };
    parts.into_iter().flat_map(|part| pieces(block, part, most)).collect()
}

fn unit(block: &Block, range: Range<usize>, words: usize) -> Unit<'_> {
    Unit { text: &block.text[range.clone()], range: block.place(range), words }
}

fn lines(text: &str) -> Vec<Range<usize>> {
    let start = |line: &str| line.as_ptr() as usize - text.as_ptr() as usize;
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| start(line)..start(line) + line.len()).collect()
}

/// A part in pieces of at most so many words, and at most so many letters that no space divides.
fn pieces(block: &Block, part: Range<usize>, most: usize) -> Vec<Unit<'_>> {
    let mut cut = Vec::new();
    let (mut start, mut words) = (part.start, 0);
    for (at, piece) in unicode_segmentation::UnicodeSegmentation::split_word_bound_indices(&block.text[part.clone()]) {
        let here = part.start + at;
        let count = word::count(piece);
        if words + count > most && here > start {
            cut.push(unit(block, start..here, words));
            (start, words) = (here, 0);
        }
        words += count;
    }
    cut.push(unit(block, start..part.end, words));
    cut
}
